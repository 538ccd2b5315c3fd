package telemetry_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"bff/internal/testenv"
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
		testenv.Receive(t, "leave to go on", b.let)
		b.mu.Lock()
		defer b.mu.Unlock()
		b.sizes = append(b.sizes, n)
	}))
	t.Cleanup(b.Close)
	return b
}

// While the collector has a batch and answers nothing, spans wait within a bound and what is beyond it is dropped: nobody
// waits. Closing sends the rest.
func TestACollectorThatIsSlowMakesNobodyWait(t *testing.T) {
	rc := newBatches(t)
	t.Setenv("OTEL_BSP_MAX_QUEUE_SIZE", "25")
	t.Setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "10")
	tel := started(t, &receiver{Server: rc.Server}, 1)
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
	ended := make(chan struct{})
	go func() { end(1000); close(ended) }() // while the collector has the first ten
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		t.Error("spans wait for the collector")
	}
	close(rc.let)
	testenv.Receive(t, "its end", ended)
	if err := tel.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	end(1) // nobody takes it any more
	rc.mu.Lock()
	defer rc.mu.Unlock()
	sum := 0
	for _, n := range rc.sizes {
		sum += n
	}
	if sum < 35 || sum > 100 || rc.sizes[0] != 10 {
		t.Errorf("the collector got %d spans of 1010 in batches of %d, want what fits into the queue", sum, rc.sizes)
	}
}
