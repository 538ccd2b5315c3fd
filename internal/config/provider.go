package config

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"bff/internal/oauth/providers"
	"bff/internal/vault"
)

// readProviders reads the providers in the file's order, which is the order in which they are offered.
func (c *Config) readProviders(v value) {
	v.named("write the name of a provider, as in `google:`, with `client_id:` and `client_secret:` below it", func(name string, v value) {
		given, base := providers.Config{Name: name}, providers.Config{}
		builtin, known := providers.Builtin(name)
		if known {
			base = builtin
		}
		there := v.object("write `client_id:` and `client_secret:` below it", providerFields(&given, name)...)
		if there == nil {
			return
		}
		merged := providers.Override(base, given)
		if merged.Issuer != "" && !anyOf(there, "scopes") && !known {
			merged.Scopes = []string{"openid", "email", "profile"}
		}
		if merged.Keep == "" {
			merged.Keep = vault.KeepSession
		}
		if !known && merged.Issuer == "" && (merged.Authorization.URL == "" || merged.Token.URL == "") && !anyOf(there, "issuer", "authorization_url", "token_url") {
			v.r.wrong(v.key, "%s", unknownProvider(v.path, name))
			return
		}
		if known && merged.Issuer == "" && merged.Authorization.URL == "" && merged.Token.URL == "" && !anyOf(there, "issuer") {
			v.r.wrong(v.key, "%s has no `issuer`: each organisation has its own; write it to the last slash, as in `issuer: https://id.example.com`", v.name())
		}
		if merged.Issuer == "" && (merged.Authorization.URL == "") != (merged.Token.URL == "") && !anyOf(there, "issuer") {
			v.r.wrong(v.key, "%s has one of `authorization_url` and `token_url`; write both, or its `issuer`", v.name())
		}
		if s, ok := there["scopes"]; ok && merged.Issuer != "" && len(given.Scopes) > 0 && !slices.Contains(given.Scopes, "openid") {
			s.wrong("%s lacks `openid`, without which an OpenID Provider does not say who signed in; write `scopes: [openid, %s]`", s.name(), strings.Join(given.Scopes, ", "))
		}
		if clientKey := merged.Client.Auth == "private_key_jwt"; clientKey && !anyOf(there, "client_key") {
			v.r.wrong(v.key, "%s has no `client_key`, which `private_key_jwt` needs; write `client_key: file:/run/secrets/%s.pem`", v.name(), name)
		} else if !clientKey && !anyOf(there, "client_secret") {
			v.r.wrong(v.key, "%s has no `client_secret`; write `client_secret: env:%s`", v.name(), VariableFor(name, "CLIENT_SECRET"))
		}
		c.Providers = append(c.Providers, merged)
	})
	if m, ok := asMapping(v.node); ok && len(m.Values) == 0 {
		v.wrong("%s is empty; nobody could sign in: write at least one, as in `google:`", v.name())
	}
}

func anyOf(there map[string]value, names ...string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return there[n].r != nil })
}

func unknownProvider(path, name string) string {
	text := "`" + path + "` is not built in"
	if near := Nearest(name, providers.Builtins()); near != "" {
		return text + "; did you mean `" + near + "`? Otherwise give it an `issuer`, or `authorization_url` and `token_url`"
	}
	return text + "; give it an `issuer`, or `authorization_url` and `token_url`. Built in are " + listed(providers.Builtins())
}

// providerFields are the keys of a provider: the yaml tags of providers.Config, so that a new field there is a new key here. The client is ours.
func providerFields(p *providers.Config, name string) []field {
	secret, key := VariableFor(name, "CLIENT_SECRET"), VariableFor(name, "CLIENT_KEY")
	fields := []field{
		{"client_id", func(v value) { set(&p.Client.ID)(v.setting("write the id that the provider gave this client")) },
			"write the id that the provider gave this client"},
		{"client_secret", func(v value) { set(&p.Client.Secret)(v.secret(secret, "/run/secrets/"+name)) }, ""},
		{"client_key", func(v value) { set(&p.Client.Key)(v.longSecret(key, "/run/secrets/"+name+".pem")) }, ""},
	}
	return append(fields, endpointFields(reflect.ValueOf(p).Elem())...)
}

