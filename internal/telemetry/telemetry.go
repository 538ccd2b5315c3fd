package telemetry

import (
	"context"
	"fmt"
	"net/http"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// Config says where spans go.
type Config struct {
	// Endpoint is the collector's base URL, "http://127.0.0.1:4318". Where it is empty, the standard variables
	// OTEL_EXPORTER_OTLP_ENDPOINT and OTEL_EXPORTER_OTLP_TRACES_ENDPOINT turn telemetry on.
	Endpoint string
	// Sample is the share of traces that begin here and are sent, 0 to 1. Where Endpoint is empty, OTEL_TRACES_SAMPLER
	// counts.
	Sample  float64
	Version string              // of bff
	Env     func(string) string // the environment
	// Failed is given what a collector that takes no spans failed at, once a minute at most. nil is nobody.
	Failed func(error)
}

// A Telemetry makes spans and sends them. It is safe for concurrent use. nil is one that is off.
type Telemetry struct {
	provider *sdktrace.TracerProvider
	gathered *gatherer // what has ended
	carrier  propagation.TextMapPropagator
	sampler  sdktrace.Sampler
	share    float64 // of the traces that begin here
}

// New starts a Telemetry, nil where the configuration and the environment name no collector. It contacts nobody.
// Close it.
func New(ctx context.Context, cfg Config) (*Telemetry, error) {
	if cfg.Env("OTEL_SDK_DISABLED") == "true" || cfg.Endpoint == "" &&
		cfg.Env("OTEL_EXPORTER_OTLP_ENDPOINT") == "" && cfg.Env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "" {
		return nil, nil
	}
	var out []otlptracehttp.Option
	if cfg.Endpoint != "" {
		out = append(out, otlptracehttp.WithEndpointURL(cfg.Endpoint+"/v1/traces"))
	}
	client := otlptracehttp.NewClient(out...)
	if err := client.Start(ctx); err != nil {
		return nil, fmt.Errorf("start telemetry: %w", err)
	}
	about, err := resource.Merge(resource.NewSchemaless(attribute.String("service.name", "bff"),
		attribute.String("service.version", cfg.Version)), resource.Environment())
	if err != nil {
		return nil, fmt.Errorf("start telemetry: %w", err)
	}
	t := &Telemetry{carrier: propagation.TraceContext{}}
	t.sampler, t.share = sampler(cfg)
	t.gathered = &gatherer{next: sdktrace.NewBatchSpanProcessor(&allowed{client: client,
		encoder: newEncoder(about.Attributes()), failed: cfg.Failed})}
	t.provider = sdktrace.NewTracerProvider(sdktrace.WithSampler(t.sampler), sdktrace.WithSpanProcessor(t.gathered),
		sdktrace.WithResource(about))
	return t, nil
}

// Close sends what waits, within ctx.
func (t *Telemetry) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}

// Provider returns what makes spans: for the store and the broker.
func (t *Telemetry) Provider() trace.TracerProvider {
	if t == nil {
		return noop.NewTracerProvider()
	}
	return t.provider
}

// Transport makes a span of every request that leaves within one that is recorded, and hands on the trace context. It is
// for what bff asks of providers; see Upstream for proxied calls.
func (t *Telemetry) Transport(next http.RoundTripper) http.RoundTripper {
	if t == nil {
		return next
	}
	return &transport{next: next, spans: otelhttp.NewTransport(next, otelhttp.WithTracerProvider(t.provider),
		otelhttp.WithPropagators(t.carrier), otelhttp.WithMeterProvider(metricnoop.NewMeterProvider()))}
}

// transport tells requests that are recorded from those that are not. Who made one of those has named the trace in it.
type transport struct{ next, spans http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if in := trace.SpanContextFromContext(r.Context()); in.IsValid() && !in.IsSampled() {
		return t.next.RoundTrip(r)
	}
	return t.spans.RoundTrip(r)
}
