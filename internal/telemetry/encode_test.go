package telemetry_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"bff/internal/telemetry"
	"bff/internal/testenv"
)

// messages is a collector that keeps what it was sent as it came.
type messages struct {
	*httptest.Server
	mu  sync.Mutex
	all []*otlp.ResourceSpans
}

func newMessages(t *testing.T) *messages {
	t.Helper()
	m := &messages{}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(http.MaxBytesReader(w, r.Body, 16<<20))
		var got collector.ExportTraceServiceRequest
		if err := proto.Unmarshal(body, &got); err != nil {
			t.Error(err)
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		m.all = append(m.all, got.ResourceSpans...)
	}))
	t.Cleanup(m.Close)
	return m
}

// scopes are the spans of all messages, by the scope and the name of each.
func (m *messages) scopes() map[string]*otlp.Span {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[string]*otlp.Span{}
	for _, r := range m.all {
		for _, s := range r.ScopeSpans {
			for _, span := range s.Spans {
				out[fmt.Sprint(s.Scope.Name, s.Scope.Version, s.SchemaUrl, " ", span.Name)] = span
			}
		}
	}
	return out
}

// A span in which everything may leave is written as the library's exporter writes it.
func TestSpansAreWrittenAsTheLibraryWritesThem(t *testing.T) {
	ours, theirs := newMessages(t), newMessages(t)
	tel, err := telemetry.New(t.Context(), telemetry.Config{Endpoint: ours.URL, Sample: 1, Version: "1.2.3",
		Env: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	standard, err := otlptracehttp.New(t.Context(), otlptracehttp.WithEndpointURL(theirs.URL+"/v1/traces"))
	if err != nil {
		t.Fatal(err)
	}
	provider := tel.Provider().(*sdktrace.TracerProvider)
	provider.RegisterSpanProcessor(sdktrace.NewSimpleSpanProcessor(standard))
	state, _ := oteltrace.ParseTraceState("vendor=1,other=2")
	far := oteltrace.ContextWithRemoteSpanContext(t.Context(), oteltrace.NewSpanContext(oteltrace.SpanContextConfig{
		TraceID: oteltrace.TraceID{1}, SpanID: oteltrace.SpanID{2}, TraceFlags: oteltrace.FlagsSampled, TraceState: state}))
	for i, c := range []struct {
		ctx    context.Context
		kind   oteltrace.SpanKind
		status codes.Code
		attrs  []attribute.KeyValue
	}{
		{t.Context(), oteltrace.SpanKindServer, codes.Unset, nil},
		{far, oteltrace.SpanKindClient, codes.Error, []attribute.KeyValue{attribute.String("bff.text", "ä\"\x00"),
			attribute.String("bff.empty", ""), attribute.Int("http.response.status_code", 503), attribute.Int("bff.minus", -1),
			attribute.Int64("bff.large", 1<<62), attribute.Bool("bff.yes", true), attribute.Bool("bff.no", false),
			attribute.Float64("bff.part", -0.5)}},
		{t.Context(), oteltrace.SpanKindInternal, codes.Ok, nil},
		{t.Context(), oteltrace.SpanKindProducer, codes.Unset, nil},
		{t.Context(), oteltrace.SpanKindConsumer, codes.Unset, nil},
		{t.Context(), oteltrace.SpanKindUnspecified, codes.Unset, nil},
	} {
		ctx, span := provider.Tracer(fmt.Sprint("scope", i%2), oteltrace.WithInstrumentationVersion("0.1"),
			oteltrace.WithSchemaURL("https://schema.example")).Start(c.ctx, fmt.Sprint("span ", i), oteltrace.WithSpanKind(c.kind),
			oteltrace.WithAttributes(c.attrs...),
			oteltrace.WithLinks(oteltrace.LinkFromContext(far), oteltrace.Link{SpanContext: oteltrace.NewSpanContext(
				oteltrace.SpanContextConfig{TraceID: oteltrace.TraceID{3}, SpanID: oteltrace.SpanID{4}})}))
		span.SetStatus(c.status, "")
		_, below := provider.Tracer("below").Start(ctx, fmt.Sprint("below ", i))
		below.End()
		span.End()
	}
	if err := tel.Close(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	got, want := ours.scopes(), theirs.scopes()
	// Whether a status that nobody set is left out or written empty is the same to whoever reads it.
	for _, spans := range []map[string]*otlp.Span{got, want} {
		for _, s := range spans {
			if proto.Size(s.Status) == 0 {
				s.Status = nil
			}
		}
	}
	if d := cmp.Diff(want, got, protocmp.Transform()); d != "" || len(want) != 12 {
		t.Errorf("%d spans; (-library's, +ours)\n%s", len(want), d)
	}
	if d := cmp.Diff(theirs.all[0].Resource, ours.all[0].Resource, protocmp.Transform()); d != "" {
		t.Errorf("resource (-library's, +ours)\n%s", d)
	}
	if len(ours.all) != 1 {
		t.Errorf("12 spans came in %d messages", len(ours.all))
	}
}

// Every span of many at once arrives, however they meet the batches.
func TestManySpansAtOnceAllArrive(t *testing.T) {
	t.Setenv("OTEL_BSP_MAX_QUEUE_SIZE", "100000") // what is lost for want of room there is not what is looked for
	m := newMessages(t)
	tel, err := telemetry.New(t.Context(), telemetry.Config{Endpoint: m.URL, Sample: 1,
		Env: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	const runners, each = 8, 1500
	var all sync.WaitGroup
	for i := range runners {
		all.Go(func() {
			for j := range each {
				_, span := tel.Provider().Tracer("bff").Start(t.Context(), fmt.Sprint(i, " ", j))
				span.End()
			}
		})
	}
	testenv.Finished(t, "all of them", all.Wait)
	if err := tel.Close(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	if got := len(m.scopes()); got != runners*each {
		t.Errorf("%d of %d spans arrived", got, runners*each)
	}
}

// A span that nothing follows leaves all the same.
func TestASpanThatIsAloneLeavesSoon(t *testing.T) {
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
	m := newMessages(t)
	tel, err := telemetry.New(t.Context(), telemetry.Config{Endpoint: m.URL, Sample: 1,
		Env: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	defer tel.Close(context.WithoutCancel(t.Context()))
	for _, name := range []string{"first", "second"} { // the second finds that the first one's timer is gone
		_, span := tel.Provider().Tracer("bff").Start(t.Context(), name)
		span.End()
		testenv.Eventually(t, "the span "+name, func() bool { return m.scopes()["bff "+name] != nil })
	}
}
