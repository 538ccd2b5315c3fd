package api_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/andybalholm/brotli"

	"bff/internal/api"
	"bff/internal/api/frontend"
	"bff/internal/testenv"
)

// What bff serves itself comes in the coding that the browser takes, each with an ETag of its own; a refused coding
// does not come.
func TestFilesComeInACodingThatTheBrowserTakes(t *testing.T) {
	content := strings.Repeat("export const answer = 42;\n", 100)
	files := fstest.MapFS{"client.js": {Data: []byte(content)}, "index.html": {Data: []byte(content)}}
	w := newWorld(t, func(s *settings) {
		s.api = func(c *api.Config) { c.Client, c.Frontend = files, frontend.Static(files) }
	})
	b := w.browser()
	for _, target := range []string{"/bff/client.js", "/client.js"} {
		tags := map[string]string{}
		for accept, want := range map[string]string{"gzip, deflate, br": "br", "gzip": "gzip", "br;q=0, gzip": "gzip", "identity": "", "br;q=0": ""} {
			resp := b.do("GET", target, "", header("Accept-Encoding", accept))
			coding := resp.Header.Get("Content-Encoding")
			if coding != want || !strings.Contains(strings.Join(resp.Header.Values("Vary"), ","), "Accept-Encoding") {
				t.Errorf("%s, %s: %v", target, accept, resp.Header)
			}
			if got := decoded(t, coding, resp.Body); got != content {
				t.Errorf("%s, %s: %d bytes", target, accept, len(got))
			}
			if other, ok := tags[resp.Header.Get("ETag")]; ok && other != coding {
				t.Errorf("%s: %s and %s have one ETag", target, other, coding)
			}
			tags[resp.Header.Get("ETag")] = coding
		}
	}
}

func decoded(t *testing.T, coding string, body io.Reader) string {
	t.Helper()
	switch coding {
	case "br":
		body = brotli.NewReader(body)
	case "gzip":
		z, err := gzip.NewReader(body)
		if err != nil {
			t.Fatal(err)
		}
		body = z
	}
	b, err := io.ReadAll(io.LimitReader(body, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A dev server hears from bff, and from nobody else, under which origin the page is: frameworks hold Origin against it.
func TestADevServerGetsTheOriginFromBFFAlone(t *testing.T) {
	got := make(chan http.Header, 1)
	front := devServerFor(t, func(r *http.Request) { got <- r.Header })
	r, _ := http.NewRequest("POST", front, nil)
	r.Header.Set("X-Forwarded-Host", "evil.example")
	r.Header.Set("X-Forwarded-For", "1.2.3.4")
	others := []string{"Forwarded", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Server", "X-Forwarded-User", "BFF-User"}
	for _, name := range others {
		r.Header.Set(name, "host=evil.example")
	}
	resp, err := (&http.Transport{}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	h := testenv.Receive(t, "what was sent", got)
	if h.Get("X-Forwarded-Host") != "app.example" || h.Get("X-Forwarded-Proto") != "http" ||
		h.Get("X-Forwarded-For") != "" {
		t.Errorf("%v", h)
	}
	for _, name := range others {
		if h.Get(name) != "" {
			t.Errorf("%s went on", name)
		}
	}
}

func devServerFor(t *testing.T, seen func(*http.Request)) string {
	t.Helper()
	up := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen(r) }))
	t.Cleanup(up.Close)
	u, err := url.Parse(up.URL)
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewServer(frontend.DevServer(u, "http://app.example", "bff"))
	t.Cleanup(front.Close)
	return front.URL
}
