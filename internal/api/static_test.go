package api_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"bff/internal/api"
)

func withPages(s *settings) {
	s.api = func(c *api.Config) {
		c.Client = fstest.MapFS{"client.js": {Data: []byte("export const a = 1\n")}, "package.json": {Data: []byte("{}")}}
		c.Account = fstest.MapFS{
			"index.html": {Data: []byte("<title>account</title>")}, "done.html": {Data: []byte("<title>done</title>")},
			"app.js": {
				Data: []byte("//"),
			}, "tokens.css": {Data: []byte("a{}")}, "notes.md": {Data: []byte("secret")}, ".env.js": {Data: []byte("secret")},
			"deep/inner.js": {Data: []byte("secret")},
		}
	}
}

func TestTheClientScript(t *testing.T) {
	w := newWorld(t, withPages)
	b := w.browser()
	resp := b.do("GET", "/bff/client.js", "")
	tag := resp.Header.Get("ETag")
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/javascript; charset=utf-8" ||
		resp.Header.Get("Cache-Control") != "no-cache" ||
		tag == "" ||
		resp.Header.Get("X-Content-Type-Options") != "nosniff" ||
		text(resp) != "export const a = 1\n" {
		t.Fatalf("%d %v", resp.StatusCode, resp.Header)
	}
	if resp := b.do("GET", "/bff/client.js", "", header("If-None-Match", tag)); resp.StatusCode != http.StatusNotModified {
		t.Errorf("asked again: %d", resp.StatusCode)
	}
	if resp := b.do("HEAD", "/bff/client.js", ""); resp.StatusCode != http.StatusOK || resp.Header.Get("ETag") != tag {
		t.Errorf("HEAD: %d", resp.StatusCode)
	}
	refused(t, b.do("POST", "/bff/client.js", ""), 405, "method_not_allowed")
}

func TestTheAccountPage(t *testing.T) {
	w := newWorld(t, withPages)
	b := w.browser()
	for path, want := range map[string][2]string{
		"/bff/account":            {"text/html; charset=utf-8", "<title>account</title>"},
		"/bff/account/done":       {"text/html; charset=utf-8", "<title>done</title>"},
		"/bff/account/app.js":     {"text/javascript; charset=utf-8", "//"},
		"/bff/account/tokens.css": {"text/css; charset=utf-8", "a{}"},
	} {
		resp := b.visit(path, "none")
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != want[0] || text(resp) != want[1] {
			t.Errorf("%s: %d %v", path, resp.StatusCode, resp.Header)
		}
		csp := resp.Header.Get("Content-Security-Policy")
		for _, rule := range []string{"default-src 'none'", "script-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"} {
			if !strings.Contains(csp, rule) {
				t.Errorf("%s: no %s in %q", path, rule, csp)
			}
		}
		if strings.Contains(csp, "unsafe") || resp.Header.Get("X-Frame-Options") != "DENY" ||
			resp.Header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %v", path, resp.Header)
		}
	}
	for _, path := range []string{"/bff/account/none.js", "/bff/account/notes.md", "/bff/account/.env.js", "/bff/account/deep", "/bff/account/deep/inner.js",
		"/bff/account/", "/bff/account/index", "/bff/account/%2e%2e", "/bff/account/..js"} {
		if resp := b.do("GET", path, ""); resp.StatusCode != http.StatusNotFound && resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d %s", path, resp.StatusCode, text(resp))
		}
	}
	// The popup's last page must keep its way to close itself.
	if b.do("GET", "/bff/account/done", "").Header.Get("Cross-Origin-Opener-Policy") != "" {
		t.Error("done.html has an opener policy")
	}
}

func TestWithoutPagesThereAreNone(t *testing.T) {
	w := newWorld(t, func(s *settings) { s.api = func(c *api.Config) { c.Client, c.Account = nil, nil } })
	b := w.browser()
	for _, path := range []string{"/bff/client.js", "/bff/account", "/bff/account/app.js", "/", "/index.html"} {
		refused(t, b.do("GET", path, ""), 404, "not_found")
	}
}
