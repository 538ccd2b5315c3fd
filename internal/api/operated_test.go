package api_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"bff/internal/api"
	"bff/internal/oauth/providers"
	"bff/internal/proxy"
	"bff/internal/secret"
)

const operatorPassword = "pass-canary-77ab12"

// echoing is an upstream that repeats what it was sent, also the password inside of it.
func echoing(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, password, _ := r.BasicAuth()
		_, _ = fmt.Fprintf(w, "key %s, authorization %s, password %s, query %s", r.Header.Get("X-API-Key"), r.Header.Get("Authorization"),
			password, r.URL.RawQuery)
	}))
	t.Cleanup(s.Close)
	return s
}

// operatedWorld has an api with a key of the operator's, and one with a password.
func operatedWorld(t *testing.T, change ...func(*settings)) *world {
	t.Helper()
	up := echoing(t)
	return newWorld(t, append([]func(*settings){func(s *settings) {
		s.further = []providers.Config{
			{Name: "keyed", Title: "Keyed", Auth: providers.AuthAPIKey, Operator: providers.Operator{APIKey: secret.New(typedKey)}},
			{Name: "robot", Auth: providers.AuthBasic,
				Operator: providers.Operator{Username: "robot", Password: secret.New(operatorPassword)}},
		}
		s.mounts = []proxy.Config{
			{Name: "keyed", Path: "/api/keyed", Upstream: up.URL, Allow: []string{"GET /{x...}"}, Header: "X-API-Key"},
			{Name: "robot", Path: "/api/robot", Upstream: up.URL, Allow: []string{"GET /{x...}"}, Scheme: "Basic"},
		}
		s.through = map[string]string{"keyed": "keyed", "robot": "robot"}
		s.scopes = map[string][]string{"keyed": {}, "robot": {}}
	}}, change...)...)
}

// A credential of the operator's serves everybody who is signed in, without an account to link, and leaves with no
// answer, whatever the upstream repeats.
func TestAnOperatorsCredentialServesEverybodyWhoIsSignedIn(t *testing.T) {
	w := operatedWorld(t)
	for _, path := range []string{"/api/keyed/x", "/api/robot/x"} {
		if r := w.browser().fetch(http.MethodGet, path, ""); r.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s of nobody: %d", path, r.StatusCode)
		}
	}
	for _, name := range []string{"ada", "linus"} {
		b := w.browser()
		b.signIn(name)
		key, robot := b.fetch(http.MethodGet, "/api/keyed/x", ""), b.fetch(http.MethodGet, "/api/robot/x", "")
		all := read(t, key) + read(t, robot)
		pair := base64.StdEncoding.EncodeToString([]byte("robot:" + operatorPassword))
		if key.StatusCode != http.StatusOK || robot.StatusCode != http.StatusOK || strings.Contains(all, "authorization ,") &&
			strings.Contains(all, "key ,") && !strings.Contains(all, "****") {
			t.Fatalf("%s: %d %d %s", name, key.StatusCode, robot.StatusCode, all)
		}
		for _, s := range []string{typedKey, operatorPassword, pair} {
			if strings.Contains(all+w.log.String()+read(t, b.fetch(http.MethodGet, "/bff/session", "")), s) {
				t.Errorf("%s: a secret left: %s", name, all)
			}
		}
		if text := read(t, b.fetch(http.MethodGet, "/bff/connections", "")); strings.Contains(text, "keyed") {
			t.Errorf("it is listed as an account: %s", text)
		}
		if text := read(t, b.fetch(http.MethodGet, "/bff/session", "")); !strings.Contains(text, `{"name":"keyed","title":"Keyed","provided":true}`) {
			t.Errorf("it is not listed as provided: %s", text)
		}
	}
}

// Nothing of it can be linked, signed in with, typed or named.
func TestAnOperatorsCredentialCannotBeLinked(t *testing.T) {
	w := operatedWorld(t)
	b := w.browser()
	b.signIn("ada")
	for _, path := range []string{"/bff/connect/keyed", "/bff/login/keyed", "/bff/connect/robot"} {
		if r := b.visit(path, "same-origin"); r.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", path, r.StatusCode)
		}
	}
	r := b.fetch(http.MethodPost, "/bff/connect/keyed", "api_key=x", header("Content-Type", "application/x-www-form-urlencoded"))
	if r.StatusCode != http.StatusNotFound {
		t.Errorf("a typed key: %d", r.StatusCode)
	}
	r = b.fetch(http.MethodGet, "/api/keyed/x", "", header("BFF-Connection", "c_whatever"))
	if text := read(t, r); r.StatusCode != http.StatusForbidden || r.Header.Get("BFF-Error") != "not_connected" || strings.Contains(text, `"fix"`) {
		t.Errorf("a named connection: %d %s", r.StatusCode, text)
	}
}

// A service gets it by exchange where it is allowed to, and not otherwise.
func TestAnOperatorsCredentialIsExchangedOnlyWhereAllowed(t *testing.T) {
	w := operatedWorld(t, func(s *settings) {
		s.api = func(c *api.Config) {
			c.Clients = []api.Client{{Name: "yes", Secret: secret.New("a-long-secret-of-yes"), Exchange: []string{"keyed"}},
				{Name: "no", Secret: secret.New("a-long-secret-of-no"), Exchange: []string{"robot"}}}
		}
	})
	b := w.browser()
	b.signIn("ada")
	for _, c := range []struct {
		client, secret, audience string
		status                   int
	}{{"yes", "a-long-secret-of-yes", "keyed", 200}, {"yes", "a-long-secret-of-yes", "robot", 400}, {"no", "a-long-secret-of-no", "keyed", 400}} {
		form := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token": {b.cookie("bff")},
			"subject_token_type": {"urn:bff:session"}, "audience": {c.audience}}
		r := ask(t, w, "POST", "/token", form.Encode(), header("Content-Type", "application/x-www-form-urlencoded"), basic(c.client, c.secret))
		text := read(t, r)
		if r.StatusCode != c.status || (c.status == 200) != strings.Contains(text, typedKey) {
			t.Errorf("%s for %s: %d %s", c.client, c.audience, r.StatusCode, text)
		}
	}
}
