package config

import (
	"encoding/json"
	"encoding/pem"
	"slices"
	"strings"

	"bff/internal/oauth/providers"
)

// operatorFields are the keys of a credential that the operator gives, so that nobody links an account.
func (p *Provider) operatorFields(name string) []field {
	o, file := &p.Operator, "/run/secrets/"+name
	return []field{
		field{name: "api_key", absent: "each person types one", example: "env:ACME_API_KEY",
			about: "With `auth: api_key`: one key for everybody. Nobody links an account then.",
		}.secret(&o.APIKey, VariableFor(name, "API_KEY"), file),
		field{name: "username", absent: "each person types one", example: "env:ACME_USERNAME",
			about: "With `auth: basic`: one account for everybody, with `password`; may be `env:NAME` or `file:PATH` too.",
		}.by(textSchema(), func(v value) { set(&o.Username)(readSetting(v, "write the user name that calls go under")) }),
		field{name: "password", absent: "each person types one", example: "env:ACME_PASSWORD", about: "Of `username`."}.
			secret(&o.Password, VariableFor(name, "PASSWORD"), file),
		field{name: "service_account", absent: "required with `auth: service_account`", example: "file:/run/secrets/google.json",
			about: "The JSON key file of a Google service account."}.by(secretSchema(), func(v value) {
			set(&o.ServiceAccount)(readLongSecret(v, VariableFor(name, "SERVICE_ACCOUNT"), file+".json"))
		}),
		field{name: "act_as", absent: "the service account itself", example: "ada@example.com",
			about: "Whose data a service account sees (domain-wide delegation).",
		}.by(textSchema(), func(v value) { set(&o.ActAs)(readSetting(v, "write the address of a person of your domain")) }),
		field{name: "installation", absent: "required with `auth: github_app`", example: `"12345678"`,
			about: "The id of the installation of a GitHub App whose repositories calls see.",
		}.by(textSchema(), func(v value) { set(&o.Installation)(readSetting(v, "write the id of the installation, in quotes")) }),
	}
}

// operatorKeys are what belongs to an auth.
func operatorKeys(auth string) []string {
	switch auth {
	case "":
		return []string{"client_id", "client_secret", "client_key", "issuer", "authorization_url", "token_url"}
	case providers.AuthAPIKey:
		return []string{"api_key"}
	case providers.AuthBasic:
		return []string{"username", "password"}
	case providers.AuthServiceAccount:
		return []string{"service_account", "act_as", "token_url"}
	case providers.AuthGitHubApp:
		return []string{"client_id", "client_key", "installation", "token_url"}
	}
	return []string{"client_id", "client_secret", "client_key", "issuer", "token_url"}
}

// authOf is the auth that a key belongs to.
func authOf(key string) string {
	for _, auth := range []string{providers.AuthAPIKey, providers.AuthBasic, providers.AuthServiceAccount} {
		if slices.Contains(operatorKeys(auth), key) {
			return auth
		}
	}
	return providers.AuthGitHubApp
}

// checkOperator is what must hold of the keys beside `auth`.
func (p *Provider) checkOperator(v value, there map[string]value) {
	for _, key := range []string{"client_id", "client_secret", "client_key", "issuer", "authorization_url", "token_url",
		"api_key", "username", "password", "service_account", "act_as", "installation"} {
		switch v := there[key]; {
		case v.r == nil || slices.Contains(operatorKeys(p.Auth), key):
		case p.Auth == "":
			v.wrong("%s has no meaning without `auth`; write `auth: %s` beside it, or remove it", v.name(), authOf(key))
		default:
			v.wrong("%s has no meaning beside `auth: %s`; remove it", v.name(), p.Auth)
		}
	}
	lacks := func(key, remedy string) {
		if !anyOf(there, key) {
			v.r.wrong(v.key, "%s has no `%s`, which `auth: %s` needs; write `%s: %s`", v.name(), key, p.Auth, key, remedy)
		}
	}
	if u := there["userinfo_url"]; u.r != nil && p.Operated() && !p.Keyed() {
		u.wrong("%s has no meaning beside `auth: %s`, whose token is the application's own; remove it", u.name(), p.Auth)
	}
	if p.Operated() && anyOf(there, "keep") {
		there["keep"].wrong("%s is for accounts that people link, and here nobody does; remove it", there["keep"].name())
	}
	p.checkOperatorKeys(there, lacks, v)
}

