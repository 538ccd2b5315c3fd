package telemetry

import (
	"context"
	"strconv"
	"sync"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// A queue hands spans that ended to the exporter, many at a time. The SDK's own batch processor wakes a goroutine for
// each span, which costs more than the span; this one wakes it when a batch is full, and every few seconds.
// It is safe for concurrent use.
type queue struct {
	out      sdktrace.SpanExporter
	most     int           // spans that wait; further ones are dropped
	batch    int           // spans in one request to the collector
	delay    time.Duration // a span waits no longer, unless the collector is slow
	patience time.Duration // with one request

	mu      sync.Mutex // of what follows
	waiting []sdktrace.ReadOnlySpan
	stopped bool

	exporting sync.Mutex // one flush at a time; of spare
	spare     []sdktrace.ReadOnlySpan
	full      chan struct{} // a batch waits
	stop      chan struct{}
	done      chan struct{} // closed once everything that waited when it stopped is exported
}

// newQueue starts a queue, with the bounds of the standard variables OTEL_BSP_* or their defaults. Shut it down.
func newQueue(out sdktrace.SpanExporter, env func(string) string) *queue {
	number := func(name string, usual int) int {
		if n, err := strconv.Atoi(env(name)); err == nil && n > 0 {
			return n
		}
		return usual
	}
	q := &queue{out: out, most: number("OTEL_BSP_MAX_QUEUE_SIZE", sdktrace.DefaultMaxQueueSize),
		batch:    number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", sdktrace.DefaultMaxExportBatchSize),
		delay:    time.Duration(number("OTEL_BSP_SCHEDULE_DELAY", sdktrace.DefaultScheduleDelay)) * time.Millisecond,
		patience: time.Duration(number("OTEL_BSP_EXPORT_TIMEOUT", sdktrace.DefaultExportTimeout)) * time.Millisecond,
		full:     make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
	q.batch = min(q.batch, q.most)
	go q.run()
	return q
}

// OnStart implements [sdktrace.SpanProcessor].
func (q *queue) OnStart(context.Context, sdktrace.ReadWriteSpan) {}

// OnEnd implements [sdktrace.SpanProcessor]. It waits for nobody but another OnEnd.
func (q *queue) OnEnd(s sdktrace.ReadOnlySpan) {
	if !s.SpanContext().IsSampled() {
		return
	}
	q.mu.Lock()
	if q.stopped || len(q.waiting) >= q.most {
		q.mu.Unlock()
		return
	}
	q.waiting = append(q.waiting, s)
	full := len(q.waiting) == q.batch
	q.mu.Unlock()
	if full {
		select {
		case q.full <- struct{}{}:
		default: // it is on its way
		}
	}
}

func (q *queue) run() {
	defer close(q.done)
	tick := time.NewTicker(q.delay)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-q.full:
		case <-q.stop:
			q.flush(context.Background())
			return
		}
		q.flush(context.Background())
	}
}

// flush exports what waits.
func (q *queue) flush(ctx context.Context) {
	q.exporting.Lock()
	defer q.exporting.Unlock()
	q.mu.Lock()
	spans := q.waiting
	q.waiting = q.spare
	q.mu.Unlock()
	for rest := spans; len(rest) > 0 && ctx.Err() == nil; {
		n := min(len(rest), q.batch)
		within, cancel := context.WithTimeout(ctx, q.patience)
		_ = q.out.ExportSpans(within, rest[:n]) // it reports itself what it fails at
		cancel()
		rest = rest[n:]
	}
	clear(spans)
	q.spare = spans[:0]
}

// ForceFlush implements [sdktrace.SpanProcessor].
func (q *queue) ForceFlush(ctx context.Context) error {
	q.flush(ctx)
	return ctx.Err()
}

// Shutdown implements [sdktrace.SpanProcessor]: what waits is exported, within ctx.
func (q *queue) Shutdown(ctx context.Context) error {
	q.mu.Lock()
	again := q.stopped
	q.stopped = true
	q.mu.Unlock()
	if again {
		return nil
	}
	close(q.stop)
	select {
	case <-q.done:
		return q.out.Shutdown(ctx)
	case <-ctx.Done():
		return ctx.Err()
	}
}
