package api

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"bff/internal/api/admin"
	"bff/internal/api/live"
	"bff/internal/api/manage"
	"bff/internal/api/metrics"
	"bff/internal/api/route"
	"bff/internal/assertion"
	"bff/internal/audit"
	"bff/internal/explain"
	"bff/internal/oauth"
	"bff/internal/proxy"
	"bff/internal/telemetry"
	"bff/internal/users"
	"bff/internal/vault"
)

// Config is what a Server needs.
type Config struct {
	Origin         string            // required: how browsers reach bff, "https://app.example.com"
	Cookie         string            // required: the session cookie's whole name, "__Host-" included
	Vault          *vault.Vault      // required
	Broker         *oauth.Broker     // required
	Signer         *assertion.Signer // required
	Audit          audit.Recorder    // discarded when nil
	Calls          *explain.Calls    // remembers those that went well; nil: nothing does
	AccessLog      bool              // a log line at level info for every request
	TrustedProxies route.Peers       // whose X-Forwarded-For and trace context are believed
	Origins        []string          // further origins that may call with credentials (CORS)
	Mounts         []Mount           // the apis
	Clients        []Client          // services that may ask on the admin listener
	Users          *users.Policy     // who may sign in, and with which rights; everybody, with none, when nil
	LinkOnly       []string          // providers whose accounts are linked only
	Frontend       http.Handler      // everything outside /bff and the mounts; nil: not found
	Fronts         []Front           // further ones
	SSO            bool              // signed in on one front, signed in on the next without seeing the provider
	AnyLoopback    bool              // a loopback Host that is no front's is the first front's: for developing
	Client         fs.FS             // holds client.js
	Account        fs.FS             // holds the account page
	Limits         Limits
	Traces         *telemetry.Telemetry // records requests of browsers; nil: none
	Metrics        *metrics.Metrics     // those the broker's hooks count in; new ones when nil
	Log            *slog.Logger         // discarded when nil
	Now            func() time.Time     // time.Now when nil
}

// A Front is a further origin that the Server answers for, with cookies of its own and the same users.
type Front struct {
	Origin   string
	Cookie   string       // the session cookie's whole name
	Origins  []string     // further origins that may call this front with credentials (CORS)
	APIs     []string     // names of its mounts; all where nil
	Frontend http.Handler // as that of the first; nil: not found
}

// A Client is a service that may ask on the admin listener.
type Client = route.Client

// Limits bound what one caller can spend. Zero means the default.
type Limits struct {
	LoginPerMinute      int // attempts per client address and minute; 600
	SessionConcurrency  int // proxied calls in flight per session and instance; 4096
	SessionPerSecond    int // proxied calls per session, second and instance; no limit
	APIConcurrency      int // proxied calls in flight per api and instance; no limit
	ProviderConcurrency int // proxied calls in flight per provider and instance; no limit
	ProviderPerSecond   int // proxied calls per provider, second and instance, a quarter of them for one session; no limit
}

// A Mount is one api: where it is and what a call through it must bring.
type Mount struct {
	*proxy.Mount
	Name      string
	Provider  string    // whose access token a call carries; "" for a backend
	Scopes    []string  // a connection must have been granted all of them
	Identity  string    // of a backend: the audience of the assertion that a call carries; "" for a provider's api
	Require   []string  // rights of which the user must have all
	Anonymous Anonymous // of a backend: what happens to calls of nobody
	Where     *PerCall  // what each call fills in with the values of its connection; nil: nothing
	Pause     Pause     // what an upstream\'s 429 stops; nothing when zero
}

// A Server answers browsers, and the services of the operator. It is safe for concurrent use.
type Server struct {
	cfg       Config
	fronts    *route.Fronts
	providers []string // all
	signIn    []string // those with which people sign in
	streams   *live.Streams
	work      *background
	browser   http.Handler
	admin     http.Handler
	draining  chan struct{}
	drained   sync.Once
}

