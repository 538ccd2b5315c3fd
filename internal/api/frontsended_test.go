package api_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/http/httpguts"

	"bff/internal/api"
	"bff/internal/demo/provider"
	"bff/internal/testenv"
	"bff/internal/vault"
)

// fromServer takes away what only a browser sends.
func fromServer(r *http.Request) {
	r.Header.Del("Sec-Fetch-Site")
	r.Header.Del("Cookie")
}

// listenAt opens the event stream of a front.
func (p *visitor) listenAt(front string) *listening {
	p.w.t.Helper()
	return hear(p.w.t, p.fetch("GET", front+"/bff/events", "", header("Accept", "text/event-stream")))
}

// Whatever ends a person's sessions, wherever it is said, ends those of all fronts, those that single sign-on made
// included; every page hears of it, and nobody else is touched.
func TestWhatEndsAPersonEndsHerOnEveryFront(t *testing.T) {
	ended := map[string]struct {
		reason string
		do     func(w *world, p *visitor, user string) *http.Response
	}{
		"a back-channel logout of the person": {"provider", func(w *world, p *visitor, _ string) *http.Response {
			token := logoutToken(t, w, "ada", "", nil)
			return p.send("POST", first+"/bff/backchannel-logout/demo", form("logout_token", token), "", formKind, fromServer)
		}},
		"a back-channel logout of her session": {"provider", func(w *world, p *visitor, _ string) *http.Response {
			token := logoutToken(t, w, "ada", w.demo.Sessions("ada")[0], nil)
			return p.send("POST", first+"/bff/backchannel-logout/demo", form("logout_token", token), "", formKind, fromServer)
		}},
		"a security event": {"provider", func(w *world, p *visitor, _ string) *http.Response {
			token := securityEvent(t, w, provider.EventSessionsRevoked, "ada", nil)
			return p.send("POST", first+"/bff/security-events/demo", token, "", header("Content-Type", setKind), fromServer)
		}},
		"an operator": {"ended_elsewhere", func(w *world, _ *visitor, user string) *http.Response {
			return ask(t, w, "DELETE", "/users/"+user+"/sessions", "", basic("billing", billingSecret))
		}},
		"an erasure": {"erased", func(w *world, _ *visitor, user string) *http.Response {
			return ask(t, w, "DELETE", "/users/"+user, "", basic("billing", billingSecret))
		}},
	}
	for name, row := range ended {
		t.Run(name, func(t *testing.T) {
			w := newFronts(t, true)
			p, grace := w.visitor("ada"), w.visitor("grace")
			grace.signIn(shop)
			var streams []*listening
			var user string
			for _, front := range []string{first, shop, help} {
				user = userOf(p.signIn(front))
				streams = append(streams, p.listenAt(front))
			}
			if resp := row.do(w, p, user); resp.StatusCode >= 300 {
				t.Fatalf("%d %s", resp.StatusCode, text(resp))
			}
			for _, l := range streams {
				l.ends(row.reason)
			}
			for _, front := range []string{first, shop, help} {
				if p.signedIn(front) {
					t.Errorf("still signed in at %s", front)
				}
			}
			if !grace.signedIn(shop) || !grace.signedIn(first) {
				t.Error("grace is gone too")
			}
		})
	}
}

// A stream tells of its own front's session: a logout on one front is no event on another, where what concerns the
// person is.
func TestAStreamTellsOfItsFrontsSession(t *testing.T) {
	w := newFronts(t, true)
	p := w.visitor("ada")
	p.signIn(first)
	p.signIn(shop)
	here, there := p.listenAt(first), p.listenAt(shop)
	p.fetch("POST", shop+"/bff/logout", "")
	there.ends("logout")
	p.fetch("PATCH", first+"/bff/preferences", `{"theme":"dark"}`, header("Content-Type", "application/merge-patch+json"))
	if e, ok := here.next(); !ok || e.name != "preferences.changed" {
		t.Errorf("the first front heard %v", e)
	}
}

