package api_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"bff/internal/api"
	"bff/internal/api/frontend"
)

// get asks h; pairs are header names and values.
func get(h http.Handler, method, target string, pairs ...string) *http.Response {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i+1 < len(pairs); i += 2 {
		r.Header.Set(pairs[i], pairs[i+1])
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec.Result()
}

func built(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"index.html": "<title>app</title>", "favicon.ico": "icon", "robots.txt": "User-agent: *",
		"assets/index-BxYz12k3.js": "//hashed", "assets/main.1a2b3c4d.css": "a{}", "assets/version2024.js": "//",
		"assets/a-component.js": "//", "docs/index.html": "<title>docs</title>", "list/one.txt": "1", ".env": "SECRET=1",
		".git/config": "secret", "assets/.hidden.js": "secret", ".well-known/security.txt": "Contact: x", "data.json": "{}",
		"film.mp4": "0123456789", "app.webmanifest": "{}",
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestStaticServesFilesAndTheApplicationsOwnAddresses(t *testing.T) {
	h := frontend.Static(os.DirFS(built(t)))
	page, script := []string{"Accept", "text/html,*/*"}, []string{"Accept", "*/*"}
	fetched := []string{"Accept", "*/*", "Sec-Fetch-Mode", "cors"}
	for _, c := range []struct {
		name, target string
		headers      []string
		status       int
		body         string
	}{
		{"the root", "/", page, 200, "<title>app</title>"},
		{"a file", "/robots.txt", script, 200, "User-agent: *"},
		{"a file in a folder", "/assets/index-BxYz12k3.js", script, 200, "//hashed"},
		{"a folder with a page", "/docs/", page, 200, "<title>docs</title>"},
		{"a well-known file", "/.well-known/security.txt", script, 200, "Contact: x"},
		{"an address of the application", "/users/42", page, 200, "<title>app</title>"},
		{"an address with a dot, where a person goes", "/users/ada.lovelace", page, 200, "<title>app</title>"},
		{"an address without a dot, asked by a program", "/users/42", script, 404, ""},
		{"a mistyped api, asked by a program", "/api/calender/events", nil, 404, ""},
		{"an address with a dot, asked by a program", "/users/ada@example.com", script, 404, ""},
		{"a page that is no file", "/old.html", page, 200, "<title>app</title>"},
		{"a script that is missing", "/assets/none.js", script, 404, ""},
		{"a picture that is missing", "/none.png", []string{"Accept", "image/*"}, 404, ""},
		{"an address that a script fetches", "/api/typo", fetched, 404, ""},
		{"a folder without a page is not listed", "/list/", page, 200, "<title>app</title>"},
		{"a folder without a page, fetched", "/list", fetched, 404, ""},
		{"a dotfile", "/.env", page, 404, ""},
		{"a dotfile in a folder", "/assets/.hidden.js", page, 404, ""},
		{"a folder of a dot name", "/.git/config", page, 404, ""},
		{"a dotfile below the well-known folder", "/.well-known/.secret", page, 404, ""},
		{"a way out", "/../../etc/passwd", fetched, 404, ""},
		{"an encoded way out", "/%2e%2e/%2e%2e/etc/passwd", fetched, 404, ""},
		{"a backslash", "/..%5c..%5cetc/passwd", page, 404, ""},
		{"a NUL", "/index.html%00.png", page, 404, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			resp := get(h, "GET", c.target, c.headers...)
			if got := text(resp); resp.StatusCode != c.status || c.body != "" && got != c.body {
				t.Errorf("%d %q", resp.StatusCode, got)
			}
			if strings.Contains(text(resp), "secret") || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%v", resp.Header)
			}
		})
	}
	if resp := get(h, "POST", "/"); resp.StatusCode != http.StatusMethodNotAllowed ||
		resp.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d", resp.StatusCode)
	}
	if resp := get(h, "HEAD", "/users/42", page...); resp.StatusCode != http.StatusOK || text(resp) != "" {
		t.Errorf("HEAD: %d", resp.StatusCode)
	}
}

