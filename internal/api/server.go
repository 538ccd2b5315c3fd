package api

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"bff/internal/api/admin"
	"bff/internal/api/frontend"
	"bff/internal/api/live"
	"bff/internal/api/metrics"
	"bff/internal/api/route"
	"bff/internal/api/signin"
	"bff/internal/oauth"
	"bff/internal/proxy"
	"bff/internal/vault"
)

// Config is what a Server needs.
type Config struct {
	Origin         string           // required: how browsers reach bff, "https://app.example.com"
	Cookie         string           // required: the session cookie's whole name, "__Host-" included
	Vault          *vault.Vault     // required
	Broker         *oauth.Broker    // required
	TrustedProxies route.Peers      // whose X-Forwarded-For and trace context are believed
	Origins        []string         // further origins that may call with credentials (CORS)
	Mounts         []Mount          // the apis
	Clients        []Client         // services that may ask on the admin listener
	Frontend       http.Handler     // everything outside /bff and the mounts; nil: not found
	Client         fs.FS            // holds client.js
	Account        fs.FS            // holds the account page
	Limits         Limits           //
	Metrics        *metrics.Metrics // those the broker's hooks count in; new ones when nil
	Log            *slog.Logger     // discarded when nil
	Now            func() time.Time // time.Now when nil
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
	Name     string
	Provider string
	Scopes   []string // a connection must have been granted all of them
}

// A Server answers browsers, and the services behind the same front door. It is safe for concurrent use.
type Server struct {
	cfg       Config
	front     *route.Front
	providers []string
	streams   *live.Streams
	work      *background
	browser   http.Handler
	admin     http.Handler
	draining  chan struct{}
	drained   sync.Once
}

