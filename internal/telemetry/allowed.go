package telemetry

import (
	"context"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// attributes are the names that may leave the process. Their values are of closed lists, of the configuration, or
// numbers. An address is not among them: some providers have tokens in paths.
var attributes = []attribute.Key{
	"http.request.method", "http.response.status_code", "http.route", "http.request.resend_count",
	"server.address", "server.port", "network.protocol.version", "url.scheme", "error.type",
	"db.system", "db.system.name", "db.operation", "db.operation.name", "db.redis.num_cmd",
}

// listed reports whether an attribute may leave.
func listed(kv attribute.KeyValue) bool {
	return strings.HasPrefix(string(kv.Key), "bff.") || slices.Contains(attributes, kv.Key)
}

// allowed is an exporter that sends of a span what may leave and nothing else. What fails it reports itself: the
// library's own report goes to standard error, in a form that is not the log's. It is for one goroutine.
type allowed struct {
	client otlptrace.Client
	*encoder
	failed func(error)
	last   time.Time // when it was reported
}

// reportEvery is how often it is reported at most that spans were lost.
const reportEvery = time.Minute

// ExportSpans implements [sdktrace.SpanExporter].
func (a *allowed) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := a.client.UploadTraces(ctx, a.batch(spans))
	if err != nil && a.failed != nil && time.Since(a.last) > reportEvery {
		a.last = time.Now()
		a.failed(err)
	}
	return nil
}

// Shutdown implements [sdktrace.SpanExporter].
func (a *allowed) Shutdown(ctx context.Context) error { return a.client.Stop(ctx) }
