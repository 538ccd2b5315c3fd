package api_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"bff/internal/api"
	"bff/internal/testenv"
)

// toHost sends a request to another host than its address names.
func toHost(host string) edit { return func(r *http.Request) { r.Host = host } }

// fromProxy says what a front proxy says of the request that it asks about.
func fromProxy(front, cookie string) []edit {
	return []edit{header("X-Forwarded-Host", strings.TrimPrefix(front, "http://")), header("Cookie", "bff="+cookie),
		header("X-Forwarded-Method", "GET")}
}

// The session cookie of one front is nobody on another, whatever is asked with it.
func TestACookieOfOneFrontIsNobodyOnAnother(t *testing.T) {
	for name, cache := range map[string]bool{"from the store": false, "from the cache": true} {
		t.Run(name, func(t *testing.T) {
			w := newFronts(t, true, func(s *settings) {
				if s.cache = cache; cache {
					s.store = testenv.Redis(t).URL
				}
			})
			p := w.visitor("ada")
			p.signIn(first)
			p.signIn(shop)
			for range 3 { // as often as fills the cache
				p.signedIn(first)
				p.signedIn(shop)
			}
			for _, way := range [][2]string{{first, shop}, {shop, first}, {shop, help}} {
				thief := w.visitor("grace")
				thief.plant(way[1], "bff", p.cookie(way[0], "bff"))
				if thief.signedIn(way[1]) {
					t.Errorf("the cookie of %s is signed in at %s", way[0], way[1])
				}
				for _, call := range [][2]string{
					{"GET", "/api/calendar/users/me/calendarList"}, {"GET", "/bff/connections"}, {"GET", "/bff/sessions"},
					{"GET", "/bff/preferences"}, {"PATCH", "/bff/preferences"}, {"GET", "/bff/events"},
					{"DELETE", "/bff/sessions"}, {"GET", "/bff/account/export"}, {"DELETE", "/bff/account"},
				} {
					refused(t, thief.fetch(call[0], way[1]+call[1], ""), 401, "not_signed_in")
				}
				if thief.fetch("POST", way[1]+"/bff/logout", `{"everywhere": true}`, header("Content-Type", "application/json")); !p.signedIn(way[0]) {
					t.Errorf("a logout on %s with the cookie of %s ended it there", way[1], way[0])
				}
			}
		})
	}
}

// Whoever names another front to the admin listener than the cookie's gets nobody.
func TestForwardAuthAsksAboutTheFrontOfTheBrowser(t *testing.T) {
	for name, trusted := range map[string]bool{"a trusted proxy": true, "anybody": false} {
		t.Run(name, func(t *testing.T) {
			w := newFronts(t, true, func(s *settings) {
				three := s.api
				s.api = func(c *api.Config) {
					three(c)
					if trusted {
						c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
					}
				}
			})
			p := w.visitor("ada")
			p.signIn(first)
			p.signIn(shop)
			verify := func(edits ...edit) int { return ask(t, w, "GET", "/verify", "", edits...).StatusCode }
			own, others := p.cookie(shop, "bff"), p.cookie(first, "bff")
			want := map[string]int{"own": 204, "others": 401, "no front": 421, "at the first": 401}
			if !trusted { // nobody is believed: the question is about the first front
				want = map[string]int{"own": 401, "others": 204, "no front": 401, "at the first": 401}
			}
			got := map[string]int{
				"own":          verify(fromProxy(shop, own)...),
				"others":       verify(fromProxy(shop, others)...),
				"no front":     verify(fromProxy("http://evil.example", own)...),
				"at the first": verify(fromProxy(first, own)...),
			}
			for k, v := range want {
				if got[k] != v {
					t.Errorf("%s: %d, want %d", k, got[k], v)
				}
			}
			// Envoy passes the browser's own Host on.
			if status := verify(header("Cookie", "bff="+own), toHost("shop.example")); status != 204 {
				t.Errorf("the question's own Host: %d", status)
			}
			if status := verify(header("Cookie", "bff="+others), toHost("shop.example")); status != 401 {
				t.Errorf("the question's own Host with another's cookie: %d", status)
			}
		})
	}
}

