package api_test

import (
	"net/http"
	"strings"
	"testing"

	"bff/internal/demo/provider"
	"bff/internal/testenv"
	"bff/internal/vault"
)

const setKind = "application/secevent+jwt"

func securityEvent(t *testing.T, w *world, kind, person string, change func(map[string]any)) string {
	t.Helper()
	token, err := w.demo.SecurityEventToken(kind, person, change)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func (w *world) secevent(token string) *http.Response {
	w.t.Helper()
	return w.browser().do("POST", "/bff/security-events/demo", token, header("Content-Type", setKind))
}

func TestSecurityEventsEndSessions(t *testing.T) {
	for _, kind := range []string{provider.EventSessionsRevoked, provider.EventAccountDisabled, provider.EventCredentialChange} {
		t.Run(kind[strings.LastIndexByte(kind, '/')+1:], func(t *testing.T) {
			here, there, _ := pair(t)
			ada, grace := there.browser(), here.browser()
			ada.signIn("ada")
			grace.signIn("grace")
			heard := ada.listen()
			resp := here.secevent(securityEvent(t, here, kind, "ada", nil))
			if resp.StatusCode != http.StatusAccepted || text(resp) != "" {
				t.Fatalf("%d %s", resp.StatusCode, text(resp))
			}
			heard.ends("provider")
			if grace.session()["authenticated"] != true {
				t.Error("grace is gone too")
			}
		})
	}
}

func TestSecurityEventsThatTokensWereRevoked(t *testing.T) {
	w := newWorld(t, func(s *settings) { s.keep = vault.KeepUser })
	b := w.browser()
	b.signIn("ada")
	b.approve(b.begin("/bff/connect/demo"), "linus") // another account of the same provider, kept by the same user
	heard := b.listen()
	if resp := w.secevent(securityEvent(t, w, provider.EventTokensRevoked, "ada", nil)); resp.StatusCode != http.StatusAccepted {
		t.Fatalf("%d", resp.StatusCode)
	}
	if got := heard.changes(); !strings.Contains(got, `"status":"needs_reauth"`) ||
		!strings.Contains(got, `"reason":"revoked"`) {
		t.Fatalf("%s", got)
	}
	if b.session()["authenticated"] != true {
		t.Fatal("guarantee 5: the session lives on")
	}
	for _, c := range b.session()["connections"].([]any) {
		c := c.(map[string]any)
		want := "active"
		if strings.Contains(encoded(c["account"]), "ada@") {
			want = "needs_reauth"
		}
		if c["status"] != want {
			t.Errorf("%v: %v, want %s", c["account"], c["status"], want)
		}
	}
	p := refused(
		t,
		b.fetch("GET", "/api/calendar/users/me/calendarList", "", header("BFF-Connection", connectionID(b, 0))),
		403,
		"needs_reauth",
	)
	if p["fix"] == nil {
		t.Error("no way to repair it")
	}
}

func TestSecurityEventsThatTheAccountIsGone(t *testing.T) {
	w := newWorld(t, func(s *settings) { s.keep = vault.KeepUser })
	b := w.browser()
	b.signIn("ada")
	b.fetch("PATCH", "/bff/preferences", `{"theme":"dark"}`, mergePatch)
	heard := b.listen()
	if resp := w.secevent(securityEvent(t, w, provider.EventAccountPurged, "ada", nil)); resp.StatusCode != http.StatusAccepted {
		t.Fatalf("%d", resp.StatusCode)
	}
	for {
		if e, _ := heard.next(); e.name == "session.ended" { // after the removal of the connections, one by one
			if e.data != `{"reason":"erased"}` {
				t.Errorf("%s", e.data)
			}
			break
		}
	}
	if got := text(other(w).fetch("GET", "/bff/preferences", "")); got != "{}" {
		t.Errorf("preferences outlived their user: %s", got)
	}
}

func TestSecurityEventsThatMeanNothingHere(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn("ada")
	for _, kind := range []string{provider.EventVerification, provider.EventAccountEnabled, "https://schemas.openid.net/secevent/risc/event-type/of-the-future"} {
		if resp := w.secevent(securityEvent(t, w, kind, "ada", nil)); resp.StatusCode != http.StatusAccepted {
			t.Errorf("%s: %d", kind, resp.StatusCode)
		}
	}
	if resp := w.secevent(securityEvent(t, w, provider.EventSessionsRevoked, "ada", func(c map[string]any) {
		c["events"] = map[string]any{
			provider.EventSessionsRevoked: map[string]any{"subject": map[string]any{"subject_type": "iss-sub", "iss": w.demo.Issuer + "/", "sub": "never seen"}},
		}
	})); resp.StatusCode != http.StatusAccepted {
		t.Errorf("of somebody unknown: %d", resp.StatusCode)
	}
	if b.session()["authenticated"] != true {
		t.Error("the session ended")
	}
}

// RFC 8935 section 2.4, RFC 8417 section 2.2, attack class 9.
func TestSecurityEventsRefuse(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn("ada")
	good := securityEvent(t, w, provider.EventSessionsRevoked, "ada", nil)
	parts := strings.Split(good, ".")
	set := func(name string, value any) string {
		return securityEvent(t, w, provider.EventSessionsRevoked, "ada", func(c map[string]any) { c[name] = value })
	}
	drop := func(name string) string {
		return securityEvent(t, w, provider.EventSessionsRevoked, "ada", func(c map[string]any) { delete(c, name) })
	}
	for name, token := range map[string]string{
		"nothing": "", "nonsense": "x", "a form": "token=" + good,
		"another issuer": set("iss", "https://evil.example/"), "another audience": set("aud", []string{"another-client"}), "no audience": drop("aud"),
		"no jti": drop("jti"), "no events": drop("events"), "no signature": parts[0] + "." + parts[1] + ".", "alg none": "eyJhbGciOiJub25lIn0." + parts[1] + ".",
		"another body": parts[0] + "." + strings.Split(securityEvent(t, w, provider.EventSessionsRevoked, "grace", nil), ".")[1] + "." + parts[2],
		"too large":    good + strings.Repeat("x", 70<<10),
	} {
		t.Run(name, func(t *testing.T) {
			resp := w.secevent(token)
			if got := object(t, resp); resp.StatusCode != http.StatusBadRequest || got["err"] == nil ||
				got["description"] == nil ||
				resp.Header.Get("Content-Type") != "application/json" {
				t.Errorf("%d %v", resp.StatusCode, got)
			}
		})
	}
	for _, kind := range []string{"", "application/json", "application/jwt", "application/x-www-form-urlencoded"} {
		if resp := w.browser().do("POST", "/bff/security-events/demo", good, header("Content-Type", kind)); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("content type %q: %d", kind, resp.StatusCode)
		}
	}
	refused(
		t,
		w.browser().do("POST", "/bff/security-events/other", good, header("Content-Type", setKind)),
		404,
		"not_found",
	)
	if b.session()["authenticated"] != true {
		t.Fatal("the session ended")
	}
	canSee(t, w, nil, parts[2])
}

