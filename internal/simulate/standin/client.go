package standin

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"bff/internal/oauth/providers"
)

// clients check how a client, or the application itself, authenticates.
type clients struct {
	*played
	scopes *scopes
}

// unauthenticated says what is wrong with the client's authentication.
func (s *clients) unauthenticated(in request) string {
	if s.file.Client.Auth == providers.SignedSecret {
		return s.wrongSignedSecret(in)
	}
	id, secret, basic := in.r.BasicAuth()
	id, secret = unescape(id), unescape(secret)
	name := "client_id"
	if s.file.Client.IDParam != "" {
		name = s.file.Client.IDParam
	}
	switch want := s.clientAuth(); {
	case want == "client_secret_basic" && basic:
		if id == ClientID && secret == ClientSecret {
			return ""
		}
		return "id and secret are not the client's"
	case want == "client_secret_post" && !basic:
		if in.form.Get(name) == ClientID && in.form.Get("client_secret") == ClientSecret {
			return ""
		}
		return "the parameters " + name + " and client_secret are not the client's"
	case want == providers.NoClientAuth && !basic && !in.form.Has("client_secret") && !in.form.Has("client_assertion"):
		if in.form.Get(name) == ClientID {
			return ""
		}
		return "the parameter " + name + " is not the client's"
	case want == "private_key_jwt" && !basic && !in.form.Has("client_secret"):
		return s.wrongAssertion(in.form.Get("client_assertion"))
	}
	return "the client must authenticate by " + s.clientAuth()
}

// clientAuth is what the file says, or the default.
func (s *clients) clientAuth() string {
	if s.file.Client.Auth != "" {
		return s.file.Client.Auth
	}
	return "client_secret_basic"
}

// wrongSignedSecret is what Apple wants: a client secret that is a JWT of the team about the client.
func (s *clients) wrongSignedSecret(in request) string {
	token, err := jwt.ParseSigned(in.form.Get("client_secret"), []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return "the client secret is not signed"
	}
	var c jwt.Claims
	audience := cmp.Or(s.file.Client.AssertionAudience, s.file.Issuer, s.urls[Token])
	switch {
	case token.Claims(s.cfg.ClientKey, &c) != nil:
		return "the client secret does not verify"
	case in.form.Get("client_id") != ClientID || c.Subject != ClientID || c.Issuer != s.file.Client.Issuer || c.Expiry == nil:
		return "the client secret is not the client's"
	case len(c.Audience) != 1 || c.Audience[0] != audience:
		return "the audience of the client secret is not " + audience
	case token.Headers[0].KeyID != s.file.Client.KeyID:
		return "the kid of the client secret is not " + s.file.Client.KeyID
	}
	return ""
}

// wrongAssertion is RFC 7523 section 3.
func (s *clients) wrongAssertion(raw string) string {
	token, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return "there is no client assertion"
	}
	var c jwt.Claims
	audience := s.file.Issuer
	if audience == "" {
		audience = s.urls[Token]
	}
	if s.file.Client.AssertionAudience != "" {
		audience = s.file.Client.AssertionAudience
	}
	switch {
	case token.Claims(s.cfg.ClientKey, &c) != nil:
		return "the client assertion does not verify"
	case c.Issuer != ClientID || c.Subject != ClientID || c.ID == "" || c.Expiry == nil:
		return "the client assertion is not the client's"
	case len(c.Audience) != 1 || c.Audience[0] != audience:
		return "the audience of the client assertion is not " + audience
	case token.Headers[0].KeyID != s.file.Client.KeyID:
		return "the kid of the client assertion is not " + s.file.Client.KeyID
	}
	return ""
}

func (s *clients) revocationAuth(in request, token string) string {
	switch s.file.Revocation.Auth {
	case "bearer":
		if in.r.Header.Get("Authorization") != "Bearer "+token {
			return "the token is not in Authorization"
		}
	case "basic":
		if id, secret, ok := in.r.BasicAuth(); !ok || unescape(id) != ClientID || unescape(secret) != ClientSecret {
			return "id and secret are not the client's"
		}
	case "none":
		if in.r.Header.Get("Authorization") != "" || in.form.Has("client_secret") {
			return "the client authenticates, and no authentication is taken"
		}
	default:
		return s.unauthenticated(in)
	}
	return ""
}

// wrongClientCredentials is RFC 6749 section 4.4.2.
func (s *clients) wrongClientCredentials(in request) string {
	f := &s.file.Token
	if in.r.Method != http.MethodPost {
		return "it is no POST"
	}
	if why := in.body("form"); why != "" {
		return why
	}
	if why := in.unlike(f.Headers, f.Params); why != "" {
		return why
	}
	name := s.file.Authorization.ScopeParam
	if name == "" {
		name = "scope"
	}
	switch {
	case in.form.Get("grant_type") != "client_credentials" && f.Params["grant_type"] == "":
		return "the grant type is not taken here"
	case in.form.Get(name) != s.scopes.join(s.file.Scopes):
		return "the scopes are not those of the application"
	}
	return s.unauthenticated(in)
}

// wrongServiceAccount is RFC 7523 section 2.1, as Google has it.
func (s *clients) wrongServiceAccount(in request) string {
	if in.form.Get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
		return "the grant type is not taken here"
	}
	token, err := jwt.ParseSigned(in.form.Get("assertion"), []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return "there is no assertion"
	}
	var c struct {
		jwt.Claims
		Scope string `json:"scope"`
	}
	switch {
	case token.Claims(&s.cfg.Key.PublicKey, &c) != nil:
		return "the assertion does not verify"
	case c.Issuer != ServiceAccount || !slices.Equal(c.Audience, jwt.Audience{s.urls[Token]}):
		return "the assertion is not the service account's, or not for here"
	case c.Scope != s.scopes.join(s.file.Scopes):
		return "the scopes are not those of the application"
	case s.file.Operator.ActAs != "" && c.Subject != s.file.Operator.ActAs:
		return "the assertion is for another person"
	}
	return ""
}

// wrongApp is what GitHub wants of an app that asks for a token of an installation.
func (s *clients) wrongApp(in request) string {
	if in.r.Method != http.MethodPost {
		return "it is no POST"
	}
	if why := in.unlike(s.file.Token.Headers, nil); why != "" {
		return why
	}
	raw := in.r.Header.Get("Authorization")
	if len(raw) < 7 || raw[:7] != "Bearer " {
		return "there is no JWT"
	}
	token, err := jwt.ParseSigned(raw[7:], []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return "there is no JWT"
	}
	var c jwt.Claims
	if token.Claims(&s.cfg.Key.PublicKey, &c) != nil || c.Issuer != ClientID || c.Expiry == nil {
		return "the JWT is not the app's"
	}
	return ""
}
