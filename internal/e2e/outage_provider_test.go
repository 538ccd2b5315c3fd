package e2e_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"bff/internal/testenv"
)

// Guarantee 4, the provider: whatever it answers that is not a definite refusal of this very token, nobody is logged
// out, no connection dies, and when it is well again the same cookie works.
func TestOutageOfTheProvider(t *testing.T) {
	for _, way := range []struct {
		name    string
		trouble testenv.Trouble
		status  int
		code    string
	}{
		{"it answers 503", testenv.Trouble{Status: 503}, 503, "provider_unavailable"},
		{"it answers 503 and says when", testenv.Trouble{Status: 503, Headers: map[string]string{"Retry-After": "2"}}, 503, "provider_unavailable"},
		{"it answers 500 with a page", testenv.Trouble{Status: 500, Body: "<html>", Headers: map[string]string{"content-type": "text/html"}}, 503,
			"provider_unavailable"},
		{"it limits", testenv.Trouble{Status: 429, Body: `{"error":"slow_down"}`, Headers: map[string]string{"Retry-After": "1"}}, 503, "provider_unavailable"},
		{"it limits with 403", testenv.Trouble{Status: 403, Body: `{"error":"rate_limit_exceeded"}`}, 503, "provider_unavailable"},
		{"it breaks the connection", testenv.Trouble{Reset: true}, 503, "provider_unavailable"},
		{"it answers nonsense with 200", testenv.Trouble{Status: 200, Body: "<html>busy"}, 503, "provider_unavailable"},
		{"it answers an empty object", testenv.Trouble{Status: 200, Body: `{}`}, 503, "provider_unavailable"},
		{"it answers invalid_grant with a 500", testenv.Trouble{Status: 500, Body: `{"error":"invalid_grant"}`}, 503, "provider_unavailable"},
		{"it answers temporarily_unavailable", testenv.Trouble{Status: 400, Body: `{"error":"temporarily_unavailable"}`}, 503, "provider_unavailable"},
		{"it redirects the token request", testenv.Trouble{Status: 307, Headers: map[string]string{"Location": "http://127.0.0.1:1/token"}}, 503,
			"provider_unavailable"},
		{"it refuses bff itself", testenv.Trouble{Status: 401, Body: `{"error":"invalid_client"}`}, 500, "provider_misconfigured"},
		{"it no longer lets bff use the grant", testenv.Trouble{Status: 400, Body: `{"error":"unauthorized_client"}`}, 500, "provider_misconfigured"},
	} {
		t.Run(way.name, func(t *testing.T) {
			r := build(t, parts{op: testenv.OIDCOptions{AccessToken: seconds(2)}})
			r.c.SignIn("acme")
			r.call(r.c)
			cookie := r.c.Session()
			r.op.Trouble(way.trouble)
			r.expire()
			a := r.c.Fetch("GET", "/api/things/items", "")
			if p := problem(t, a, way.status, way.code); p["provider"] != "acme" {
				t.Errorf("the problem names the provider %v", p["provider"])
			}
			if !r.signedIn(r.c) || r.c.Session() != cookie || r.status(r.c) != "active" {
				t.Error("somebody was logged out by the outage")
			}
			r.op.Heal()
			testenv.Eventually(
				t,
				"the same cookie works again",
				func() bool { return r.c.Fetch("GET", "/api/things/items", "").Status == http.StatusOK },
			)
			if n := r.op.Counts(); n.Reuse != 0 {
				t.Errorf("a spent refresh token was used: %+v", n)
			}
		})
	}
}

// A provider that is frozen, or refuses connections: callers wait no longer than is decent, and what was asked once
// is not asked twice.
func TestOutageOfTheProvidersMachine(t *testing.T) {
	for name, begin := range map[string]func(*testenv.OIDCProvider) (restore func()){
		"frozen":  func(op *testenv.OIDCProvider) func() { op.Pause(); return op.Resume },
		"refuses": func(op *testenv.OIDCProvider) func() { op.Refuse(seconds(6)); return func() {} },
	} {
		t.Run(name, func(t *testing.T) {
			r := build(t, parts{blind: true, op: testenv.OIDCOptions{AccessToken: seconds(2)}})
			r.c.SignIn("acme")
			r.call(r.c)
			r.expire()
			restore := begin(r.op)
			testenv.Eventually(t, "it refuses", func() bool {
				a := r.c.Fetch("GET", "/api/things/items", "")
				if a.Status == http.StatusOK {
					return false // connections of a moment ago
				}
				problem(t, a, http.StatusServiceUnavailable, "provider_unavailable")
				return true
			})
			if !r.signedIn(r.c) {
				t.Error("somebody was logged out by the outage")
			}
			restore()
			testenv.Eventually(
				t,
				"the same cookie works again",
				func() bool { return r.c.Fetch("GET", "/api/things/items", "").Status == http.StatusOK },
			)
			if n := r.op.Counts(); n.Reuse != 0 {
				t.Errorf("a spent refresh token was used: %+v", n)
			}
		})
	}
}

