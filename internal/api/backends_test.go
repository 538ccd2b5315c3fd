package api_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"bff/internal/api"
	"bff/internal/proxy"
	"bff/internal/testenv"
	"bff/internal/users"
)

// A backend keeps what it was sent.
type backendServer struct {
	*httptest.Server
	mu  sync.Mutex
	got []*http.Request
}

func newBackendServer(t testing.TB) *backendServer {
	b := &backendServer{}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.got = append(b.got, r)
		_, _ = w.Write([]byte("hello from the backend"))
	}))
	t.Cleanup(b.Close)
	return b
}

// last returns the newest request, and how many there were.
func (b *backendServer) last() (*http.Request, int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.got) == 0 {
		return nil, 0
	}
	return b.got[len(b.got)-1], len(b.got)
}

// claims are those of the assertion that r brought.
func claims(t testing.TB, r *http.Request) map[string]any {
	t.Helper()
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	parts := strings.Split(token, ".")
	if !ok || len(parts) != 3 {
		t.Fatal("no assertion")
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	m := map[string]any{}
	if err != nil || json.Unmarshal(raw, &m) != nil {
		t.Fatal("an assertion that cannot be read")
	}
	return m
}

// withBackend mounts b at /app with the identity app; change may say more of the mount.
func withBackend(b *backendServer, change ...func(*api.Mount)) func(*settings) {
	return func(s *settings) {
		s.mounts = append(s.mounts, proxy.Config{Name: "app", Path: "/app", Upstream: b.URL, Allow: []string{"/{rest...}"},
			Backend: true, OwnCookie: proxy.OwnCookies("bff")})
		before := s.api
		s.api = func(c *api.Config) {
			if before != nil {
				before(c)
			}
			m := &c.Mounts[len(c.Mounts)-1]
			m.Provider, m.Scopes, m.Identity = "", nil, "app"
			for _, f := range change {
				f(m)
			}
		}
	}
}

func TestABackendLearnsWhoIsAsking(t *testing.T) {
	app := newBackendServer(t)
	clock := newClock()
	w := newWorld(t, withBackend(app), func(s *settings) { s.now = clock.now })
	b := w.browser()
	s := b.signIn("ada")
	user := s["user"].(map[string]any)
	created, _ := time.Parse(time.RFC3339, s["session"].(map[string]any)["created_at"].(string))
	resp := b.fetch("GET", "/app/hello?x=1", "", header("Authorization", "Bearer forged"), header("BFF-User", "u_forged"))
	if resp.StatusCode != http.StatusOK || text(resp) != "hello from the backend" {
		t.Fatalf("%d", resp.StatusCode)
	}
	r, _ := app.last()
	got := claims(t, r)
	for name, want := range map[string]any{
		"iss": w.origin, "sub": user["id"], "aud": "app", "sid": sessionID(b), "email": user["email"], "email_verified": true,
		"name": user["name"], "provider": "demo", "auth_time": float64(created.Unix()), "iat": float64(clock.now().Unix()),
	} {
		if got[name] != want {
			t.Errorf("%s: %v, want %v", name, got[name], want)
		}
	}
	if life := got["exp"].(float64) - got["iat"].(float64); life <= 0 || life > 60 {
		t.Errorf("it lives for %v s", life)
	}
	if r.Header.Get("BFF-User") != "" || r.URL.Path != "/hello" || r.URL.RawQuery != "x=1" {
		t.Errorf("what arrived: %s %v", r.URL, r.Header)
	}
	first := r.Header.Get("Authorization")
	b.fetch("GET", "/app/again", "")
	if r, _ = app.last(); r.Header.Get("Authorization") != first {
		t.Error("an assertion was made for every call")
	}
	other := w.browser()
	other.signIn("ada")
	other.fetch("GET", "/app/", "")
	if r, _ = app.last(); claims(t, r)["sid"] == got["sid"] || claims(t, r)["sub"] != got["sub"] {
		t.Error("another session of the same user")
	}
	canSee(t, w, nil, strings.TrimPrefix(first, "Bearer "))
}

// A provider's token never reaches a backend.
func TestABackendGetsNoProvidersToken(t *testing.T) {
	app := newBackendServer(t)
	w := newWorld(t, withServices, withBackend(app))
	b := w.browser()
	b.signIn("ada")
	token := object(t, post(t, w, "/token", tokenRequest(b)...))["access_token"].(string)
	b.fetch("GET", "/app/", "", header("Cookie", "app=1"))
	r, _ := app.last()
	if r.Header.Get("Cookie") != "app=1" {
		t.Errorf("its own cookie became %d bytes", len(r.Header.Get("Cookie")))
	}
	all := encoded(r.Header) + r.URL.String() + encoded(claims(t, r))
	if strings.Contains(all, token) || strings.Contains(all, b.cookie("bff")) {
		t.Error("a credential reached the backend")
	}
}

func TestKeysArePublished(t *testing.T) {
	app := newBackendServer(t)
	w := newWorld(t, withBackend(app))
	b := w.browser()
	b.signIn("ada")
	b.fetch("GET", "/app/", "")
	r, _ := app.last()
	var header struct{ Kid string }
	head, _, _ := strings.Cut(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), ".")
	raw, _ := base64.RawURLEncoding.DecodeString(head)
	_ = json.Unmarshal(raw, &header)
	public := w.browser().do("GET", "/bff/jwks.json", "")
	one, two := text(public), text(ask(t, w, "GET", "/jwks.json", ""))
	if header.Kid == "" || one != two || !strings.Contains(one, `"kid":"`+header.Kid+`"`) || strings.Contains(one, `"d"`) {
		t.Errorf("%s\n%s", one, two)
	}
	if public.Header.Get("Cache-Control") != "public, max-age=300" || len(public.Cookies()) > 0 {
		t.Errorf("%v", public.Header)
	}
}