// New makes a server. It contacts nobody.
func New(cfg Config) (*Server, error) {
	if cfg.Vault == nil || cfg.Broker == nil || cfg.Signer == nil {
		return nil, errors.New("new server: a vault, a broker and a signer are needed")
	}
	fronts, err := cfg.fronts()
	if err != nil {
		return nil, fmt.Errorf("new server: %w", err)
	}
	cfg.defaults()
	s := &Server{cfg: cfg, fronts: fronts, draining: make(chan struct{}), work: newBackground()}
	for _, p := range cfg.Broker.Providers() {
		s.providers = append(s.providers, p.Name)
		if p.Auth == "" && !slices.Contains(cfg.LinkOnly, p.Name) { // nobody signs in with what is typed to link an account
			s.signIn = append(s.signIn, p.Name)
		}
	}
	cfg.Metrics.Expect(s.providers)
	mounts, err := s.mountRows()
	if err != nil {
		return nil, err
	}
	s.streams = live.New(live.Config{Vault: cfg.Vault, Now: cfg.Now})
	if err := s.listeners(mounts); err != nil {
		s.streams.Close()
		return nil, err
	}
	return s, nil
}

// listeners makes the two handlers.
func (s *Server) listeners(m *mounts) error {
	cfg := route.Config{Providers: s.signIn, Vault: s.cfg.Vault, Peers: s.cfg.TrustedProxies, Metrics: s.cfg.Metrics,
		Audit: s.cfg.Audit, AccessLog: s.cfg.AccessLog, Log: s.cfg.Log}
	touch := &toucher{vault: s.cfg.Vault, work: s.work}
	m.calls.touch, m.calls.streams = touch, s.streams
	browser := cfg
	browser.Traces = s.cfg.Traces
	browser.Fronts, browser.Rows, browser.Mounts, browser.Rest = s.fronts, s.rows(), m.find, s.rest()
	var err error
	if s.browser, err = route.New(browser); err != nil {
		return fmt.Errorf("new server: %w", err)
	}
	a := admin.New(admin.Config{Fronts: s.fronts, Vault: s.cfg.Vault, Broker: s.cfg.Broker,
		Signer: s.cfg.Signer, Providers: s.signIn, Audit: s.cfg.Audit, Clients: s.cfg.Clients, Peers: s.cfg.TrustedProxies, Draining: s.draining, Metrics: s.cfg.Metrics,
		Touch: touch.slide, Now: s.cfg.Now, Log: s.cfg.Log})
	services := cfg
	managed := manage.New(manage.Config{Origin: s.cfg.Origin, Fronts: s.fronts, Vault: s.cfg.Vault, Broker: s.cfg.Broker,
		Signer: s.cfg.Signer, Clients: s.cfg.Clients, Calls: s.cfg.Calls, Now: s.cfg.Now})
	services.Rows, services.Client = append(a.Rows(), managed.Rows()...), a.Identify
	if s.admin, err = route.New(services); err != nil {
		return fmt.Errorf("new server: %w", err)
	}
	return nil
}

// fronts are the first front and the further ones.
func (cfg *Config) fronts() (*route.Fronts, error) {
	first, err := route.NewFront(cfg.Origin, cfg.Cookie, cfg.Origins)
	if err != nil {
		return nil, err
	}
	var further []*route.Front
	for _, f := range cfg.Fronts {
		made, err := route.NewFurtherFront(f.Origin, f.Cookie, f.Origins)
		if err != nil {
			return nil, err
		}
		further = append(further, made)
	}
	fronts, err := route.NewFronts(first, further...)
	if err == nil && cfg.AnyLoopback {
		fronts.WithLoopback()
	}
	return fronts, err
}

func (cfg *Config) defaults() {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Audit == nil {
		cfg.Audit = audit.Discard{}
	}
	if cfg.Users == nil {
		cfg.Users = users.Everybody(cfg.Log)
	}
	if cfg.Metrics == nil {
		cfg.Metrics = metrics.New(nil, "")
	}
	if cfg.Limits.LoginPerMinute == 0 {
		cfg.Limits.LoginPerMinute = 600
	}
	if cfg.Limits.SessionConcurrency == 0 {
		cfg.Limits.SessionConcurrency = 4096
	}
}

// Browser is the handler of the browsers' listener.
func (s *Server) Browser() http.Handler { return s.browser }

// Admin is the handler of the admin listener: never for browsers.
func (s *Server) Admin() http.Handler { return s.admin }

// Drain turns readiness false and ends the streams that would otherwise keep a shutdown waiting. Calls in flight go on.
func (s *Server) Drain() {
	s.drained.Do(func() { close(s.draining) })
}

// Close waits for writes that outlive their request, then ends what is left. No handler may run any more.
func (s *Server) Close() {
	s.Drain()
	s.work.close()
	s.streams.Close()
}
