package telemetry

import (
	"context"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// attributes are the names that may leave the process. Their values are of closed lists, of the configuration, or
// numbers. An address is not among them: some providers have tokens in paths.
var attributes = []attribute.Key{
	"http.request.method", "http.response.status_code", "http.route", "http.request.resend_count",
	"server.address", "server.port", "network.protocol.version", "url.scheme", "error.type",
	"db.system", "db.system.name", "db.operation", "db.operation.name", "db.redis.num_cmd",
}

// listed reports whether an attribute may leave.
func listed(key attribute.Key) bool {
	return strings.HasPrefix(string(key), "bff.") || slices.Contains(attributes, key)
}

// allowed is an exporter that writes of a span what is on the list and nothing else. What fails it reports itself: the
// library's own report goes to standard error, in a form that is not the log's. It is for one goroutine.
type allowed struct {
	client otlptrace.Client
	of     *resourcepb.Resource
	failed func(error)
	last   time.Time // when it was reported
}

func newAllowed(client otlptrace.Client, about *resource.Resource, failed func(error)) *allowed {
	of, w := &resourcepb.Resource{}, &writer{}
	for _, kv := range about.Attributes() {
		of.Attributes = append(of.Attributes, w.attribute(kv))
	}
	return &allowed{client: client, of: of, failed: failed}
}

// reportEvery is how often it is reported at most that spans were lost.
const reportEvery = time.Minute

// ExportSpans implements [sdktrace.SpanExporter].
func (a *allowed) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	of := &tracepb.ResourceSpans{Resource: a.of}
	scopes, w := map[string]*tracepb.ScopeSpans{}, &writer{}
	for _, s := range spans {
		name := s.InstrumentationScope().Name
		scope := scopes[name]
		if scope == nil {
			scope = &tracepb.ScopeSpans{Scope: &commonpb.InstrumentationScope{Name: name}}
			scopes[name], of.ScopeSpans = scope, append(of.ScopeSpans, scope)
		}
		scope.Spans = append(scope.Spans, w.span(s))
	}
	err := a.client.UploadTraces(ctx, []*tracepb.ResourceSpans{of})
	if err != nil && a.failed != nil && time.Since(a.last) > reportEvery {
		a.last = time.Now()
		a.failed(err)
	}
	return nil
}

// Shutdown implements [sdktrace.SpanExporter].
func (a *allowed) Shutdown(ctx context.Context) error { return a.client.Stop(ctx) }
