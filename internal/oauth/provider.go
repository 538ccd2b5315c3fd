package oauth

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"bff/internal/secret"
	"bff/internal/vault"
)

// ProviderConfig is a provider as data: what differs between providers is a field here, never code. A zero field means: discovered, or the standard's
// default. The yaml names are those of a configuration file.
type ProviderConfig struct {
	Name  string `yaml:"-"`
	Title string `yaml:"title,omitempty"`

	Issuer         string   `yaml:"issuer,omitempty"`          // OpenID issuer; "" for a plain OAuth 2.0 provider
	Issuers        []string `yaml:"issuers,omitempty"`         // further values of `iss` in its ID tokens; "{tid}" stands for the token's own tid claim
	CallbackIssuer string   `yaml:"callback_issuer,omitempty"` // the `iss` of its authorization answers (RFC 9207) where that is not the issuer

	// Endpoints; each given one wins over discovery.
	AuthorizationURL string `yaml:"authorization_url,omitempty"`
	TokenURL         string `yaml:"token_url,omitempty"`
	RefreshURL       string `yaml:"refresh_url,omitempty"` // where refresh tokens go, if not to the token endpoint
	UserinfoURL      string `yaml:"userinfo_url,omitempty"`
	RevocationURL    string `yaml:"revocation_url,omitempty"` // "{client_id}" and "{token}" are replaced
	JWKSURL          string `yaml:"jwks_url,omitempty"`
	EndSessionURL    string `yaml:"end_session_url,omitempty"`
	RISCURL          string `yaml:"risc_url,omitempty"` // where the issuer and the keys of its security event tokens are published; its ID tokens' by default

	ClientID     string      `yaml:"-"`
	ClientSecret secret.Text `yaml:"-"`
	ClientKey    secret.Text `yaml:"-"`                         // PKCS#8 PEM, of private_key_jwt
	ClientKeyID  string      `yaml:"client_key_id,omitempty"`   // kid of private_key_jwt
	ClientAuth   string      `yaml:"client_auth,omitempty"`     // client_secret_basic, client_secret_post or private_key_jwt; "": what metadata offers, else basic
	ClientParam  string      `yaml:"client_id_param,omitempty"` // what `client_id` is called there

	Scopes         []string          `yaml:"scopes,omitempty"`          // asked for at sign-in
	ScopeSeparator string            `yaml:"scope_separator,omitempty"` // " " by default
	ScopeParam     string            `yaml:"scope_param,omitempty"`     // what `scope` is called in the authorization request
	ScopeAliases   map[string]string `yaml:"scope_aliases,omitempty"`   // a granted name -> the name it is asked by
	AuthParams     map[string]string `yaml:"auth_params,omitempty"`     // of every authorization request
	ConnectParams  map[string]string `yaml:"connect_params,omitempty"`  // further ones at connect
	ConsentParams  map[string]string `yaml:"consent_params,omitempty"`  // that make the provider issue a refresh token again
	PKCE           string            `yaml:"pkce,omitempty"`            // "off" where the provider rejects code_challenge

	TokenBody     string            `yaml:"token_body,omitempty"` // "json", or "form" by default
	TokenHeaders  map[string]string `yaml:"token_headers,omitempty"`
	TokenParams   map[string]string `yaml:"token_params,omitempty"`   // further ones of every token request
	RefreshParams map[string]string `yaml:"refresh_params,omitempty"` // further ones of every refresh; "{redirect_uri}" is replaced
	TokenPath     string            `yaml:"token_path,omitempty"`     // of the object that holds the tokens in an answer, "authed_user"
	Lifetime      time.Duration     `yaml:"lifetime,omitempty"`       // of an access token whose answer does not say
	Rotates       string            `yaml:"rotates,omitempty"`        // refresh tokens: "never", or "always"; "": they may
	ReuseLeeway   time.Duration     `yaml:"reuse_leeway,omitempty"`   // how long a refresh token still works after it was used
	ErrorField    string            `yaml:"error_field,omitempty"`    // of a token answer that names the error; "error" by default
	GrantErrors   map[string]string `yaml:"grant_errors,omitempty"`   // further token errors that mean the grant is dead -> reason

	UserinfoMethod  string            `yaml:"userinfo_method,omitempty"` // GET by default
	UserinfoHeaders map[string]string `yaml:"userinfo_headers,omitempty"`
	UserinfoBody    string            `yaml:"userinfo_body,omitempty"`
	Subject         string            `yaml:"subject,omitempty"` // path of the user id in the userinfo answer, or, without one, in the token answer; "sub" by default; "a+b" joins two
	Profile         map[string]string `yaml:"profile,omitempty"` // paths of name, email, email_verified and picture where they are called differently

	RevocationMethod string `yaml:"revocation_method,omitempty"` // POST by default
	RevocationAuth   string `yaml:"revocation_auth,omitempty"`   // "client" by default, "basic" (the client's, whatever client_auth is), "bearer" (the token itself), "none"
	RevocationBody   string `yaml:"revocation_body,omitempty"`   // "form" by default, "json", "none"
	RevocationParam  string `yaml:"revocation_param,omitempty"`  // what `token` is called there
	RevocationToken  string `yaml:"revocation_token,omitempty"`  // "refresh" by default, with "access" where there is none; "access"

	Keep     vault.Keep `yaml:"keep,omitempty"`
	NeedsAPI bool       `yaml:"-"` // some api uses this provider: a refresh token is wanted
}

