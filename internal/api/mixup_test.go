package api_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"bff/internal/api"
	"bff/internal/oauth"
	"bff/internal/oauth/providers"
	"bff/internal/secret"
)

// withSecond is w with a second provider, "other": plain OAuth 2.0 without an issuer, so that nothing but its
// redirect URI tells its answers from another's. spent is how many codes it was sent.
func withSecond(t *testing.T, w *world) (two *world, spent *atomic.Int32) {
	t.Helper()
	spent = &atomic.Int32{}
	attacker := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		spent.Add(1)
		w.WriteHeader(http.StatusBadRequest)
	}))
	t.Cleanup(attacker.Close)
	broker, err := oauth.New(oauth.Config{Vault: w.vault, Origin: w.origin, Providers: []providers.Config{
		{Name: "demo", Issuer: w.demo.Issuer, Scopes: []string{"openid"},
			Client: providers.Client{ID: w.demo.ClientID, Secret: secret.New(w.demo.ClientSecret)}},
		{Name: "other", Authorization: providers.Authorization{URL: attacker.URL + "/authorize"},
			Token:  providers.Token{URL: attacker.URL + "/token"},
			Client: providers.Client{ID: "other", Secret: secret.New("other")}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	server, err := api.New(api.Config{Origin: w.origin, Cookie: "bff", Vault: w.vault, Broker: broker, Signer: w.signer})
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewServer(server.Browser())
	t.Cleanup(func() {
		front.Close()
		server.Close()
	})
	own := *w
	own.broker, own.server, own.front = broker, server, front
	return &own, spent
}

// RFC 9700 section 4.4: an attacker's provider has the browser bring another one's answer, so that the code goes to
// the attacker. Each provider has a redirect URI of its own, and an answer at another's is refused before a code is
// spent.
func TestMixUp(t *testing.T) {
	w, spent := withSecond(t, newWorld(t))
	b := w.browser()
	honest, err := w.demo.Approve(b.begin("/bff/login/demo?return_to=/home"), "ada")
	if err != nil {
		t.Fatal(err)
	}
	honest = strings.Replace(honest, w.origin, w.front.URL, 1)
	moved := strings.Replace(honest, "/callback/demo", "/callback/other", 1)
	if to := b.visit(moved, "cross-site").Header.Get("Location"); to != "/home?bff_error=login_failed" {
		t.Errorf("demo's answer at the other's address came back to %q", to)
	}
	if to := b.visit(honest, "cross-site").Header.Get("Location"); to != "/?bff_error=login_expired" {
		t.Errorf("the attempt was not used up by it: %q", to)
	}
	u, err := url.Parse(b.begin("/bff/login/other"))
	if err != nil {
		t.Fatal(err)
	}
	back := url.Values{"code": {"c"}, "state": {u.Query().Get("state")}, "iss": {w.demo.Issuer}}
	if to := b.visit("/bff/callback/demo?"+back.Encode(), "cross-site").Header.Get("Location"); to != "/?bff_error=login_failed" {
		t.Errorf("the other's answer at demo's address came back to %q", to)
	}
	if n := w.demo.Counts().TokenCalls; n != 0 || spent.Load() != 0 || b.session()["authenticated"] == true {
		t.Errorf("%d codes at demo's, %d at the attacker's, signed in: %v", n, spent.Load(), b.session()["authenticated"])
	}
	for _, name := range []string{"demo", "other"} {
		u, err := url.Parse(b.begin("/bff/login/" + name))
		if want := w.origin + "/bff/callback/" + name; err != nil || u.Query().Get("redirect_uri") != want {
			t.Errorf("%s: redirect_uri %q, want %q", name, u.Query().Get("redirect_uri"), want)
		}
	}
}
