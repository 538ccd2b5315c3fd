package trouble

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// A Port serves on one port of loopback, and can stop listening on it and start again. Safe for concurrent use.
type Port struct {
	base context.Context
	addr string

	mu      sync.Mutex
	handler http.Handler
	ln      net.Listener // nil while nobody listens
	server  *http.Server
}

// Listen takes a free port of 127.0.0.1. Requests have base as the parent of their context. Nothing is answered before
// Serve.
func Listen(base context.Context) (*Port, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return &Port{base: base, addr: ln.Addr().String(), ln: ln}, nil
}

// URL is http://localhost:PORT.
func (p *Port) URL() string { return "http://localhost:" + p.Number() }

// Number is the port's number.
func (p *Port) Number() string {
	_, n, _ := net.SplitHostPort(p.addr)
	return n
}

// Serve answers with h from now on. It is called once.
func (p *Port) Serve(h http.Handler) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.handler = h
	p.start()
}

// start serves the listener unless it is served already. p.mu is held.
func (p *Port) start() {
	if p.ln == nil || p.server != nil {
		return
	}
	p.server = &http.Server{
		Handler: p.handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog:    slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context { return p.base },
	}
	go func(s *http.Server, ln net.Listener) { _ = s.Serve(ln) }(p.server, p.ln)
}

// Close stops listening and cuts every connection.
func (p *Port) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.server != nil {
		_ = p.server.Close()
	} else if p.ln != nil {
		_ = p.ln.Close()
	}
	p.server, p.ln = nil, nil
}

// Open listens again on the same port after Close. Its error is that another process has the port by now.
func (p *Port) Open() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ln == nil {
		ln, err := net.Listen("tcp", p.addr)
		if err != nil {
			return fmt.Errorf("listen again: %w", err)
		}
		p.ln = ln
	}
	p.start()
	return nil
}
