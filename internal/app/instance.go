package app

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"bff/internal/api/metrics"
	"bff/internal/audit"
	"bff/internal/config"
	"bff/internal/explain"
	"bff/internal/proxy"
	"bff/internal/proxy/wire"
	"bff/internal/telemetry"
)

// Options are what an Instance is given beside its configuration.
type Options struct {
	Log      *slog.Logger   // required
	Level    *slog.LevelVar // of Log, which a reload may set; nil: it cannot
	Version  string         // of the binary, for the metrics
	Frontend http.Handler   // nil: the configuration's

	// Frontends are those of further fronts, by origin; of one that is not in it, the configuration's.
	Frontends map[string]http.Handler
	// AnyLoopback makes a loopback Host that is no front's one of the first front's: for developing.
	AnyLoopback bool

	// Authority is the client of the ACME authority; nil: one that trusts the roots of this machine.
	Authority *http.Client

	// Network carries what goes to providers and upstreams, in a trial where nothing leaves the process; nil: the network.
	Network http.RoundTripper

	// Now is the time of day; nil: time.Now, which deadlines and measurements always have.
	Now func() time.Time

	// Trial is for a command that serves nobody: the store is asked nothing before somebody wants to know.
	Trial bool

	// Reload reads the configuration again: it returns it, or a report of its mistakes. nil: it cannot be read again.
	Reload func() (*config.Config, string)

	// Record has what happens recorded: in the audit log and for explanations, as the configuration says. Stderr is where
	// `log.audit: stderr` goes.
	Record bool
	Stderr io.Writer
	// HandOver is for a command: what it does is written by a running instance, which has the audit log open.
	HandOver bool
	// Env is the environment, where the standard variables of OpenTelemetry count. nil: there is no telemetry.
	Env func(string) string
}

// An Instance is one bff, ready to be given listeners. It has what a process has once; what follows the configuration
// is in its generation.
type Instance struct {
	log       *slog.Logger
	options   Options
	counted   *metrics.Metrics
	upstreams http.RoundTripper // shared by all apis
	certs     *certificates     // nil: no TLS
	audit     *audit.Log        // nil: none
	calls     *explain.Calls    // that went well
	traces    *telemetry.Telemetry
	hangups   hangups

	reloading sync.Mutex // one reload at a time
	generations
}

// New plugs the layers together. It contacts nobody.
func New(cfg *config.Config, o Options) (*Instance, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	in := &Instance{log: o.Log, options: o, counted: metrics.New(nil, o.Version), calls: explain.NewCalls(),
		hangups: make(hangups, 1), generations: generations{log: o.Log, retiring: map[*generation]bool{}}}
	var err error
	if in.certs, err = newCertificates(cfg, in.log, o.Now, cmp.Or(o.Authority, authorityClient())); err != nil {
		return nil, err
	}
	if err = in.observe(cfg); err != nil {
		return nil, err
	}
	in.upstreams = in.traces.Upstream(in.network(upstreams(cfg)))
	if in.current, err = in.build(cfg, nil); err != nil {
		return nil, errors.Join(err, in.audit.Close())
	}
	return in, nil
}

// upstreams are the connections to what is called.
func upstreams(cfg *config.Config) http.RoundTripper {
	if cfg.Proxy.Standard {
		return proxy.NewTransport()
	}
	return wire.New(proxy.NewTransport())
}

// network is what carries requests: usual, or what the options have instead.
func (in *Instance) network(usual http.RoundTripper) http.RoundTripper {
	if in.options.Network != nil {
		return in.options.Network
	}
	return usual
}

// observe opens the audit log and starts the telemetry, where they are wanted. A reload does not change them.
func (in *Instance) observe(cfg *config.Config) (err error) {
	if in.options.Record && !in.options.HandOver {
		if in.audit, err = newAuditLog(cfg.Log.Audit, in.options.Stderr, in.log, in.counted.AuditLost); err != nil {
			return err
		}
	}
	if in.options.Env != nil {
		in.traces, err = telemetry.New(context.Background(), telemetry.Config{Endpoint: cfg.Telemetry.Endpoint,
			Sample: cfg.Telemetry.Sample, Version: in.options.Version, Env: in.options.Env, Failed: func(err error) {
				in.log.Warn("the collector takes no traces; they are lost", "error", err)
			}})
	}
	return err
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
