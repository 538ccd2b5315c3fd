package standin

import (
	"net/http"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"bff/internal/oauth/providers"
)

// What the application itself has at every stand-in, where calls carry a credential of the operator's.
const (
	Application    = "application" // who it is there
	ServiceAccount = "robot@simulated.example"
	Installation   = "4711"
)

// Refused are the words in which a token is refused to the application's own credential, by name.
func (s *StandIn) Refused() map[string]Answer {
	refused := func(status int, body any) Answer { return Answer{Status: status, Body: body} }
	switch s.file.Auth {
	case providers.AuthGitHubApp:
		return map[string]Answer{
			"401, the JWT is not good": refused(401, fields{"message": "A JSON web token could not be decoded"}),
			"404, no such app":         refused(404, fields{"message": "Integration not found"}),
			"403, suspended":           refused(403, fields{"message": "This installation has been suspended"}),
		}
	case providers.AuthServiceAccount:
		return map[string]Answer{
			"invalid_grant":       refused(400, fields{"error": "invalid_grant", "error_description": "Invalid JWT Signature."}),
			"unauthorized_client": refused(401, fields{"error": "unauthorized_client", "error_description": "Client is unauthorized."}),
		}
	}
	return map[string]Answer{
		"invalid_client":      refused(401, s.refusal("invalid_client", "The client is not known.")),
		"unauthorized_client": refused(400, s.refusal("unauthorized_client", "The client may not.")),
		"invalid_scope":       refused(400, s.refusal("invalid_scope", "The scope is not known.")),
		"a word of no list":   refused(403, fields{"message": "no"}),
	}
}

// serveOperated gives the application a token for its own credential.
func (s *StandIn) serveOperated(w http.ResponseWriter, in request, t *Trouble) {
	var why string
	switch s.file.Auth {
	case providers.AuthServiceAccount:
		why = s.wrongServiceAccount(in)
	case providers.AuthGitHubApp:
		why = s.wrongApp(in)
	default:
		why = s.wrongClientCredentials(in)
	}
	if why != "" {
		s.note("the token request: " + why)
		s.refuseToken(w, http.StatusUnauthorized, "invalid_client", why)
		return
	}
	g := &grant{person: Application, scopes: s.file.Scopes, access: map[string]time.Time{}, live: map[string]bool{},
		used: map[string]time.Time{}, exchangeable: map[string]bool{}}
	s.mu.Lock()
	s.grants = append(s.grants, g)
	s.renewed++
	s.mu.Unlock()
	if s.file.Auth == providers.AuthGitHubApp {
		access, _ := s.newTokens(g, false)
		writeJSON(w, http.StatusCreated, fields{"token": access, "expires_at": s.cfg.Now().Add(s.cfg.Life).UTC().Format(time.RFC3339)})
		return
	}
	s.grantTokens(w, g, Token, false, t.alter, t)
}

// wrongClientCredentials is RFC 6749 section 4.4.2.
func (s *StandIn) wrongClientCredentials(in request) string {
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
	case in.form.Get(name) != s.joinScopes(s.file.Scopes):
		return "the scopes are not those of the application"
	}
	return s.unauthenticated(in)
}

// wrongServiceAccount is RFC 7523 section 2.1, as Google has it.
func (s *StandIn) wrongServiceAccount(in request) string {
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
	case c.Scope != s.joinScopes(s.file.Scopes):
		return "the scopes are not those of the application"
	case s.file.Operator.ActAs != "" && c.Subject != s.file.Operator.ActAs:
		return "the assertion is for another person"
	}
	return ""
}

// wrongApp is what GitHub wants of an app that asks for a token of an installation.
func (s *StandIn) wrongApp(in request) string {
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
