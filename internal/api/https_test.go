package api_test

import (
	"net/http"
	"strings"
	"testing"

	"bff/internal/api"
)

// RFC 10017 section 6.1.3.2: at an https origin the cookie of an attempt has a name that a sibling sub-domain, or
// plain http, cannot set; it is Secure, and so is the answer that takes it away, without which a browser keeps it.
func TestAttemptCookiesAtAnHTTPSOrigin(t *testing.T) {
	const name = "__Host-bff"
	w := newWorld(t, func(s *settings) {
		s.origin = "https://app.example.com"
		s.api = func(c *api.Config) { c.Cookie = name }
	})
	attempt := func(resp *http.Response) *http.Cookie {
		t.Helper()
		for _, c := range resp.Cookies() {
			if strings.HasPrefix(c.Name, name+"-") {
				return c
			}
		}
		t.Fatalf("no cookie of an attempt: %v", resp.Header)
		return nil
	}
	check := func(c *http.Cookie) {
		t.Helper()
		if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" ||
			len(c.Raw) >= 150 {
			t.Errorf("%d bytes: %s", len(c.Raw), c.Raw)
		}
	}
	start := w.browser().visit("/bff/login/demo", "same-origin")
	made := attempt(start)
	if check(made); made.MaxAge != 600 {
		t.Errorf("it lives for %d s", made.MaxAge)
	}
	back, err := w.demo.Approve(start.Header.Get("Location"), "ada")
	if err != nil {
		t.Fatal(err)
	}
	cookie := header("Cookie", made.Name+"="+made.Value)
	resp := w.browser().visit(strings.Replace(back, w.origin, w.front.URL, 1), "cross-site", cookie)
	if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/" {
		t.Fatalf("%d to %q", resp.StatusCode, resp.Header.Get("Location"))
	}
	gone := attempt(resp)
	if check(gone); gone.Name != made.Name || gone.MaxAge >= 0 || gone.Value != "" {
		t.Errorf("taken away by %s", gone.Raw)
	}
	// The same value under a name that a sibling sub-domain could set finds nothing.
	start = w.browser().visit("/bff/login/demo", "same-origin")
	made = attempt(start)
	if back, err = w.demo.Approve(start.Header.Get("Location"), "ada"); err != nil {
		t.Fatal(err)
	}
	planted := header("Cookie", strings.TrimPrefix(made.Name, "__Host-")+"="+made.Value)
	if to := w.browser().visit(strings.Replace(back, w.origin, w.front.URL, 1), "cross-site", planted).Header.Get("Location"); to != "/?bff_error=login_expired" {
		t.Errorf("a planted cookie brought %q", to)
	}
}