// What a session of one front names is nothing to a session of another: a connection, and another person's session.
// The person's own sessions are hers on all fronts.
func TestNamesOfAnotherFrontsSession(t *testing.T) {
	w := newFronts(t, true)
	p, grace := w.visitor("ada"), w.visitor("grace")
	connection := p.signIn(first)["connections"].([]any)[0].(map[string]any)["id"].(string)
	own := p.session(first)["session"].(map[string]any)["id"].(string)
	p.signIn(shop)
	grace.signIn(shop)
	const call = "/api/calendar/users/me/calendarList"
	for name, v := range map[string]*visitor{"her own session of another front": p, "somebody else": grace} {
		refused(t, v.fetch("GET", shop+call, "", header("BFF-Connection", connection)), 403, "not_connected")
		refused(t, v.fetch("GET", shop+call+"?bff_connection="+connection, ""), 403, "not_connected")
		if resp := v.fetch("DELETE", shop+"/bff/connections/"+connection, ""); resp.StatusCode == 204 {
			t.Errorf("%s unlinked a connection of the first front's session: %d", name, resp.StatusCode)
		}
	}
	if p.fetch("GET", first+call, "").StatusCode != 200 {
		t.Error("the connection is gone from its own session")
	}
	if resp := grace.fetch("DELETE", shop+"/bff/sessions/"+own, ""); resp.StatusCode != 404 || !p.signedIn(first) {
		t.Errorf("grace ended ada's session: %d", resp.StatusCode)
	}
	resp := p.fetch("DELETE", shop+"/bff/sessions/"+own, "")
	if resp.StatusCode != 204 || p.signedIn(first) || !p.signedIn(shop) {
		t.Errorf("ada ended her own session of another front: %d", resp.StatusCode)
	}
}

// An answer that a browser kept on one front counts for nobody on another.
func TestAKeptAnswerIsOfItsFrontAndPerson(t *testing.T) {
	w := newFronts(t, true)
	p, grace := w.visitor("ada"), w.visitor("grace")
	p.signIn(first)
	grace.signIn(shop)
	merge := header("Content-Type", "application/merge-patch+json")
	tag := p.fetch("PATCH", first+"/bff/preferences", `{"secret":"of ada"}`, merge).Header.Get("ETag")
	if tag == "" {
		t.Fatal("no ETag")
	}
	resp := grace.fetch("GET", shop+"/bff/preferences", "", header("If-None-Match", tag))
	if body := text(resp); resp.StatusCode != 200 || strings.Contains(body, "ada") {
		t.Errorf("grace, with what ada's browser kept: %d %s", resp.StatusCode, body)
	}
	resp = grace.fetch("PATCH", shop+"/bff/preferences", `{"a":1}`, merge, header("If-Match", tag))
	if resp.StatusCode != 412 {
		t.Errorf("grace changes what ada read: %d", resp.StatusCode)
	}
	for _, path := range []string{"/bff/session", "/bff/preferences", "/bff/sessions",
		"/api/calendar/users/me/calendarList"} {
		h := p.fetch("GET", first+path, "").Header
		kept := strings.Contains(h.Get("Cache-Control"), "no-store") || strings.Contains(h.Get("Cache-Control"), "private")
		if !kept || !strings.Contains(strings.Join(h.Values("Vary"), ","), "Cookie") {
			t.Errorf("%s may be kept for others: %q, Vary %q", path, h.Get("Cache-Control"), h.Values("Vary"))
		}
	}
}

// Through forward-auth each front's people come back to that front, whatever the address says.
func TestVerifyLeadsBackToTheFrontOfTheBrowser(t *testing.T) {
	w := newFronts(t, true, func(s *settings) {
		three := s.api
		s.api = func(c *api.Config) {
			three(c)
			c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
			c.Limits.LoginPerMinute = 1 << 30
		}
	})
	n := 0
	for _, front := range []string{first, shop, help} {
		at := header("X-Forwarded-Host", strings.TrimPrefix(front, "http://"))
		for i, raw := range returnURLs() {
			if i%7 != 0 || !httpguts.ValidHeaderFieldValue(raw) {
				continue
			}
			n++
			resp := ask(t, w, "GET", "/verify?redirect=1", "", append(person("none", raw), at)...)
			u, err := url.Parse(resp.Header.Get("Location"))
			if err != nil || resp.StatusCode != 302 || u.Path != "/bff/login/demo" || u.Host != "" {
				t.Fatalf("%s, %q: %d to %q", front, raw, resp.StatusCode, resp.Header.Get("Location"))
			}
			to := u.Query().Get("return_to")
			if asBrowsersDo(to) != "app.example.com" || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") {
				t.Errorf("%s, %q comes back to %q", front, raw, to)
			}
		}
		refused(t, ask(t, w, "GET", "/verify?redirect=1", "", append(person("none", "/"),
			header("X-Forwarded-Host", "evil.example"))...), 421, "misdirected")
	}
	if n < 900 {
		t.Errorf("only %d addresses", n)
	}
}

