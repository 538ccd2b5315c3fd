package telemetry_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"bff/internal/telemetry"
)

// batches is a collector that counts the spans of each request, and takes none before it is let.
type batches struct {
	*httptest.Server
	mu    sync.Mutex
	sizes []int
	came  chan struct{}
	let   chan struct{}
}

func newBatches(t *testing.T) *batches {
	t.Helper()
	b := &batches{came: make(chan struct{}, 100), let: make(chan struct{})}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<22))
		var got collector.ExportTraceServiceRequest
		_ = proto.Unmarshal(body, &got)
		n := 0
		for _, rs := range got.ResourceSpans {
			for _, ss := range rs.ScopeSpans {
				n += len(ss.Spans)
			}
		}
		b.came <- struct{}{}
		<-b.let
		b.mu.Lock()
		defer b.mu.Unlock()
		b.sizes = append(b.sizes, n)
	}))
	t.Cleanup(b.Close)
	return b
}

// A full batch leaves at once; what comes while the collector is slow waits within a bound, and what is beyond it is
// dropped: nobody waits. Closing sends the rest.
func TestSpansLeaveInBatchesAndWaitWithinABound(t *testing.T) {
	rc := newBatches(t)
	env := map[string]string{"OTEL_BSP_MAX_QUEUE_SIZE": "25", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "10",
		"OTEL_BSP_SCHEDULE_DELAY": "3600000", "OTEL_BSP_EXPORT_TIMEOUT": "nonsense"}
	tel, err := telemetry.New(t.Context(), telemetry.Config{Endpoint: rc.URL, Sample: 1,
		Env: func(n string) string { return env[n] }})
	if err != nil {
		t.Fatal(err)
	}
	end := func(n int) {
		for range n {
			_, span := tel.Provider().Tracer("bff").Start(t.Context(), "one")
			span.End()
		}
	}
	end(10)
	select {
	case <-rc.came:
	case <-time.After(30 * time.Second):
		t.Fatal("a full batch has not left")
	}
	end(100) // while the collector has the first ten
	close(rc.let)
	if err := tel.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	end(1) // nobody takes it any more
	rc.mu.Lock()
	defer rc.mu.Unlock()
	if got := fmt.Sprint(rc.sizes); got != "[10 10 10 5]" {
		t.Errorf("the collector got %s spans, want [10 10 10 5]", got)
	}
}

// What waits leaves after the delay though no batch is full.
func TestSpansLeaveAfterADelay(t *testing.T) {
	rc := newBatches(t)
	close(rc.let)
	env := map[string]string{"OTEL_BSP_SCHEDULE_DELAY": "10"}
	tel, err := telemetry.New(t.Context(), telemetry.Config{Endpoint: rc.URL, Sample: 1,
		Env: func(n string) string { return env[n] }})
	if err != nil {
		t.Fatal(err)
	}
	_, span := tel.Provider().Tracer("bff").Start(t.Context(), "one")
	span.End()
	select {
	case <-rc.came:
	case <-time.After(30 * time.Second):
		t.Error("a span has not left")
	}
	if err := tel.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}
