package telemetry

import (
	"io"
	"maps"
	"net/http"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	oteltrace "go.opentelemetry.io/otel/trace"

	"bff/internal/trace"
)

// Upstream makes a span of every proxied call that leaves within a request which is recorded, and hands on the trace
// context. It is Transport for calls of which there are many.
func (t *Telemetry) Upstream(next http.RoundTripper) http.RoundTripper {
	if t == nil {
		return next
	}
	calls := &transport{next: next, spans: &upstream{next: next, tracer: t.tracer}}
	if _, ok := next.(interface{ Hints() }); ok {
		return hinting{calls}
	}
	return calls
}

// hinting is a transport to upstreams over one that has Hints: whoever calls need not put a ClientTrace into the context.
type hinting struct{ *transport }

func (hinting) Hints() {}

type upstream struct {
	next   http.RoundTripper
	tracer oteltrace.Tracer
}

// RoundTrip implements [http.RoundTripper]. The span ends with the body of the answer.
func (u *upstream) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, span := u.tracer.Start(r.Context(), "HTTP "+r.Method, asClient)
	out := r.WithContext(ctx)
	out.Header = maps.Clone(r.Header) // r is the caller's
	trace.Place(span.SpanContext(), out.Header)
	attrs := make([]attribute.KeyValue, 0, 6)
	usual := 80
	if r.URL.Scheme == "https" {
		usual = 443
	}
	attrs = address(append(attrs, method(r.Method)), r.URL.Host, usual)
	res, err := u.next.RoundTrip(out)
	if err != nil {
		span.SetAttributes(append(protocol(attrs, r.Proto), semconv.ErrorType(err))...)
		span.SetStatus(codes.Error, "")
		span.End()
		return res, err
	}
	attrs = append(protocol(attrs, res.Proto), semconv.HTTPResponseStatusCode(res.StatusCode))
	if res.StatusCode >= 400 {
		attrs = append(attrs, semconv.ErrorTypeKey.String(strconv.Itoa(res.StatusCode)))
		span.SetStatus(codes.Error, "")
	}
	span.SetAttributes(attrs...)
	body := &answered{res.Body, span}
	switch b := res.Body.(type) {
	case io.Writer: // what an upgrade made of the connection
		res.Body = struct {
			io.ReadCloser
			io.Writer
		}{body, b}
	case buffered:
		res.Body = struct {
			io.ReadCloser
			buffered
		}{body, b}
	default:
		res.Body = body
	}
	return res, nil
}

// buffered is a body that says how much of it is here already: package proxy passes on what is whole in one piece.
type buffered interface{ Buffered() int }

// answered is the body of an answer, with the end of which the span ends.
type answered struct {
	io.ReadCloser
	span oteltrace.Span
}

func (a *answered) Read(b []byte) (int, error) {
	n, err := a.ReadCloser.Read(b)
	switch err {
	case nil:
	case io.EOF:
		a.span.End()
	default:
		a.span.SetAttributes(semconv.ErrorType(err))
		a.span.SetStatus(codes.Error, "")
	}
	return n, err
}

func (a *answered) Close() error {
	a.span.End()
	return a.ReadCloser.Close()
}
