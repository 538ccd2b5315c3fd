package api_test

import (
	"net/url"
	"strings"
	"testing"

	"bff/internal/api"
)

// RFC 9700 2.1, 4.11 and attack class 1: whatever return_to says, the way back ends on a path of this origin.
func TestReturnTo(t *testing.T) {
	w := newWorld(t)
	for _, keep := range []string{"/", "/a/b", "/a/b/", "/a?b=c&d=%2F%2Fe", "/a#/route", "/a?b=1#x", "/caf%C3%A9", "/a:b", "/a@b", "/a%20b",
		"/search?q=https://example.com/", "/p/https%3A%2F%2Fx", "/p/a%2Fb/c", "/p/%2Fx"} {
		if got := w.comesBack(t, keep); got != keep {
			t.Errorf("%q became %q", keep, got)
		}
	}
	for given, want := range map[string]string{ // the outcome of an earlier way back is not one of this one
		"/a?bff_error=login_failed": "/a", "/a?x=1&bff_error=login_failed&y=%2F": "/a?x=1&y=%2F", "/a?bff%5Ferror=x&b#c": "/a?b#c",
		"/a?bff_errors=x": "/a?bff_errors=x"} {
		if got := w.comesBack(t, given); got != want {
			t.Errorf("%q became %q, want %q", given, got, want)
		}
	}
	evil := []string{
		"",
		"evil",
		"//evil",
		"///evil",
		"////evil",
		"/\\evil.com",
		"\\\\evil",
		"/\t/evil",
		"/\t\\evil",
		"/\n/evil",
		"/\r\n/evil",
		" /evil",
		"/ /evil",
		"https://evil",
		"/https://evil",
		"https:evil",
		"http:/evil",
		"//good@evil/",
		"//evil:80#@good/",
		"//evil%00.com",
		"//evil%E3%80%82com",
		"/%2f%2fevil",
		"/%2Fevil",
		"/%5cevil.com",
		"/%5Cevil.com",
		"/%09/evil",
		"/%0d//a.com",
		"/\v/evil",
		"/.//evil",
		"/..//evil",
		"/a/..//evil",
		"/%2e%2e//evil",
		"/a/../b",
		"/%2e%2e/b",
		"/a//b",
		"javascript:alert(1)",
		"java%09script:alert(1)",
		"data:text/html;base64,PHNjcmlwdD4=",
		"http:3627734734",
		"http://[::ffff:216.58.214.206]",
		"evil-good.com",
		"http://good%2eevil/",
		"/\u3002evil",
		"/%E3%80%82evil",
		"/\u2028evil",
		"/\x00",
		"/%00",
		"/%zz",
		"/\x80",
		"?x",
		"#x",
		"/%252f%252fevil",
		"/%255cevil",
	}
	for _, raw := range evil {
		if got := w.comesBack(t, raw); got != "/" {
			t.Errorf("%q became %q", raw, got)
		}
	}
}

func FuzzReturnTo(f *testing.F) {
	w := newWorld(f, func(s *settings) { s.api = func(c *api.Config) { c.Limits.LoginPerMinute = 1 << 30 } })
	for _, s := range []string{"/", "/a?b#c", "//evil", "/\\evil", "/%2f%2fevil", "/?bff_error=x&a=b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if len(raw) > 512 {
			return
		}
		own := *w
		own.t = t
		to := own.comesBack(t, raw)
		base, _ := url.Parse("https://app.example.com/bff/callback/demo")
		u, err := base.Parse(to)
		if err != nil || u.Host != "app.example.com" || u.Scheme != "https" || !strings.HasPrefix(to, "/") ||
			strings.HasPrefix(to, "//") ||
			strings.ContainsAny(to, "\\\r\n\t \x00") {
			t.Fatalf("%q comes back to %q", raw, to)
		}
	})
}

// comesBack declines a sign-in that was started with return_to, and returns where that ends, less the error.
func (w *world) comesBack(t testing.TB, returnTo string) string {
	t.Helper()
	b := w.browser()
	resp := b.visit("/bff/login/demo?return_to="+url.QueryEscape(returnTo), "same-origin")
	u, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || u.Query().Get("state") == "" {
		t.Fatalf("login: %d %s", resp.StatusCode, text(resp))
	}
	back := url.Values{"error": {"access_denied"}, "state": {u.Query().Get("state")}, "iss": {w.demo.Issuer}}
	to := b.visit("/bff/callback/demo?"+back.Encode(), "cross-site").Header.Get("Location")
	if !strings.Contains(to, "bff_error=access_denied") {
		t.Fatalf("%q: no bff_error in %q", returnTo, to)
	}
	to = strings.Replace(strings.Replace(to, "?bff_error=access_denied", "", 1), "&bff_error=access_denied", "", 1)
	return to
}

func TestAnErrorReplacesTheOneBefore(t *testing.T) {
	w := newWorld(t)
	for raw, want := range map[string]string{
		"/a?bff_error=x":               "/a",
		"/a?bff_error=x&b=1":           "/a?b=1",
		"/a?b=1&bff%5Ferror=x&c=%2f":   "/a?b=1&c=%2f",
		"/a?bff_error&bff_error=y#z":   "/a#z",
		"/a?bff_errors=1&my_bff_error": "/a?bff_errors=1&my_bff_error",
	} {
		if got := w.comesBack(t, raw); got != want {
			t.Errorf("%q became %q, want %q", raw, got, want)
		}
	}
}