func TestASecurityEventIsCarriedOutOnce(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn("ada")
	token := securityEvent(t, w, provider.EventSessionsRevoked, "ada", nil)
	w.secevent(token)
	b.signIn("ada")
	w.secevent(token)
	if b.session()["authenticated"] != true {
		t.Error("an event that was seen before ended a new session")
	}
}

func TestSecurityEventsWithoutAStore(t *testing.T) {
	store := testenv.Redis(t)
	w := newWorld(t, func(s *settings) { s.store = store.URL })
	b := w.browser()
	b.signIn("ada")
	token := securityEvent(t, w, provider.EventSessionsRevoked, "ada", nil)
	store.Stop()
	if resp := w.secevent(token); resp.StatusCode != http.StatusServiceUnavailable ||
		resp.Header.Get("Retry-After") == "" {
		t.Errorf("%d", resp.StatusCode)
	}
	store.Start()
	testenv.Eventually(t, "the same token again", func() bool {
		return w.secevent(token).StatusCode == http.StatusAccepted
	})
	if b.session()["authenticated"] == true {
		t.Error("the session lives")
	}
	order{(*world).secevent, "security/demo", http.StatusAccepted}.interrupted(t, func(w *world) string {
		return securityEvent(t, w, provider.EventSessionsRevoked, "ada", nil)
	})
}