// A service learns of which front a session is.
func TestTheIssuerIsTheFront(t *testing.T) {
	w := newFronts(t, true)
	p := w.visitor("ada")
	p.signIn(first)
	p.signIn(shop)
	for _, front := range []string{first, shop} {
		asks := form("token", p.cookie(front, "bff"))
		answer := object(t, ask(t, w, "POST", "/introspect", asks, formKind, basic("billing", billingSecret)))
		if answer["active"] != true || answer["iss"] != front {
			t.Errorf("%s: %v", front, answer)
		}
		asked := ask(t, w, "POST", "/token", form(
			"grant_type", "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token", p.cookie(front, "bff"),
			"subject_token_type", "urn:bff:session", "audience", "app"), formKind, basic("billing", billingSecret))
		token, _ := object(t, asked)["access_token"].(string)
		if c := claims(t, &http.Request{Header: http.Header{"Authorization": {"Bearer " + token}}}); c["iss"] != front {
			t.Errorf("in exchange for a session of %s an assertion of %v", front, c["iss"])
		}
		answer = object(t, ask(t, w, "POST", "/introspect", form("token", token), formKind, basic("billing", billingSecret)))
		if answer["active"] != true || answer["iss"] != front {
			t.Errorf("the assertion of %s: %v", front, answer)
		}
	}
}

// What one browser began nobody else ends, and nothing is used twice, on another front, or after its minute.
func TestAPassOrACodeIsForOneBrowserAndOneUse(t *testing.T) {
	arrive := is(shop, "/bff/front/arrive")
	isCode := func(address string) bool { return arrive(address) && strings.Contains(address, "code=") }
	expired := func(t *testing.T, p *visitor, front, address string) {
		t.Helper()
		if end := p.walk(address, "cross-site"); end != front+"/?bff_error=login_expired" || p.signedIn(front) {
			t.Errorf("it ended at %s, signed in %v: %q", end, p.signedIn(front), p.trail)
		}
	}
	t.Run("a code in another browser", func(t *testing.T) {
		w := newFronts(t, true)
		p, thief := w.visitor("ada"), w.visitor("grace")
		code := p.walk(shop+"/bff/login/demo", "same-origin", isCode)
		expired(t, thief, shop, code)
		thief.walk(shop+"/bff/login/demo", "same-origin", arrive) // with a visit of its own
		expired(t, thief, shop, code)
		if p.walk(code, "cross-site"); !p.signedIn(shop) {
			t.Error("the thief used it up for its owner")
		}
	})
	t.Run("a code with the visit of another browser", func(t *testing.T) {
		w := newFronts(t, true)
		p, thief := w.visitor("ada"), w.visitor("grace")
		code := parsed(t, p.walk(shop+"/bff/login/demo", "same-origin", isCode)).Query().Get("code")
		own := parsed(t, thief.walk(shop+"/bff/login/demo", "same-origin", arrive)).Query().Get("visit")
		expired(t, thief, shop, shop+"/bff/front/arrive?"+url.Values{"visit": {own}, "code": {code}}.Encode())
	})
	t.Run("a code again", func(t *testing.T) {
		w := newFronts(t, true)
		p := w.visitor("ada")
		code := p.walk(shop+"/bff/login/demo?return_to=/inbox", "same-origin", isCode)
		if end := p.walk(code, "cross-site"); end != shop+"/inbox" {
			t.Fatal(end)
		}
		if end := p.walk(code, "same-origin"); end != shop+"/inbox" { // led where the first one was
			t.Errorf("from the same browser: %s", end)
		}
		p.fetch("POST", shop+"/bff/logout", "")
		if p.walk(code, "cross-site"); p.signedIn(shop) {
			t.Error("a code that was used opened a session after a logout")
		}
	})
	t.Run("a code on another front", func(t *testing.T) {
		w := newFronts(t, true)
		p := w.visitor("ada")
		code := p.walk(shop+"/bff/login/demo", "same-origin", isCode)
		p.smuggle(help, p, shop)
		expired(t, p, help, strings.Replace(code, shop, help, 1))
		q := w.visitor("ada") // the other front uses nothing up
		code = q.walk(shop+"/bff/login/demo", "same-origin", isCode)
		visit := parsed(t, code).Query().Get("visit")
		q.smuggle(help, q, shop)
		q.walk(help+"/bff/front/arrive?"+url.Values{"visit": {visit}, "code": {"a.b"}}.Encode(), "cross-site")
		if q.walk(code, "cross-site"); !q.signedIn(shop) {
			t.Error("another front used the visit up")
		}
	})
	t.Run("a code after its minute", func(t *testing.T) {
		store := testenv.Redis(t)
		w := newFronts(t, true, func(s *settings) { s.store = store.URL })
		p := w.visitor("ada")
		code := p.walk(shop+"/bff/login/demo", "same-origin", isCode)
		c, ended := store.Client(), 0
		defer c.Close()
		for _, key := range c.Keys(t.Context(), "bff:a:*").Val() {
			if life := c.TTL(t.Context(), key).Val(); life > 0 && life <= time.Minute { // the store's clock ends it
				ended += int(c.Del(t.Context(), key).Val())
			}
		}
		if ended == 0 {
			t.Error("no code ends within its minute")
		}
		expired(t, p, shop, code)
	})
	t.Run("a callback on a further front", func(t *testing.T) {
		w := newFronts(t, true)
		p := w.visitor("ada")
		back := p.walk(shop+"/bff/login/demo", "same-origin", is(first, "/bff/callback/"))
		p.smuggle(shop, p, first)
		expired(t, p, shop, strings.Replace(back, first, shop, 1))
	})
}

