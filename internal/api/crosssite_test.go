package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"bff/internal/api"
)

// RFC 10017 6.1.3.3: the defence is checked on every request that changes something, and on every proxied call.
func TestCrossSiteRequests(t *testing.T) {
	w := newWorld(
		t,
		func(s *settings) { s.api = func(c *api.Config) { c.Origins = []string{"https://admin.example.com"} } },
	)
	b := w.browser()
	b.signIn("ada")
	set := func(pairs ...string) []edit {
		var out []edit
		for i := 0; i < len(pairs); i += 2 {
			out = append(out, header(pairs[i], pairs[i+1]))
		}
		return out
	}
	for name, c := range map[string]struct {
		headers []edit
		ok      bool
	}{
		"the own page":                                {set("Sec-Fetch-Site", "same-origin"), true},
		"an image of the own page":                    {set("Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"), true},
		"an address that was typed":                   {set("Sec-Fetch-Site", "none"), true},
		"another site":                                {set("Sec-Fetch-Site", "cross-site"), false},
		"another site with X-CSRF":                    {set("Sec-Fetch-Site", "cross-site", "X-CSRF", "1"), false},
		"a sibling sub-domain":                        {set("Sec-Fetch-Site", "same-site"), false},
		"a sibling that says it is us":                {set("Sec-Fetch-Site", "same-site", "Origin", w.origin), false},
		"a word the standard does not know":           {set("Sec-Fetch-Site", "same-origin, cross-site"), false},
		"an empty Sec-Fetch-Site":                     {set("Sec-Fetch-Site", "", "X-CSRF", "1"), false},
		"a listed origin":                             {set("Sec-Fetch-Site", "cross-site", "Origin", "https://admin.example.com"), true},
		"a listed origin over http":                   {set("Sec-Fetch-Site", "cross-site", "Origin", "http://admin.example.com"), false},
		"a prefix of a listed origin":                 {set("Sec-Fetch-Site", "cross-site", "Origin", "https://admin.example.com.evil.example"), false},
		"an old browser of the own page":              {set("Origin", w.origin), true},
		"an old browser of another page":              {set("Origin", "https://evil.example"), false},
		"an old browser of another page, with X-CSRF": {set("Origin", "https://evil.example", "X-CSRF", "1"), false},
		"a sandboxed frame":                           {set("Origin", "null"), false},
		"a client that sends neither":                 {nil, false},
		"a client that sends neither, but X-CSRF":     {set("X-CSRF", "1"), true},
		"X-CSRF with another value":                   {set("X-CSRF", "true"), false},
	} {
		t.Run(name, func(t *testing.T) {
			resp := b.do("GET", "/api/calendar/users/me/calendarList", "", c.headers...)
			if c.ok && resp.StatusCode != http.StatusOK {
				t.Errorf("refused: %d %s", resp.StatusCode, text(resp))
			}
			if !c.ok {
				refused(t, resp, 403, "csrf_rejected")
			}
		})
	}
	// Every route that changes something, but for those whose body is the proof (RFC 10017 section 6.1.3.3.2).
	proven := []string{"POST /bff/callback/{provider}", "POST /bff/backchannel-logout/{provider}",
		"POST /bff/security-events/{provider}"}
	values, changing := strings.NewReplacer("{provider}", "demo", "{id}", "x_x"), 0
	for _, row := range w.server.Paths() {
		method, path, _ := strings.Cut(values.Replace(row), " ")
		if method == http.MethodGet || slices.Contains(proven, row) {
			continue
		}
		changing++
		for _, from := range [][]edit{nil, set("Sec-Fetch-Site", "none"), set("Sec-Fetch-Site", "same-site"),
			set("Sec-Fetch-Site", "cross-site", "X-CSRF", "1", "Origin", "https://evil.example"), set("Origin", "null"),
			set("Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document")} {
			refused(t, b.do(method, path, "", from...), 403, "csrf_rejected")
		}
	}
	if changing < 7 {
		t.Errorf("%d routes were tried", changing)
	}
	if b.session()["authenticated"] != true {
		t.Fatal("one of them did something")
	}
}

func TestCORSIsForTheListedOriginsAlone(t *testing.T) {
	w := newWorld(
		t,
		func(s *settings) { s.api = func(c *api.Config) { c.Origins = []string{"https://admin.example.com"} } },
	)
	b := w.browser()
	ask := func(origin string) *http.Response {
		return b.do(
			"OPTIONS",
			"/bff/session",
			"",
			header("Origin", origin),
			header("Access-Control-Request-Method", "GET"),
			header("Access-Control-Request-Headers", "x-csrf"),
		)
	}
	if h := ask("https://admin.example.com").Header; h.Get("Access-Control-Allow-Origin") != "https://admin.example.com" ||
		h.Get("Access-Control-Allow-Credentials") != "true" {
		t.Errorf("a listed origin: %v", h)
	}
	if vary := b.do("GET", "/bff/session", "").Header["Vary"]; !slices.Equal(
		vary,
		[]string{"Origin", "Cookie"},
	) { // attack class 19
		t.Errorf("an answer depends on its Origin and Cookie, and says %q", vary)
	}
	for _, origin := range []string{"https://evil.example", "http://admin.example.com", "https://admin.example.com.evil.example", "null"} { // attack class 18
		if got := ask(origin).Header.Get("Access-Control-Allow-Origin"); got != "" {
			t.Errorf("%s is let in as %q", origin, got)
		}
	}
}

func TestUnknownRoutesAndMethodsAreRefused(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	refused(t, b.fetch("GET", "/bff/nothing", ""), 404, "not_found")
	refused(t, b.fetch("GET", "/bff", ""), 404, "not_found")
	refused(t, b.fetch("GET", "/nothing", ""), 404, "not_found")
	if resp := b.fetch("PUT", "/bff/session", ""); resp.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("Allow: %q", resp.Header.Get("Allow"))
	} else {
		refused(t, resp, 405, "method_not_allowed")
	}
	for _, path := range []string{"/bff/connections", "/bff/sessions", "/bff/preferences", "/bff/events", "/bff/connect/demo"} {
		p := refused(t, b.fetch("GET", path, ""), 401, "not_signed_in")
		if fix, _ := p["fix"].(map[string]any); fix["url"] != "/bff/login/demo" {
			t.Errorf("%s: fix %v", path, p["fix"])
		}
	}
	two := b.fetch("GET", "/bff/session", "", header("Cookie", "bff=a; bff=b"))
	refused(t, two, 400, "bad_request")
	if resp := b.fetch("GET", "/bff/session", "", header("Cookie", "bff="+strings.Repeat("x", 200_000))); resp.StatusCode != 200 &&
		resp.StatusCode != 431 { // attack class 15
		t.Errorf("a cookie of 200 kB: %d", resp.StatusCode)
	}
	resp := b.fetch("GET", "/bff/session", "")
	if h := resp.Header; h.Get("Cache-Control") != "no-store" || h.Get("Vary") != "Cookie" ||
		h.Get("X-Content-Type-Options") != "nosniff" { // attack class 19
		t.Errorf("headers: %v", h)
	}
}
