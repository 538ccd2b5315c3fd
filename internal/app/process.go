package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"bff/internal/api/metrics"
	"bff/internal/audit"
	"bff/internal/config"
	"bff/internal/explain"
	"bff/internal/proxy"
	"bff/internal/proxy/wire"
	"bff/internal/telemetry"
)

// A process is what an instance has once, whatever configuration it reads later.
type process struct {
	log       *slog.Logger
	options   Options
	counted   *metrics.Metrics
	upstreams http.RoundTripper // shared by all apis
	audit     *audit.Log        // nil: none
	calls     *explain.Calls    // that went well
	traces    *telemetry.Telemetry
}

// newProcess opens the audit log and starts the telemetry, where they are wanted. A reload does not change them.
func newProcess(cfg *config.Config, o Options) (p *process, err error) {
	p = &process{log: o.Log, options: o, counted: metrics.New(nil, o.Version), calls: explain.NewCalls()}
	if o.Record && !o.HandOver {
		if p.audit, err = newAuditLog(cfg.Log.Audit, o.Stderr, o.Log, p.counted.AuditLost); err != nil {
			return nil, err
		}
	}
	if o.Env != nil {
		p.traces, err = telemetry.New(context.Background(), telemetry.Config{Endpoint: cfg.Telemetry.Endpoint,
			Sample: cfg.Telemetry.Sample, Version: o.Version, Env: o.Env, Failed: func(err error) {
				o.Log.Warn("the collector takes no traces; they are lost", "error", err)
			}})
		if err != nil {
			return nil, err
		}
	}
	p.upstreams = p.traces.Upstream(p.network(upstreams(cfg)))
	return p, nil
}

// newAuditLog opens what `log.audit` names, nil for none.
func newAuditLog(to string, stderr io.Writer, log *slog.Logger, lost func()) (*audit.Log, error) {
	how := audit.LogConfig{Failed: func(e audit.Event, err error) {
		lost()
		log.Error("the audit log cannot be written, and lacks an event", "event", string(e.Kind), "request", e.Request,
			"user", e.User, "error", err)
	}}
	path, isFile := strings.CutPrefix(to, "file:")
	switch {
	case to == "":
		return nil, nil
	case !isFile:
		return audit.NewLog(stderr, how), nil
	}
	l, err := audit.OpenLog(path, how)
	if err != nil {
		return nil, fmt.Errorf("log.audit: %w", err)
	}
	return l, nil
}

// upstreams are the connections to what is called.
func upstreams(cfg *config.Config) http.RoundTripper {
	if cfg.Proxy.Standard {
		return proxy.NewTransport()
	}
	return wire.New(proxy.NewTransport())
}

// network is what carries requests: usual, or what the options have instead.
func (p *process) network(usual http.RoundTripper) http.RoundTripper {
	if p.options.Network != nil {
		return p.options.Network
	}
	return usual
}
