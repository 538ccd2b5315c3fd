package telemetry

import (
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// A writer writes spans in the words of OTLP. The library's own makes three objects of each attribute, which was half of
// what a recorded call cost; here those of one batch share few pieces of memory.
type writer struct {
	spans   pieces[tracepb.Span]
	states  pieces[tracepb.Status]
	attrs   pieces[commonpb.KeyValue]
	values  pieces[commonpb.AnyValue]
	strings pieces[commonpb.AnyValue_StringValue]
	numbers pieces[commonpb.AnyValue_IntValue]
	ids     []byte
}

// pieces are values that are allocated many at a time.
type pieces[T any] []T

func (p *pieces[T]) next() *T {
	if len(*p) == 0 {
		*p = make([]T, 64)
	}
	v := &(*p)[0]
	*p = (*p)[1:]
	return v
}

// span is what leaves of a span: neither its events, of which an exception's message may repeat an address, nor the
// text of its status.
func (w *writer) span(s sdktrace.ReadOnlySpan) *tracepb.Span {
	at, parent := s.SpanContext(), s.Parent()
	to := w.spans.next()
	to.TraceId, to.SpanId, to.TraceState = w.trace(at.TraceID()), w.id(at.SpanID()), at.TraceState().String()
	if parent.SpanID().IsValid() {
		to.ParentSpanId = w.id(parent.SpanID())
	}
	to.Flags = flags(at, parent)
	to.Name, to.Kind = s.Name(), kind(s.SpanKind())
	to.StartTimeUnixNano, to.EndTimeUnixNano = uint64(s.StartTime().UnixNano()), uint64(s.EndTime().UnixNano())
	attrs := s.Attributes()
	to.Attributes = make([]*commonpb.KeyValue, 0, len(attrs))
	for _, kv := range attrs {
		if listed(kv.Key) {
			to.Attributes = append(to.Attributes, w.attribute(kv))
		}
	}
	for _, l := range s.Links() {
		to.Links = append(to.Links, &tracepb.Span_Link{TraceId: w.trace(l.SpanContext.TraceID()),
			SpanId: w.id(l.SpanContext.SpanID()),
			Flags:  flags(l.SpanContext, l.SpanContext)})
	}
	to.Status = w.states.next()
	switch s.Status().Code {
	case codes.Ok:
		to.Status.Code = tracepb.Status_STATUS_CODE_OK
	case codes.Error:
		to.Status.Code = tracepb.Status_STATUS_CODE_ERROR
	}
	return to
}

// attribute writes one attribute. A value that is neither text nor a number is written as text.
func (w *writer) attribute(kv attribute.KeyValue) *commonpb.KeyValue {
	to := w.attrs.next()
	to.Key, to.Value = string(kv.Key), w.values.next()
	if kv.Value.Type() == attribute.INT64 {
		n := w.numbers.next()
		n.IntValue = kv.Value.AsInt64()
		to.Value.Value = n
		return to
	}
	text := w.strings.next()
	text.StringValue = kv.Value.String()
	to.Value.Value = text
	return to
}

func (w *writer) trace(id trace.TraceID) []byte { return w.bytes(id[:]) }

func (w *writer) id(id trace.SpanID) []byte { return w.bytes(id[:]) }

func (w *writer) bytes(b []byte) []byte {
	if cap(w.ids)-len(w.ids) < len(b) {
		w.ids = make([]byte, 0, 2048)
	}
	from := len(w.ids)
	w.ids = append(w.ids, b...)
	return w.ids[from:len(w.ids):len(w.ids)]
}

// flags are those of the trace context, and whether the parent, or what a link leads to, is of another process.
func flags(at, other trace.SpanContext) uint32 {
	f := uint32(at.TraceFlags()) | uint32(tracepb.SpanFlags_SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK)
	if other.IsRemote() {
		f |= uint32(tracepb.SpanFlags_SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK)
	}
	return f
}

func kind(k trace.SpanKind) tracepb.Span_SpanKind {
	switch k {
	case trace.SpanKindInternal:
		return tracepb.Span_SPAN_KIND_INTERNAL
	case trace.SpanKindServer:
		return tracepb.Span_SPAN_KIND_SERVER
	case trace.SpanKindClient:
		return tracepb.Span_SPAN_KIND_CLIENT
	case trace.SpanKindProducer:
		return tracepb.Span_SPAN_KIND_PRODUCER
	case trace.SpanKindConsumer:
		return tracepb.Span_SPAN_KIND_CONSUMER
	}
	return tracepb.Span_SPAN_KIND_UNSPECIFIED
}
