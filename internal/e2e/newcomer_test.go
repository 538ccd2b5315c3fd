package e2e_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"bff/internal/testenv"
)

// Who has nothing but the README gets to an own frontend and an own backend: the file that `bff init` prints, with the
// lines that the README adds, run by `bff dev`.
func TestANewcomersOwnApp(t *testing.T) {
	t.Parallel()
	frontend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("the page")) }))
	t.Cleanup(frontend.Close)
	var assertion atomic.Value
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assertion.Store(r.Header.Get("Authorization"))
		_, _ = w.Write([]byte("orders"))
	}))
	t.Cleanup(backend.Close)
	text, code := testenv.Command(t, nil, "init", "google")
	if code != 0 {
		t.Fatal(text)
	}
	for _, block := range blocks(t, "README.md", "yaml") {
		if strings.HasPrefix(block, "frontend:") {
			text += strings.NewReplacer("http://localhost:5173", frontend.URL, "http://127.0.0.1:3000", backend.URL).Replace(block)
		}
	}
	file := filepath.Join(t.TempDir(), "bff.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil || !strings.Contains(text, backend.URL) {
		t.Fatal("the README adds no frontend and backend", err)
	}
	c := testenv.NewClient(testenv.Dev(t, "--config", file))
	if a := c.Navigate("/"); string(a.Body) != "the page" {
		t.Errorf("the page: %d %s", a.Status, a.Body)
	}
	if a := c.Fetch("GET", "/api/orders", ""); a.Status != http.StatusUnauthorized {
		t.Errorf("nobody: %d %s", a.Status, a.Body)
	}
	if a := c.Fetch("POST", "/demo/sign-in", `{"person": "ada"}`, "X-CSRF", "1", "Content-Type", "application/json"); a.Status >= 300 {
		t.Fatalf("sign-in: %d %s", a.Status, a.Body)
	}
	a := c.Fetch("GET", "/api/orders", "")
	if got, _ := assertion.Load().(string); string(a.Body) != "orders" || !strings.HasPrefix(got, "Bearer ey") {
		t.Errorf("the backend: %d %s, with %q", a.Status, a.Body, got)
	}
}
