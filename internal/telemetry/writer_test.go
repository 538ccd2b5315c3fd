package telemetry_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	oteltrace "go.opentelemetry.io/otel/trace"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"bff/internal/telemetry"
)

// kept is a client that keeps what it is to upload.
type kept struct{ got []*tracepb.ResourceSpans }

func (k *kept) Start(context.Context) error { return nil }
func (k *kept) Stop(context.Context) error  { return nil }
func (k *kept) UploadTraces(_ context.Context, spans []*tracepb.ResourceSpans) error {
	k.got = spans
	return nil
}

// What leaves is what the library's own exporter writes, without what is not on the list.
func TestSpansAreWrittenAsTheLibraryWritesThem(t *testing.T) {
	state, err := oteltrace.ParseTraceState("vendor=1")
	if err != nil {
		t.Fatal(err)
	}
	at := func(n byte, remote bool) oteltrace.SpanContext {
		return oteltrace.NewSpanContext(oteltrace.SpanContextConfig{TraceID: oteltrace.TraceID{n, 1}, TraceState: state,
			SpanID: oteltrace.SpanID{n, 2}, TraceFlags: oteltrace.FlagsSampled, Remote: remote})
	}
	about := resource.NewSchemaless(attribute.String("service.name", "bff"), attribute.Int("a.number", 7))
	var stubs tracetest.SpanStubs
	for i := range 200 { // of several pieces of memory
		n := byte(i)
		stub := tracetest.SpanStub{Name: fmt.Sprint("span ", i), SpanContext: at(n, false), Resource: about,
			SpanKind: oteltrace.SpanKind(i % 7), StartTime: time.Unix(1, int64(i)), EndTime: time.Unix(2, int64(i)),
			Status: sdktrace.Status{Code: codes.Code(i % 3), Description: planted},
			Events: []sdktrace.Event{{Name: planted}},
			Attributes: []attribute.KeyValue{attribute.Int("http.response.status_code", i), attribute.String("url.full", planted),
				attribute.String("bff.provider", fmt.Sprint(i)), attribute.String("error.type", "x")},
			InstrumentationScope: instrumentation.Scope{Name: "bff"}}
		if i%2 == 0 {
			stub.Parent = at(n+1, i%4 == 0)
			stub.Links = []sdktrace.Link{{SpanContext: at(n+2, i%3 == 0)}}
		}
		stubs = append(stubs, stub)
	}
	var ours, theirs kept
	if err := telemetry.NewAllowed(&ours, about).ExportSpans(t.Context(), stubs.Snapshots()); err != nil {
		t.Fatal(err)
	}
	library, err := otlptrace.New(t.Context(), &theirs)
	if err != nil || library.ExportSpans(t.Context(), stubs.Snapshots()) != nil {
		t.Fatal(err)
	}
	for _, s := range theirs.got[0].ScopeSpans[0].Spans {
		s.Events, s.Status.Message = nil, ""
		s.Attributes = slices.DeleteFunc(s.Attributes, func(kv *commonpb.KeyValue) bool {
			return !telemetry.Listed(attribute.Key(kv.Key))
		})
	}
	if len(ours.got) != 1 || len(theirs.got) != 1 || !proto.Equal(ours.got[0], theirs.got[0]) {
		t.Errorf("what leaves is\n%v\nwant\n%v", ours.got, theirs.got)
	}
}
