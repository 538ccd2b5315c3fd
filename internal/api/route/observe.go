package route

import (
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/attribute"
	oteltrace "go.opentelemetry.io/otel/trace"

	"bff/internal/api/problem"
	"bff/internal/audit"
	"bff/internal/trace"
)

// maxLoggedPath bounds what a line of the access log says of a path, in bytes. A query is never logged.
const maxLoggedPath = 256

// observed writes down a request that was answered: the line of the access log, and the name of its span.
func (cfg *Config) observed(c *Call, status int, began time.Time) {
	span := oteltrace.SpanFromContext(c.Ctx())
	if span.IsRecording() {
		span.SetName(c.Row.Method + " " + c.Row.Path)
		span.SetAttributes(
			attribute.String("http.route", c.Row.Path),
			attribute.String("bff.request", trace.From(c.Ctx()).ID),
		)
	}
	level := slog.LevelDebug
	if cfg.AccessLog {
		level = slog.LevelInfo
	} else if c.Row.Keep == Carried || !cfg.Log.Enabled(c.Ctx(), level) {
		return
	}
	path := c.R.URL.EscapedPath()
	attrs := []slog.Attr{slog.String("method", c.R.Method), slog.String("route", c.Row.Path),
		slog.String("path", path[:min(len(path), maxLoggedPath)]), slog.Int("status", status),
		slog.Int64("milliseconds", time.Since(began).Milliseconds()), slog.String("addr", cfg.Peers.Address(c.R).String())}
	if c.Session != nil {
		attrs = append(attrs, slog.String("user", c.Session.User.ID), slog.String("session", c.Session.ID))
	}
	if c.Client != nil {
		attrs = append(attrs, slog.String("client", c.Client.Name))
	}
	if code := c.W.Header().Get("BFF-Error"); code != "" {
		attrs = append(attrs, slog.String("code", code))
	}
	cfg.Log.LogAttrs(c.Ctx(), level, "request", attrs...)
}

// recordProblem notes for explanations why a request was not served.
func (c *Call) recordProblem(p *problem.Problem) {
	if p.Code == problem.NotFound || p.Code == problem.MethodNotAllowed {
		return
	}
	e := audit.Event{Kind: audit.CallRefused, Code: string(p.Code), Provider: p.Provider, Connection: p.Connection,
		Missing: append(append([]string(nil), p.MissingScopes...), p.MissingRights...)}
	switch p.Code {
	case problem.UpstreamFailed, problem.UpstreamTimeout, problem.Internal:
		e.Kind = audit.CallFailed
	case problem.StoreUnavailable:
		e.Kind = audit.StoreFailed
	case problem.ProviderUnavailable, problem.ProviderMisconfigured:
		e.Kind = audit.RefreshFailed
	}
	if c.Row.Keep == Carried {
		e.API = c.Row.Path
	}
	c.Record(e)
}

// Record writes an event of a call down, with who caused it: the client, else the person.
func (c *Call) Record(e audit.Event) {
	if c.audit == nil {
		return
	}
	ctx := c.Ctx()
	if e.Request == "" {
		e.Request = trace.From(ctx).ID
	}
	if c.Session != nil && e.User == "" {
		e.User, e.Session = c.Session.User.ID, c.Session.ID
	}
	if e.Actor.Kind == "" {
		switch {
		case c.Client != nil:
			e.Actor, e.Client = audit.Actor{Kind: audit.ByClient, Name: c.Client.Name}, c.Client.Name
		default:
			e.Actor = audit.Actor{Kind: audit.ByUser, Name: e.User}
		}
	}
	c.audit.Record(ctx, e)
}
