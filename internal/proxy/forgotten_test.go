package proxy_test

import (
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"
	"weak"

	"bff/internal/proxy"
	"bff/internal/secret"
)

// A mount that a reload has replaced is forgotten at once, though what it has looked for is kept for a minute: a mount
// leads to its whole instance.
func TestAMountThatIsNotUsedAnyMoreIsForgotten(t *testing.T) {
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("hello")) }))
	defer app.Close()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	used := func() weak.Pointer[proxy.Mount] {
		m, err := proxy.New(proxy.Config{Name: "x", Path: "/api/x", Origin: "https://app.example.com", Upstream: app.URL,
			Transport: transport, Allow: []string{"GET /a"}})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("GET", "/api/x/a", nil)
		c, err := m.Find(r)
		if err == nil {
			err = m.Serve(httptest.NewRecorder(), r, c, proxy.Caller{Credential: m.Token(secret.New(token)),
				Done: make(chan struct{}), Secrets: []secret.Text{secret.New(refresh)}})
		}
		if err != nil {
			t.Fatal(err)
		}
		return weak.Make(m)
	}()
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); { // half of the least that a set is kept
		if used.Value() == nil {
			return
		}
		<-time.After(10 * time.Millisecond) // what ran for the call may still be on its way out
		runtime.GC()
	}
	t.Error("something holds it")
}
