package api_test

import (
	"net/http"
	"testing"
	"time"

	"bff/internal/testenv"
)

func TestVerifyAnswersByTheCookie(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn("ada")
	value := b.cookie("bff")
	cookie := func(lines ...string) edit { return func(r *http.Request) { r.Header["Cookie"] = lines } }
	in := map[string]*http.Response{
		"nginx": ask(t, w, "GET", "/verify", "", cookie("theme=dark; bff="+value)),
		"HEAD":  ask(t, w, "HEAD", "/verify", "", cookie("bff="+value)),
		"Envoy: the caller's method": ask(
			t,
			w,
			"POST",
			"/verify/some/path?x=1",
			"",
			cookie("bff="+value),
			header("Sec-Fetch-Site", "same-origin"),
		),
		"the browser's other headers": ask(
			t,
			w,
			"GET",
			"/verify",
			"",
			cookie("bff="+value),
			header("Sec-Fetch-Site", "cross-site"),
		),
		"an attempt's cookie beside": ask(t, w, "GET", "/verify", "", cookie("bff-abcdefgh=1.x; bff="+value)),
	}
	for name, resp := range in {
		if resp.StatusCode != http.StatusNoContent || resp.Header.Get("BFF-User") != userID(b) ||
			resp.Header.Get("BFF-Session") != sessionID(b) ||
			resp.Header.Get("Cache-Control") != "no-store" ||
			resp.Header.Get("Vary") != "Cookie" {
			t.Errorf("%s: %d %v", name, resp.StatusCode, resp.Header)
		}
	}
	out := map[string]*http.Response{
		"no cookie":             ask(t, w, "GET", "/verify", ""),
		"nonsense":              ask(t, w, "GET", "/verify", "", cookie("bff=x")),
		"two of them":           ask(t, w, "GET", "/verify", "", cookie("bff="+value+"; bff="+value)),
		"two lines of them":     ask(t, w, "GET", "/verify", "", cookie("bff=x", "bff="+value)),
		"another name":          ask(t, w, "GET", "/verify", "", cookie("bffx="+value)),
		"another name's prefix": ask(t, w, "GET", "/verify", "", cookie("__Host-bff="+value)),
		// Attack classes 4 and 7: nothing else signs anybody in.
		"identity headers": ask(
			t,
			w,
			"GET",
			"/verify",
			"",
			header("BFF-User", userID(b)),
			header("X-Forwarded-User", "ada"),
		),
		"a bearer token":     ask(t, w, "GET", "/verify", "", header("Authorization", "Bearer "+value)),
		"a health check":     ask(t, w, "GET", "/verify", "", header("User-Agent", "GoogleHC/1.0")),
		"a preflight":        ask(t, w, "OPTIONS", "/verify", "", header("Access-Control-Request-Method", "GET")),
		"the cookie's value": ask(t, w, "GET", "/verify?bff="+value, ""),
	}
	for name, resp := range out {
		if resp.StatusCode != http.StatusUnauthorized || resp.Header.Get("BFF-User") != "" ||
			resp.Header.Get("BFF-Session") != "" ||
			len(resp.Cookies()) > 0 {
			t.Errorf("%s: %d %v", name, resp.StatusCode, resp.Header)
		}
	}
	refused(t, ask(t, w, "GET", "/verifyx", "", cookie("bff="+value)), 404, "not_found")
	b.fetch("POST", "/bff/logout", "")
	refused(t, ask(t, w, "GET", "/verify", "", cookie("bff="+value)), 401, "not_signed_in")
}

func TestVerifySlidesTheSession(t *testing.T) {
	clock := newClock()
	w := newWorld(t, func(s *settings) { s.now = clock.now })
	b := w.browser()
	b.signIn("ada")
	cookie := header("Cookie", "bff="+b.cookie("bff"))
	for range 4 {
		clock.advance(20 * time.Minute)
		before := b.session()["session"].(map[string]any)["idle_expires_at"]
		testenv.Eventually(
			t,
			"the idle time moves",
			func() bool { // one write at a time: while the last one ends, a call writes none
				if resp := ask(t, w, "GET", "/verify", "", cookie); resp.StatusCode != http.StatusNoContent {
					t.Fatalf("%d", resp.StatusCode)
				}
				return b.session()["session"].(map[string]any)["idle_expires_at"] != before
			},
		)
	}
	clock.advance(33 * time.Minute) // instances may be two minutes apart
	refused(t, ask(t, w, "GET", "/verify", "", cookie), 401, "not_signed_in")
}

// Guarantee 4: a front proxy must not take an outage for a sign-out.
func TestVerifyWithoutAStore(t *testing.T) {
	store := testenv.Redis(t)
	w := newWorld(t, func(s *settings) { s.store = store.URL })
	b := w.browser()
	b.signIn("ada")
	cookie := header("Cookie", "bff="+b.cookie("bff"))
	b.loses(store)
	resp := ask(t, w, "GET", "/verify", "", cookie)
	refused(t, resp, 503, "store_unavailable")
	if resp.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	store.Start()
	testenv.Eventually(
		t,
		"signed in again",
		func() bool { return ask(t, w, "GET", "/verify", "", cookie).StatusCode == http.StatusNoContent },
	)
}
