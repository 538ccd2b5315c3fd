package api_test

import (
	"net/http"
	"testing"

	"bff/internal/vault"
)

// OpenID Connect Back-Channel Logout 1.0 section 2.7: a logout, by the person or by the provider's word, ends
// sessions. A grant that the user keeps survives both; nothing is revoked at the provider.
func TestALogoutLeavesTheGrantAlone(t *testing.T) {
	w := newWorld(t, func(s *settings) { s.keep = vault.KeepUser })
	b := w.browser()
	b.signIn("ada")
	id := connectionID(b, 0)
	live := w.demo.Live("ada")
	for name, end := range map[string]func() *http.Response{
		"by the person":   func() *http.Response { return b.fetch("POST", "/bff/logout", "") },
		"by the provider": func() *http.Response { return w.backchannel(logoutToken(t, w, "ada", "", nil)) },
	} {
		if resp := end(); resp.StatusCode != http.StatusOK || b.session()["authenticated"] != false {
			t.Fatalf("%s: %d", name, resp.StatusCode)
		}
		if now := w.demo.Live("ada"); live == 0 || now < live {
			t.Errorf("%s: of %d live refresh tokens %d are left", name, live, now)
		}
		b.signIn("ada")
		if got := connectionID(b, 0); got != id || len(b.session()["connections"].([]any)) != 1 {
			t.Errorf("%s: the next sign-in finds %q, not what was kept", name, got)
		}
		if resp := b.fetch("GET", "/api/calendar/users/me/calendarList", ""); resp.StatusCode != http.StatusOK {
			t.Errorf("%s: it does not work: %d", name, resp.StatusCode)
		}
	}
}
