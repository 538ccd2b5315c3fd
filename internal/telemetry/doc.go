// Package telemetry sends traces to an OpenTelemetry collector over OTLP/HTTP.
//
//	Begin    ─┐
//	Upstream  │
//	Transport ├─► sampled? ─► spans ─► some at a time ─► batches ─► [allowed attributes only] ─► collector
//	refresh   │
//	store    ─┘
//
// It owns the sampling and the list of what a span may say. A
// span leaves the process with its name, its times, the attributes on an allow-list and whether it failed. Everything
// else that a library puts into a span (an address with its query, the text of an error, a command with its
// arguments) stays here, so a credential has no way out.
//
// Sampling, the queue, its bounds and the way to the collector are the SDK's, and so are most spans. What every proxied
// call has is made here, because the SDK's costs a call four times as much: its two spans, the few at a time in which
// spans are handed to the queue (which wakes a goroutine for each), and their bytes.
//
// A nil *Telemetry is telemetry that is off: its methods return what they were given.
//
// # A new span
//
// Work that is part of a call makes its span below the call's, in the package where it happens:
//
//	ctx, span := trace.SpanFromContext(ctx).TracerProvider().Tracer("bff/hook").Start(ctx, "ask the hook")
//	defer span.End()
//
// Work that no call waits for takes a trace.Tracer in its Config; package app hands it in, of [Telemetry.Provider]. An
// attribute is named bff.… or is on the list in allowed.go; any other stays here without a word.
//
// # What can go wrong
//
//   - The collector is down or slow: spans are dropped. No call waits for it.
//   - A stranger sends a traceparent header: package route removes it before Begin reads it, unless the request comes
//     from a trusted proxy.
package telemetry
