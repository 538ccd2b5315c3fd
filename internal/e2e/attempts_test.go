package e2e_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"bff/internal/testenv"
)

// Ten tabs start at the same instant, and each of them comes back signed in.
func TestTenTabsAtOnce(t *testing.T) {
	r := build(t, parts{})
	var wg sync.WaitGroup
	starts := make([]*testenv.Answer, 10)
	for i := range starts {
		wg.Go(func() { starts[i] = r.c.Leave("/bff/login/acme?return_to=/tab") })
	}
	testenv.Finished(t, "all of them", wg.Wait)
	for i, s := range starts {
		if s.Status != http.StatusFound {
			t.Fatalf("tab %d: %d %s", i, s.Status, s.Body)
		}
		for _, line := range s.Header.Values("Set-Cookie") {
			if len(line) >= 150+60 || !strings.Contains(line, "SameSite=Lax") || !strings.Contains(line, "HttpOnly") {
				t.Errorf("an attempt's cookie is %q", line)
			}
		}
	}
	for i, s := range starts {
		a := r.c.OpenFrom(r.bff.Origin, s.Header.Get("Location"))
		if !strings.HasSuffix(a.URL, "/tab") {
			t.Errorf("tab %d ended at %s", i, a.URL)
		}
	}
	if !r.signedIn(r.c) {
		t.Error("nobody is signed in")
	}
	for _, c := range r.c.Cookies() {
		if c.Name != "bff" {
			t.Errorf("the cookie %s outlived its attempt", c.Name)
		}
	}
}

// S2, attack class 11: a way back is good once, in the browser that left, with the state it left with.
func TestAttemptIsUsedOnce(t *testing.T) {
	r := build(t, parts{})
	back := func(c *testenv.Client) string {
		t.Helper()
		at := c.Leave("/bff/login/acme").Header.Get("Location")
		for range 5 { // through the provider, up to the way back
			a := c.Leave(at)
			next, err := url.Parse(at)
			if err != nil {
				t.Fatal(err)
			}
			if next, err = next.Parse(a.Header.Get("Location")); err != nil {
				t.Fatal(err)
			}
			if at = next.String(); strings.HasPrefix(at, r.bff.Origin) {
				return at
			}
		}
		t.Fatalf("stuck at %s", at)
		return ""
	}
	expired := func(name string, a *testenv.Answer) {
		t.Helper()
		if !strings.Contains(a.URL, "bff_error=login_expired") {
			t.Errorf("%s ended at %s with %d", name, a.URL, a.Status)
		}
	}
	mine := back(r.c)
	thief := testenv.NewClient(r.bff)
	expired("a way back in another browser", thief.OpenFrom(r.op.Issuer, mine))
	if thief.Session() != "" {
		t.Fatal("a stolen way back signed somebody in")
	}
	expired(
		"a way back without state",
		r.c.OpenFrom(r.op.Issuer, r.bff.Origin+"/bff/callback/acme?code=x&iss="+url.QueryEscape(r.op.Issuer)),
	)
	expired("a way back with an empty state", r.c.OpenFrom(r.op.Issuer, r.bff.Origin+"/bff/callback/acme?code=x&state="))
	if a := r.c.OpenFrom(r.op.Issuer, mine); strings.Contains(a.URL, "bff_error") || r.c.Session() == "" {
		t.Fatalf("the right way back ended at %s", a.URL)
	}
	expired("a way back used twice", r.c.OpenFrom(r.op.Issuer, mine))

	// I1, S3: an answer of another issuer is refused.
	other := testenv.NewClient(r.bff)
	u, err := url.Parse(back(other))
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("iss", "https://evil.example")
	u.RawQuery = q.Encode()
	if a := other.OpenFrom(r.op.Issuer, u.String()); !strings.Contains(a.URL, "bff_error=login_failed") ||
		other.Session() != "" {
		t.Errorf("another issuer's answer ended at %s", a.URL)
	}
}

// Only a top-level navigation starts an attempt.
func TestAttemptNeedsANavigation(t *testing.T) {
	r := build(t, parts{})
	for name, headers := range map[string][]string{
		"a script":  {"Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty"},
		"an iframe": {"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"},
		"prefetch":  {"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Purpose", "prefetch"},
		"an image":  {"Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"},
	} {
		a := r.c.Fetch("GET", "/bff/login/acme", "", headers...)
		if a.Status < 400 || a.Header.Get("Location") != "" || a.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %d, Location %q, Set-Cookie %q", name, a.Status, a.Header.Get("Location"), a.Header.Get("Set-Cookie"))
		}
	}
}

// S1, attack class 1: whatever return_to says, the way back ends on this origin.
func TestReturnToStaysHere(t *testing.T) {
	r := build(t, parts{})
	for _, to := range []string{
		"//evil.example", "///evil.example", "/\\evil.example", "/\t/evil.example", "https://evil.example/",
		"https:evil.example", "/%2f%2fevil.example/%2e%2e", "/%5cevil.example", "http:3627734734", "javascript:alert(1)",
		"data:text/html;base64,PHNjcmlwdD4=", "/\r\nLocation: https://evil.example", "//good@evil.example/",
		"/..//evil.example", "http://[::ffff:216.58.214.206]/", "java\tscript:alert(1)", "/ok?next=//evil.example",
	} {
		out := r.c.Leave("/bff/login/acme?return_to=" + url.QueryEscape(to))
		if out.Status != http.StatusFound {
			t.Errorf("return_to=%q: %d", to, out.Status)
			continue
		}
		a := r.c.OpenFrom(r.bff.Origin, out.Header.Get("Location"))
		if u, err := url.Parse(a.URL); err != nil || "http://"+u.Host != r.bff.Origin || u.User != nil {
			t.Errorf("return_to=%q ended at %s", to, a.URL)
		}
	}
}

func TestAttemptDenied(t *testing.T) {
	r := build(t, parts{})
	r.op.Deny(true)
	if a := r.c.Navigate("/bff/login/acme?return_to=/home%3Fbff_error%3Dold%26a%3D1"); !strings.Contains(
		a.URL,
		"bff_error=access_denied",
	) ||
		strings.Contains(a.URL, "old") ||
		!strings.Contains(a.URL, "a=1") {
		t.Errorf("ended at %s", a.URL)
	}
}

// Attempts are limited per client address.
func TestAttemptsAreLimited(t *testing.T) {
	r := build(t, parts{top: []string{"limits:", "  login_per_minute: 5"}})
	limited := 0
	for range 30 {
		if a := r.c.Leave("/bff/login/acme"); a.Status == http.StatusTooManyRequests {
			if limited++; a.Code() != "rate_limited" || a.Header.Get("Retry-After") == "" {
				t.Errorf("%q, Retry-After %q", a.Code(), a.Header.Get("Retry-After"))
			}
		}
	}
	if limited == 0 {
		t.Error("nobody was limited")
	}
}
