package api_test

import (
	"net/http"
	"testing"

	"bff/internal/api"
	"bff/internal/testenv"
)

// A backend that takes calls of nobody gets them without an assertion. Who is signed in is somebody there too: by a
// link from another site, and during an outage, which makes nobody of nobody; and another site's page acts for neither.
func TestABackendThatTakesNobodyStillTellsThemApart(t *testing.T) {
	app := newBackendServer(t)
	store := testenv.Redis(t)
	w := newWorld(t, withBackend(app, func(m *api.Mount) { m.Anonymous = api.Pass }),
		func(s *settings) { s.store = store.URL })
	b, nobody := w.browser(), w.browser()
	user := userOf(b.signIn("ada"))
	arrives := func(what string, resp *http.Response, want any) {
		t.Helper()
		r, _ := app.last()
		if resp.StatusCode != http.StatusOK || r == nil {
			t.Fatalf("%s: %d", what, resp.StatusCode)
		}
		var sub any
		if r.Header.Get("Authorization") != "" {
			sub = claims(t, r)["sub"]
		}
		if sub != want {
			t.Errorf("%s: the backend hears of %v", what, sub)
		}
	}
	arrives("a page of nobody", nobody.visit("/app/", "none"), nil)
	arrives("who is signed in", b.fetch("GET", "/app/", ""), user)
	// A link from another site brings no Strict cookie: the address is loaded again, and then it does.
	stranger := w.browser()
	reloads(t, stranger.visit("/app/deep", "cross-site"), "/app/deep")
	arrives("the address again", b.visit("/app/deep", "same-origin"), user)
	_, before := app.last()
	elsewhere, mode := header("Sec-Fetch-Site", "cross-site"), func(m string) edit { return header("Sec-Fetch-Mode", m) }
	for name, resp := range map[string]*http.Response{
		"a form of another site, of nobody":   nobody.do("POST", "/app/", "x", elsewhere, mode("navigate")),
		"a script of another site, of nobody": nobody.do("GET", "/app/", "", elsewhere, mode("no-cors")),
		"a form of another site":              b.do("POST", "/app/", "x", elsewhere, mode("navigate")),
	} {
		refused(t, resp, 403, "csrf_rejected")
		if _, n := app.last(); n != before {
			t.Fatalf("%s reached the backend", name)
		}
	}
	two := header("Cookie", "bff="+b.cookie("bff")+"; bff=x")
	refused(t, nobody.fetch("GET", "/app/", "", two), 400, "bad_request")
	b.loses(store)
	refused(t, b.fetch("GET", "/app/", ""), 503, "store_unavailable")
	if _, n := app.last(); n != before {
		t.Error("an outage made nobody of somebody")
	}
	store.Start()
	testenv.Eventually(t, "she is herself again", func() bool {
		return b.fetch("GET", "/app/", "").StatusCode == http.StatusOK
	})
	arrives("after the outage", b.fetch("GET", "/app/", ""), user)
	b.fetch("POST", "/bff/logout", "")
	arrives("after the logout", b.fetch("GET", "/app/", ""), nil)
}

// The cookie of one front makes nobody's call on another, at a backend that takes nobody's calls.
func TestABackendOfOneFrontTakesNoCookieOfAnother(t *testing.T) {
	app := newBackendServer(t)
	w := newFronts(t, true, withBackend(app, func(m *api.Mount) { m.Anonymous = api.Pass }))
	p := w.visitor("ada")
	p.signIn(first)
	p.signIn(shop)
	for _, way := range [][2]string{{first, shop}, {shop, first}, {shop, help}} {
		thief := w.visitor("grace")
		thief.plant(way[1], "bff", p.cookie(way[0], "bff"))
		resp := thief.fetch("GET", way[1]+"/app/", "")
		if r, _ := app.last(); resp.StatusCode != http.StatusOK || r.Header.Get("Authorization") != "" {
			t.Errorf("with the cookie of %s at %s: %d, and who that is", way[0], way[1], resp.StatusCode)
		}
	}
	for _, front := range []string{first, shop} {
		p.fetch("GET", front+"/app/", "")
		if r, _ := app.last(); claims(t, r)["iss"] != front {
			t.Errorf("at %s her own cookie gives an assertion of %v", front, claims(t, r)["iss"])
		}
	}
}

// An assertion is inactive at every instance from the moment on in which its session's end was answered, also where
// the session is in the memory of the instance that is asked.
func TestAnEndedSessionsAssertionIsInactiveAtEveryInstance(t *testing.T) {
	app := newBackendServer(t)
	one, two := twins(t, both(withServices, withBackend(app)), both(withServices, withBackend(app)))
	for range 20 {
		b := one.browser()
		b.signIn("ada")
		b.fetch("GET", "/app/", "")
		b.at(two).fetch("GET", "/app/", "")
		r, _ := app.last()
		assertion := r.Header.Get("Authorization")[len("Bearer "):]
		for _, w := range []*world{one, two} {
			if object(t, post(t, w, "/introspect", "token", assertion))["active"] != true {
				t.Fatal("a live one is not active")
			}
		}
		b.fetch("POST", "/bff/logout", "")
		for _, w := range []*world{two, one} {
			if got := text(post(t, w, "/introspect", "token", assertion)); got != `{"active":false}` {
				t.Fatalf("after the logout: %s", got)
			}
		}
	}
}