// Override lays given over base: every field that is set replaces the base's; maps are merged. An issuer of its own leaves the base's endpoints behind, for
// they are another's.
func Override(base, given ProviderConfig) ProviderConfig {
	out := base
	if given.Issuer != "" && given.Issuer != base.Issuer {
		out.Issuers, out.CallbackIssuer = nil, ""
		out.AuthorizationURL, out.TokenURL, out.RefreshURL, out.UserinfoURL, out.RevocationURL, out.JWKSURL, out.EndSessionURL, out.RISCURL = "", "", "", "", "", "", "", ""
	}
	to, from := reflect.ValueOf(&out).Elem(), reflect.ValueOf(given)
	for i := range from.NumField() {
		switch f := from.Field(i); {
		case f.IsZero():
		case f.Kind() == reflect.Map:
			merged := map[string]string{}
			maps.Copy(merged, to.Field(i).Interface().(map[string]string))
			maps.Copy(merged, f.Interface().(map[string]string))
			to.Field(i).Set(reflect.ValueOf(merged))
		default:
			to.Field(i).Set(f)
		}
	}
	return out
}

// asked joins the provider's scopes with further ones, each once, in order.
func (p *ProviderConfig) asked(more []string) []string {
	var out []string
	for _, s := range append(slices.Clone(p.Scopes), more...) {
		if s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// granted reads the `scope` of a token answer. Absent, everything asked for was granted (RFC 6749 section 5.1); never assume it otherwise.
func (p *ProviderConfig) granted(scope string, asked []string) []string {
	if strings.TrimSpace(scope) == "" {
		return asked
	}
	var out []string
	for _, s := range strings.FieldsFunc(scope, func(r rune) bool { return r == ' ' || r == ',' }) {
		if alias, ok := p.ScopeAliases[s]; ok {
			s = alias
		}
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// keepsOld says that a refresh token that was used works again: the provider does not rotate, or tolerates reuse.
func (p *ProviderConfig) keepsOld() bool { return p.Rotates == "never" || p.ReuseLeeway > 0 }

// at reads a path of keys, "data.user.id", of a JSON object.
func at(m map[string]any, path string) any {
	var v any = m
	for _, key := range strings.Split(path, ".") {
		o, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = o[key]
	}
	return v
}

// refreshParams are those a refresh has beyond the standard's.
func (p *provider) refreshParams() map[string]string {
	out := maps.Clone(p.TokenParams)
	for k, v := range p.RefreshParams {
		if out == nil {
			out = map[string]string{}
		}
		out[k] = strings.ReplaceAll(v, "{redirect_uri}", p.redirect)
	}
	return out
}
