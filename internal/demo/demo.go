package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Config says which client there is, and what the demo plays.
type Config struct {
	Origin   string // required: of the client, e.g. "http://127.0.0.1:8080". Its redirect URI is Origin + "/bff/callback/" + Provider
	Provider string // "demo"

	RedirectURIs         []string // further ones of the client
	PostLogoutURIs       []string // further ones; Origin and Origin + "/" are registered
	BackchannelLogoutURI string   // Origin + "/bff/backchannel-logout/" + Provider
	SecurityEventsURI    string   // Origin + "/bff/security-events/" + Provider

	TokenLifetime time.Duration // of an access token; 30 s
	CodeLifetime  time.Duration // 1 min
	Habits        *Habits       // Google() when nil
	People        []Person      // beside ada, grace and linus
	Now           func() time.Time
	Log           *slog.Logger             // info lines "provider" with what, who and text; nil: none
	Issued        func(kind, value string) // sees every credential that is made, for tests that hunt for leaks; nil: nobody does
}

// A Demo is a running provider with its APIs. Safe for concurrent use.
type Demo struct {
	Issuer       string // http://localhost:PORT
	ClientID     string
	ClientSecret string
	APIURL       string // …/calendar/v3
	FilesURL     string // …/drive/v3
	UploadURL    string // …/upload/drive/v3
	BackendURL   string // of the application's own backend

	cfg       Config
	habits    Habits
	base      context.Context // ends with Close
	stop      context.CancelFunc
	streaming context.Context // of the APIs' streams; ends with EndStreams
	hangUp    context.CancelFunc
	provider  *port
	api       *port
	backend   *port
	pageStyle string // CSP source of the pages' style sheet

	mu       sync.Mutex
	people   []*Person
	keys     []signingKey
	redirect []string
	after    []string // post-logout redirect URIs
	browsers *shelf[*browser]
	flows    *shelf[*flow]
	codes    *shelf[*code]
	families map[string]map[*family]struct{} // person -> those that live
	access   map[string]*accessToken
	refresh  map[string]*family // live and used ones
	pruneAt  int
	grants   map[string][]string // person -> scopes that the client was ever granted
	uploads  *shelf[*upload]
	added    map[string][]event // person -> events they created
	files    map[string][]*file // person -> files, made when first asked for
	watchers map[chan event]string

	mode    mode
	apiMode mode
	entries []Entry
	entryN  int
	counts  Counts
	own     map[string]*Counts
}

// Start listens on two ports of loopback and returns the running demo. Close it.
func Start(cfg Config) (*Demo, error) {
	if cfg.Origin == "" {
		return nil, errors.New("start demo: the client's origin is needed")
	}
	d := &Demo{
		ClientID: "bff-demo", ClientSecret: "demo-" + random(24), cfg: cfg.withDefaults(), own: map[string]*Counts{},
		browsers: newShelf[*browser](
			10_000,
		), flows: newShelf[*flow](10_000), codes: newShelf[*code](10_000), uploads: newShelf[*upload](100),
		families: map[string]map[*family]struct{}{}, access: map[string]*accessToken{}, refresh: map[string]*family{}, grants: map[string][]string{},
		added: map[string][]event{}, files: map[string][]*file{}, watchers: map[chan event]string{}, pruneAt: 10_000,
		mode: mode{name: Up, changed: make(chan struct{})}, apiMode: mode{name: Up, changed: make(chan struct{})},
	}
	d.habits = *d.cfg.Habits
	d.redirect = append([]string{cfg.Origin + "/bff/callback/" + d.cfg.Provider}, cfg.RedirectURIs...)
	d.after = append([]string{cfg.Origin, cfg.Origin + "/"}, cfg.PostLogoutURIs...)
	for _, p := range append(people(), cfg.People...) {
		d.people = append(d.people, &p)
	}
	key, err := newSigningKey()
	if err != nil {
		return nil, fmt.Errorf("start demo: %w", err)
	}
	d.keys = []signingKey{key}
	d.pageStyle = styleSource()
	d.base, d.stop = context.WithCancel(context.Background())
	d.streaming, d.hangUp = context.WithCancel(d.base)
	if d.provider, err = listen(d.base, d.providerRoutes()); err != nil {
		d.stop()
		return nil, fmt.Errorf("start demo: %w", err)
	}
	if d.api, err = listen(d.base, d.apiRoutes()); err != nil {
		d.Close()
		return nil, fmt.Errorf("start demo: %w", err)
	}
	if d.backend, err = listen(d.base, d.backendRoutes()); err != nil {
		d.Close()
		return nil, fmt.Errorf("start demo: %w", err)
	}
	d.Issuer = "http://localhost:" + d.provider.number()
	api := "http://localhost:" + d.api.number()
	d.APIURL, d.FilesURL, d.UploadURL = api+"/calendar/v3", api+"/drive/v3", api+"/upload/drive/v3"
	d.BackendURL = "http://localhost:" + d.backend.number()
	d.provider.serve()
	d.api.serve()
	d.backend.serve()
	if cfg.Issued != nil {
		cfg.Issued("client_secret", d.ClientSecret)
	}
	return d, nil
}