// What changes something, and every script's call, must come from this origin; a person may come from anywhere.
func TestTheCrossSiteRuleOfBackends(t *testing.T) {
	app := newBackendServer(t)
	w := newWorld(t, withBackend(app))
	b := w.browser()
	b.signIn("ada")
	site := func(s string) edit { return header("Sec-Fetch-Site", s) }
	mode := func(s string) edit { return header("Sec-Fetch-Mode", s) }
	origin := func(s string) edit { return header("Origin", s) }
	page, frame := header("Accept", "text/html"), header("Sec-Fetch-Dest", "iframe")
	socket := header("Upgrade", "websocket")
	twice := func(r *http.Request) { r.Header["Sec-Fetch-Mode"] = []string{"navigate", "navigate"} }
	for name, resp := range map[string]*http.Response{
		"a form of another site":             b.do("POST", "/app/buy", "x=1", site("cross-site"), mode("navigate")),
		"a form of a sibling":                b.do("POST", "/app/buy", "x=1", site("same-site"), mode("navigate")),
		"a form of an old browser":           b.do("POST", "/app/buy", "x=1", origin("https://evil.example"), page),
		"a form of an opaque origin":         b.do("POST", "/app/buy", "x=1", origin("null"), page),
		"a POST that says nothing":           b.do("POST", "/app/buy", "x=1", header("Accept", "text/html")),
		"a script of a sibling":              b.do("GET", "/app/", "", site("same-site"), mode("no-cors")),
		"an image of another site":           b.do("GET", "/app/", "", site("cross-site"), mode("no-cors")),
		"a script that says nothing":         b.do("GET", "/app/", ""),
		"a navigation that deletes":          b.do("DELETE", "/app/", "", site("cross-site"), mode("navigate")),
		"a WebSocket of another site":        b.do("GET", "/app/", "", site("cross-site"), mode("websocket")),
		"a WebSocket that calls itself page": b.do("GET", "/app/", "", site("cross-site"), mode("navigate"), socket),
		"two Sec-Fetch-Mode":                 b.do("GET", "/app/", "", twice),
	} {
		refused(t, resp, 403, "csrf_rejected")
		if _, n := app.last(); n != 0 {
			t.Fatalf("%s reached the backend", name)
		}
	}
	for name, resp := range map[string]*http.Response{
		"a link elsewhere, with a cookie":  b.visit("/app/deep", "cross-site"),
		"a frame of a sibling":             b.do("GET", "/app/", "", site("same-site"), mode("navigate"), frame),
		"a navigation that asks for HEAD":  b.do("HEAD", "/app/", "", site("same-site"), mode("navigate")),
		"an address that was typed":        b.visit("/app/", "none"),
		"an old browser's page":            b.do("GET", "/app/", "", header("Accept", "text/html,*/*")),
		"a form of its own":                b.do("POST", "/app/buy", "x=1", site("same-origin"), mode("navigate")),
		"a program that says what it does": b.do("POST", "/app/buy", "x=1", header("X-CSRF", "1")),
	} {
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", name, resp.StatusCode)
		}
	}
}

