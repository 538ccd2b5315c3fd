package telemetry

import (
	"context"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	bff "bff/internal/trace"
)

// A Served is the span of a request that is recorded, and writes its answer. It is for one goroutine.
type Served struct {
	http.ResponseWriter
	span *span
}

// Begin says how a request is traced: the context for it, with the names it was given, and its span, nil where it is not
// recorded. A trace context in its header counts: the caller has removed one that is not trusted. A nil Telemetry
// records nothing.
func (t *Telemetry) Begin(r *http.Request, named bff.Request) (context.Context, *Served) {
	if t == nil {
		return bff.With(r.Context(), named), nil
	}
	at, above, recorded := t.decide(r, named)
	if !recorded {
		return bff.Unrecorded(r.Context(), named, at), nil
	}
	name := r.Method
	if method(name) == semconv.HTTPRequestMethodOther {
		name = "HTTP"
	}
	s := &span{t: t, kind: trace.SpanKindServer, at: at, above: above, began: time.Now(), name: name,
		method: r.Method, host: r.Host, proto: r.Proto, tls: r.TLS != nil}
	return bff.Recorded(r.Context(), named, s), &Served{span: s}
}

// Watch returns a writer for the answer of the request, which passes everything on to w.
func (s *Served) Watch(w http.ResponseWriter) http.ResponseWriter {
	s.ResponseWriter = w
	return s
}

// WriteHeader implements [http.ResponseWriter].
func (s *Served) WriteHeader(status int) {
	if s.span.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		s.span.status = status
	}
	s.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (s *Served) Write(b []byte) (int, error) {
	if s.span.status == 0 {
		s.span.status = http.StatusOK
	}
	return s.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (s *Served) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// End ends the span. A request that nothing was written for counts as 200, which is what net/http makes of it.
func (s *Served) End() {
	if s.span.status == 0 {
		s.span.status = http.StatusOK
	}
	if s.span.status >= 500 {
		s.span.SetStatus(codes.Error, "")
	}
	s.span.End()
}
