package providers

import (
	"cmp"
	"time"

	"bff/internal/secret"
	"bff/internal/vault"
)

// Config is one provider. A zero field means: discovered, or the standard's default.
type Config struct {
	Name  string `yaml:"-"`
	Title string `yaml:"title,omitempty"`

	// Auth is what authenticates calls: "" a token by OAuth, or one of AuthAPIKey …. Nobody signs in with any but OAuth.
	Auth     string   `yaml:"auth,omitempty"`
	Operator Operator `yaml:",inline"`

	// Issuer is the OpenID issuer; "" for a plain OAuth 2.0 provider. Issuers are further values of `iss` in its ID
	// tokens, in which "{tid}" stands for the token's own tid claim. CallbackIssuer is the `iss` of its authorization
	// answers (RFC 9207) where that is not the issuer.
	Issuer         string   `yaml:"issuer,omitempty"`
	Issuers        []string `yaml:"issuers,omitempty"`
	CallbackIssuer string   `yaml:"callback_issuer,omitempty"`

	// Endpoints. Each URL that is given wins over discovery.
	Authorization Authorization `yaml:",inline"`
	Token         Token         `yaml:",inline"`
	Userinfo      Userinfo      `yaml:",inline"`
	Revocation    Revocation    `yaml:",inline"`
	JWKSURL       string        `yaml:"jwks_url,omitempty"`
	EndSessionURL string        `yaml:"end_session_url,omitempty"`
	// RISCURL is where the issuer and the keys of its security event tokens are published; those of its ID tokens by
	// default.
	RISCURL string `yaml:"risc_url,omitempty"`

	Shapes       Shapes            `yaml:",inline"`
	Client       Client            `yaml:",inline"`
	Scopes       []string          `yaml:"scopes,omitempty"`        // requested at sign-in
	ScopeAliases map[string]string `yaml:"scope_aliases,omitempty"` // a granted name -> the name by which it is requested

	// How scopes are compared with what an api wants.
	ScopeImplies    map[string][]string `yaml:"scope_implies,omitempty"`     // a granted name -> what it covers as well
	ScopePrefix     string              `yaml:"scope_prefix,omitempty"`      // a name with it and one without are the same
	ScopeFold       bool                `yaml:"scope_fold,omitempty"`        // names in other case are the same
	ScopesNotEchoed []string            `yaml:"scopes_not_echoed,omitempty"` // never repeated in an answer, so not looked for

	About About `yaml:"about,omitempty"`

	Values `yaml:",inline"`

	Keep     vault.Keep `yaml:"keep,omitempty"`
	NeedsAPI bool       `yaml:"-"` // some api uses this provider: a refresh token is wanted
}

// IsOpenID reports whether the provider makes ID tokens.
func (c *Config) IsOpenID() bool { return c.Issuer != "" }

// OwnIssuer reports whether each organisation has an issuer of its own at the provider, which no built-in can know.
func (c *Config) OwnIssuer() bool {
	return c.Issuer == "" && c.Authorization.URL == "" && c.Token.URL == ""
}

// AnswerIssuer is the `iss` of the provider's authorization answers (RFC 9207); "" when it is not known.
func (c *Config) AnswerIssuer() string { return cmp.Or(c.CallbackIssuer, c.Issuer) }

// Client is how bff is registered at the provider, and how it proves that.
type Client struct {
	ID      string      `yaml:"-"`
	Secret  secret.Text `yaml:"-"`
	Key     secret.Text `yaml:"-"`                         // PKCS#8 PEM, of private_key_jwt
	KeyID   string      `yaml:"client_key_id,omitempty"`   // kid of private_key_jwt
	Auth    string      `yaml:"client_auth,omitempty"`     // one of ClientSecretBasic …; "": what metadata offers, else basic
	IDParam string      `yaml:"client_id_param,omitempty"` // what `client_id` is called there
	// Issuer is the `iss` of the secrets that SignedSecret makes.
	Issuer string `yaml:"client_issuer,omitempty"`
	// AssertionAudience is the audience of private_key_jwt and SignedSecret where it is not the issuer.
	AssertionAudience string `yaml:"assertion_audience,omitempty"`
}

// The ways in which a client authenticates (OpenID Connect Core section 9).
const (
	ClientSecretBasic = "client_secret_basic"
	ClientSecretPost  = "client_secret_post"
	PrivateKeyJWT     = "private_key_jwt"
	SignedSecret      = "signed_secret" // the secret is a JWT that the client's key signs, made anew for each request
	NoClientAuth      = "none"          // a public client: its id, and nothing that proves it
)

