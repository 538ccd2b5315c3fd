package api_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"bff/internal/api"
	"bff/internal/api/frontend"
	"bff/internal/proxy"
	"bff/internal/testenv"
)

// everybodys are the routes whose answers are the same for everybody, and may be kept. No other route is excepted.
var everybodys = []string{"GET /bff/jwks.json", "GET /bff/client.js", "GET /bff/account", "GET /bff/account/{file}"}

// A shared cache in front of bff keeps no answer of one person and no cookie: whatever is asked, in whatever way, of
// whichever route, mount or frontend, by whoever, while the store answers and while it does not.
func TestSharedCachesKeepNothingOfAPerson(t *testing.T) {
	greedy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "max-age=600")
		w.Header().Set("Expires", "Thu, 01 Dec 2044 16:00:00 GMT")
	}))
	t.Cleanup(greedy.Close)
	eager := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=600, s-maxage=600")
	}))
	t.Cleanup(eager.Close)
	store := testenv.Redis(t)
	all, own := []string{"GET /{rest...}"}, proxy.OwnCookies("bff")
	pages := fstest.MapFS{"index.html": {Data: []byte("<p>hello</p>")}}
	w := newWorld(t, func(s *settings) {
		s.store = store.URL
		s.mounts = []proxy.Config{
			{Name: "eager", Path: "/api/eager", Upstream: eager.URL, Allow: all},
			{Name: "app", Path: "/app", Upstream: greedy.URL, Allow: all, Backend: true, OwnCookie: own},
			{Name: "public", Path: "/public", Upstream: eager.URL, Allow: all, Backend: true, OwnCookie: own},
			{Name: "open", Path: "/open", Upstream: greedy.URL, Allow: all, Backend: true, OwnCookie: own},
		}
		s.api = func(c *api.Config) {
			c.Frontend = frontend.Static(pages)
			for i := range c.Mounts {
				switch m := &c.Mounts[i]; m.Name {
				case "app", "public":
					m.Provider, m.Identity, m.Anonymous = "", "app", api.Redirect
				case "open":
					m.Provider, m.Identity, m.Anonymous = "", "app", api.Pass
				}
			}
		}
	})
	values := strings.NewReplacer("{provider}", "demo", "{id}", "x", "{file}", "account.css")
	targets := map[string]bool{} // "METHOD path" → everybody's
	for _, row := range w.server.Paths() {
		targets[values.Replace(row)] = slices.Contains(everybodys, row)
	}
	for _, more := range []string{"GET /bff/nothing", "GET /bff/session?touch=x", "GET /bff/callback/demo?state=x&code=y",
		"GET /bff/login/other", "GET /api/calendar/users/me/calendarList", "GET /api/calendar/nothing", "GET /api/eager/x",
		"GET /app/x", "GET //app/x", "GET /open/x"} {
		targets[more] = false
	}
	targets["GET /"], targets["GET /public/x"] = true, true
	ways := map[string]func(b *browser, method, target string) *http.Response{
		"a script":               func(b *browser, m, at string) *http.Response { return b.fetch(m, at, "") },
		"a person":               func(b *browser, _, at string) *http.Response { return b.visit(at, "none") },
		"a link of another site": func(b *browser, _, at string) *http.Response { return b.visit(at, "cross-site") },
		"a script of another one": func(b *browser, m, at string) *http.Response {
			return b.do(m, at, "", header("Sec-Fetch-Site", "cross-site"))
		},
		"a program": func(b *browser, m, at string) *http.Response { return b.do(m, at, "") },
		"such a link, loaded again": func(b *browser, _, at string) *http.Response {
			strict := w.browser() // the link brings no Strict cookie
			strict.visit(at, "cross-site")
			return b.visit(at, "same-origin", header("Cookie", "bff-again="+strict.cookie("bff-again")))
		},
		"HEAD":              func(b *browser, _, at string) *http.Response { return b.fetch("HEAD", at, "") },
		"an unknown method": func(b *browser, _, at string) *http.Response { return b.fetch("BREW", at, "") },
		"two session cookies": func(b *browser, m, at string) *http.Response {
			return b.fetch(m, at, "", header("Cookie", "bff="+b.cookie("bff")+"; bff=x"))
		},
	}
	walk := func(when string, who func() *browser) {
		for target := range targets {
			method, at, _ := strings.Cut(target, " ")
			for way, ask := range ways {
				b := who()
				if b.cookie("bff") != "" && endsSession(target) {
					b = w.browser()
					b.signIn("grace") // an erasing ends all sessions of who asks
				}
				resp := ask(b, method, at)
				read := resp.Request.Method == http.MethodGet || resp.Request.Method == http.MethodHead
				everybody := targets["GET "+at] || at == "/open/x" && b.cookie("bff") == "" // a backend's answer to nobody
				keeps(t, when+", "+way+": "+target, resp, read && everybody)
				_ = resp.Body.Close() // an event stream has no end
			}
		}
	}
	nobody, ada := w.browser(), w.browser()
	ada.signIn("ada")
	walk("nobody", func() *browser { return nobody })
	walk("signed in", func() *browser { return ada })
	ada.loses(store)
	walk("no store", func() *browser { return nobody })
}

// endsSession says whether a route may end the session that asks.
func endsSession(target string) bool {
	return target == "POST /bff/logout" || target == "DELETE /bff/account"
}

// keeps checks what a shared cache may do with an answer (RFC 9111 section 3).
func keeps(t *testing.T, what string, resp *http.Response, everybody bool) {
	t.Helper()
	control := strings.ToLower(strings.Join(resp.Header["Cache-Control"], ","))
	alone := strings.Contains(control, "no-store") || strings.Contains(control, "private")
	vary := strings.Contains(strings.Join(resp.Header["Vary"], ","), "Cookie")
	cookies := resp.Header["Set-Cookie"]
	switch {
	case len(cookies) > 0 && !(alone && vary):
		t.Errorf("%s: %d, %q sets %q", what, resp.StatusCode, control, cookies)
	case everybody && resp.StatusCode < 300 && len(cookies) == 0:
	case !alone || !vary:
		t.Errorf("%s: %d, Cache-Control %q, Vary %q", what, resp.StatusCode, control, resp.Header["Vary"])
	}
}
