package telemetry

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	bff "bff/internal/trace"
)

// The two spans of a proxied call are made here by hand: package otelhttp makes the same ones, as a test compares, for
// four times the time, of which most goes into attributes of metrics that nobody reads.

// A Served is the span of a request that is recorded, and writes its answer. It is for one goroutine.
type Served struct {
	http.ResponseWriter
	span   trace.Span
	r      *http.Request
	status int // 0: nothing was written
}

// Begin says how a request is traced: the context for it, with the names it was given, and its span, nil where it is not
// recorded. A trace context in its header counts: the caller has removed one that is not trusted. A nil Telemetry
// records nothing.
func (t *Telemetry) Begin(r *http.Request, named bff.Request) (context.Context, *Served) {
	if t == nil {
		return bff.With(r.Context(), named), nil
	}
	ctx, recorded := t.decide(r, named)
	if !recorded {
		return ctx, nil
	}
	name := r.Method
	if method(name) == semconv.HTTPRequestMethodOther {
		name = "HTTP"
	}
	ctx, span := t.tracer.Start(ctx, name, asServer)
	return ctx, &Served{span: span, r: r}
}

var (
	asServer = trace.WithSpanKind(trace.SpanKindServer)
	asClient = trace.WithSpanKind(trace.SpanKindClient)
)

// Watch returns a writer for the answer of the request, which passes everything on to w.
func (s *Served) Watch(w http.ResponseWriter) http.ResponseWriter {
	s.ResponseWriter = w
	return s
}

// WriteHeader implements [http.ResponseWriter].
func (s *Served) WriteHeader(status int) {
	if s.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		s.status = status
	}
	s.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (s *Served) Write(b []byte) (int, error) {
	if s.status == 0 {
		s.status = http.StatusOK
	}
	return s.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (s *Served) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// End ends the span. A request that nothing was written for counts as 200, which is what net/http makes of it.
func (s *Served) End() {
	status := s.status
	if status == 0 {
		status = http.StatusOK
	}
	if status >= 500 {
		s.span.SetStatus(codes.Error, "")
	}
	scheme, usual := "http", 80
	if s.r.TLS != nil {
		scheme, usual = "https", 443
	}
	attrs := make([]attribute.KeyValue, 0, 6)
	attrs = append(attrs, method(s.r.Method), semconv.URLScheme(scheme), semconv.HTTPResponseStatusCode(status))
	s.span.SetAttributes(address(protocol(attrs, s.r.Proto), s.r.Host, usual)...)
	s.span.End()
}

// method is a request's method where it is one of the standard's: others may hold anything.
func method(name string) attribute.KeyValue {
	switch name {
	case http.MethodGet:
		return semconv.HTTPRequestMethodGet
	case http.MethodPost:
		return semconv.HTTPRequestMethodPost
	case http.MethodPut:
		return semconv.HTTPRequestMethodPut
	case http.MethodPatch:
		return semconv.HTTPRequestMethodPatch
	case http.MethodDelete:
		return semconv.HTTPRequestMethodDelete
	case http.MethodHead:
		return semconv.HTTPRequestMethodHead
	case http.MethodOptions:
		return semconv.HTTPRequestMethodOptions
	case http.MethodConnect:
		return semconv.HTTPRequestMethodConnect
	case http.MethodTrace:
		return semconv.HTTPRequestMethodTrace
	}
	return semconv.HTTPRequestMethodOther
}

// protocol adds the version of HTTP.
func protocol(to []attribute.KeyValue, proto string) []attribute.KeyValue {
	if _, version, ok := strings.Cut(proto, "/"); ok {
		to = append(to, semconv.NetworkProtocolVersion(version))
	}
	return to
}

// address adds a host, and its port where it is not the usual one.
func address(to []attribute.KeyValue, host string, usual int) []attribute.KeyValue {
	name, text, err := net.SplitHostPort(host)
	if err != nil {
		return append(to, semconv.ServerAddress(strings.Trim(host, "[]")))
	}
	to = append(to, semconv.ServerAddress(name))
	if port, err := strconv.ParseUint(text, 10, 16); err == nil && int(port) != usual && port > 0 {
		to = append(to, semconv.ServerPort(int(port)))
	}
	return to
}
