package api_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/http/httpguts"

	"bff/internal/api"
	"bff/internal/users"
)

// behindProxy trusts the front proxy of the tests: this machine.
func behindProxy(s *settings) {
	s.api = func(c *api.Config) {
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		c.Limits.LoginPerMinute = 1 << 30
	}
}

// person makes the headers of a navigation, as a front proxy passes them on.
func person(site, uri string) []edit {
	return []edit{
		header("Sec-Fetch-Mode", "navigate"),
		header("Sec-Fetch-Dest", "document"),
		header("Sec-Fetch-Site", site),
		header("Accept", "text/html"),
		header("X-Forwarded-Method", "GET"),
		header("X-Forwarded-Uri", uri),
	}
}

// more adds one more value to a header.
func more(name, value string) edit { return func(r *http.Request) { r.Header.Add(name, value) } }

func TestVerifySendsPeopleToSignIn(t *testing.T) {
	w := newWorld(t, behindProxy)
	want := "/bff/login/demo?return_to=" + url.QueryEscape("/deep?a=b")
	for name, edits := range map[string][]edit{
		"a person who typed it": person("none", "/deep?a=b"),
		"a link of its own":     person("same-origin", "/deep?a=b"),
		"an old browser":        {header("Accept", "text/html,*/*"), header("X-Forwarded-Uri", "/deep?a=b")},
	} {
		resp := ask(t, w, "GET", "/verify?redirect=1", "", edits...)
		if to := resp.Header.Get("Location"); resp.StatusCode != http.StatusFound || to != want ||
			resp.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d to %q", name, resp.StatusCode, to)
		}
		refused(t, ask(t, w, "GET", "/verify", "", edits...), 401, "not_signed_in")
	}
	for name, edits := range map[string][]edit{
		"a script":             {header("Sec-Fetch-Mode", "cors"), header("Sec-Fetch-Site", "same-origin")},
		"a program":            {header("User-Agent", "curl/8")},
		"a frame":              append(person("none", "/"), header("Sec-Fetch-Dest", "iframe")),
		"a form":               append(person("same-origin", "/"), header("X-Forwarded-Method", "POST")),
		"two methods":          append(person("none", "/"), more("X-Forwarded-Method", "GET")),
		"a WebSocket":          append(person("none", "/"), header("Upgrade", "websocket")),
		"what is only fetched": append(person("none", "/"), header("Sec-Purpose", "prefetch")),
	} {
		if resp := ask(t, w, "GET", "/verify?redirect=1", "", edits...); resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %d to %q", name, resp.StatusCode, resp.Header.Get("Location"))
		}
	}
}

// The address to come back to is a path of this origin, and counts only from a trusted proxy.
func TestVerifyLeadsBackToThisOriginOnly(t *testing.T) {
	w := newWorld(t, behindProxy)
	for _, raw := range returnURLs() {
		if !httpguts.ValidHeaderFieldValue(raw) {
			continue
		}
		resp := ask(t, w, "GET", "/verify?redirect=1", "", person("none", raw)...)
		u, err := url.Parse(resp.Header.Get("Location"))
		if err != nil || u.Path != "/bff/login/demo" || u.Host != "" {
			t.Fatalf("%q: %q", raw, resp.Header.Get("Location"))
		}
		to := u.Query().Get("return_to")
		if asBrowsersDo(to) != "app.example.com" || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") {
			t.Errorf("%q comes back to %q", raw, to)
		}
	}
	nobody := newWorld(t)
	if to := ask(t, nobody, "GET", "/verify?redirect=1", "", person("none", "/deep")...).Header.Get("Location"); to !=
		"/bff/login/demo?return_to=%2F" {
		t.Errorf("from a proxy that is not trusted: %q", to)
	}
}

