package telemetry

import (
	"context"
	"encoding/binary"
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
	random := name.Bytes()
	where := trace.SpanContextConfig{TraceID: random, SpanID: trace.SpanID(random[:len(trace.SpanID{})])}
	if len(r.Header["Traceparent"]) == 0 { // as most are
		if recorded = t.begins(where.TraceID); recorded {
			where.TraceFlags = trace.FlagsSampled
		}
		return trace.NewSpanContext(where), above, recorded
	}
	ctx := t.carrier.Extract(context.Background(), propagation.HeaderCarrier(r.Header))
	if above = trace.SpanContextFromContext(ctx); above.IsValid() {
		where.TraceID = above.TraceID()
	}
	result := t.sampler.ShouldSample(sdktrace.SamplingParameters{ParentContext: ctx, TraceID: where.TraceID, Name: "bff",
		Kind: trace.SpanKindServer})
	where.TraceState = result.Tracestate
	if recorded = result.Decision == sdktrace.RecordAndSample; recorded {
		where.TraceFlags = trace.FlagsSampled
	}
	return trace.NewSpanContext(where), above, recorded
}

// begins is what the sampler says of a trace that begins here: each of them goes by the share, and the standard's
// TraceIDRatioBased by the same 63 bits.
func (t *Telemetry) begins(id trace.TraceID) bool {
	return t.share >= 1 || binary.BigEndian.Uint64(id[8:])>>1 < uint64(t.share*(1<<63))
}

// sampler is the one of the configuration, or else of the standard variables OTEL_TRACES_SAMPLER and
// OTEL_TRACES_SAMPLER_ARG; what those say wrongly counts as the standard's default. share is that of the traces which
// begin here.
func sampler(cfg Config) (s sdktrace.Sampler, share float64) {
	if cfg.Endpoint != "" {
		return sdktrace.ParentBased(sdktrace.TraceIDRatioBased(cfg.Sample)), cfg.Sample
	}
	share, err := strconv.ParseFloat(strings.TrimSpace(cfg.Env("OTEL_TRACES_SAMPLER_ARG")), 64)
	if err != nil || share < 0 || share > 1 {
		share = 1
	}
	switch strings.ToLower(strings.TrimSpace(cfg.Env("OTEL_TRACES_SAMPLER"))) {
	case "always_on":
		return sdktrace.AlwaysSample(), 1
	case "always_off":
		return sdktrace.NeverSample(), 0
	case "traceidratio":
		return sdktrace.TraceIDRatioBased(share), share
	case "parentbased_always_off":
		return sdktrace.ParentBased(sdktrace.NeverSample()), 0
	case "parentbased_traceidratio":
		return sdktrace.ParentBased(sdktrace.TraceIDRatioBased(share)), share
	}
	return sdktrace.ParentBased(sdktrace.AlwaysSample()), 1
}
