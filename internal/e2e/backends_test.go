package e2e_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"bff/internal/testenv"
)

// A backend of the configuration's learns who is asking on every instance, and nothing of a session that ended:
// guarantee 6.
func TestABackendOfTheConfiguration(t *testing.T) {
	var token atomic.Value
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token.Store(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
		_, _ = w.Write([]byte("hello"))
	}))
	t.Cleanup(app.Close)
	r := build(t, parts{env: []string{"BASKET_SECRET=" + testenv.Random(t)}, top: []string{
		"  app:", "    path: /app", "    upstream: " + app.URL, "    identity: app", "    anonymous: redirect", `    allow: ["/{rest...}"]`,
		"clients:", "  basket: {secret: env:BASKET_SECRET, exchange: [app]}"}})
	if a := r.c.Leave("/app/deep"); a.Status != http.StatusFound ||
		a.Header.Get("Location") != "/bff/login/acme?return_to=%2Fapp%2Fdeep" {
		t.Errorf("nobody: %d to %q", a.Status, a.Header.Get("Location"))
	}
	r.c.SignIn("acme")
	other := r.bff.Another()
	for _, c := range []*testenv.Client{r.c, r.c.Via(other)} {
		if a := c.Fetch("GET", "/app/hello", ""); a.Status != http.StatusOK || string(a.Body) != "hello" {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		if !signedBy(keysOf(t, r.bff), token.Load().(string)) || !signedBy(keysOf(t, other), token.Load().(string)) {
			t.Error("an instance does not publish the key of another's assertion")
		}
	}
	r.c.Fetch("POST", "/bff/logout", "")
	token.Store("")
	for _, c := range []*testenv.Client{r.c, r.c.Via(other)} {
		if a := c.Fetch("GET", "/app/hello", ""); a.Status != http.StatusUnauthorized || token.Load() != "" {
			t.Errorf("after the logout: %d", a.Status)
		}
	}
}
