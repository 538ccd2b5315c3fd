package testenv_test

import (
	"net/url"
	"testing"

	"bff/internal/testenv"
)

func at(t *testing.T, s string) *url.URL {
	t.Helper()
	if s == "" {
		return nil
	}
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// What the attack tests rest on: a jar that sends what a browser would, and nothing else.
func TestTheJarSendsWhatABrowserWould(t *testing.T) {
	var j testenv.Jar
	home := at(t, "http://127.0.0.1:8080/bff/x")
	j.Set(
		home,
		"strict=1; Path=/; SameSite=Strict",
		"lax=1; Path=/; SameSite=Lax",
		"plain=1; Path=/",
		"deep=1; Path=/bff/callback",
		"secure=1; Path=/; Secure",
		"__Host-x=1; Path=/",
		"gone=1; Path=/",
		"other=1; Domain=example.com",
		"past=1; Path=/; Max-Age=0",
	)
	j.Set(home, "gone=; Path=/; Max-Age=-1", "lax=2; Path=/; SameSite=Lax")
	for _, c := range []struct {
		name            string
		to              string
		cross, topLevel bool
		want            string
	}{
		{"at home", "http://127.0.0.1:8080/", false, false, "strict=1; plain=1; lax=2"},
		{"below a path", "http://127.0.0.1:8080/bff/callback/acme", false, false, "strict=1; plain=1; deep=1; lax=2"},
		{"another port of the host", "http://127.0.0.1:9/", false, false, "strict=1; plain=1; lax=2"},
		{"from another site, by a link", "http://127.0.0.1:8080/", true, true, "plain=1; lax=2"},
		{"from another site, by a script or a form", "http://127.0.0.1:8080/", true, false, ""},
		{"another host", "http://localhost:8080/", false, true, ""},
	} {
		if got := j.Header(at(t, c.to), c.cross, c.topLevel); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestSecFetchSite(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{"", "http://127.0.0.1:1/", "none"},
		{"http://127.0.0.1:1", "http://127.0.0.1:1/x", "same-origin"},
		{"http://127.0.0.1:2", "http://127.0.0.1:1/", "same-site"},
		{"https://evil.example.com", "https://app.example.com/", "same-site"},
		{"http://app.example.com", "https://app.example.com/", "cross-site"},
		{"http://localhost:1", "http://127.0.0.1:1/", "cross-site"},
		{"https://example.com", "https://example.org/", "cross-site"},
	} {
		if got := testenv.SiteOf(at(t, c.from), at(t, c.to)); got != c.want {
			t.Errorf("from %q to %q: %s, want %s", c.from, c.to, got, c.want)
		}
	}
}
