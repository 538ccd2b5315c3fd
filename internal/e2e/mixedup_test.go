package e2e_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"bff/internal/testenv"
)

// wayBack takes a sign-in through the provider, up to the address that the browser is sent back to.
func (r *rig) wayBack(c *testenv.Client, start string) string {
	r.t.Helper()
	at := c.Leave(start).Header.Get("Location")
	for range 6 {
		base, err := url.Parse(at)
		if err != nil {
			r.t.Fatal(err)
		}
		next, err := base.Parse(c.Leave(at).Header.Get("Location"))
		if err != nil {
			r.t.Fatal(err)
		}
		if at = next.String(); strings.HasPrefix(at, r.bff.Origin) {
			return at
		}
	}
	r.t.Fatalf("stuck at %s", at)
	return ""
}

// arrive asks for a way back as a browser does that comes from the provider, and follows nothing.
func (r *rig) arrive(c *testenv.Client, method, at, body string) *testenv.Answer {
	r.t.Helper()
	headers := []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document",
		"Sec-Fetch-User", "?1"}
	if body != "" {
		headers = append(headers, "Content-Type", "application/x-www-form-urlencoded", "Origin", r.op.Issuer)
	}
	return c.Fetch(method, at, body, headers...)
}

// revisit is a navigation that brings the Strict cookie too, as one by the back button does.
func revisit(c *testenv.Client, at string) *testenv.Answer { return c.Leave(at) }

func edited(t *testing.T, at string, change func(url.Values)) string {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	change(q)
	u.RawQuery = q.Encode()
	return u.String()
}

// Ways back that are mixed up, over two instances, with a provider that was not made for the test: whatever is swapped,
// nobody is signed in as somebody else, and who brings what is their own is signed in once.
func TestWaysBackThatAreMixedUp(t *testing.T) {
	r := build(t, parts{})
	other := r.bff.Another()
	browser := func(who string) (*testenv.Client, string) {
		c := testenv.NewClient(r.bff)
		return c, r.wayBack(c, "/bff/login/acme?return_to=/inbox&login_hint="+who)
	}
	is := func(t *testing.T, c *testenv.Client, who string) {
		t.Helper()
		a := c.Fetch("GET", "/bff/session", "")
		user, _ := a.JSON(t)["user"].(map[string]any)
		if who == "" && a.JSON(t)["authenticated"] != false || who != "" && user["subject"] != who {
			t.Errorf("the session is %s, want one of %q", a.Body, who)
		}
	}
	leads := func(t *testing.T, what string, a *testenv.Answer, want string) {
		t.Helper()
		if a.Status != http.StatusSeeOther || a.Header.Get("Location") != want {
			t.Errorf("%s: %d to %q, want %q", what, a.Status, a.Header.Get("Location"), want)
		}
	}
	t.Run("two browsers exchange their ways back", func(t *testing.T) {
		ada, adas := browser("ada")
		grace, graces := browser("grace")
		leads(t, "grace's in ada's browser", r.arrive(ada, "GET", graces, ""), "/?bff_error=login_expired")
		leads(t, "ada's in grace's browser", r.arrive(grace.Via(other), "GET", adas, ""), "/?bff_error=login_expired")
		is(t, ada, "")
		leads(t, "ada's in her own", r.arrive(ada.Via(other), "GET", adas, ""), "/inbox")
		leads(t, "grace's in her own", r.arrive(grace, "GET", graces, ""), "/inbox")
		is(t, ada, "ada")
		is(t, grace.Via(other), "grace")
	})
	t.Run("a code of another attempt", func(t *testing.T) {
		ada, adas := browser("ada")
		grace, graces := browser("grace")
		u, _ := url.Parse(graces)
		stolen := edited(t, adas, func(q url.Values) { q.Set("code", u.Query().Get("code")) })
		leads(t, "ada's state with grace's code", r.arrive(ada, "GET", stolen, ""), "/inbox?bff_error=login_failed")
		is(t, ada, "")
		r.arrive(grace, "GET", graces, "") // the provider may end what was redeemed twice: she is nobody, or herself
		a := grace.Fetch("GET", "/bff/session", "")
		if strings.Contains(string(a.Body), `"subject"`) {
			is(t, grace, "grace")
		}
	})
	t.Run("the iss of another issuer, and none where one is promised", func(t *testing.T) {
		for _, change := range []func(url.Values){func(q url.Values) { q.Set("iss", "https://evil.example") },
			func(q url.Values) { q.Set("iss", q.Get("iss")+"/") }, func(q url.Values) { q.Del("iss") }} {
			c, at := browser("ada")
			leads(t, "changed", r.arrive(c, "GET", edited(t, at, change), ""), "/inbox?bff_error=login_failed")
			is(t, c, "")
		}
	})
	t.Run("one way back on two instances at the same time", func(t *testing.T) {
		c, at := browser("ada")
		before := r.op.Counts().Codes
		answers := make([]*testenv.Answer, 10)
		var all sync.WaitGroup
		for i := range answers {
			all.Go(func() { answers[i] = r.arrive([]*testenv.Client{c, c.Via(other)}[i%2], "GET", at, "") })
		}
		testenv.Finished(t, "all of them", all.Wait)
		sessions := 0
		for _, a := range answers {
			leads(t, "each", a, "/inbox")
			for _, line := range a.Header.Values("Set-Cookie") {
				if strings.HasPrefix(line, "bff=") && !strings.Contains(line, "Max-Age=0") {
					sessions++
				}
			}
		}
		if n := r.op.Counts().Codes - before; sessions != 1 || n > 1 {
			t.Errorf("%d sessions of %d codes", sessions, n)
		}
		is(t, c, "ada")
		leads(t, "the back button", revisit(c, at), "/inbox")
		is(t, c, "ada")
	})
	t.Run("two tabs of one browser, two people", func(t *testing.T) {
		c, first := browser("ada")
		c.Forget("localhost")
		second := r.wayBack(c, "/bff/login/acme?return_to=/second&login_hint=grace")
		leads(t, "the second tab", r.arrive(c, "GET", second, ""), "/second")
		is(t, c, "grace")
		leads(t, "the first tab", r.arrive(c.Via(other), "GET", first, ""), "/inbox")
		is(t, c, "ada")
		leads(t, "the second tab's address again", revisit(c, second), "/?bff_error=login_expired")
		is(t, c, "ada")
	})
	t.Run("as a form, twice, and asked for by HEAD", func(t *testing.T) {
		c, at := browser("ada")
		u, _ := url.Parse(at)
		for range 2 { // it comes without the Lax cookie, and again as a GET that has it
			form := r.arrive(testenv.NewClient(r.bff), "POST", u.Path, u.RawQuery)
			again, err := u.Parse(form.Header.Get("Location"))
			if err != nil || form.Status != http.StatusSeeOther || again.Path != u.Path {
				t.Fatalf("%d to %q", form.Status, form.Header.Get("Location"))
			}
			leads(t, "the form", revisit(c, again.String()), "/inbox")
			is(t, c, "ada")
		}
		c, at = browser("grace")
		r.arrive(c, "HEAD", at, "")
		leads(t, "after a HEAD", r.arrive(c.Via(other), "GET", at, ""), "/inbox")
		is(t, c, "grace")
	})
}
