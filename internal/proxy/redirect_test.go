package proxy_test

import (
	"testing"

	"bff/internal/proxy"
)

// An upstream that redirects where it is asked to leads nobody to where a sign-in or a link begins.
func TestARedirectOfAnUpstreamLeadsToNoRouteOfBFF(t *testing.T) {
	a := &answerer{status: 302}
	r := newRig(t, a.ServeHTTP, func(c *proxy.Config) { c.Origin = "https://app.example.com" })
	const at = "//app.example.com/bff/connect/x?scopes=all"
	for _, to := range []string{
		"https:" + at, "http:" + at, at, "https://APP.example.com:443/bff/login/x?scopes=all", "HTTPS:" + at,
		"https://app.example.com/a/../bff/connect/x", "https://app.example.com/%62ff/connect/x",
		"https://app.example.com/bff", "https://app.example.com/./bff/login",
		"https://user@app.example.com/bff/connect/x", `/\app.example.com/bff/connect/x`,
		`https:\\app.example.com\bff\connect\x`, "https:/app.example.com/bff/connect/x",
		"https:///app.example.com/bff/connect/x", "https:/bff/connect/x", "https:../../bff/connect/x",
		"///app.example.com/bff/connect/x", "https://app.example.com/\tbff/connect/x", "ht\ttps:" + at,
		"\x01https:" + at, "https://\uff41pp.example.com/bff/connect/x", "https://%61pp.example.com/bff/connect/x",
		"https://app.example.com/x/..%2fbff/connect/x", "https://app.example.com/%zz/../bff/x",
		"https://app.example.com/b\tff/connect/x",
	} {
		a.header = map[string][]string{"Location": {to}}
		if res := r.do("GET", "/api/x/a", nil); res.StatusCode == 302 && res.Header["Location"] != nil {
			t.Errorf("%q came back as %q", to, res.Header["Location"])
		}
	}
	for to, want := range map[string]string{"https://app.example.com/inbox": "https://app.example.com/inbox",
		"https://other.example/bff/x": "https://other.example/bff/x", "/base/bff/x": "/api/x/bff/x", "bff/x": "bff/x",
		"https://app.example.com/bffx": "https://app.example.com/bffx", "myapp:/bff/done": "myapp:/bff/done",
		"https://app.example.com/?to=/bff/login": "https://app.example.com/?to=/bff/login"} {
		a.header = map[string][]string{"Location": {to}}
		if got := r.do("GET", "/api/x/a", nil).Header.Get("Location"); got != want {
			t.Errorf("%q came back as %q, not %q", to, got, want)
		}
	}
}

// A backend is the application's own: it sends people to sign in, and to link what it needs.
func TestARedirectOfABackendMayLeadToBFF(t *testing.T) {
	const to = "https://app.example.com/bff/connect/google?scopes=calendar"
	a := &answerer{status: 302, header: map[string][]string{"Location": {to}}}
	r := newRig(t, a.ServeHTTP, func(c *proxy.Config) { c.Origin, c.Backend = "https://app.example.com", true })
	if got := r.do("GET", "/api/x/a", nil).Header.Get("Location"); got != to {
		t.Errorf("it came back as %q", got)
	}
}