// While the provider is down, the old token serves to its last second.
func TestOutageOfTheProviderLeavesGoodTokensAlone(t *testing.T) {
	r := build(t, parts{op: testenv.OIDCOptions{AccessToken: seconds(6)}})
	r.c.SignIn("acme")
	r.call(r.c)
	token := r.token()
	r.op.Trouble(testenv.Trouble{Status: 503})
	used := 0
	testenv.Eventually(t, "the token expires, or a call is refused", func() bool {
		_, _, good := r.op.Check(token)
		a := r.c.Fetch("GET", "/api/things/items", "")
		_, _, still := r.op.Check(token)
		if a.Status == http.StatusOK {
			used++
			return false
		}
		if good && still {
			t.Fatalf("refused with %d %q although its token is good", a.Status, a.Code())
		}
		return true
	})
	if used < 10 {
		t.Fatalf("only %d calls", used)
	}
	if r.op.Counts().Refreshes == 0 {
		t.Error("nobody tried to refresh ahead of the expiry")
	}
}

// A provider that is frozen or gone at the start does not stop the start; what does not need it works.
func TestOutageOfTheProviderAtTheStart(t *testing.T) {
	t.Parallel()
	op := testenv.OIDC(t, testenv.OIDCOptions{})
	op.Down()
	b := testenv.BFF(
		t,
		"session:\n  store: \"memory:\"\n  keys: [env:BFF_KEY]\nproviders:\n"+op.YAML("acme", "scopes: [openid, email]"),
		op.Env(),
	)
	c := testenv.NewClient(b)
	if a := c.Fetch("GET", "/bff/session", ""); a.Status != http.StatusOK {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	a := c.Navigate("/bff/login/acme?return_to=/x")
	if !strings.Contains(a.URL, "bff_error=provider_unavailable") && a.Code() != "provider_unavailable" {
		t.Errorf("a sign-in ended at %s with %d %q", a.URL, a.Status, a.Code())
	}
	op.Heal()
	op.Register("acme", b.Origin)
	testenv.Eventually(t, "sign-in works", func() bool {
		c.Navigate("/bff/login/acme")
		return c.Session() != ""
	})
}

// Guarantee 5: only a definite invalid_grant marks a connection; the session lives on, and the fix repairs it.
func TestRefreshRefusedForGood(t *testing.T) {
	r := build(t, parts{op: testenv.OIDCOptions{AccessToken: seconds(2)}})
	r.c.SignIn("acme")
	r.call(r.c)
	r.op.Revoke("ada")
	a := r.c.Fetch("GET", "/api/things/items", "")
	if a.Status == http.StatusOK {
		t.Fatal("a call went through with a revoked token")
	}
	p := problem(t, a, http.StatusForbidden, "needs_reauth")
	if !r.signedIn(r.c) || !strings.HasPrefix(r.status(r.c), "needs_reauth") {
		t.Fatalf("the session lives: %v, the connection is %s", r.signedIn(r.c), r.status(r.c))
	}
	fix, _ := p["fix"].(map[string]any)
	target, _ := fix["url"].(string)
	u, err := url.Parse(target)
	if err != nil || fix["kind"] != "connect" || u.Path != "/bff/connect/acme" ||
		u.Query().Get("connection") != p["connection"] ||
		p["connection"] == nil {
		t.Fatalf("fix %v for connection %v", fix, p["connection"])
	}

	// Another account does not repair it.
	r.c.Forget("localhost")
	r.op.As("grace")
	if done := r.c.Navigate(target); !strings.Contains(done.URL, "bff_error=wrong_account") {
		t.Fatalf("another account repaired it: %s", done.URL)
	}
	r.c.Forget("localhost")
	r.op.As("")
	if done := r.c.Navigate(target); strings.Contains(done.URL, "bff_error") {
		t.Fatalf("the fix ended at %s", done.URL)
	}
	r.call(r.c)
	if got := r.status(r.c); got != "active" {
		t.Errorf("after the fix the connection is %s", got)
	}
}

// An answer that got lost after the provider had rotated the token: bff learns it, says so, and ends the connection,
// not the session.
func TestRefreshAnswerLost(t *testing.T) {
	one := 1
	lost, late := testenv.Trouble{Drop: true, Times: &one}, testenv.Trouble{AfterMS: 35_000, Times: &one} // bff waits 30 s
	for _, kind := range []struct {
		name     string
		trouble  testenv.Trouble
		op       testenv.OIDCOptions
		survives bool
	}{
		{"the token was rotated away", lost, testenv.OIDCOptions{AccessToken: seconds(2)}, false},
		{"the provider does not rotate", lost, testenv.OIDCOptions{AccessToken: seconds(2), NoRotation: true}, true},
		{"the token was rotated away, and the answer came when nobody waited any more", late, testenv.OIDCOptions{AccessToken: seconds(2)}, false},
		{"the provider does not rotate, and the answer came when nobody waited any more", late, testenv.OIDCOptions{AccessToken: seconds(2), NoRotation: true}, true},
	} {
		t.Run(kind.name, func(t *testing.T) {
			r := build(t, parts{op: kind.op})
			r.c.SignIn("acme")
			r.call(r.c)
			r.op.Trouble(kind.trouble)
			r.expire()
			var a *testenv.Answer
			testenv.Eventually(t, "an answer that is not for now", func() bool {
				a = r.c.Fetch("GET", "/api/things/items", "")
				return a.Code() != "provider_unavailable"
			})
			if !r.signedIn(r.c) {
				t.Fatal("the session ended")
			}
			if kind.survives {
				if a.Status != http.StatusOK || r.status(r.c) != "active" {
					t.Fatalf("%d %q, the connection is %s", a.Status, a.Code(), r.status(r.c))
				}
				return
			}
			problem(t, a, http.StatusForbidden, "needs_reauth")
			if got := r.status(r.c); got != "needs_reauth rotated_away" {
				t.Errorf("the connection is %s", got)
			}
		})
	}
}