// Attack class 1: a folder's redirect is a relative reference, whatever the request line holds.
func TestStaticRedirectsToAFolderOnly(t *testing.T) {
	h := frontend.Static(
		fstest.MapFS{
			"docs/index.html":         {Data: []byte("x")},
			"evil.example/index.html": {Data: []byte("x")},
			"a:b/index.html":          {Data: []byte("x")},
		},
	)
	for target, want := range map[string]string{"/docs": "./docs/", "//evil.example": "./evil.example/", "/a:b": "./a:b/"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.URL = &url.URL{Path: target}
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		if got := rec.Header().Get("Location"); rec.Code != http.StatusTemporaryRedirect || got != want {
			t.Errorf("%s: %d %q", target, rec.Code, got)
		}
	}
}

func TestEveryFileIsRevalidatedWhateverItsName(t *testing.T) {
	h := frontend.Static(os.DirFS(built(t)))
	for _, target := range []string{"/", "/assets/index-BxYz12k3.js", "/assets/main.1a2b3c4d.css", "/assets/version2024.js",
		"/assets/a-component.js", "/data.json", "/users/42"} {
		resp := get(h, "GET", target, "Accept", "text/html")
		tag := resp.Header.Get("ETag")
		if resp.Header.Get("Cache-Control") != "no-cache" || tag == "" {
			t.Errorf("%s: %v", target, resp.Header)
		}
		if again := get(h, "GET", target, "Accept", "text/html", "If-None-Match", tag); again.StatusCode != http.StatusNotModified {
			t.Errorf("%s: asked again: %d", target, again.StatusCode)
		}
	}
	part := get(h, "GET", "/film.mp4", "Range", "bytes=2-4")
	if part.StatusCode != http.StatusPartialContent || text(part) != "234" {
		t.Errorf("range: %d", part.StatusCode)
	}
	if kind := get(h, "GET", "/app.webmanifest").Header.Get("Content-Type"); kind != "application/manifest+json" {
		t.Errorf("manifest: %s", kind)
	}
	embedded := get(frontend.Static(fstest.MapFS{"index.html": {Data: []byte("x")}}), "GET", "/")
	if embedded.Header.Get("ETag") == "" {
		t.Error("a file without a time has no ETag")
	}
}

// devServer is a frontend's dev server that tells what it was asked.
func devServer(t *testing.T) (*httptest.Server, *url.URL) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
			conn, rw, _ := http.NewResponseController(w).Hijack()
			defer conn.Close()
			_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
			_ = rw.Flush()
			_, _ = io.Copy(conn, rw) // an echo
			return
		}
		w.Header().Set("Clear-Site-Data", `"cookies"`)
		w.Header().Add("Set-Cookie", "bff=planted; Path=/")
		w.Header().Add("Set-Cookie", "bff-abcdefgh=planted; Path=/")
		w.Header().Add("Set-Cookie", "theme=dark; Path=/")
		if r.URL.Path == "/moved" {
			w.Header().Set("Location", "http://"+r.Host+"/new?x=1")
			w.WriteHeader(http.StatusFound)
			return
		}
		_, _ = fmt.Fprintf(
			w,
			"%s %s host=%s cookie=%s forwarded=%s upgrade=%s",
			r.Method,
			r.URL,
			r.Host,
			r.Header.Get("Cookie"),
			r.Header.Get("X-Forwarded-For")+r.Header.Get("Forwarded"),
			r.Header.Get("Upgrade"),
		)
	}))
	t.Cleanup(s.Close)
	u, _ := url.Parse(s.URL)
	return s, u
}

func TestDevServerPassesOnWhatIsItsOwn(t *testing.T) {
	_, upstream := devServer(t)
	front := httptest.NewServer(frontend.DevServer(upstream, "http://app.example", "bff"))
	defer front.Close()
	r, _ := http.NewRequest("GET", front.URL+"/src/main.ts?t=1", nil)
	r.Header["Cookie"] = []string{"theme=dark; bff=ticket;bff-abcdefgh=1.opener", "lang=en; bff =ticket; bffx=1"}
	r.Header.Set("X-Forwarded-For", "203.0.113.1")
	r.Header.Set("Forwarded", "for=203.0.113.1")
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "h2c") // attack class 23
	resp, err := front.Client().Transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	want := fmt.Sprintf(
		"GET /src/main.ts?t=1 host=%s cookie=theme=dark; lang=en; bffx=1 forwarded= upgrade=",
		upstream.Host,
	)
	if got := text(resp); got != want {
		t.Errorf("the dev server saw %q\nwant %q", got, want)
	}
	if got := strings.Join(resp.Header["Set-Cookie"], "|"); got != "theme=dark; Path=/" ||
		resp.Header.Get("Clear-Site-Data") != "" {
		t.Errorf("came back: %v", resp.Header)
	}
	if got := get(frontend.DevServer(upstream, "http://app.example", "bff"), "GET", "/moved").Header.Get("Location"); got != "/new?x=1" {
		t.Errorf("Location %q", got)
	}
}

