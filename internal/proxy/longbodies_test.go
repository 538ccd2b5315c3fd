package proxy_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"bff/internal/proxy"
	"bff/internal/secret"
	"bff/internal/testenv"
)

// Long bodies have large buffers, up to a bound in memory; those beyond it come all the same, and all buffers come back.
func TestTheLargeBuffersOfLongBodiesAreBounded(t *testing.T) {
	half := bytes.Repeat([]byte("x"), 100<<10)
	gate := make(chan struct{})
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "204800")
		_, _ = w.Write(half)
		_ = http.NewResponseController(w).Flush()
		testenv.Receive(t, "leave to go on", gate)
		_, _ = w.Write(half)
	}))
	defer app.Close()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	m, err := proxy.New(proxy.Config{Name: "x", Path: "/api/x", Origin: "https://app.example.com", Upstream: app.URL,
		Transport: transport, Allow: []string{"GET /a"}})
	if err != nil {
		t.Fatal(err)
	}
	var calls sync.WaitGroup
	for range 80 {
		calls.Go(func() {
			r, w := httptest.NewRequest("GET", "/api/x/a", nil), httptest.NewRecorder()
			c, err := m.Find(r)
			if err == nil {
				err = m.Serve(w, r, c, proxy.Caller{Credential: m.Token(secret.New(token)), Done: make(chan struct{})})
			}
			if err != nil || w.Body.Len() != 2*len(half) {
				t.Errorf("%d bytes: %v", w.Body.Len(), err)
			}
		})
	}
	testenv.Eventually(t, "as many as may have one", func() bool { return m.Huge() == 64 })
	close(gate)
	testenv.Finished(t, "the calls", calls.Wait)
	if n := m.Huge(); n != 0 {
		t.Errorf("%d buffers did not come back", n)
	}
}
