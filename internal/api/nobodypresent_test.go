package api_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"bff/internal/api"
	"bff/internal/audit"
	"bff/internal/secret"
	"bff/internal/vault"
)

// heard keeps audit events.
type heard struct{ all []audit.Event }

func (h *heard) Record(_ context.Context, e audit.Event) { h.all = append(h.all, e) }

func userRequest(user string, pairs ...string) []string {
	all := []string{"grant_type", "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token", user,
		"subject_token_type", "urn:bff:user", "audience", "demo"}
	return append(all, pairs...)
}

func offlineWorld(t *testing.T, keep vault.Keep) (*world, *heard) {
	log := &heard{}
	w := newWorld(t, withServices, func(s *settings) {
		s.keep = keep
		before := s.api
		s.api = func(c *api.Config) {
			before(c)
			c.Clients[0].Offline = []string{"demo"}
			c.Clients = append(c.Clients, api.Client{Name: "elsewhere", Secret: secret.New("elsewhere-secret"),
				Exchange: []string{"demo"}, Offline: []string{"google"}})
			c.Audit = log
		}
	})
	return w, log
}

// A service that may gets the token of a connection that the user keeps, with nobody present; it says why, and that
// is written down before the token leaves.
func TestATokenWithNobodyPresent(t *testing.T) {
	w, log := offlineWorld(t, vault.KeepUser)
	b := w.browser()
	b.signIn("ada")
	user, connection := userID(b), connectionID(b, 0)
	b.fetch("POST", "/bff/logout", "")
	resp := post(t, w, "/token", userRequest(user, "reason", "nightly invoice")...)
	got := object(t, resp)
	token, _ := got["access_token"].(string)
	if resp.StatusCode != http.StatusOK || token == "" || got["refresh_token"] != nil {
		t.Fatalf("%d %v", resp.StatusCode, got["error"])
	}
	r, _ := http.NewRequest("GET", w.demo.APIURL+"/users/me/calendarList", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	called, err := w.admin.Client().Transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = called.Body.Close()
	if called.StatusCode != http.StatusOK {
		t.Errorf("the token does not work: %d", called.StatusCode)
	}
	rec, err := w.vault.Users.Get(context.Background(), user)
	if err != nil || len(rec.Uses) != 1 || rec.Uses[0].Client != "billing" || rec.Uses[0].Reason != "nightly invoice" ||
		rec.Uses[0].Connection != connection {
		t.Errorf("the last use: %+v, %v", rec.Uses, err)
	}
	last := log.all[len(log.all)-1]
	if last.Kind != audit.TokenExchanged || last.Client != "billing" || last.Reason != "nightly invoice" ||
		last.User != user ||
		last.Connection != connection {
		t.Errorf("the audit log has %+v", last)
	}
	canSee(t, w, nil, token)
}

func TestATokenWithNobodyPresentIsRefused(t *testing.T) {
	w, log := offlineWorld(t, vault.KeepUser)
	b := w.browser()
	b.signIn("ada")
	user := userID(b)
	for name, c := range map[string]struct {
		request []string
		code    string
	}{
		"no reason":              {userRequest(user), "invalid_request"},
		"a reason of spaces":     {userRequest(user, "reason", "  "), "invalid_request"},
		"a reason of two lines":  {userRequest(user, "reason", "a\nb"), "invalid_request"},
		"a reason without end":   {userRequest(user, "reason", strings.Repeat("a", 201)), "invalid_request"},
		"a user who is not":      {userRequest("u_unknown", "reason", "x"), "invalid_target"},
		"a cookie's value":       {userRequest(b.cookie("bff"), "reason", "x"), "invalid_request"},
		"another's connection":   {userRequest(user, "reason", "x", "connection", "c_unknown"), "invalid_target"},
		"an unknown scope":       {userRequest(user, "reason", "x", "scope", "everything"), "invalid_scope"},
		"no id but a path of it": {userRequest("u_}:k", "reason", "x"), "invalid_request"},
	} {
		says(t, post(t, w, "/token", c.request...), 400, c.code)
		if last := log.all[len(log.all)-1]; last.Kind != audit.ExchangeRefused || last.Client != "billing" {
			t.Errorf("%s: the audit log has %+v", name, last)
		}
	}
	kind := header("Content-Type", "application/x-www-form-urlencoded")
	says(
		t,
		ask(t, w, "POST", "/token", form(userRequest(user, "reason", "x")...), kind, basic("limited", "limited-secret")),
		400,
		"unauthorized_client",
	) // exchange alone is not enough
	other := ask(t, w, "POST", "/token", form(userRequest(user, "reason", "x")...), kind, basic("elsewhere", "elsewhere-secret"))
	says(t, other, 400, "invalid_target") // nor is offline access to another provider
	if rec, err := w.vault.Users.Get(context.Background(), user); err != nil || len(rec.Uses) != 0 {
		t.Errorf("a refused use was noted: %+v %v", rec.Uses, err)
	}
}

// What the session keeps dies with it: nobody gets it by a user's id.
func TestNobodyPresentAndNothingKept(t *testing.T) {
	w, _ := offlineWorld(t, vault.KeepSession)
	b := w.browser()
	b.signIn("ada")
	says(t, post(t, w, "/token", userRequest(userID(b), "reason", "x")...), 400, "invalid_target")
}
