package api_test

import (
	"net/http"
	"strings"
	"testing"

	"bff/internal/testenv"
)

var formKind = header("Content-Type", "application/x-www-form-urlencoded")

// logoutToken makes one at the demo provider; change may spoil it.
func logoutToken(t *testing.T, w *world, person, sid string, change func(map[string]any)) string {
	t.Helper()
	token, err := w.demo.LogoutToken(person, sid, change)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// backchannel posts as a provider does: a server, with no cookie and no Origin.
func (w *world) backchannel(token string, edits ...edit) *http.Response {
	w.t.Helper()
	return w.browser().
		do("POST", "/bff/backchannel-logout/demo", form("logout_token", token), append([]edit{formKind}, edits...)...)
}

func TestBackchannelLogoutEndsTheUsersSessionsEverywhere(t *testing.T) {
	here, there, _ := pair(t)
	phone, laptop, grace := here.browser(), there.browser(), here.browser()
	phone.signIn("ada")
	laptop.signIn("ada")
	grace.signIn("grace")
	heard := laptop.listen()
	resp := here.backchannel(logoutToken(t, here, "ada", "", nil))
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Cache-Control") != "no-store" || text(resp) != "" {
		t.Fatalf("%d %v", resp.StatusCode, resp.Header)
	}
	heard.ends("provider")
	if phone.session()["authenticated"] == true || laptop.session()["authenticated"] == true {
		t.Error("ada is still signed in")
	}
	if grace.session()["authenticated"] != true {
		t.Error("grace is gone too")
	}
	if resp := here.backchannel(logoutToken(t, here, "ada", "", nil)); resp.StatusCode != http.StatusOK {
		t.Errorf("with no session left: %d", resp.StatusCode)
	}
}

func TestBackchannelLogoutOfOneSession(t *testing.T) {
	w := newWorld(t)
	phone, laptop := w.browser(), w.browser()
	phone.signIn("ada")
	before := w.demo.Sessions("ada")
	laptop.signIn("ada")
	if len(before) != 1 {
		t.Fatalf("the provider has %d sessions", len(before))
	}
	if resp := w.backchannel(logoutToken(t, w, "ada", before[0], nil)); resp.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", resp.StatusCode, text(resp))
	}
	if phone.session()["authenticated"] == true {
		t.Error("the named session lives")
	}
	if len(w.demo.Sessions("ada")) > 1 && laptop.session()["authenticated"] != true {
		t.Error("a sid names one session, not all of the user's")
	}
}

// OpenID Connect Back-Channel Logout 1.0 sections 2.4, 2.6 and 2.8 (rules L1 to L5).
func TestBackchannelLogoutRefuses(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn("ada")
	set := func(name string, value any) func(map[string]any) {
		return func(claims map[string]any) { claims[name] = value }
	}
	drop := func(name string) func(map[string]any) {
		return func(claims map[string]any) { delete(claims, name) }
	}
	good := logoutToken(t, w, "ada", "", nil)
	parts := strings.Split(good, ".")
	for name, token := range map[string]string{
		"nothing":                     "",
		"nonsense":                    "x.y.z",
		"another issuer":              logoutToken(t, w, "ada", "", set("iss", "https://evil.example")),
		"another audience":            logoutToken(t, w, "ada", "", set("aud", "another-client")),
		"no time of issue":            logoutToken(t, w, "ada", "", drop("iat")),
		"no jti":                      logoutToken(t, w, "ada", "", drop("jti")),
		"no events":                   logoutToken(t, w, "ada", "", drop("events")),
		"another event":               logoutToken(t, w, "ada", "", set("events", map[string]any{"x": map[string]any{}})),
		"a nonce: it is an ID token":  logoutToken(t, w, "ada", "", set("nonce", "n")),
		"neither sub nor sid":         logoutToken(t, w, "ada", "", drop("sub")),
		"expired":                     logoutToken(t, w, "ada", "", set("exp", 1000)),
		"no signature":                parts[0] + "." + parts[1] + ".",
		"a signature of another body": parts[0] + "." + strings.Split(logoutToken(t, w, "grace", "", nil), ".")[1] + "." + parts[2],
		"alg none":                    "eyJhbGciOiJub25lIn0." + parts[1] + ".",
	} {
		t.Run(name, func(t *testing.T) {
			says(t, w.backchannel(token), 400, "invalid_request")
			if b.session()["authenticated"] != true {
				t.Fatal("the session ended")
			}
		})
	}
	says(
		t,
		w.browser().
			do("POST", "/bff/backchannel-logout/demo", `{"logout_token":"x"}`, header("Content-Type", "application/json")),
		400,
		"invalid_request",
	)
	says(
		t,
		w.browser().do("POST", "/bff/backchannel-logout/demo", form("logout_token", good, "logout_token", good), formKind),
		400,
		"invalid_request",
	)
	says(
		t,
		w.browser().do("POST", "/bff/backchannel-logout/demo?logout_token="+good, "", formKind),
		400,
		"invalid_request",
	)
	refused(
		t,
		w.browser().do("POST", "/bff/backchannel-logout/other", form("logout_token", good), formKind),
		404,
		"not_found",
	)
	refused(t, w.browser().do("GET", "/bff/backchannel-logout/demo?logout_token="+good, ""), 405, "method_not_allowed")
	if b.session()["authenticated"] != true {
		t.Fatal("the session ended")
	}
	canSee(t, w, nil, parts[2])
}

func TestALogoutTokenIsUsedOnce(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn("ada")
	token := logoutToken(t, w, "ada", "", nil)
	if resp := w.backchannel(token); resp.StatusCode != http.StatusOK {
		t.Fatalf("%d", resp.StatusCode)
	}
	b.signIn("ada")
	says(t, w.backchannel(token), 400, "invalid_request")
	if b.session()["authenticated"] != true {
		t.Error("a token that was seen before ended a new session")
	}
}

// Fail closed: what cannot be remembered is not accepted; the provider tries again.
func TestBackchannelLogoutWithoutAStore(t *testing.T) {
	store := testenv.Redis(t)
	w := newWorld(t, func(s *settings) { s.store = store.URL })
	b := w.browser()
	b.signIn("ada")
	token := logoutToken(t, w, "ada", "", nil)
	store.Stop()
	resp := w.backchannel(token)
	refused(t, resp, 503, "store_unavailable")
	store.Start()
	testenv.Eventually(t, "the same token again", func() bool { return w.backchannel(token).StatusCode == http.StatusOK })
	if b.session()["authenticated"] == true {
		t.Error("the session lives")
	}
	order{(*world).sendLogout, "logout/demo", http.StatusOK}.interrupted(t, func(w *world) string {
		return logoutToken(t, w, "ada", "", nil)
	})
}

func (w *world) sendLogout(token string) *http.Response { return w.backchannel(token) }
