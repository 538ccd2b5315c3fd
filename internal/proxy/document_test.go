package proxy_test

import (
	"net/http"
	"strings"
	"testing"
)

// A browser takes the last type of a list, and cuts nothing at ";": what is exempt from the sandbox must have one
// reading.
func TestOnlyATypeWithOneReadingIsExemptFromTheSandbox(t *testing.T) {
	var types []string
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) { w.Header()["Content-Type"] = types })
	for _, row := range []struct {
		types  []string
		back   string // "" is what came
		policy string // how it begins
	}{
		{[]string{"application/pdf"}, "", "script-src 'none'"},
		{[]string{"Application/PDF; v=1"}, "application/pdf", "script-src 'none'"},
		{[]string{"video/mp4"}, "", "default-src 'none'; media-src 'self'"},
		{[]string{`audio/ogg; codecs="opus"`}, "audio/ogg; codecs=opus", "default-src 'none'; media-src 'self'"},
		{[]string{"application/pdf;a, text/html"}, "", "sandbox"},
		{[]string{"application/pdf, text/html"}, "", "sandbox"},
		{[]string{`application/pdf; a="x, text/html"`}, "", "sandbox"},
		{[]string{"application/pdf", "text/html"}, "", "sandbox"},
		{[]string{"text/html", "application/pdf"}, "", "sandbox"},
		{[]string{"application/pdf;a;text/html"}, "", "sandbox"},
		{[]string{"application/pdf text/html"}, "", "sandbox"},
		{[]string{"application/pdf;charset=x;charset=y"}, "", "sandbox"},
		{[]string{"application/pdf\t;,text/html"}, "", "sandbox"},
		{[]string{"video/mp4,text/html"}, "", "sandbox"},
		{[]string{"video/x;a=b,text/html"}, "", "sandbox"},
		{[]string{"audio/"}, "", "sandbox"},
		{[]string{"video"}, "", "sandbox"},
		{[]string{"image/svg+xml"}, "", "sandbox"},
		{[]string{"text/html"}, "", "sandbox"},
		{[]string{""}, "", "sandbox"},
		{nil, "", "sandbox"},
	} {
		types = row.types
		res := r.do("GET", "/api/x/a", nil)
		policy := res.Header.Values("Content-Security-Policy")
		if len(policy) != 1 || !strings.HasPrefix(policy[0], row.policy) {
			t.Errorf("%q: %q, want %q", types, policy, row.policy)
		}
		want := row.back
		if want == "" {
			want = strings.TrimSpace(strings.Join(row.types, ", "))
		}
		if got := strings.Join(res.Header.Values("Content-Type"), ", "); got != want {
			t.Errorf("%q became %q, want %q", types, got, want)
		}
		if res.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%q may be taken for something else", types)
		}
	}
}

// A list that ends in JSON is not JSON to everybody: nothing is decided by it.
func TestFieldsAreRewrittenOnlyInATypeWithOneReading(t *testing.T) {
	a := &answerer{}
	r := newRig(t, a.ServeHTTP, rewritesNext)
	a.body = []byte(`{"next":"` + r.upstream.URL + `/base/x"}`)
	for contentType, changed := range map[string]bool{"application/json": true, "application/json; charset=utf-8": true,
		"application/json, text/html": false, "application/json;a, text/html": false} {
		a.header = http.Header{"Content-Type": {contentType}}
		if got := text(t, r.do("GET", "/api/x/a", nil)); (got != string(a.body)) != changed {
			t.Errorf("%s: %q", contentType, got)
		}
	}
}