// A start that somebody made in the own browser leads nobody else to the provider, and signs nobody in anywhere.
func TestAForgedStartLeadsNobodyToTheProvider(t *testing.T) {
	w := newFronts(t, true)
	attacker, victim := w.visitor("grace"), w.visitor("ada")
	start := attacker.walk(shop+"/bff/login/demo", "same-origin", is(first, "/bff/front/begin"))
	if end := victim.walk(start, "cross-site"); end != shop+"/?bff_error=login_expired" || victim.asked != 0 {
		t.Errorf("a forged start led to %s: %q", end, victim.trail)
	}
	if victim.signedIn(first) || victim.signedIn(shop) {
		t.Error("a forged start signed somebody in")
	}
	// The victim is signed in, and the start is one of a silent sign-in, or of a link.
	victim.signIn(first)
	seen := victim.asked
	attacker.signIn(shop)
	for _, begin := range []string{"/bff/login/demo?prompt=login", "/bff/connect/demo", "/bff/login/demo"} {
		if begin == "/bff/login/demo" {
			attacker = w.visitor("grace")
		}
		start := attacker.walk(shop+begin, "same-origin", is(first, "/bff/front/begin"))
		victim.walk(start, "cross-site")
		if victim.asked != seen || victim.signedIn(shop) || len(attacker.session(shop)) == 0 {
			t.Errorf("%s: a forged start led to %q", begin, victim.trail)
		}
		if conns, _ := attacker.session(shop)["connections"].([]any); len(conns) > 1 {
			t.Errorf("%s: the attacker's session has the victim's account", begin)
		}
	}
}

// No address leads a browser away: not a return path, and not what a start, a pass or a code is made of.
func TestFrontsLeadNobodyAway(t *testing.T) {
	w := newFronts(t, true)
	p := w.visitor("ada")
	for _, to := range []string{"//evil.example", "https://evil.example", `/\evil.example`, "//help.invalid/", "/%2f%2fevil.example"} {
		if end := p.walk(shop+"/bff/login/demo?prompt=login&return_to="+url.QueryEscape(to), "same-origin"); end != shop+"/" {
			t.Errorf("return_to=%s led to %s", to, end)
		}
	}
	for _, query := range []string{"", "visit=x", "visit=x&code=y", "visit=x&pass=//evil.example", "code=a.b", "visit=&code=",
		"visit=a&visit=b&code=c", "visit=" + strings.Repeat("a", 5000) + "&code=b"} {
		if end := p.walk(help+"/bff/front/arrive?"+query, "cross-site"); end != help+"/?bff_error=login_expired" {
			t.Errorf("arrive?%.40s led to %s", query, end)
		}
	}
	for _, query := range []string{"", "start=", "start=a", "start=a.b.c", "start=https://evil.example"} {
		if end := p.walk(first+"/bff/front/begin?"+query, "cross-site"); end != first+"/?bff_error=login_expired" {
			t.Errorf("begin?%s led to %s", query, end)
		}
	}
	refused(t, p.visit(first+"/bff/front/arrive?visit=a&code=b", "cross-site"), 404, "not_found")
	refused(t, p.visit(shop+"/bff/front/begin?start=a.b", "cross-site"), 404, "not_found")
}

