package trace

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"slices"

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

// Bytes are 128 random bits that r has to itself, never all zero: those of its id, or where that is not one of NewID's,
// others. They are no secret from whoever knows the id.
func (r Request) Bytes() (b [16]byte) {
	if len(r.ID) == idLength && decode(b[:], r.ID) && b != [16]byte{} {
		return b
	}
	_, _ = rand.Read(b[:]) // it never fails; all zero does not come
	return b
}

// idLength is that of what rand.Text returns.
const idLength = 26

// decode reads base32 (RFC 4648 section 6) until to is full.
func decode(to []byte, text string) bool {
	bits, have, n := uint(0), 0, 0
	for i := 0; i < len(text) && n < len(to); i++ {
		var five byte
		switch c := text[i]; {
		case 'A' <= c && c <= 'Z':
			five = c - 'A'
		case '2' <= c && c <= '7':
			five = c - '2' + 26
		default:
			return false
		}
		bits, have = bits<<5|uint(five), have+5
		if have >= 8 {
			have -= 8
			to[n] = byte(bits >> have)
			n++
		}
	}
	return n == len(to)
}

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
	return &unrecorded{named{ctx, r, [1]string{r.ID}}, place{at: at}}
}

// unrecorded is a context with a Request and a place, in one piece of memory.
type unrecorded struct {
	named
	place place
}

func (u *unrecorded) Value(k any) any {
	if k == spanKey {
		return &u.place
	}
	return u.named.Value(k)
}

// Recorded is With for a request that has a span.
func Recorded(ctx context.Context, r Request, s oteltrace.Span) context.Context {
	return &recorded{named{ctx, r, [1]string{r.ID}}, s}
}

// recorded is a context with a Request and a span, in one piece of memory.
type recorded struct {
	named
	span oteltrace.Span
}

func (r *recorded) Value(k any) any {
	if k == spanKey {
		return r.span
	}
	return r.named.Value(k)
}

// spanKey is the key under which OpenTelemetry looks for the span of a context.
var spanKey = func() any {
	var p probe
	_ = oteltrace.SpanFromContext(&p)
	return p.asked
}()

// probe is a context that notes what it is asked for.
type probe struct {
	context.Context
	asked any
}

func (p *probe) Value(k any) any {
	p.asked = k
	return nil
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
// BFF-* are between a browser and bff, and X-Request-Id is what programs log by default.
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

// Forget takes out of the header of a request that nobody vouches for whatever would place it in a trace of the
// operator's, have it recorded, or be read beside it: W3C Trace Context and Baggage, and what other propagators of
// OpenTelemetry and older tracers read, in any spelling that servers take for theirs.
func Forget(h http.Header) {
	for name := range h {
		if places(name) {
			delete(h, name)
		}
	}
}

// places reports whether a field is one of a tracer's.
func places(name string) bool {
	if name == "" {
		return false
	}
	var whole, begins []string
	switch name[0] | 0x20 { // most fields are none, and cost nothing
	case 't':
		whole = []string{"traceparent", "tracestate"}
	case 'b':
		whole = []string{"b3", "baggage"}
	case 'u':
		whole, begins = []string{"uber-trace-id"}, []string{"uberctx-"}
	case 'o':
		begins = []string{"ot-tracer-", "ot-baggage-"}
	case 'x':
		whole, begins = []string{"x-ot-span-context"}, []string{"x-b3-", "x-datadog-"}
	case 'g':
		whole = []string{"grpc-trace-bin", "grpc-tags-bin"}
	case 's':
		whole, begins = []string{"sw8"}, []string{"sw8-"}
	}
	return slices.ContainsFunc(whole, func(w string) bool { return len(name) == len(w) && spelled(name, w) }) ||
		slices.ContainsFunc(begins, func(b string) bool { return spelled(name, b) })
}

// spelled reports whether a name begins with text, which is in lower case, where "_" and "." count as "-".
func spelled(name, text string) bool {
	if len(name) < len(text) {
		return false
	}
	for i := range len(text) {
		c := name[i]
		switch {
		case 'A' <= c && c <= 'Z':
			c |= 0x20
		case c == '_', c == '.':
			c = '-'
		}
		if c != text[i] {
			return false
		}
	}
	return true
}
