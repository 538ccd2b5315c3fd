package vault

import (
	"context"
	"encoding/hex"
	"strings"

	oteltrace "go.opentelemetry.io/otel/trace"

	"bff/internal/vault/seal"
)

// newOwner is a value that nobody else has, with the trace in which the lock is taken: those who wait for it link to
// the trace. A trace id authenticates nobody.
func newOwner(ctx context.Context) string {
	owner := seal.Nonce()
	if span := oteltrace.SpanContextFromContext(ctx); span.IsSampled() {
		owner += "." + span.TraceID().String() + "." + span.SpanID().String()
	}
	return owner
}

// spanOf is the span that an owner names, the zero SpanContext where it names none.
func spanOf(owner string) oteltrace.SpanContext {
	parts := strings.Split(owner, ".")
	if len(parts) != 3 {
		return oteltrace.SpanContext{}
	}
	var c oteltrace.SpanContextConfig
	traceID, err := hex.DecodeString(parts[1])
	if err != nil || copy(c.TraceID[:], traceID) != len(c.TraceID) {
		return oteltrace.SpanContext{}
	}
	spanID, err := hex.DecodeString(parts[2])
	if err != nil || copy(c.SpanID[:], spanID) != len(c.SpanID) {
		return oteltrace.SpanContext{}
	}
	c.TraceFlags, c.Remote = oteltrace.FlagsSampled, true
	return oteltrace.NewSpanContext(c)
}