// A script, a frame or a prefetch takes no part in the way between the fronts.
func TestOnlyAPersonGoesBetweenFronts(t *testing.T) {
	w := newFronts(t, true)
	p := w.visitor("ada")
	start := p.walk(shop+"/bff/login/demo", "same-origin", is(first, "/bff/front/begin"))
	for name, edits := range map[string][]edit{
		"a script":   {header("Sec-Fetch-Mode", "cors"), header("Sec-Fetch-Dest", "empty")},
		"a picture":  {header("Sec-Fetch-Mode", "no-cors"), header("Sec-Fetch-Dest", "image")},
		"a frame":    {header("Sec-Fetch-Dest", "iframe")},
		"a prefetch": {header("Sec-Purpose", "prefetch")},
	} {
		for _, address := range []string{start, shop + "/bff/front/arrive?visit=a&code=b.c"} {
			if resp := p.visit(address, "cross-site", edits...); resp.StatusCode != 403 {
				t.Errorf("%s at %s: %d", name, address, resp.StatusCode)
			}
		}
	}
	if end := p.walk(start, "cross-site"); end != shop+"/" {
		t.Errorf("then a person was led to %s", end)
	}
}

// The Host chooses the front, in whatever case and with the scheme's own port; nothing else does, and what is no front
// is 421.
func TestAHostThatIsNoFrontIs421(t *testing.T) {
	w := newFronts(t, true)
	p := w.visitor("ada")
	p.signIn(shop)
	cookie := header("Cookie", "bff="+p.cookie(shop, "bff"))
	for host, status := range map[string]int{
		"shop.example": 200, "SHOP.example": 200, "shop.example:80": 200, "shop.example:443": 421, "shop.example:8080": 421,
		"shop.example.": 421, "x.shop.example": 421, "shop.example.evil.example": 421, "evilshop.example": 421, "127.0.0.1": 421,
		"shop.example, app.test": 421, "": 421,
	} {
		for _, path := range []string{"/bff/session", "/bff/jwks.json", "/"} {
			resp := p.send("GET", shop+path, "", "none", cookie, toHost(host), header("X-Forwarded-Host", "shop.example"),
				header("Forwarded", "host=shop.example"), header("X-Host", "shop.example"))
			if host == "" {
				continue // net/http puts the address's own in
			}
			if status == 421 {
				if resp.StatusCode != 421 || resp.Header.Get("BFF-Error") != "misdirected" {
					t.Errorf("%s%s: %d %s", host, path, resp.StatusCode, resp.Header.Get("BFF-Error"))
				}
			} else if path == "/bff/session" && object(t, resp)["authenticated"] != true {
				t.Errorf("%s: %d", host, resp.StatusCode)
			}
		}
	}
	if resp := ask(t, w, "GET", "/healthz", "", toHost("evil.example")); resp.StatusCode != 200 {
		t.Errorf("a probe: %d", resp.StatusCode)
	}
}

// Each front has an origin of its own: a page of one front is another site to the other, but where it was listed.
func TestAPageOfOneFrontIsAnotherSiteToTheOther(t *testing.T) {
	w := newFronts(t, true, func(s *settings) {
		three := s.api
		s.api = func(c *api.Config) {
			three(c)
			c.Fronts[0].Origins = []string{help}
		}
	})
	p := w.visitor("ada")
	for _, front := range []string{first, shop, help} {
		p.signIn(front)
	}
	call := func(to, from string) *http.Response {
		return p.send("PATCH", to+"/bff/preferences", `{"a":1}`, "cross-site", header("Origin", from),
			header("Content-Type", "application/merge-patch+json"), header("Cookie", "bff="+p.cookie(to, "bff")))
	}
	for _, way := range [][2]string{{first, shop}, {first, help}, {shop, first}, {help, shop}, {help, first}} {
		resp := call(way[0], way[1])
		if refused(t, resp, 403, "csrf_rejected"); resp.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s may read what %s answers", way[1], way[0])
		}
	}
	if resp := call(shop, help); resp.StatusCode != 200 || resp.Header.Get("Access-Control-Allow-Origin") != help {
		t.Errorf("the origin that the shop lists: %d", resp.StatusCode)
	}
}