// Who lacks a right is refused, with what is missing, at a backend and at a provider's api.
func TestRightsAreRequired(t *testing.T) {
	app := newBackendServer(t)
	both := func(m *api.Mount) { m.Require = []string{"staff", "editor"} }
	w := newWorld(t, withUsers(users.Config{}), withBackend(app, both), func(s *settings) {
		before := s.api
		s.api = func(c *api.Config) {
			before(c)
			c.Mounts[0].Require = []string{"staff"}
		}
	})
	b := w.browser()
	user := userOf(b.signIn("ada"))
	for path, want := range map[string]string{
		"/app/": `["staff","editor"]`, "/api/calendar/users/me/calendarList": `["staff"]`,
	} {
		p := refused(t, b.fetch("GET", path, ""), 403, "not_permitted")
		if got := encoded(p["missing_rights"]); got != want {
			t.Errorf("%s: %s are missing", path, got)
		}
	}
	setRights(t, w, user, "editor", "Staff", "staff,editor")
	p := refused(t, b.fetch("GET", "/app/", ""), 403, "not_permitted")
	if _, n := app.last(); n != 0 || encoded(p["missing_rights"]) != `["staff"]` {
		t.Errorf("with one of two: %d calls reached the backend, and %v are missing", n, p["missing_rights"])
	}
	setRights(t, w, user, "editor", "staff")
	if resp := b.fetch("GET", "/app/", ""); resp.StatusCode != http.StatusOK {
		t.Fatalf("with both: %d", resp.StatusCode)
	}
	if r, _ := app.last(); encoded(claims(t, r)["rights"]) != `["editor","staff"]` {
		t.Errorf("the backend hears of the rights %v", claims(t, r)["rights"])
	}
}

func TestNobodyAtABackend(t *testing.T) {
	for mode, c := range map[api.Anonymous]struct {
		page, script int
		location     string
	}{
		"":           {401, 401, ""},
		api.Refuse:   {401, 401, ""},
		api.Redirect: {302, 401, "/bff/login/demo?return_to=" + url.QueryEscape("/app/deep/page?a=b&c=%2F")},
		api.Pass:     {200, 200, ""},
	} {
		t.Run(string("mode "+mode), func(t *testing.T) {
			app := newBackendServer(t)
			w := newWorld(t, withBackend(app, func(m *api.Mount) { m.Anonymous = mode }))
			b := w.browser()
			page := b.visit("/app/deep/page?a=b&c=%2F", "none")
			if page.StatusCode != c.page || page.Header.Get("Location") != c.location {
				t.Errorf("a page: %d to %q", page.StatusCode, page.Header.Get("Location"))
			}
			if page.StatusCode == http.StatusFound && page.Header.Get("Cache-Control") != "no-store" {
				t.Error("a redirect that may be kept")
			}
			if resp := b.fetch("GET", "/app/data", ""); resp.StatusCode != c.script {
				t.Errorf("a script: %d", resp.StatusCode)
			}
			if resp := b.do("GET", "/app/", "", header("Sec-Fetch-Site", "same-origin"), header("Sec-Fetch-Mode", "navigate"),
				header("Sec-Fetch-Dest", "iframe")); resp.StatusCode != c.script {
				t.Errorf("a frame: %d", resp.StatusCode)
			}
			form := []edit{header("Sec-Fetch-Site", "same-origin"), header("Sec-Fetch-Mode", "navigate")}
			if resp := b.do("POST", "/app/", "x", form...); resp.StatusCode != c.script {
				t.Errorf("a form: %d", resp.StatusCode)
			}
			r, n := app.last()
			if mode != api.Pass && n > 0 {
				t.Error("a call of nobody reached the backend")
			}
			if mode == api.Pass && (r == nil || r.Header.Get("Authorization") != "") {
				t.Error("a call of nobody brings an assertion, or did not come")
			}
		})
	}
}

