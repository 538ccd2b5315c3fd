package testenv

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// A CollectorServer is an OpenTelemetry collector, as far as OTLP over HTTP goes: it keeps the spans that it is sent.
type CollectorServer struct {
	URL string

	mu    sync.Mutex
	raw   []byte
	spans []*trace.Span
	bad   int
}

// Collector starts a collector.
func Collector(tb testing.TB) *CollectorServer {
	tb.Helper()
	c := &CollectorServer{}
	s := httptest.NewServer(http.HandlerFunc(c.receive))
	tb.Cleanup(s.Close)
	c.URL = s.URL
	return c
}

func (c *CollectorServer) receive(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 16<<20))
	var got collector.ExportTraceServiceRequest
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, &got) != nil {
		c.bad++
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.raw = append(c.raw, body...)
	for _, resource := range got.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			c.spans = append(c.spans, scope.Spans...)
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// Raw is every byte that was received.
func (c *CollectorServer) Raw() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.raw)
}

// Spans are those of a name.
func (c *CollectorServer) Spans(name string) (all []*trace.Span) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.spans {
		if s.Name == name {
			all = append(all, s)
		}
	}
	return all
}

// Names are the names of all spans, each once, and how many requests were no traces.
func (c *CollectorServer) Names() (names []string, bad int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.spans {
		if !slices.Contains(names, s.Name) {
			names = append(names, s.Name)
		}
	}
	slices.Sort(names)
	return names, c.bad
}