// What changes something must come from this origin, whatever the question's own method is.
func TestTheCrossSiteRuleOfVerify(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn("ada")
	cookie := header("Cookie", "bff="+b.cookie("bff"))
	method := func(m string) edit { return header("X-Forwarded-Method", m) }
	site := func(s string) edit { return header("Sec-Fetch-Site", s) }
	for name, edits := range map[string][]edit{
		"a form of another site":    {method("POST"), site("cross-site")},
		"a form of a sibling":       {method("POST"), site("same-site")},
		"a typed address that acts": {method("DELETE"), site("none")},
		"an old browser":            {method("POST"), header("Origin", "https://evil.example")},
		"an opaque origin":          {method("POST"), header("Origin", "null")},
		"what says nothing":         {method("POST")},
		"an unknown method":         {method("PURGE"), site("cross-site")},
		"a method in lower case":    {method("get"), site("cross-site")},
		"two methods":               {method("GET"), more("X-Forwarded-Method", "POST"), site("cross-site")},
		"two sites":                 {method("POST"), site("same-origin"), more("Sec-Fetch-Site", "same-origin")},
		"a WebSocket":               {method("GET"), site("same-site"), header("Upgrade", "websocket")},
		"a WebSocket without words": {method("GET"), site("same-site"), header("Sec-WebSocket-Key", "x")},
		"a WebSocket by its mode":   {method("GET"), site("same-site"), header("Sec-Fetch-Mode", "websocket")},
	} {
		resp := ask(t, w, "GET", "/verify?audience=app", "", append(edits, cookie)...)
		refused(t, resp, 403, "csrf_rejected")
		if resp.Header.Get("BFF-User") != "" || resp.Header.Get("Authorization") != "" {
			t.Errorf("%s: it says who is asking", name)
		}
	}
	refused(t, ask(t, w, "POST", "/verify", "", cookie, site("cross-site"), method("GET")), 403, "csrf_rejected")
	for name, edits := range map[string][]edit{
		"its own form":          {method("POST"), site("same-origin")},
		"its own, an old one":   {method("POST"), header("Origin", w.origin)},
		"a program":             {method("POST"), header("X-CSRF", "1")},
		"a link from elsewhere": {method("GET"), site("cross-site")},
		"its own WebSocket":     {method("GET"), site("same-origin"), header("Sec-WebSocket-Key", "x")},
	} {
		if resp := ask(t, w, "GET", "/verify", "", append(edits, cookie)...); resp.StatusCode != http.StatusNoContent {
			t.Errorf("%s: %d", name, resp.StatusCode)
		}
	}
}

func TestVerifyRequiresRights(t *testing.T) {
	w := newWorld(t, withUsers(users.Config{}))
	b := w.browser()
	user := userOf(b.signIn("ada"))
	cookie := header("Cookie", "bff="+b.cookie("bff"))
	for query, want := range map[string]string{
		"?require=staff":       `["staff"]`,
		"?require=a&require=b": `["a","b"]`, "?require=": `[""]`, "?require=a&redirect=1": `["a"]`,
	} {
		p := refused(t, ask(t, w, "GET", "/verify"+query, "", cookie), 403, "not_permitted")
		if got := encoded(p["missing_rights"]); got != want {
			t.Errorf("%s: %s", query, got)
		}
	}
	setRights(t, w, user, "staff", "may, too")
	for query, status := range map[string]int{
		"?require=staff": 204, "?require=staff&require=may,+too": 204, "?require=staff&require=editor": 403,
		"?require=editor&require=staff": 403, "?require=Staff": 403, "?require=may": 403, "?require=staff,may": 403,
	} {
		resp := ask(t, w, "GET", "/verify"+query, "", cookie)
		says := resp.Header.Get("BFF-Rights")
		if resp.StatusCode != status || (says == "may%2C too,staff") != (status == 204) {
			t.Errorf("%s: %d, BFF-Rights %q", query, resp.StatusCode, says)
		}
	}
	// A parameter with a typing error must not let everybody through.
	for _, query := range []string{"require=%zz", "requires=staff", "Require=staff", "right=staff", "redirect=1&x=1"} {
		refused(t, ask(t, w, "GET", "/verify?"+query, "", cookie), 400, "bad_request")
	}
	// Nor may a slash too many.
	for _, query := range []string{"require=staff", "require=editor", "x=1&require", "audience=app"} {
		refused(t, ask(t, w, "GET", "/verify/?"+query, "", cookie), 400, "bad_request")
	}
	// Below /verify the address is the client's own: it asks nothing, and changes nothing that was asked.
	for _, path := range []string{
		"/verify/", "/verify/?redirect=1&x=require", "/verify/x?require=editor", "/verify/x?audience=app", "/verify/x?redirect=1&audience=a&audience=b",
	} {
		resp := ask(t, w, "GET", path, "", cookie)
		if resp.StatusCode != http.StatusNoContent || resp.Header.Get("Authorization") != "" {
			t.Errorf("%s: %d %v", path, resp.StatusCode, resp.Header)
		}
	}
}

func TestVerifySaysWhoIsAsking(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	s := b.signIn("ada")
	cookie := header("Cookie", "bff="+b.cookie("bff"))
	user := s["user"].(map[string]any)
	resp := ask(t, w, "GET", "/verify?audience=app", "", cookie)
	for name, want := range map[string]any{
		"BFF-User": user["id"], "BFF-Session": sessionID(b), "BFF-Email": user["email"], "BFF-Name": user["name"],
		"BFF-Rights": "", "BFF-App-Id": "",
	} {
		if got := resp.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if c := claims(t, &http.Request{Header: resp.Header}); c["aud"] != "app" || c["sub"] != user["id"] ||
		c["iss"] != w.origin {
		t.Errorf("the assertion: %v", c)
	}
	if resp := ask(t, w, "GET", "/verify", "", cookie); resp.Header.Get("Authorization") != "" {
		t.Error("an assertion that nobody asked for")
	}
	long := strings.Repeat("a", 65)
	for _, audience := range []string{"", "a%20b", "a,b", long, "caf%C3%A9", "a&audience=b", "%0d%0aX:%20y", "%22"} {
		refused(t, ask(t, w, "GET", "/verify?audience="+audience, "", cookie), 400, "bad_request")
	}
}