// checkOperatorKeys is what each kind of credential needs.
func (p *Provider) checkOperatorKeys(there map[string]value, lacks func(key, remedy string), v value) {
	switch p.Auth {
	case providers.AuthBasic:
		if anyOf(there, "username", "password") {
			lacks("username", "env:"+VariableFor(p.Name, "USERNAME"))
			lacks("password", "env:"+VariableFor(p.Name, "PASSWORD"))
		}
		if u := there["username"]; strings.Contains(p.Operator.Username, ":") {
			u.wrong("%s has a colon, which Basic authentication cannot carry; write it without", u.name())
		}
	case providers.AuthServiceAccount:
		lacks("service_account", "file:/run/secrets/"+p.Name+".json")
		if len(p.Scopes) == 0 {
			v.r.wrong(v.key, "%s has no `scopes`, without which Google gives a service account no token; write "+
				"`scopes: [https://www.googleapis.com/auth/drive.readonly]`", v.name())
		}
		p.checkKeyFile(there["service_account"])
	case providers.AuthClientCredentials:
		lacks("client_id", "the id that the provider gave this client")
		if !anyOf(there, "client_key") {
			lacks("client_secret", "env:"+VariableFor(p.Name, "CLIENT_SECRET"))
		}
		if p.Issuer == "" && p.Token.URL == "" {
			v.r.wrong(v.key, "%s has no `token_url`; write it, or its `issuer`", v.name())
		}
		checkPEM(there["client_key"], p.Client.Key.Reveal())
	case providers.AuthGitHubApp:
		lacks("client_id", "the client id of the app")
		lacks("client_key", "file:/run/secrets/"+p.Name+".pem")
		lacks("installation", `"12345678"`)
		checkPEM(there["client_key"], p.Client.Key.Reveal())
	}
}

// checkKeyFile refuses what is no key file of a service account.
func (p *Provider) checkKeyFile(v value) {
	text := p.Operator.ServiceAccount.Reveal()
	if text == "" || v.r.standIns {
		return
	}
	var account struct {
		Type  string `json:"type"`
		Email string `json:"client_email"`
		Key   string `json:"private_key"`
		Token string `json:"token_uri"`
	}
	err := json.Unmarshal([]byte(text), &account)
	if err != nil || account.Type != "service_account" || account.Email == "" || account.Token == "" {
		v.wrong("%s is no key file of a service account; in Google's console create a key of the type JSON for it, and name that file",
			v.name())
		return
	}
	checkPEM(v, account.Key)
}

// checkPEM refuses what is no private key in PEM.
func checkPEM(v value, text string) {
	if text == "" || v.r == nil || v.r.standIns {
		return
	}
	if block, _ := pem.Decode([]byte(text)); block == nil || !strings.HasSuffix(block.Type, "PRIVATE KEY") {
		v.wrong("%s has no private key in it; name the PEM file as it was given out, which begins with `-----BEGIN`", v.name())
	}
}

// onOperated is what must hold between apis and providers that are not called by OAuth of a person.
func (c agreement) onOperated() {
	r := c.r
	for i := range c.APIs {
		a := &c.APIs[i]
		for _, p := range c.Providers {
			if p.Name != a.Provider || p.Auth == "" {
				continue
			}
			plain := a.Scheme == "" && a.Query == "" && (a.Header == "" || strings.EqualFold(a.Header, "Authorization"))
			if p.Auth == providers.AuthBasic && plain {
				a.Scheme = "Basic"
			}
			for j, s := range a.Scopes {
				if !slices.Contains(p.Scopes, s) {
					path := indexed("apis."+a.Name+".scopes", j)
					r.wrong(r.where(path), "`%s` is not among what `providers.%s` asks for, and nobody can add it; write it into "+
						"`providers.%s.scopes`", path, p.Name, p.Name)
				}
			}
		}
	}
}
