package telemetry

import (
	"math"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	resources "go.opentelemetry.io/proto/otlp/resource/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
)

// Spans are written as protobuf here, with what may leave of them and nothing else: neither their events, of which an
// exception's message may repeat an address, nor the text of a status, nor what a link says beside where it leads. The
// library's exporter makes a tree of messages of every span first, which is half of what a recorded call allocates.

// The numbers of the fields are those of opentelemetry/proto/trace/v1/trace.proto and common/v1/common.proto.
const (
	spansOfScope = 2 // ScopeSpans.spans

	spanTraceID, spanID, spanTraceState, spanParent = 1, 2, 3, 4
	spanName, spanKind, spanStart, spanEnd          = 5, 6, 7, 8
	spanAttribute, spanLink, spanStatus, spanFlags  = 9, 13, 15, 16

	linkTraceID, linkSpanID, linkFlags = 1, 2, 6
	statusCode                         = 3
	pairKey, pairValue                 = 1, 2

	valueText, valueBool, valueInt, valueFloat = 1, 2, 3, 4
)

// encoder writes batches of spans. It is for one goroutine.
type encoder struct {
	about  *resources.Resource
	scopes []instrumentation.Scope
	spans  [][]byte // of the scope in the same place
	one    []byte   // the span that is being written
}

func newEncoder(about []attribute.KeyValue) *encoder {
	e := &encoder{about: &resources.Resource{}}
	for _, kv := range about {
		e.about.Attributes = append(e.about.Attributes, &common.KeyValue{Key: string(kv.Key),
			Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: kv.Value.String()}}})
	}
	return e
}

// batch is what a collector is sent of spans. It is good until the next one is made.
func (e *encoder) batch(spans []sdktrace.ReadOnlySpan) []*otlp.ResourceSpans {
	for i := range e.spans {
		e.spans[i] = e.spans[i][:0]
	}
	for _, s := range spans {
		to := e.scope(s.InstrumentationScope())
		e.one = appendSpan(e.one[:0], s)
		*to = protowire.AppendBytes(protowire.AppendTag(*to, spansOfScope, protowire.BytesType), e.one)
	}
	out := &otlp.ResourceSpans{Resource: e.about}
	for i, scope := range e.scopes {
		if len(e.spans[i]) == 0 {
			continue
		}
		of := &otlp.ScopeSpans{Scope: &common.InstrumentationScope{Name: scope.Name, Version: scope.Version},
			SchemaUrl: scope.SchemaURL}
		of.ProtoReflect().SetUnknown(e.spans[i]) // which is written as it is
		out.ScopeSpans = append(out.ScopeSpans, of)
	}
	return []*otlp.ResourceSpans{out}
}

// scope is where the spans of a scope are gathered. There are as many scopes as packages make spans.
func (e *encoder) scope(s instrumentation.Scope) *[]byte {
	for i := range e.scopes {
		if e.scopes[i].Name == s.Name && e.scopes[i].Version == s.Version {
			return &e.spans[i]
		}
	}
	e.scopes, e.spans = append(e.scopes, s), append(e.spans, nil)
	return &e.spans[len(e.spans)-1]
}

func appendSpan(to []byte, s sdktrace.ReadOnlySpan) []byte {
	at, parent := s.SpanContext(), s.Parent()
	trace, id := at.TraceID(), at.SpanID()
	to = appendBytes(to, spanTraceID, trace[:])
	to = appendBytes(to, spanID, id[:])
	if state := at.TraceState(); state.Len() > 0 {
		to = appendText(to, spanTraceState, state.String())
	}
	if above := parent.SpanID(); above.IsValid() {
		to = appendBytes(to, spanParent, above[:])
	}
	to = appendText(to, spanName, s.Name())
	to = appendInt(to, spanKind, uint64(kind(s.SpanKind())))
	to = append64(to, spanStart, uint64(max(0, s.StartTime().UnixNano())))
	to = append64(to, spanEnd, uint64(max(0, s.EndTime().UnixNano())))
	for _, kv := range s.Attributes() {
		if listed(kv) {
			to = appendAttribute(to, kv)
		}
	}
	for _, l := range s.Links() {
		to = appendLink(to, l.SpanContext)
	}
	switch s.Status().Code {
	case codes.Error:
		to = appendStatus(to, otlp.Status_STATUS_CODE_ERROR)
	case codes.Ok:
		to = appendStatus(to, otlp.Status_STATUS_CODE_OK)
	}
	return append32(to, spanFlags, flags(at, parent))
}