// A person who is sent to sign in comes back to where she wanted.
func TestAPersonComesBackFromSignIn(t *testing.T) {
	app := newBackendServer(t)
	w := newWorld(t, withBackend(app, func(m *api.Mount) { m.Anonymous = api.Redirect }))
	b := w.browser()
	to := b.visit("/app/deep/page?a=b", "none").Header.Get("Location")
	back := b.approve(b.begin(to), "ada")
	if back.StatusCode != http.StatusSeeOther || back.Header.Get("Location") != "/app/deep/page?a=b" {
		t.Fatalf("%d to %q", back.StatusCode, back.Header.Get("Location"))
	}
	if resp := b.visit(back.Header.Get("Location"), "same-origin"); resp.StatusCode != http.StatusOK {
		t.Errorf("there: %d", resp.StatusCode)
	}
}

// Guarantee 6: after a logout nothing reaches a backend, and what still flows to it ends.
func TestALogoutEndsCallsToABackend(t *testing.T) {
	app := newBackendServer(t)
	w := newWorld(t, withServices, withBackend(app))
	b := w.browser()
	b.signIn("ada")
	b.fetch("GET", "/app/", "")
	r, n := app.last()
	assertion := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	got := object(t, post(t, w, "/introspect", "token", assertion))
	if got["active"] != true || got["sid"] != sessionID(b) ||
		got["sub"] != userID(b) || got["aud"] != "app" ||
		got["auth_time"] == nil ||
		encoded(got["rights"]) != "[]" {
		t.Errorf("a live one: %v", got)
	}
	b.fetch("POST", "/bff/logout", "")
	if got := text(post(t, w, "/introspect", "token", assertion)); got != `{"active":false}` {
		t.Errorf("after the logout: %s", got)
	}
	refused(t, b.fetch("GET", "/app/", ""), 401, "not_signed_in")
	if _, after := app.last(); after != n {
		t.Error("a call after the logout reached the backend")
	}
}

