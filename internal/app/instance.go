package app

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"bff/internal/config"
)

// An Instance is one bff, ready to be given listeners. It has what a process has once; what follows the configuration
// is in its generation.
type Instance struct {
	*process
	generations
	certs     *certificates // nil: no TLS
	hangups   hangups
	reloading sync.Mutex // one reload at a time
}

// New plugs the layers together. It contacts nobody.
func New(cfg *config.Config, o Options) (*Instance, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	in := &Instance{hangups: make(hangups, 1), generations: generations{retiring: map[*generation]bool{}}}
	var err error
	if in.certs, err = newCertificates(cfg, o.Log, o.Now, cmp.Or(o.Authority, authorityClient())); err != nil {
		return nil, err
	}
	if in.process, err = newProcess(cfg, o); err != nil {
		return nil, err
	}
	if in.current, err = in.build(cfg, nil, &in.generations); err != nil {
		return nil, errors.Join(err, in.audit.Close())
	}
	return in, nil
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

// Nudge has the outbox looked at now, for a trial whose clock was put forward.
func (in *Instance) Nudge() { in.now().broker.Outbox.Nudge() }

// Close releases everything below the listeners, of all generations. No handler may run any more.
func (in *Instance) Close(ctx context.Context) error {
	in.retired.Wait()
	err := in.now().close(ctx, true)
	if failed := errors.Join(in.audit.Close(), in.traces.Close(ctx)); failed != nil {
		in.log.Warn("the audit log or the traces are incomplete", "error", failed)
	}
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