func appendStatus(to []byte, code otlp.Status_StatusCode) []byte {
	to = protowire.AppendTag(to, spanStatus, protowire.BytesType)
	to = protowire.AppendVarint(to, uint64(protowire.SizeTag(statusCode)+protowire.SizeVarint(uint64(code))))
	return appendInt(to, statusCode, uint64(code))
}

func appendLink(to []byte, at trace.SpanContext) []byte {
	id, span := at.TraceID(), at.SpanID()
	to = protowire.AppendTag(to, spanLink, protowire.BytesType)
	to = protowire.AppendVarint(to, uint64(protowire.SizeTag(linkTraceID)+protowire.SizeBytes(len(id))+
		protowire.SizeTag(linkSpanID)+protowire.SizeBytes(len(span))+protowire.SizeTag(linkFlags)+protowire.SizeFixed32()))
	to = appendBytes(appendBytes(to, linkTraceID, id[:]), linkSpanID, span[:])
	return append32(to, linkFlags, flags(at, at))
}

// flags are those of a place in a trace, and whether what is above it is in another process.
func flags(at, parent trace.SpanContext) uint32 {
	f := uint32(at.TraceFlags()) | uint32(otlp.SpanFlags_SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK)
	if parent.IsRemote() {
		f |= uint32(otlp.SpanFlags_SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK)
	}
	return f
}

// kind is a kind of span in the collector's numbers.
func kind(k trace.SpanKind) otlp.Span_SpanKind {
	switch k {
	case trace.SpanKindServer:
		return otlp.Span_SPAN_KIND_SERVER
	case trace.SpanKindClient:
		return otlp.Span_SPAN_KIND_CLIENT
	case trace.SpanKindProducer:
		return otlp.Span_SPAN_KIND_PRODUCER
	case trace.SpanKindConsumer:
		return otlp.Span_SPAN_KIND_CONSUMER
	}
	return otlp.Span_SPAN_KIND_INTERNAL
}

// appendAttribute writes a name and a value. What is neither text nor a number nor a truth is written as text.
func appendAttribute(to []byte, kv attribute.KeyValue) []byte {
	key, text, size := string(kv.Key), "", 0
	switch kv.Value.Type() {
	case attribute.BOOL:
		size = protowire.SizeTag(valueBool) + 1
	case attribute.INT64:
		size = protowire.SizeTag(valueInt) + protowire.SizeVarint(uint64(kv.Value.AsInt64()))
	case attribute.FLOAT64:
		size = protowire.SizeTag(valueFloat) + protowire.SizeFixed64()
	default:
		text = kv.Value.String()
		size = protowire.SizeTag(valueText) + protowire.SizeBytes(len(text))
	}
	to = protowire.AppendTag(to, spanAttribute, protowire.BytesType)
	to = protowire.AppendVarint(to, uint64(protowire.SizeTag(pairKey)+protowire.SizeBytes(len(key))+
		protowire.SizeTag(pairValue)+protowire.SizeBytes(size)))
	to = appendText(to, pairKey, key)
	to = protowire.AppendTag(to, pairValue, protowire.BytesType)
	to = protowire.AppendVarint(to, uint64(size))
	switch kv.Value.Type() {
	case attribute.BOOL:
		return appendInt(to, valueBool, protowire.EncodeBool(kv.Value.AsBool()))
	case attribute.INT64:
		return appendInt(to, valueInt, uint64(kv.Value.AsInt64()))
	case attribute.FLOAT64:
		return append64(to, valueFloat, math.Float64bits(kv.Value.AsFloat64()))
	}
	return appendText(to, valueText, text)
}

func appendBytes(to []byte, field protowire.Number, b []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(to, field, protowire.BytesType), b)
}

func appendText(to []byte, field protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(to, field, protowire.BytesType), s)
}

func appendInt(to []byte, field protowire.Number, n uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(to, field, protowire.VarintType), n)
}

func append32(to []byte, field protowire.Number, n uint32) []byte {
	return protowire.AppendFixed32(protowire.AppendTag(to, field, protowire.Fixed32Type), n)
}

func append64(to []byte, field protowire.Number, n uint64) []byte {
	return protowire.AppendFixed64(protowire.AppendTag(to, field, protowire.Fixed64Type), n)
}
