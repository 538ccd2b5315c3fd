package e2e_test

import (
	"net/http"
	"strings"
	"testing"

	"bff/internal/testenv"
)

// The main job against a certified provider that rotates refresh tokens and ends a grant when a spent one is used
// again: sign in, call, live through three expiries, sign out.
func TestMainJob(t *testing.T) {
	for _, kept := range []string{"session", "user"} {
		t.Run("keep "+kept, func(t *testing.T) {
			r := build(t, parts{op: testenv.OIDCOptions{AccessToken: seconds(5)}, provider: []string{"keep: " + kept}})
			if r.signedIn(r.c) {
				t.Fatal("signed in before signing in")
			}
			problem(t, r.c.Fetch("GET", "/api/things/items", ""), http.StatusUnauthorized, "not_signed_in")

			r.c.SignIn("acme", "return_to=/welcome%3Fa%3D1")
			user, _ := r.c.Fetch("GET", "/bff/session", "").JSON(t)["user"].(map[string]any)
			if user["email"] != "ada@example.com" || user["name"] != "Ada" || user["provider"] != "acme" ||
				user["subject"] != "ada" {
				t.Fatalf("signed in as %v", user)
			}
			r.call(r.c)
			for range 3 {
				before := r.token()
				r.expire()
				r.call(r.c)
				if r.token() == before {
					t.Fatal("an expired token reached the upstream")
				}
			}
			if n := r.op.Counts(); n.Reuse != 0 || n.Rotations < 3 {
				t.Fatalf("the provider saw %+v", n)
			}
			for _, call := range r.api.Calls() {
				if call.Subject != "ada" {
					t.Errorf("the upstream was sent a token that was not good: %s", call.Path)
				}
			}

			out := r.c.Fetch("POST", "/bff/logout", "")
			if out.Status != http.StatusOK {
				t.Fatalf("logout: %d %s", out.Status, out.Body)
			}
			if url, _ := out.JSON(t)["logout_url"].(string); !strings.HasPrefix(url, r.op.Issuer) ||
				!strings.Contains(url, "client_id=bff") ||
				!strings.Contains(url, "post_logout_redirect_uri=") ||
				strings.Contains(url, "id_token_hint") {
				t.Errorf("logout_url is %q", url)
			}
			if r.signedIn(r.c) {
				t.Fatal("still signed in after logout")
			}
			problem(t, r.c.Fetch("GET", "/api/things/items", ""), http.StatusUnauthorized, "not_signed_in")
		})
	}
}

// What the upstream gets is the call and a bearer token, and nothing by which bff or the browser could be known.
func TestWhatTheUpstreamSees(t *testing.T) {
	r := build(t, parts{})
	r.c.SignIn("acme")
	a := r.c.Fetch(
		"GET",
		"/api/things/items/a%20b?q=1",
		"",
		"X-Forwarded-For",
		"1.2.3.4",
		"X_Forwarded_User",
		"root",
		"BFF-Anything",
		"1",
		"X-HTTP-Method-Override",
		"DELETE",
		"X-CSRF",
		"1",
		"Accept-Language",
		"de",
		"X-Real-Ip",
		"1.2.3.4",
		"Connection",
		"Accept-Language2",
	)
	calls := r.api.Calls()
	if len(calls) != 1 {
		t.Fatalf("%d calls reached the upstream; the answer was %d %s", len(calls), a.Status, a.Body)
	}
	got := calls[0]
	if got.Path != "/v1/items/a%20b" || got.Query != "q=1" || got.Method != "GET" {
		t.Errorf("the upstream saw %s %s?%s", got.Method, got.Path, got.Query)
	}
	if got.Header.Get("Accept-Language") != "de" {
		t.Error("an end-to-end header was lost")
	}
	for name := range got.Header {
		plain := strings.ToLower(strings.NewReplacer("_", "-", ".", "-").Replace(name))
		if plain == "cookie" || strings.HasPrefix(plain, "x-forwarded") || strings.HasPrefix(plain, "bff-") ||
			plain == "x-csrf" ||
			plain == "forwarded" ||
			plain == "x-real-ip" ||
			strings.Contains(plain, "method-override") {
			t.Errorf("the upstream saw %s", name)
		}
	}
	if v := a.Header.Values("Vary"); !strings.Contains(strings.Join(v, ","), "Cookie") {
		t.Errorf("Vary is %q", v)
	}
	if c := a.Header.Get("Cache-Control"); !strings.Contains(c, "private") && !strings.Contains(c, "no-store") {
		t.Errorf("Cache-Control is %q", c)
	}
}