// endpointFields are the fields of s by their yaml tags; those of a group stand beside the others.
func endpointFields(s reflect.Value) (fields []field) {
	for i := range s.NumField() {
		switch key, options, _ := strings.Cut(s.Type().Field(i).Tag.Get("yaml"), ","); {
		case options == "inline":
			fields = append(fields, endpointFields(s.Field(i))...)
		case key != "" && key != "-":
			fields = append(fields, field{name: key, read: func(v value) { v.into(s.Field(i), key) }})
		}
	}
	return fields
}

// wordsOf are the values of a provider's key that takes one of a few; none when it takes any.
func wordsOf(key string) []string {
	switch key {
	case "keep":
		return []string{string(vault.KeepSession), string(vault.KeepUser)}
	case "client_auth":
		return []string{"client_secret_basic", "client_secret_post", "private_key_jwt"}
	case "pkce":
		return []string{"off"}
	case "rotates":
		return []string{"never", "always"}
	case "token_body":
		return []string{"form", "json"}
	case "userinfo_method":
		return []string{"GET", "POST"}
	case "revocation_method":
		return []string{"POST", "DELETE", "GET"}
	case "revocation_auth":
		return []string{"client", "basic", "bearer", "none"}
	case "revocation_body":
		return []string{"form", "json", "none"}
	case "revocation_token":
		return []string{"refresh", "access"}
	}
	return nil
}

// into reads a provider's value: by its key where the key says more than the type, and else by its type.
func (v value) into(to reflect.Value, key string) {
	words := wordsOf(key)
	switch {
	case words != nil:
		s, _ := v.one(words...)
		to.SetString(s)
	case key == "issuer" || strings.HasSuffix(key, "_url"):
		if _, ok := v.absolute("https://id.example.com", false); ok {
			s, _ := v.hidden("") // as written: issuers are compared byte by byte
			to.SetString(s)
		}
	case key == "scopes":
		to.Set(reflect.ValueOf(v.scopes()))
	default:
		v.byType(to)
	}
}

func (v value) byType(to reflect.Value) {
	switch p := to.Addr().Interface().(type) {
	case *string:
		if s, ok := v.node.(*ast.StringNode); ok && s.Value == " " {
			*p = s.Value // a scope separator
			return
		}
		set(p)(v.setting("write a text"))
	case *[]string:
		*p = v.texts("write a list of texts")
	case *map[string]string:
		*p = map[string]string{}
		v.keyed("write `name: value` lines", func(key string, in value) {
			if s, ok := in.setting("write a text"); ok {
				(*p)[key] = s
			}
		})
	case *time.Duration:
		set(p)(v.duration(time.Second, 10*366*24*time.Hour))
	case *bool:
		set(p)(v.flag())
	default:
		v.wrong("%s cannot be set here; remove it", v.name())
	}
}

// agreeOnProviders is what must hold between providers and whoever names them.
func (c *Config) agreeOnProviders(r *reader) {
	var names []string
	for _, p := range c.Providers {
		names = append(names, p.Name)
	}
	for i := range c.APIs {
		a := &c.APIs[i]
		if a.Provider == "" {
			continue
		}
		c.named(r, "apis."+a.Name+".provider", a.Provider, names)
		for j := range c.Providers {
			if c.Providers[j].Name == a.Provider {
				c.Providers[j].NeedsAPI = true
			}
		}
	}
	for _, cl := range c.Clients {
		for i, e := range cl.Exchange {
			c.named(r, indexed("clients."+cl.Name+".exchange", i), e, names)
		}
	}
}

// named tells where something names a provider that is not there. A provider with mistakes of its own counts as there.
func (c *Config) named(r *reader, path, provider string, names []string) {
	if _, there := r.positions["providers."+provider]; there || slices.Contains(names, provider) {
		return
	}
	switch near := Nearest(provider, names); {
	case near != "":
		r.wrong(r.where(path), "`%s` names no provider of this file; did you mean `%s`?", path, near)
	case len(names) > 0:
		r.wrong(r.where(path), "`%s` names no provider of this file; write one of %s", path, listed(names))
	default:
		r.wrong(r.where(path), "`%s` names no provider of this file; add it below `providers`", path)
	}
}
