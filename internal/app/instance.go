package app

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"

	"bff/internal/api/metrics"
	"bff/internal/config"
	"bff/internal/proxy"
)

// Options are what an Instance is told beside its configuration.
type Options struct {
	Log      *slog.Logger   // required
	Level    *slog.LevelVar // of Log, which a reload may set; nil: it cannot
	Version  string         // of the binary, for the metrics
	Frontend http.Handler   // nil: the configuration's

	// Authority is the client of the ACME authority; nil: one that trusts the roots of this machine.
	Authority *http.Client

	// Reload reads the configuration again: it returns it, or a report of its mistakes. nil: it cannot be read again.
	Reload func() (*config.Config, string)
}

// An Instance is one bff, ready to be given listeners. It has what a process has once; what follows the configuration is in its
// generation.
type Instance struct {
	log       *slog.Logger
	options   Options
	counted   *metrics.Metrics
	upstreams *http.Transport // shared by all apis
	certs     *certificates   // nil: no TLS

	reloading sync.Mutex // one reload at a time

	mu       sync.RWMutex // of what follows
	current  *generation
	retiring map[*generation]bool // those whose handlers still run
	retired  sync.WaitGroup
}

// New plugs the layers together. It contacts nobody.
func New(cfg *config.Config, o Options) (*Instance, error) {
	in := &Instance{log: o.Log, options: o, counted: metrics.New(nil, o.Version), upstreams: proxy.NewTransport(),
		retiring: map[*generation]bool{}}
	in.warnOfUnwired(cfg)
	var err error
	if in.certs, err = newCertificates(cfg, in.log, cmp.Or(o.Authority, authorityClient())); err != nil {
		return nil, err
	}
	in.current, err = in.build(cfg, nil)
	if err != nil {
		return nil, err
	}
	return in, nil
}

func (in *Instance) warnOfUnwired(cfg *config.Config) {
	for _, key := range Unwired(cfg) {
		in.log.Warn("this version does nothing with a key of the configuration", "key", key)
	}
}

// now returns the current generation.
func (in *Instance) now() *generation {
	in.mu.RLock()
	defer in.mu.RUnlock()
	return in.current
}

// enter returns the current generation with one more call in it. The caller ends it with calls.Done.
func (in *Instance) enter() *generation {
	in.mu.RLock()
	defer in.mu.RUnlock()
	in.current.calls.Add(1)
	return in.current
}

// handler serves each call by the generation that is current when it begins.
func (in *Instance) handler(of func(*generation) http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g := in.enter()
		defer g.calls.Done()
		of(g).ServeHTTP(w, r)
	})
}

// Browser returns what browsers reach.
func (in *Instance) Browser() http.Handler {
	return in.handler(func(g *generation) http.Handler { return g.server.Browser() })
}

// Admin returns what services and operators reach.
func (in *Instance) Admin() http.Handler {
	return in.handler(func(g *generation) http.Handler { return g.server.Admin() })
}

// Close releases everything below the listeners, of all generations. No handler may run any more.
func (in *Instance) Close(ctx context.Context) error {
	in.retired.Wait()
	err := in.now().close(ctx, true)
	if errors.Is(err, errUnfinished) {
		in.log.Warn(errUnfinished.Error())
		return nil
	}
	return err
}

// WarnOfAdmin logs when the admin listener can be reached from other machines.
func WarnOfAdmin(log *slog.Logger, admin net.Listener) {
	if a, ok := admin.Addr().(*net.TCPAddr); ok && !a.IP.IsLoopback() {
		log.Warn("the admin listener is reachable from outside this machine; browsers must not reach it", "addr", a.String())
	}
}