func TestDevServerHotReload(t *testing.T) {
	_, upstream := devServer(t)
	front := httptest.NewServer(frontend.DevServer(upstream, "http://app.example", "bff"))
	defer front.Close()
	dial := func(origin string) (net.Conn, *bufio.Reader, *http.Response) {
		conn, err := net.Dial("tcp", front.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		_, _ = fmt.Fprintf(
			conn,
			"GET /hmr HTTP/1.1\r\nHost: %s\r\nOrigin: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
			front.Listener.Addr(),
			origin,
		)
		in := bufio.NewReader(conn)
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		return conn, in, resp
	}
	conn, in, resp := dial(front.URL)
	if resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%d", resp.StatusCode)
	}
	_, _ = io.WriteString(conn, "update\n")
	if line, err := in.ReadString('\n'); line != "update\n" {
		t.Fatalf("%q %v", line, err)
	}
	// Attack class 21: another page's socket.
	if _, _, resp := dial("https://evil.example"); resp.StatusCode != http.StatusForbidden {
		t.Errorf("from another site: %d", resp.StatusCode)
	}
	if _, _, resp := dial("null"); resp.StatusCode != http.StatusForbidden {
		t.Errorf("from a sandbox: %d", resp.StatusCode)
	}
}

func TestDevServerThatIsNotThere(t *testing.T) {
	s, upstream := devServer(t)
	s.Close()
	resp := get(
		frontend.DevServer(upstream, "http://app.example", "bff"),
		"GET",
		"/",
		"Sec-Fetch-Mode",
		"navigate",
		"Accept",
		"text/html",
	)
	if body := text(resp); resp.StatusCode != http.StatusBadGateway || resp.Header.Get("BFF-Error") != "upstream_failed" ||
		!strings.Contains(body, "Start it") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	refused(t, get(frontend.DevServer(upstream, "http://app.example", "bff"), "GET", "/app.js"), 502, "upstream_failed")
}

func TestANavigationAtALoopbackNameIsLedToTheOrigin(t *testing.T) {
	w := newWorld(t, func(s *settings) {
		s.api = func(c *api.Config) { c.Frontend = frontend.Static(fstest.MapFS{"index.html": {Data: []byte("app")}}) }
	})
	b := w.browser()
	_, port, _ := net.SplitHostPort(w.front.Listener.Addr().String())
	host := func(h string) edit { return func(r *http.Request) { r.Host = h } }
	for _, target := range []string{"/", "/users/42?tab=1", "/bff/login/demo?return_to=/x"} {
		resp := b.visit(target, "none", host("localhost:"+port))
		if resp.StatusCode != http.StatusTemporaryRedirect || resp.Header.Get("Location") != w.origin+target {
			t.Errorf("%s: %d %q", target, resp.StatusCode, resp.Header.Get("Location"))
		}
	}
	for name, resp := range map[string]*http.Response{
		"at the origin":                         b.visit("/", "none"),
		"a script is never redirected":          b.fetch("GET", "/", "", host("localhost:"+port)),
		"behind a dev server on another port":   b.visit("/", "none", host("localhost:1")),
		"by an address that is not a name":      b.visit("/", "none", host("192.0.2.1:"+port)),
		"a program that says nothing of itself": b.do("GET", "/", "", host("localhost:"+port)),
	} {
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %d %q", name, resp.StatusCode, resp.Header.Get("Location"))
		}
	}
	refused(t, b.fetch("GET", "/", "", host("evil.example:"+port)), 400, "bad_request") // DNS rebinding
}
