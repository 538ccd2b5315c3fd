package e2e_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"bff/internal/testenv"
)

// The admin listener answers services, each of which says who it is and gets what it was allowed; the browsers'
// listener has none of it.
func TestAdminListener(t *testing.T) {
	secret := testenv.Random(t)
	r := build(t, parts{env: []string{"BILLING_SECRET=" + secret},
		top: []string{
			"clients:",
			"  billing:",
			"    secret: env:BILLING_SECRET",
			"    exchange: [acme]",
			"  reports:",
			"    secret: env:BILLING_SECRET",
		}})
	r.c.SignIn("acme")
	cookie := r.c.Session()
	exchange := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token": {cookie},
		"subject_token_type": {"urn:bff:session"}, "audience": {"acme"}}

	if a := r.bff.Ask("/introspect", "billing", secret, url.Values{"token": {cookie}}); a.JSON(t)["active"] != true {
		t.Errorf("introspection: %d %s", a.Status, a.Body)
	}
	if a := r.bff.Ask("/introspect", "billing", secret, url.Values{"token": {testenv.Random(t)}}); a.Status != http.StatusOK ||
		a.JSON(t)["active"] != false {
		t.Errorf("introspection of nothing: %d %s", a.Status, a.Body)
	}
	if a := r.bff.Ask("/introspect", "", "", url.Values{"token": {cookie}, "client_id": {"billing"}, "client_secret": {secret}}); a.JSON(t)["active"] != true {
		t.Errorf("introspection with client_secret_post: %d %s", a.Status, a.Body)
	}
	out := r.bff.Ask("/token", "billing", secret, exchange).JSON(t)
	token, _ := out["access_token"].(string)
	if subject, _, ok := r.op.Check(token); !ok || subject != "ada" || out["refresh_token"] != nil ||
		out["expires_in"] == nil {
		t.Errorf("token exchange gave a token of %q, good: %v, keys %v", subject, ok, len(out))
	}
	for name, refused := range map[string]*testenv.Answer{
		"introspection by nobody":            r.bff.Ask("/introspect", "", "", url.Values{"token": {cookie}}),
		"introspection with a wrong secret":  r.bff.Ask("/introspect", "billing", secret+"x", url.Values{"token": {cookie}}),
		"introspection with an empty secret": r.bff.Ask("/introspect", "billing", "", url.Values{"token": {cookie}}),
		"an exchange by nobody":              r.bff.Ask("/token", "", "", exchange),
		"an exchange by one who may not":     r.bff.Ask("/token", "reports", secret, exchange),
		"an exchange without a session":      r.bff.Ask("/token", "billing", secret, url.Values{"grant_type": exchange["grant_type"], "audience": {"acme"}}),
		"an exchange with a parameter repeated": r.bff.Ask("/token", "billing", secret,
			url.Values{"grant_type": exchange["grant_type"], "subject_token": {cookie, cookie}, "subject_token_type": {"urn:bff:session"}, "audience": {"acme"}}),
	} {
		if refused.Status < 400 || refused.Status > 499 || strings.Contains(string(refused.Body), "access_token") ||
			strings.Contains(string(refused.Body), `"active":true`) {
			t.Errorf("%s: %d %s", name, refused.Status, refused.Body)
		}
	}
	for _, path := range []string{"/introspect", "/token", "/verify", "/metrics", "/healthz", "/readyz", "/debug/pprof/"} {
		if a := r.c.Fetch("GET", path, ""); a.Status != http.StatusNotFound {
			t.Errorf("the browsers' listener answers %s with %d", path, a.Status)
		}
	}
	if m := r.bff.Metrics(); !strings.Contains(m, "bff_") {
		t.Error("no metric of its own")
	}
}

// Forward-auth: 204 with who it is, or 401, by the cookie that a front proxy passes on.
func TestForwardAuthAnswersByTheCookie(t *testing.T) {
	r := build(t, parts{})
	r.c.SignIn("acme")
	ask := func(cookie string) *http.Response {
		t.Helper()
		req, err := http.NewRequest("GET", r.bff.Admin+"/verify", nil)
		if err != nil {
			t.Fatal(err)
		}
		if cookie != "" {
			req.Header.Set("Cookie", cookie)
		}
		req.Header.Set("BFF-User", "u_forged")
		resp, err := (&http.Client{}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp
	}
	user := r.c.Fetch("GET", "/bff/session", "").JSON(t)["user"].(map[string]any)["id"]
	if got := ask("bff=" + r.c.Session()); got.StatusCode != http.StatusNoContent || got.Header.Get("BFF-User") != user ||
		!strings.HasPrefix(got.Header.Get("BFF-Session"), "s_") {
		t.Errorf("signed in: %d %v", got.StatusCode, got.Header)
	}
	for name, cookie := range map[string]string{"no cookie": "", "an unknown one": "bff=" + testenv.Random(t) + testenv.Random(t),
		"two of them": "bff=" + r.c.Session() + "; bff=x"} {
		if got := ask(cookie); got.StatusCode < 400 || got.StatusCode > 401 || got.Header.Get("BFF-User") != "" {
			t.Errorf("%s: %d %v", name, got.StatusCode, got.Header)
		}
	}
}
