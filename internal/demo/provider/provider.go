package provider

import (
	"context"
	"net/http"

	"bff/internal/demo/answer"
	"bff/internal/demo/journal"
	"bff/internal/demo/trouble"
)

// A Provider is a running authorization server. Safe for concurrent use.
type Provider struct {
	*common
	*Client
	*Register
	*Ledger
	*Keys
	*Signals

	Issuer string // http://localhost:PORT

	authorization *authorization
	tokens        *tokens
	ending        *endSession
	pages         *pages
	port          *trouble.Port
	trouble       *trouble.Switch
	closing       context.Context
}

// New returns an authorization server that answers on port until closing ends. cfg has its defaults.
func New(closing context.Context, port *trouble.Port, cfg Config, log *journal.Journal) (*Provider, error) {
	c := &common{
		issuer: port.URL(), cfg: cfg, habits: *cfg.Habits, now: cfg.Now, log: log,
		client: newClient(cfg), people: newRegister(cfg.People),
	}
	keys, err := newKeys(c)
	if err != nil {
		return nil, err
	}
	browsers := newBrowsers(c, port.Number())
	pages := newPages(c)
	ledger := newLedger(c, browsers)
	signals := &Signals{common: c, keys: keys}
	p := &Provider{
		common: c, Client: c.client, Register: c.people, Ledger: ledger, Keys: keys, Signals: signals, Issuer: c.issuer,
		authorization: &authorization{common: c, pages: pages, browsers: browsers, ledger: ledger},
		tokens:        &tokens{common: c, keys: keys, ledger: ledger},
		ending:        &endSession{common: c, pages: pages, browsers: browsers, signals: signals, closing: closing},
		pages:         pages, port: port, trouble: trouble.NewSwitch(), closing: closing,
	}
	port.Serve(p.routes())
	cfg.Issued("client_secret", c.client.ClientSecret)
	return p, nil
}

// routes is everything on the issuer's port. What goes wrong there is decided in front of it.
func (p *Provider) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.pages.serveAbout)
	mux.HandleFunc("GET /.well-known/openid-configuration", p.serveDiscovery)
	mux.HandleFunc("GET /.well-known/risc-configuration", p.serveRISCConfiguration)
	mux.HandleFunc("GET /oauth2/v3/certs", p.serveKeys)
	mux.HandleFunc("GET /o/oauth2/v2/auth", p.authorization.serve)
	mux.HandleFunc("POST /o/oauth2/v2/auth", p.authorization.serve)
	mux.HandleFunc("POST /o/oauth2/v2/choose", p.authorization.serveChoose)
	mux.HandleFunc("GET /o/oauth2/v2/consent", p.authorization.serveConsentPage)
	mux.HandleFunc("POST /o/oauth2/v2/consent", p.authorization.serveConsent)
	mux.HandleFunc("POST /token", p.tokens.serve)
	mux.HandleFunc("POST /token/refresh", p.tokens.serve)
	mux.HandleFunc("POST /revoke", p.tokens.serveRevoke)
	mux.HandleFunc("GET /v1/userinfo", p.tokens.serveUserinfo)
	mux.HandleFunc("POST /v1/userinfo", p.tokens.serveUserinfo)
	mux.HandleFunc("GET /logout", p.ending.serve)
	mux.HandleFunc("POST /logout", p.ending.serve)
	return p.troubled(http.MaxBytesHandler(mux, 64<<10))
}

// Sessions lists the session ids (sid claims) that a person has here, one for each browser.
func (p *Provider) Sessions(person string) []string { return p.authorization.browsers.sessions(person) }

// Approve plays a person without a browser: it goes through the pages of an authorization URL, grants everything but
// the scopes named in without, and returns the address that the browser would be sent back to. With prompt=none or a
// request that is refused, that address carries an error.
func (p *Provider) Approve(authURL, person string, without ...string) (string, error) {
	return p.authorization.approve(authURL, person, without)
}

// CountsOf returns the counters of a person, by any of their names.
func (p *Provider) CountsOf(person string) journal.Counts {
	if who := p.Find(person); who != nil {
		return p.log.Of(who.Name)
	}
	return journal.Counts{}
}

func (p *Provider) serveDiscovery(w http.ResponseWriter, r *http.Request) {
	if p.habits.NoDiscovery || p.habits.NoIDToken {
		http.NotFound(w, r)
		return
	}
	scopes := []string{"openid", "email", "profile"}
	for _, s := range catalogue() {
		if !s.SignIn {
			scopes = append(scopes, s.Name)
		}
	}
	methods := []string{"client_secret_post", "client_secret_basic"}
	if p.habits.ClientAuth != "" {
		methods = []string{p.habits.ClientAuth}
	}
	doc := map[string]any{
		"issuer":                                p.issuer,
		"authorization_endpoint":                p.issuer + "/o/oauth2/v2/auth",
		"token_endpoint":                        p.issuer + "/token",
		"userinfo_endpoint":                     p.issuer + "/v1/userinfo",
		"jwks_uri":                              p.issuer + "/oauth2/v3/certs",
		"end_session_endpoint":                  p.issuer + "/logout",
		"response_types_supported":              []string{"code"},
		"response_modes_supported":              []string{"query", "form_post"},
		"grant_types_supported":                 []string{"authorization_code", "refresh_token"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"scopes_supported":                      scopes,
		"claims_supported": []string{"aud", "email", "email_verified", "exp", "given_name", "iat", "iss", "locale", "name",
			"sub", "sid", "hd"},
		"token_endpoint_auth_methods_supported": methods,
		"prompt_values_supported":               []string{"none", "consent", "select_account"},
		"backchannel_logout_supported":          true,
		"backchannel_logout_session_supported":  !p.habits.NoSessionID,
	}
	if !p.habits.NoIss {
		doc["authorization_response_iss_parameter_supported"] = true
	}
	if p.habits.PKCE != PKCERejected {
		doc["code_challenge_methods_supported"] = []string{"S256"}
	}
	if !p.habits.NoRevocation {
		doc["revocation_endpoint"] = p.issuer + "/revoke"
	}
	w.Header().Set("Cache-Control", "public, max-age=60")
	answer.JSON(w, http.StatusOK, doc)
}
