package api_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"bff/internal/proxy"
)

// Of several mounts that a request could be for, one of its host comes before one of its path, and a longer path
// before a shorter one, in whatever order the configuration has them.
func TestMountsOfAHostComeFirst(t *testing.T) {
	upstream := func(name string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Upstream", name)
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	w := newWorld(t, func(s *settings) {
		s.mounts = []proxy.Config{
			{Name: "short", Path: "/api/files", Upstream: upstream("short"), Allow: []string{"GET /{rest...}"}},
			{Name: "long", Path: "/api/files/deep", Upstream: upstream("long"), Allow: []string{"GET /{rest...}"}},
			{Name: "hosted", Host: "files.localhost", Upstream: upstream("hosted"), Allow: []string{"GET /{rest...}"}},
		}
	})
	b := w.browser()
	b.signIn("ada")
	for _, row := range []struct{ host, path, want string }{
		{"", "/api/files/x", "short"}, {"", "/api/files/deep/x", "long"},
		{"files.localhost", "/api/files/x", "hosted"}, {"files.localhost", "/api/files/deep/x", "hosted"},
	} {
		at := func(r *http.Request) {
			if row.host != "" { // the jar has no cookie for that host
				r.Host = row.host
				r.Header.Set("Cookie", "bff="+b.cookie("bff"))
			}
		}
		resp := b.fetch("GET", row.path, "", at)
		if got := resp.Header.Get("X-Upstream"); got != row.want {
			t.Errorf("%s %s: %d by %q, want %q", row.host, row.path, resp.StatusCode, got, row.want)
		}
	}
}