// No route of bff's own answers at a Host that is no front, however near one its spelling is.
func TestEveryRouteIs421AtAHostThatIsNoFront(t *testing.T) {
	w := newFronts(t, true)
	p := w.visitor("ada")
	p.signIn(shop)
	cookie := header("Cookie", "bff="+p.cookie(shop, "bff"))
	paths := append(w.server.Paths(), "GET /", "GET /api/calendar/users/me/calendarList",
		"POST /api/calendar/calendars/x/events", "GET /bff/nothing", "OPTIONS /bff/session")
	for _, host := range []string{"evil.example", "shop.example.", "shop.example.:80", "shop.example:8080",
		"SHOP.EXAMPLE:8080", "shop.example:", "shop.example:080", "[::1]", "[::1]:80", "[::ffff:127.0.0.1]:80",
		"127.0.0.1", "localhost:80", "app.test.", "user@shop.example", "xn--shop.example"} {
		for _, row := range paths {
			method, path, _ := strings.Cut(row, " ")
			path = strings.NewReplacer("{provider}", "demo", "{id}", "x", "{$}", "", "{rest...}", "x").Replace(path)
			resp := p.send(method, shop+path, "", "same-origin", cookie, toHost(host),
				header("X-Forwarded-Host", "shop.example"))
			if resp.StatusCode != 421 || len(resp.Cookies()) > 0 || resp.Header.Get("Location") != "" {
				t.Errorf("%s at %q: %d to %q", row, host, resp.StatusCode, resp.Header.Get("Location"))
			}
			_ = resp.Body.Close()
		}
	}
	if len(paths) < 20 {
		t.Errorf("only %d routes", len(paths))
	}
}

// Two products on one store, of one key by an operator's mistake: neither sees the other's people, and an end of one
// ends nobody of the other, on any front.
func TestTwoProductsWithFrontsAndOneKey(t *testing.T) {
	store, key := testenv.Redis(t), vault.NewKey()
	product := func(prefix string, change ...func(*settings)) *world {
		return newFronts(t, true, append(change, func(s *settings) {
			s.store, s.prefix, s.keys = store.URL, prefix, []vault.Key{key}
		})...)
	}
	a := product("a")
	b := product("b", func(s *settings) { s.demo = a.demo })
	p, q := a.visitor("ada"), b.visitor("ada")
	var user string
	for _, front := range []string{first, shop} {
		user = userOf(p.signIn(front))
	}
	ask(t, b, "DELETE", "/users/"+user+"/sessions", "", basic("billing", billingSecret)) // of a user who is not there
	if resp := ask(t, b, "GET", "/users/"+user, "", basic("billing", billingSecret)); resp.StatusCode != 404 {
		t.Errorf("a user of the other product: %d", resp.StatusCode)
	}
	for _, front := range []string{first, shop} {
		q.signIn(front)
		thief := b.visitor("ada")
		thief.smuggle(front, p, front)
		if thief.signedIn(front) {
			t.Errorf("a cookie of the other product is signed in at %s", front)
		}
		token := form("token", p.cookie(front, "bff"))
		inside := ask(t, b, "POST", "/introspect", token, formKind, basic("billing", billingSecret))
		if object(t, inside)["active"] != false {
			t.Errorf("a service of the other product sees the session of %s", front)
		}
	}
	token := logoutToken(t, b, "ada", "", nil)
	q.send("POST", first+"/bff/backchannel-logout/demo", form("logout_token", token), "", formKind, fromServer)
	for _, front := range []string{first, shop} {
		if !p.signedIn(front) || q.signedIn(front) {
			t.Errorf("after a logout of one product at %s: the other's is in %v, its own %v", front, p.signedIn(front),
				q.signedIn(front))
		}
	}
}
