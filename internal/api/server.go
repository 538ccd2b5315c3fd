package api

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"bff/internal/oauth"
	"bff/internal/proxy"
	"bff/internal/secret"
	"bff/internal/vault"
)

// Config is what a Server needs.
type Config struct {
	Origin         string         // required: how browsers reach bff, "https://app.example.com"
	Cookie         string         // required: the session cookie's whole name, "__Host-" included
	Vault          *vault.Vault   // required
	Broker         *oauth.Broker  // required
	TrustedProxies []netip.Prefix // whose X-Forwarded-For is believed
	Origins        []string       // further origins that may call with credentials (CORS)
	Mounts         []Mount        // the apis
	Clients        []Client       // services that may ask on the admin listener
	Frontend       http.Handler   // everything outside /bff and the mounts; nil: not found
	Client         fs.FS          // holds client.js
	Account        fs.FS          // holds the account page
	Limits         Limits
	Metrics        *Metrics         // those the broker's hooks count in; new ones when nil
	Log            *slog.Logger     // discarded when nil
	Now            func() time.Time // time.Now when nil
}

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
	Name     string
	Provider string
	Scopes   []string // a connection must have been granted all of them
}

// A Client is a service that may ask on the admin listener.
type Client struct {
	Name     string
	Secret   secret.Text
	Exchange []string // providers whose access tokens it may have
}

// A Server answers browsers, and the services behind the same front door. It is safe for concurrent use.
type Server struct {
	cfg       Config
	secure    bool
	host      string // of the origin
	loopback  bool   // the origin is of this machine: for developing
	table     *http.ServeMux
	mounts    []mounted
	origins   map[string]bool // this origin and the further ones
	providers map[string]oauth.ProviderInfo
	streams   *streams
	logins    *addressLimiter
	pace      *pace
	clients   *clientBook
	touching  sync.Map // session id: a touch is under way
	metrics   *Metrics
	browser   http.Handler
	admin     http.Handler

	base     context.Context // of work that outlives its request
	stop     context.CancelFunc
	work     sync.WaitGroup
	draining chan struct{}
	drained  sync.Once
}

// New makes a server. It contacts nobody.
func New(cfg Config) (*Server, error) {
	if cfg.Vault == nil || cfg.Broker == nil || cfg.Origin == "" || cfg.Cookie == "" {
		return nil, errors.New("new server: an origin, a cookie name, a vault and a broker are needed")
	}
	origin, err := url.Parse(cfg.Origin)
	if err != nil || origin.Host == "" {
		return nil, errors.New("new server: the origin is not an absolute URL")
	}
	cfg.defaults()
	s := &Server{cfg: cfg, secure: origin.Scheme == "https", host: origin.Host, loopback: isLoopback(origin.Hostname()), origins: map[string]bool{cfg.Origin: true},
		providers: map[string]oauth.ProviderInfo{}, draining: make(chan struct{})}
	s.base, s.stop = context.WithCancel(context.Background())
	for _, o := range cfg.Origins {
		s.origins[o] = true
	}
	for _, p := range cfg.Broker.Providers() {
		s.providers[p.Name] = p
	}
	s.metrics = cfg.Metrics
	s.metrics.expect(s.providers)
	s.streams = newStreams(s)
	s.logins = newAddressLimiter(cfg.Limits.LoginPerMinute, cfg.Now)
	s.pace = newPace(cfg.Limits, cfg.Now)
	s.clients = newClientBook(cfg.Clients, cfg.Now)
	if err := s.mount(cfg.Mounts); err != nil {
		return nil, err
	}
	s.buildTable()
	if s.browser, err = s.shared(http.HandlerFunc(s.serve)); err != nil {
		return nil, err
	}
	s.admin = s.recovered(s.adminHandler())
	return s, nil
}

func (cfg *Config) defaults() {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Metrics == nil {
		cfg.Metrics = NewMetrics(nil, "")
	}
	if cfg.Limits.LoginPerMinute == 0 {
		cfg.Limits.LoginPerMinute = 600
	}
	if cfg.Limits.SessionConcurrency == 0 {
		cfg.Limits.SessionConcurrency = 4096
	}
}

// mounted is a mount with what its calls share.
type mounted struct {
	Mount
	metrics mountMetrics
}

func (s *Server) mount(mounts []Mount) error {
	for _, m := range mounts {
		if m.Mount == nil || m.Name == "" {
			return errors.New("new server: a mount needs a name and a proxy")
		}
		if _, ok := s.providers[m.Provider]; !ok {
			return fmt.Errorf("new server: api %q names no configured provider", m.Name)
		}
		s.mounts = append(s.mounts, mounted{Mount: m, metrics: s.metrics.forMount(m.Name)})
	}
	return nil
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
	s.work.Wait()
	s.stop()
	s.streams.close()
}

// later runs f behind the caller's back, detached from the request.
func (s *Server) later(f func(context.Context)) {
	s.work.Go(func() {
		ctx, cancel := context.WithTimeout(s.base, 5*time.Second)
		defer cancel()
		f(ctx)
	})
}

func (s *Server) now() time.Time { return s.cfg.Now() }

// title is what a provider is called on a page.
func (s *Server) title(provider string) string {
	if p, ok := s.providers[provider]; ok {
		return p.Title
	}
	return strings.ToUpper(provider[:min(1, len(provider))]) + provider[min(1, len(provider)):]
}
