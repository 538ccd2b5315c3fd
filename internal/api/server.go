package api

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"bff/internal/api/admin"
	"bff/internal/api/live"
	"bff/internal/api/manage"
	"bff/internal/api/route"
)

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
	a := admin.New(admin.Config{Fronts: s.fronts, Vault: s.cfg.Vault, Broker: s.cfg.Broker, Signer: s.cfg.Signer,
		Providers: s.signIn, Audit: s.cfg.Audit, Clients: s.cfg.Clients, Peers: s.cfg.TrustedProxies, Draining: s.draining,
		Metrics: s.cfg.Metrics, Touch: touch.slide, Now: s.cfg.Now, Log: s.cfg.Log})
	services := cfg
	managed := manage.New(manage.Config{Origin: s.cfg.Origin, Fronts: s.fronts, Vault: s.cfg.Vault, Broker: s.cfg.Broker,
		Signer: s.cfg.Signer, Clients: s.cfg.Clients, Calls: s.cfg.Calls, Now: s.cfg.Now})
	services.Rows, services.Client = append(a.Rows(), managed.Rows()...), a.Identify
	if s.admin, err = route.New(services); err != nil {
		return fmt.Errorf("new server: %w", err)
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
	s.work.close()
	s.streams.Close()
}
