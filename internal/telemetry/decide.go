package telemetry

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	bff "bff/internal/trace"
)

// Whether a request is recorded is decided before anything is made of it: most are not, and those must cost next to
// nothing. The decision is the sampler's own, for the trace id that the span would have.

// decide says whether a request is recorded, and at which place of which trace it is, below which one.
func (t *Telemetry) decide(r *http.Request, name bff.Request) (at, above trace.SpanContext, recorded bool) {
	ctx := context.Background()
	if len(r.Header["Traceparent"]) > 0 {
		ctx = t.carrier.Extract(ctx, propagation.HeaderCarrier(r.Header))
		above = trace.SpanContextFromContext(ctx)
	}
	random := name.Bytes()
	where := trace.SpanContextConfig{TraceID: above.TraceID(), SpanID: trace.SpanID(random[:len(trace.SpanID{})])}
	if !above.IsValid() {
		where.TraceID, above = random, trace.SpanContext{}
	}
	result := t.sampler.ShouldSample(sdktrace.SamplingParameters{ParentContext: ctx, TraceID: where.TraceID, Name: "bff",
		Kind: trace.SpanKindServer})
	where.TraceState = result.Tracestate
	if recorded = result.Decision == sdktrace.RecordAndSample; recorded {
		where.TraceFlags = trace.FlagsSampled
	}
	return trace.NewSpanContext(where), above, recorded
}

// sampler is the one of the configuration, or else of the standard variables OTEL_TRACES_SAMPLER and
// OTEL_TRACES_SAMPLER_ARG; what those say wrongly counts as the standard's default.
func sampler(cfg Config) sdktrace.Sampler {
	if cfg.Endpoint != "" {
		return sdktrace.ParentBased(sdktrace.TraceIDRatioBased(cfg.Sample))
	}
	share, err := strconv.ParseFloat(strings.TrimSpace(cfg.Env("OTEL_TRACES_SAMPLER_ARG")), 64)
	if err != nil || share < 0 || share > 1 {
		share = 1
	}
	switch strings.ToLower(strings.TrimSpace(cfg.Env("OTEL_TRACES_SAMPLER"))) {
	case "always_on":
		return sdktrace.AlwaysSample()
	case "always_off":
		return sdktrace.NeverSample()
	case "traceidratio":
		return sdktrace.TraceIDRatioBased(share)
	case "parentbased_always_off":
		return sdktrace.ParentBased(sdktrace.NeverSample())
	case "parentbased_traceidratio":
		return sdktrace.ParentBased(sdktrace.TraceIDRatioBased(share))
	}
	return sdktrace.ParentBased(sdktrace.AlwaysSample())
}
