package trace

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"

	oteltrace "go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

type (
	key      struct{}
	fieldKey struct{}
)

// A Request is what names one request.
type Request struct {
	ID     string // as in the header BFF-Request-Id
	Parent string // traceparent of a trusted proxy, or ""
	State  string // tracestate that came with it, or ""
}

// NewID returns a fresh id of a request: 26 characters, unguessable.
func NewID() string { return rand.Text() }

// With returns a context that carries r.
func With(ctx context.Context, r Request) context.Context { return &named{ctx, r, [1]string{r.ID}} }

// named is a context with a Request, in one piece of memory.
type named struct {
	context.Context
	request Request
	field   [1]string // its id, as the value of a field
}

func (n *named) Value(k any) any {
	switch k.(type) {
	case key:
		return &n.request
	case fieldKey:
		return &n.field
	}
	return n.Context.Value(k)
}

// Unrecorded is With for a request that belongs to a trace, at a place of it that is not recorded.
func Unrecorded(ctx context.Context, r Request, at oteltrace.SpanContext) context.Context {
	n := &struct { // in one piece of memory
		named
		place
	}{named{ctx, r, [1]string{r.ID}}, place{at: at}}
	return oteltrace.ContextWithSpan(&n.named, &n.place)
}

// place is a span that says where it is and nothing else.
type place struct {
	noop.Span
	at oteltrace.SpanContext
}

func (p *place) SpanContext() oteltrace.SpanContext { return p.at }

// From returns what With put there, or the zero Request.
func From(ctx context.Context) Request {
	if r, ok := ctx.Value(key{}).(*Request); ok {
		return *r
	}
	return Request{}
}

// Field is the id of the context's request as the value of a header field, nil without one. It is shared: nobody
// writes to it.
func Field(ctx context.Context) []string {
	if f, ok := ctx.Value(fieldKey{}).(*[1]string); ok && f[0] != "" {
		return f[:]
	}
	return nil
}

// An answer says its request's id in Header. A request that leaves because of it has the id in Onward: the fields
// BFF-* are between a browser and bff, and X-Request-Id is what programs log without being told.
const (
	Header = "Bff-Request-Id"
	Onward = "X-Request-Id"
)

// Name writes the id of the context's request into the header of a request that leaves, unless the browser's program
// chose one there: some APIs tell a repeated call by it. Of a trace that is not
// recorded its context: whoever receives it records nothing either. Of one that is recorded, its span says more.
// Without a request it writes nothing.
func Name(ctx context.Context, h http.Header) {
	if id := Field(ctx); id != nil && h[Onward] == nil {
		h[Onward] = id
	}
	if in := oteltrace.SpanContextFromContext(ctx); in.IsValid() && !in.IsSampled() {
		Place(in, h)
	}
}

// Place writes a place in a trace into the header of a request that leaves (W3C Trace Context section 3).
func Place(at oteltrace.SpanContext, h http.Header) {
	id, span, flags := at.TraceID(), at.SpanID(), "-00"
	if at.IsSampled() {
		flags = "-01"
	}
	text := hex(make([]byte, 0, len("00-")+2*len(id)+2*len(span)+len("--00")), "00-", id[:])
	text = hex(text, "-", span[:])
	h["Traceparent"] = []string{string(append(text, flags...))}
	delete(h, "Tracestate")
	if state := at.TraceState().String(); state != "" {
		h["Tracestate"] = []string{state}
	}
}

func hex(to []byte, before string, bytes []byte) []byte {
	const digits = "0123456789abcdef"
	to = append(to, before...)
	for _, b := range bytes {
		to = append(to, digits[b>>4], digits[b&15])
	}
	return to
}

// Handler adds the id of the request to every record that is written with a context of one.
func Handler(next slog.Handler) slog.Handler { return handler{next} }

type handler struct{ slog.Handler }

func (h handler) Handle(ctx context.Context, r slog.Record) error {
	if id := From(ctx).ID; id != "" {
		r = r.Clone()
		r.AddAttrs(slog.String("request", id))
	}
	return h.Handler.Handle(ctx, r)
}

func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attrs)}
}

func (h handler) WithGroup(name string) slog.Handler { return handler{h.Handler.WithGroup(name)} }