func (c Config) withDefaults() Config {
	if c.Provider == "" {
		c.Provider = "demo"
	}
	if c.TokenLifetime == 0 {
		c.TokenLifetime = 30 * time.Second
	}
	if c.CodeLifetime == 0 {
		c.CodeLifetime = time.Minute
	}
	if c.BackchannelLogoutURI == "" {
		c.BackchannelLogoutURI = c.Origin + "/bff/backchannel-logout/" + c.Provider
	}
	if c.SecurityEventsURI == "" {
		c.SecurityEventsURI = c.Origin + "/bff/security-events/" + c.Provider
	}
	if c.Habits == nil {
		h := Google()
		c.Habits = &h
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// Close stops both ports. Calls under way are cut off.
func (d *Demo) Close() {
	d.stop()
	d.provider.close()
	for _, p := range []*port{d.api, d.backend} {
		if p != nil {
			p.close()
		}
	}
}

// EndStreams ends what the APIs still stream, and refuses no other call. Whoever drains a proxy in front of them
// calls it first.
func (d *Demo) EndStreams() { d.hangUp() }

// AllowRedirect registers a further redirect URI of the client.
func (d *Demo) AllowRedirect(uri string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.redirect = append(d.redirect, uri)
}

// providerRoutes is everything on the issuer's port. What goes wrong there is decided in front of it.
func (d *Demo) providerRoutes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", d.serveAbout)
	mux.HandleFunc("GET /.well-known/openid-configuration", d.serveDiscovery)
	mux.HandleFunc("GET /.well-known/risc-configuration", d.serveRISCConfiguration)
	mux.HandleFunc("GET /oauth2/v3/certs", d.serveKeys)
	mux.HandleFunc("GET /o/oauth2/v2/auth", d.serveAuthorize)
	mux.HandleFunc("POST /o/oauth2/v2/auth", d.serveAuthorize)
	mux.HandleFunc("POST /o/oauth2/v2/choose", d.serveChoose)
	mux.HandleFunc("GET /o/oauth2/v2/consent", d.serveConsentPage)
	mux.HandleFunc("POST /o/oauth2/v2/consent", d.serveConsent)
	mux.HandleFunc("POST /token", d.serveToken)
	mux.HandleFunc("POST /token/refresh", d.serveToken)
	mux.HandleFunc("POST /revoke", d.serveRevoke)
	mux.HandleFunc("GET /v1/userinfo", d.serveUserinfo)
	mux.HandleFunc("POST /v1/userinfo", d.serveUserinfo)
	mux.HandleFunc("GET /logout", d.serveEndSession)
	mux.HandleFunc("POST /logout", d.serveEndSession)
	return d.troubled(http.MaxBytesHandler(mux, 64<<10))
}

func (d *Demo) serveDiscovery(w http.ResponseWriter, r *http.Request) {
	if d.habits.NoDiscovery || d.habits.NoIDToken {
		http.NotFound(w, r)
		return
	}
	scopes := []string{"openid", "email", "profile"}
	for _, s := range catalogue() {
		if !s.SignIn {
			scopes = append(scopes, s.Name)
		}
	}
	doc := map[string]any{
		"issuer": d.Issuer, "authorization_endpoint": d.Issuer + "/o/oauth2/v2/auth", "token_endpoint": d.Issuer + "/token",
		"userinfo_endpoint": d.Issuer + "/v1/userinfo", "jwks_uri": d.Issuer + "/oauth2/v3/certs", "end_session_endpoint": d.Issuer + "/logout",
		"response_types_supported": []string{"code"}, "response_modes_supported": []string{"query", "form_post"},
		"grant_types_supported": []string{
			"authorization_code",
			"refresh_token",
		}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"}, "scopes_supported": scopes,
		"claims_supported": []string{
			"aud",
			"email",
			"email_verified",
			"exp",
			"given_name",
			"iat",
			"iss",
			"locale",
			"name",
			"sub",
			"sid",
			"hd",
		},
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "client_secret_basic"},
		"prompt_values_supported":               []string{"none", "consent", "select_account"},
		"backchannel_logout_supported":          true, "backchannel_logout_session_supported": !d.habits.NoSessionID,
	}
	if !d.habits.NoIss {
		doc["authorization_response_iss_parameter_supported"] = true
	}
	if d.habits.PKCE != PKCERejected {
		doc["code_challenge_methods_supported"] = []string{"S256"}
	}
	if !d.habits.NoRevocation {
		doc["revocation_endpoint"] = d.Issuer + "/revoke"
	}
	if d.habits.ClientAuth != "" {
		doc["token_endpoint_auth_methods_supported"] = []string{d.habits.ClientAuth}
	}
	w.Header().Set("Cache-Control", "public, max-age=60")
	writeJSON(w, http.StatusOK, doc)
}

// A port serves on one port of loopback, and can stop listening on it and start again.
type port struct {
	base    context.Context
	handler http.Handler
	addr    string

	mu     sync.Mutex
	ln     net.Listener // nil while nobody listens
	server *http.Server
}

func listen(base context.Context, h http.Handler) (*port, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return &port{base: base, handler: h, addr: ln.Addr().String(), ln: ln}, nil
}

func (p *port) number() string {
	_, n, _ := net.SplitHostPort(p.addr)
	return n
}

func (p *port) serve() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ln == nil || p.server != nil {
		return
	}
	p.server = &http.Server{
		Handler: p.handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(
			slog.DiscardHandler,
			slog.LevelDebug,
		), BaseContext: func(net.Listener) context.Context { return p.base },
	}
	go func(s *http.Server, ln net.Listener) { _ = s.Serve(ln) }(p.server, p.ln)
}

// close stops listening and cuts every connection.
func (p *port) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.server != nil {
		_ = p.server.Close()
	} else if p.ln != nil {
		_ = p.ln.Close()
	}
	p.server, p.ln = nil, nil
}

// open listens again on the same port. Somebody else may have it by now; that is an error.
func (p *port) open() error {
	p.mu.Lock()
	if p.ln == nil {
		ln, err := net.Listen("tcp", p.addr)
		if err != nil {
			p.mu.Unlock()
			return fmt.Errorf("listen again: %w", err)
		}
		p.ln = ln
	}
	p.mu.Unlock()
	p.serve()
	return nil
}