// An assertion is checked before anything is looked up, and an outage is not "inactive".
func TestIntrospectionOfAssertions(t *testing.T) {
	store := testenv.Redis(t)
	app := newBackendServer(t)
	clock := newClock()
	w := newWorld(t, withServices, withBackend(app), func(s *settings) { s.store, s.now = store.URL, clock.now })
	b := w.browser()
	b.signIn("ada")
	b.fetch("GET", "/app/", "")
	r, _ := app.last()
	good := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	parts := strings.Split(good, ".")
	other := base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"u_1","sid":"s_1","exp":99999999999}`))
	for name, token := range map[string]string{
		"another signature": parts[0] + "." + parts[1] + "." + strings.Repeat("A", 86),
		"none":              parts[0] + "." + parts[1] + ".",
		"other claims":      parts[0] + "." + other + "." + parts[2],
	} {
		if got := text(post(t, w, "/introspect", "token", token)); got != `{"active":false}` {
			t.Errorf("%s: %s", name, got)
		}
	}
	b.loses(store)
	says(t, post(t, w, "/introspect", "token", good), 503, "temporarily_unavailable")
	store.Start()
	testenv.Eventually(
		t,
		"active again",
		func() bool { return object(t, post(t, w, "/introspect", "token", good))["active"] == true },
	)
	clock.advance(time.Minute)
	if got := text(post(t, w, "/introspect", "token", good)); got != `{"active":false}` {
		t.Errorf("after a minute: %s", got)
	}
}

func TestAnAssertionInExchangeForASession(t *testing.T) {
	w := newWorld(t, withServices, func(s *settings) {
		before := s.api
		s.api = func(c *api.Config) {
			before(c)
			c.Clients[0].Exchange = append(c.Clients[0].Exchange, "app")
		}
	})
	b := w.browser()
	b.signIn("ada")
	got := object(t, post(t, w, "/token", tokenRequest(b, "audience", "app")...))
	token, _ := got["access_token"].(string)
	if left, _ := got["expires_in"].(float64); left < 30 || left > 60 || got["token_type"] != "Bearer" ||
		got["scope"] != nil {
		t.Errorf("%v", got)
	}
	r, _ := http.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	if c := claims(t, r); c["aud"] != "app" || c["sub"] != userID(b) || c["sid"] != sessionID(b) {
		t.Errorf("%v", c)
	}
	says(
		t,
		post(t, w, "/token", tokenRequest(b, "audience", "app", "connection", connectionID(b, 0))...),
		400,
		"invalid_request",
	)
	says(t, post(t, w, "/token", tokenRequest(b, "audience", "other")...), 400, "invalid_target")
	request := tokenRequest(b, "audience", "app")
	b.fetch("POST", "/bff/logout", "")
	says(t, post(t, w, "/token", request...), 400, "invalid_request")
}

// A sign-in that fails leads back to a page that is guarded: the person reads so, and is not sent round.
func TestAFailedSignInIsNotTriedAgainByItself(t *testing.T) {
	app := newBackendServer(t)
	w := newWorld(t, behindProxy, withBackend(app, func(m *api.Mount) { m.Anonymous = api.Redirect }))
	b := w.browser()
	to := b.begin(b.visit("/app/deep?a=b", "none").Header.Get("Location"))
	u, _ := url.Parse(to)
	back := url.Values{"error": {"access_denied"}, "state": {u.Query().Get("state")}, "iss": {w.demo.Issuer}}
	landed := b.visit("/bff/callback/demo?"+back.Encode(), "cross-site").Header.Get("Location")
	if landed != "/app/deep?a=b&bff_error=access_denied" {
		t.Fatalf("led to %q", landed)
	}
	refused(t, b.visit(landed, "same-origin"), 401, "not_signed_in")
	refused(t, ask(t, w, "GET", "/verify?redirect=1", "", person("cross-site", landed)...), 401, "not_signed_in")
}

// A link from another site, a provider that asks nothing, and the way back, all within seconds: the browser comes to
// the page in the end, and does not go round.
func TestTheWayBackIsLoadedAgainTooWithinSeconds(t *testing.T) {
	app := newBackendServer(t)
	w := newWorld(t, behindProxy, withBackend(app, func(m *api.Mount) { m.Anonymous = api.Redirect }))
	b := w.browser()
	stranger := w.browser() // the same browser without its Strict cookie
	if resp := b.visit("/app/deep", "cross-site"); resp.StatusCode != http.StatusOK || b.cookie("bff-again") == "" {
		t.Fatalf("a link from another site: %d", resp.StatusCode)
	}
	again := b.visit("/app/deep", "same-origin")
	if resp := b.approve(b.begin(again.Header.Get("Location")), "ada"); resp.StatusCode != http.StatusSeeOther {
		t.Fatalf("the sign-in: %d", resp.StatusCode)
	}
	if b.cookie("bff-again") != "" {
		t.Error("the mark of the reload is still there")
	}
	if resp := stranger.visit("/app/deep", "cross-site"); resp.StatusCode != http.StatusOK ||
		!strings.Contains(text(resp), "Continue") {
		t.Errorf("the way back: %d", resp.StatusCode)
	}
	to := ask(t, w, "GET", "/verify?redirect=1", "", person("cross-site", "/deep?a=b")...)
	if to.Header.Get("Location") != "/bff/continue?to=%2Fdeep%3Fa%3Db" || len(to.Cookies()) != 1 {
		t.Errorf("through a front proxy: %d to %q", to.StatusCode, to.Header.Get("Location"))
	}
}