// New makes a server. It contacts nobody.
func New(cfg Config) (*Server, error) {
	if cfg.Vault == nil || cfg.Broker == nil {
		return nil, errors.New("new server: a vault and a broker are needed")
	}
	front, err := route.NewFront(cfg.Origin, cfg.Cookie, cfg.Origins)
	if err != nil {
		return nil, fmt.Errorf("new server: %w", err)
	}
	cfg.defaults()
	s := &Server{cfg: cfg, front: front, draining: make(chan struct{}), work: newBackground()}
	for _, p := range cfg.Broker.Providers() {
		s.providers = append(s.providers, p.Name)
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
	cfg := route.Config{Providers: s.providers, Vault: s.cfg.Vault, Peers: s.cfg.TrustedProxies, Metrics: s.cfg.Metrics,
		Log: s.cfg.Log}
	touch := &toucher{vault: s.cfg.Vault, work: s.work}
	m.calls.touch, m.calls.streams = touch, s.streams
	browser := cfg
	browser.Front, browser.Rows, browser.Mounts, browser.Rest = s.front, s.rows(), m.find, s.rest()
	var err error
	if s.browser, err = route.New(browser); err != nil {
		return fmt.Errorf("new server: %w", err)
	}
	a := admin.New(admin.Config{Origin: s.cfg.Origin, Cookie: s.cfg.Cookie, Vault: s.cfg.Vault, Broker: s.cfg.Broker,
		Clients: s.cfg.Clients, Peers: s.cfg.TrustedProxies, Draining: s.draining, Metrics: s.cfg.Metrics,
		Touch: touch.slide, Now: s.cfg.Now, Log: s.cfg.Log})
	services := cfg
	services.Rows, services.Client = a.Rows(), a.Identify
	if s.admin, err = route.New(services); err != nil {
		return fmt.Errorf("new server: %w", err)
	}
	return nil
}

// rows is the whole surface for browsers, but for the mounts and the frontend.
func (s *Server) rows() []route.Row {
	flow := signin.New(signin.Config{Front: s.front, Vault: s.cfg.Vault, Broker: s.cfg.Broker, Providers: s.providers,
		PerMinute: s.cfg.Limits.LoginPerMinute, Peers: s.cfg.TrustedProxies, Metrics: s.cfg.Metrics, Now: s.cfg.Now,
		Log: s.cfg.Log})
	a := &account{vault: s.cfg.Vault, broker: s.cfg.Broker, origin: s.cfg.Origin, providers: s.providers}
	ends := &ends{vault: s.cfg.Vault, broker: s.cfg.Broker, providers: s.providers, work: s.work, log: s.cfg.Log}
	events := &live.Events{Streams: s.streams, Draining: s.draining, Metrics: s.cfg.Metrics, Visible: a.visible}
	files := &frontend.Embedded{Client: s.cfg.Client, Account: s.cfg.Account}
	return table(flow, a, ends, events, files)
}

// table lists the rows: method, path, who may ask, from where, who may keep the answer, and what it does.
func table(flow *signin.Flow, a *account, ends *ends, events *live.Events, files *frontend.Embedded) []route.Row {
	row := func(method, path string, who route.Who, from route.From, keep route.Keep, do func(*route.Call) error) route.Row {
		return route.Row{Method: method, Path: path, Who: who, From: from, Keep: keep, Do: do}
	}
	const (
		nobody, anybody, somebody    = route.Nobody, route.Anybody, route.Somebody
		anywhere, reading, changing  = route.Anywhere, route.Reading, route.Changing
		navigation, own, page        = route.Navigation, route.OwnNavigation, route.Page
		noStore, revalidate, carried = route.NoStore, route.Revalidate, route.Carried
	)
	return []route.Row{
		row("GET", "/bff/session", anybody, reading, noStore, a.getSession),
		row("GET", "/bff/login/{provider}", anybody, navigation, noStore, flow.Login),
		row("GET", "/bff/connect/{provider}", somebody, own, noStore, flow.Connect),
		row("GET", "/bff/callback/{provider}", nobody, anywhere, noStore, flow.Callback),
		row("POST", "/bff/callback/{provider}", nobody, anywhere, noStore, flow.Callback),
		row("POST", "/bff/logout", anybody, changing, noStore, a.logout),
		row("GET", "/bff/connections", somebody, reading, noStore, a.listConnections),
		row("DELETE", "/bff/connections/{id}", somebody, changing, noStore, a.unlink),
		row("GET", "/bff/sessions", somebody, reading, noStore, a.listSessions),
		row("DELETE", "/bff/sessions", somebody, changing, noStore, a.endOtherSessions),
		row("DELETE", "/bff/sessions/{id}", somebody, changing, noStore, a.endSession),
		row("GET", "/bff/preferences", somebody, reading, noStore, a.getPreferences),
		row("PATCH", "/bff/preferences", somebody, changing, noStore, a.patchPreferences),
		row("GET", "/bff/events", somebody, reading, noStore, events.Serve),
		row("GET", "/bff/client.js", nobody, anywhere, revalidate, files.Script),
		row("GET", "/bff/account", nobody, page, revalidate, files.Page),
		row("GET", "/bff/account/{file}", nobody, page, revalidate, files.Page),
		row("POST", "/bff/backchannel-logout/{provider}", nobody, anywhere, noStore, ends.backchannelLogout),
		row("POST", "/bff/security-events/{provider}", nobody, anywhere, noStore, ends.securityEvents),
	}
}

// rest is the frontend's row.
func (s *Server) rest() *route.Row {
	if s.cfg.Frontend == nil {
		return nil
	}
	return &route.Row{Method: route.Any, Path: "/", Who: route.Nobody, From: route.Page, Keep: route.Carried,
		Do: func(c *route.Call) error {
			s.cfg.Frontend.ServeHTTP(c.W, c.R)
			return nil
		}}
}

func (cfg *Config) defaults() {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
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

// background runs what outlives its request.
type background struct {
	base context.Context
	stop context.CancelFunc
	work sync.WaitGroup
}

func newBackground() *background {
	b := &background{}
	b.base, b.stop = context.WithCancel(context.Background())
	return b
}

// later runs f behind the caller's back for at most five seconds, with the values of ctx and not its end.
func (b *background) later(ctx context.Context, f func(context.Context)) {
	b.work.Go(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		defer context.AfterFunc(b.base, cancel)()
		f(ctx)
	})
}

// close waits for what runs.
func (b *background) close() {
	b.work.Wait()
	b.stop()
}

// title is what a provider without a title is called on a page.
func title(provider string) string {
	return strings.ToUpper(provider[:min(1, len(provider))]) + provider[min(1, len(provider)):]
}
