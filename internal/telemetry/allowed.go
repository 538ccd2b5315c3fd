package telemetry

import (
	"context"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
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

// allowed is an exporter that is given of a span what is on the list and nothing else. What fails it reports itself: the
// library's own report goes to standard error, in a form that is not the log's. It is for one goroutine.
type allowed struct {
	sdktrace.SpanExporter
	failed func(error)
	last   time.Time // when it was reported
}

// reportEvery is how often it is reported at most that spans were lost.
const reportEvery = time.Minute

// ExportSpans implements [sdktrace.SpanExporter].
func (a *allowed) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	leaving := make([]sdktrace.ReadOnlySpan, len(spans))
	for i := range spans {
		leaving[i] = shown{spans[i]}
	}
	err := a.SpanExporter.ExportSpans(ctx, leaving)
	if err != nil && a.failed != nil && time.Since(a.last) > reportEvery {
		a.last = time.Now()
		a.failed(err)
	}
	return nil
}

// shown is what leaves of a span: neither its events, of which an exception's message may repeat an address, nor the
// text of its status, nor what a link says beside where it leads.
type shown struct{ sdktrace.ReadOnlySpan }

func (s shown) Attributes() []attribute.KeyValue {
	all := s.ReadOnlySpan.Attributes()
	out := make([]attribute.KeyValue, 0, len(all))
	for i := range all {
		if listed(all[i]) {
			out = append(out, all[i])
		}
	}
	return out
}

func (shown) Events() []sdktrace.Event { return nil }

func (s shown) Status() sdktrace.Status { return sdktrace.Status{Code: s.ReadOnlySpan.Status().Code} }

func (s shown) Links() []sdktrace.Link {
	var out []sdktrace.Link
	for _, l := range s.ReadOnlySpan.Links() {
		out = append(out, sdktrace.Link{SpanContext: l.SpanContext})
	}
	return out
}
