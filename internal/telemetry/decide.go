package telemetry

import (
	"context"
	"crypto/rand"
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

// numbers gives a span the trace id for which its request was decided, and else draws one.
type numbers struct{}

type decidedKey struct{}

// NewIDs implements [sdktrace.IDGenerator].
func (numbers) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	id, ok := ctx.Value(decidedKey{}).(trace.TraceID)
	if !ok {
		id = newTraceID()
	}
	return id, newSpanID()
}

// NewSpanID implements [sdktrace.IDGenerator].
func (numbers) NewSpanID(context.Context, trace.TraceID) trace.SpanID { return newSpanID() }

func newTraceID() (id trace.TraceID) {
	_, _ = rand.Read(id[:]) // it never fails; all zero, which would name no trace, does not come
	return id
}

func newSpanID() (id trace.SpanID) {
	_, _ = rand.Read(id[:])
	return id
}

// decide says whether a request is recorded, and returns the context for it, with what names it: at a place in the
// trace that it belongs to where it is not, and where it is, with what makes its span belong to the trace that was
// decided for.
func (t *Telemetry) decide(r *http.Request, name bff.Request) (context.Context, bool) {
	ctx := r.Context()
	if len(r.Header["Traceparent"]) > 0 {
		ctx = t.carrier.Extract(ctx, propagation.HeaderCarrier(r.Header))
	}
	parent := trace.SpanContextFromContext(ctx)
	var random [len(trace.TraceID{}) + len(trace.SpanID{})]byte
	_, _ = rand.Read(random[:]) // it never fails; all zero, which would name no trace, does not come
	id, span := parent.TraceID(), trace.SpanID(random[len(trace.TraceID{}):])
	if !parent.IsValid() {
		id = trace.TraceID(random[:])
	}
	result := t.sampler.ShouldSample(sdktrace.SamplingParameters{ParentContext: ctx, TraceID: id, Name: "bff",
		Kind: trace.SpanKindServer})
	if result.Decision == sdktrace.RecordAndSample {
		return context.WithValue(bff.With(ctx, name), decidedKey{}, id), true
	}
	return bff.Unrecorded(ctx, name, trace.NewSpanContext(trace.SpanContextConfig{TraceID: id, SpanID: span,
		TraceState: result.Tracestate})), false
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