// Authorization is the authorization endpoint.
type Authorization struct {
	URL            string            `yaml:"authorization_url,omitempty"`
	ScopeSeparator string            `yaml:"scope_separator,omitempty"` // " " by default
	ScopeParam     string            `yaml:"scope_param,omitempty"`     // what `scope` is called in the authorization request
	Params         map[string]string `yaml:"auth_params,omitempty"`     // of every authorization request
	ConnectParams  map[string]string `yaml:"connect_params,omitempty"`  // further ones at connect
	ConsentParams  map[string]string `yaml:"consent_params,omitempty"`  // that make the provider issue a refresh token again
	// Names are parameters of the authorization request and what they are called there: redirect_uri, response_type.
	Names        map[string]string `yaml:"auth_names,omitempty"`
	ResponseType string            `yaml:"response_type,omitempty"` // "code" by default
	PKCE         string            `yaml:"pkce,omitempty"`          // PKCEOff or PKCEPlain; "" for S256

	// GrantedScopes is GrantedByCallback where the callback's `scope` says what the person allowed, and the token answer
	// does not.
	GrantedScopes string `yaml:"granted_scopes,omitempty"`
}

// GrantedByCallback is a value of Authorization.GrantedScopes.
const GrantedByCallback = "callback"

// The values of Authorization.PKCE.
const (
	PKCEOff   = "off"   // no code challenge: the provider rejects it
	PKCEPlain = "plain" // the verifier itself: the provider knows no other method (RFC 7636 section 4.2)
)

// Token is the token endpoint.
type Token struct {
	URL           string            `yaml:"token_url,omitempty"`
	RefreshURL    string            `yaml:"refresh_url,omitempty"` // where refresh tokens go, if not to the token endpoint
	Body          string            `yaml:"token_body,omitempty"`  // "json", or "form" by default
	Headers       map[string]string `yaml:"token_headers,omitempty"`
	Params        map[string]string `yaml:"token_params,omitempty"`   // further ones of every token request
	RefreshParams map[string]string `yaml:"refresh_params,omitempty"` // further ones of every refresh; "{redirect_uri}" is replaced
	Path          string            `yaml:"token_path,omitempty"`     // of the object that holds the tokens in an answer
	Lifetime      time.Duration     `yaml:"lifetime,omitempty"`       // of an access token whose answer does not say
	Rotates       string            `yaml:"rotates,omitempty"`        // refresh tokens: "never", or "always"; "": they may
	ReuseLeeway   time.Duration     `yaml:"reuse_leeway,omitempty"`   // how long a refresh token still works after it was used
	ErrorField    string            `yaml:"error_field,omitempty"`    // of an answer that names the error; "error" by default
	GrantErrors   map[string]string `yaml:"grant_errors,omitempty"`   // further errors that mean the grant is dead -> reason

	// RefusedRefresh are further answers to a refresh that mean the grant is dead. The first that matches counts.
	RefusedRefresh []RefusedRefresh `yaml:"refused_refresh,omitempty"`
}

// A RefusedRefresh is an answer to a refresh that means that the grant is dead. Every condition that is given must
// hold, and one must be given. Texts are compared without case.
type RefusedRefresh struct {
	Status      int    `yaml:"status,omitempty"`      // of the answer
	Code        string `yaml:"code,omitempty"`        // of the error
	Description string `yaml:"description,omitempty"` // a part of the text beside the code
	Path        string `yaml:"path,omitempty"`        // of a further field, "errors.0.field"
	Value       string `yaml:"value,omitempty"`       // of that field
	Reason      string `yaml:"reason"`                // one of revoked, expired, session_policy, unknown
}

// KeepsOld reports whether a refresh token that was used works again: the provider does not rotate, or tolerates reuse.
func (t *Token) KeepsOld() bool { return t.Rotates == "never" || t.ReuseLeeway > 0 }

// Userinfo is how the provider says whose tokens these are.
type Userinfo struct {
	URL     string            `yaml:"userinfo_url,omitempty"`
	Method  string            `yaml:"userinfo_method,omitempty"` // GET by default
	Headers map[string]string `yaml:"userinfo_headers,omitempty"`
	Body    string            `yaml:"userinfo_body,omitempty"`
	// TokenHeader and TokenScheme are how the token is sent there: Authorization and Bearer by default, or Basic for
	// AuthBasic. A TokenHeader of its own has no scheme by default.
	TokenHeader string `yaml:"userinfo_token_header,omitempty"`
	TokenScheme string `yaml:"userinfo_token_scheme,omitempty"`
	// Subject is the path of the user id in the userinfo answer, or, without one, in the token answer; "sub" by default.
	// "a+b" joins two.
	Subject string            `yaml:"subject,omitempty"`
	Profile map[string]string `yaml:"profile,omitempty"` // paths of name, email, email_verified and picture where they differ
}

// SubjectPath is Subject or its default.
func (u *Userinfo) SubjectPath() string {
	if u.Subject == "" {
		return "sub"
	}
	return u.Subject
}

// Revocation is the revocation endpoint.
type Revocation struct {
	URL    string `yaml:"revocation_url,omitempty"`    // "{client_id}", "{token}" and "{subject}" are replaced
	Method string `yaml:"revocation_method,omitempty"` // POST by default
	Auth   string `yaml:"revocation_auth,omitempty"`   // "client" by default, "basic" (the client's), "bearer" (the token), "none"
	Body   string `yaml:"revocation_body,omitempty"`   // "form" by default, "json", "none"
	Param  string `yaml:"revocation_param,omitempty"`  // what `token` is called there
	Token  string `yaml:"revocation_token,omitempty"`  // "refresh" by default, with "access" where there is none; "access"
}
