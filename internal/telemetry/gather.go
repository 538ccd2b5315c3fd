package telemetry

import (
	"context"
	"sync"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// gatherer hands spans to the processor behind it some at a time. The library's wakes its goroutine for every span that
// ends, which costs more than the span does.
type gatherer struct {
	next sdktrace.SpanProcessor

	mu      sync.Mutex
	waiting []sdktrace.ReadOnlySpan
	spare   []sdktrace.ReadOnlySpan // what waiting was before, to use again
	timed   bool                    // somebody comes for what is waiting
}

const (
	gatherAtMost = 256         // spans; the library's queue has room for eight times as many
	gatherFor    = time.Second // how long a span waits
)

// OnStart implements [sdktrace.SpanProcessor].
func (*gatherer) OnStart(context.Context, sdktrace.ReadWriteSpan) {}

// OnEnd implements [sdktrace.SpanProcessor].
func (g *gatherer) OnEnd(s sdktrace.ReadOnlySpan) {
	g.mu.Lock()
	g.waiting = append(g.waiting, s)
	full, alone := len(g.waiting) >= gatherAtMost, !g.timed
	g.timed = true
	g.mu.Unlock()
	switch {
	case full:
		g.hand()
	case alone:
		time.AfterFunc(gatherFor, func() {
			g.mu.Lock()
			g.timed = false
			g.mu.Unlock()
			g.hand()
		})
	}
}

// hand gives on what waits.
func (g *gatherer) hand() {
	g.mu.Lock()
	all := g.waiting
	g.waiting, g.spare = g.spare[:0], nil
	g.mu.Unlock()
	for _, s := range all {
		g.next.OnEnd(s)
	}
	clear(all)
	g.mu.Lock()
	g.spare = all
	g.mu.Unlock()
}

// ForceFlush implements [sdktrace.SpanProcessor].
func (g *gatherer) ForceFlush(ctx context.Context) error {
	g.hand()
	return g.next.ForceFlush(ctx)
}

// Shutdown implements [sdktrace.SpanProcessor].
func (g *gatherer) Shutdown(ctx context.Context) error {
	g.hand()
	return g.next.Shutdown(ctx)
}
