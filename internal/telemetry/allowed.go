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

// allowed is an exporter that sees to it that a span says nothing but what is on the list. What fails it reports
// itself: the library's own report goes to standard error, in a form that is not the log's.
type allowed struct {
	sdktrace.SpanExporter
	failed func(error)
	last   time.Time // when it was reported; spans are exported by one goroutine
}

// reportEvery is how often it is reported at most that spans were lost.
const reportEvery = time.Minute

// ExportSpans implements [sdktrace.SpanExporter].
func (a *allowed) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	out, all := make([]sdktrace.ReadOnlySpan, len(spans)), make([]reduced, len(spans))
	for i, s := range spans {
		all[i] = reduced{s}
		out[i] = &all[i]
	}
	err := a.SpanExporter.ExportSpans(ctx, out)
	if err != nil && a.failed != nil && time.Since(a.last) > reportEvery {
		a.last = time.Now()
		a.failed(err)
	}
	return nil
}

// reduced is a span without what is not on the list.
type reduced struct{ sdktrace.ReadOnlySpan }

func (r *reduced) Attributes() []attribute.KeyValue {
	attrs := r.ReadOnlySpan.Attributes()
	if !slices.ContainsFunc(attrs, unlisted) {
		return attrs
	}
	return slices.DeleteFunc(slices.Clone(attrs), unlisted)
}

func unlisted(kv attribute.KeyValue) bool {
	return !strings.HasPrefix(string(kv.Key), "bff.") && !slices.Contains(attributes, kv.Key)
}

// Events are left out: an exception's message may repeat an address.
func (r *reduced) Events() []sdktrace.Event { return nil }

// Links keep the context they point to, and nothing else.
func (r *reduced) Links() []sdktrace.Link {
	links := slices.Clone(r.ReadOnlySpan.Links())
	for i := range links {
		links[i].Attributes = nil
	}
	return links
}

// Status keeps whether the span failed; the text of an error may repeat an address.
func (r *reduced) Status() sdktrace.Status {
	return sdktrace.Status{Code: r.ReadOnlySpan.Status().Code}
}
