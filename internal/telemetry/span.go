package telemetry

import (
	"crypto/rand"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// span is one of the two of a proxied call. It keeps what is known while the call runs, and makes attributes of that
// when it leaves, on the goroutine that sends. Package otelhttp makes the same spans, as a test compares.
//
// What of its two interfaces is not here either does nothing, as adding an event does, of which nothing would leave, or
// is asked by nobody between its end and the encoder.
type span struct {
	noop.Span
	sdktrace.ReadOnlySpan // nil

	t            *Telemetry
	kind         trace.SpanKind
	at, above    trace.SpanContext
	began, ended time.Time

	method, host, proto string // of the request
	tls                 bool
	status              int    // of the answer; 0: there is none
	failed              string // error.type

	mu   sync.Mutex
	over bool
	name string
	code codes.Code
	more []attribute.KeyValue // set by others
	room [2]attribute.KeyValue
}

func newSpanID() (id trace.SpanID) {
	_, _ = rand.Read(id[:]) // it never fails; all zero, which would name no span, does not come
	return id
}

// scope is that of all spans of this package.
const scope = "bff"

// SpanContext implements [trace.Span] and [sdktrace.ReadOnlySpan].
func (s *span) SpanContext() trace.SpanContext { return s.at }

// TracerProvider implements [trace.Span]: it makes the spans below this one.
func (s *span) TracerProvider() trace.TracerProvider { return s.t.provider }

// IsRecording implements [trace.Span].
func (s *span) IsRecording() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.over
}

// SetName implements [trace.Span].
func (s *span) SetName(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		s.name = name
	}
}

// SetStatus implements [trace.Span]. The text does not leave.
func (s *span) SetStatus(code codes.Code, _ string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		s.code = max(s.code, code) // Ok is above Error, as the standard has it
	}
}

// SetAttributes implements [trace.Span].
func (s *span) SetAttributes(all ...attribute.KeyValue) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return
	}
	if s.more == nil {
		s.more = s.room[:0]
	}
	s.more = append(s.more, all...)
}

// End implements [trace.Span].
func (s *span) End(...trace.SpanEndOption) {
	s.mu.Lock()
	ended := s.over
	s.over = true
	s.mu.Unlock()
	if !ended {
		s.ended = time.Now()
		s.t.gathered.OnEnd(s)
	}
}

// Name implements [sdktrace.ReadOnlySpan], as what follows does. It is for whoever has the span after its end.
func (s *span) Name() string { return s.name }

func (s *span) Parent() trace.SpanContext { return s.above }
func (s *span) SpanKind() trace.SpanKind  { return s.kind }
func (s *span) StartTime() time.Time      { return s.began }
func (s *span) EndTime() time.Time        { return s.ended }
func (s *span) Links() []sdktrace.Link    { return nil }
func (s *span) Status() sdktrace.Status   { return sdktrace.Status{Code: s.code} }
func (s *span) InstrumentationScope() instrumentation.Scope {
	return instrumentation.Scope{Name: scope}
}

func (s *span) Attributes() []attribute.KeyValue {
	scheme, usual := "http", 80
	if s.tls {
		scheme, usual = "https", 443
	}
	out := make([]attribute.KeyValue, 0, 10)
	out = append(append(out, s.more...), method(s.method))
	if s.kind == trace.SpanKindServer {
		out = append(out, semconv.URLScheme(scheme))
	}
	if s.status != 0 {
		out = append(out, semconv.HTTPResponseStatusCode(s.status))
	}
	if s.failed != "" {
		out = append(out, semconv.ErrorTypeKey.String(s.failed))
	}
	return address(protocol(out, s.proto), s.host, usual)
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
