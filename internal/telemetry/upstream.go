package telemetry

import (
	"io"
	"net/http"
	"strconv"
	"time"

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
	calls := &transport{next: next, spans: &upstream{next: next, t: t}}
	if _, ok := next.(interface{ Hints() }); ok {
		return hinting{calls}
	}
	return calls
}

// hinting is a transport to upstreams over one that has Hints: whoever calls need not put a ClientTrace into the context.
type hinting struct{ *transport }

func (hinting) Hints() {}

type upstream struct {
	next http.RoundTripper
	t    *Telemetry
}

// RoundTrip implements [http.RoundTripper], but that it writes the trace context into the request's own header: package
// proxy makes one for every call. The span ends with the body of the answer.
func (u *upstream) RoundTrip(r *http.Request) (*http.Response, error) {
	above := oteltrace.SpanContextFromContext(r.Context())
	s := &span{t: u.t, kind: oteltrace.SpanKindClient, at: above.WithSpanID(newSpanID()).WithRemote(false), above: above,
		began: time.Now(), name: clientName(r.Method), method: r.Method, host: r.URL.Host, proto: r.Proto,
		tls: r.URL.Scheme == "https"}
	trace.Place(s.at, r.Header)
	res, err := u.next.RoundTrip(r)
	if err != nil {
		s.failed, s.code = semconv.ErrorType(err).Value.AsString(), codes.Error
		s.End()
		return res, err
	}
	s.proto, s.status = res.Proto, res.StatusCode
	if res.StatusCode >= 400 {
		s.failed, s.code = strconv.Itoa(res.StatusCode), codes.Error
	}
	body := &answered{res.Body, s}
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

// clientName is the name of a call's span.
func clientName(method string) string {
	if method == http.MethodGet {
		return "HTTP GET" // most are
	}
	return "HTTP " + method
}

// buffered is a body that says how much of it is here already: package proxy passes on what is whole in one piece.
type buffered interface{ Buffered() int }

// answered is the body of an answer, with the end of which the span ends.
type answered struct {
	io.ReadCloser
	span *span
}

func (a *answered) Read(b []byte) (int, error) {
	n, err := a.ReadCloser.Read(b)
	switch err {
	case nil:
	case io.EOF:
		a.span.End()
	default:
		a.span.SetAttributes(semconv.ErrorType(err)) // unless it has ended
		a.span.SetStatus(codes.Error, "")
	}
	return n, err
}

func (a *answered) Close() error {
	a.span.End()
	return a.ReadCloser.Close()
}
