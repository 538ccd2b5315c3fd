package api_test

import (
	"net/http"
	"testing"
)

// Which of two session cookies counts is a question that no two parsers answer alike.
func TestTwoSessionCookiesAreRefused(t *testing.T) {
	w := newWorld(t)
	b, bare := w.browser(), w.browser()
	b.signIn("ada")
	good := b.cookie("bff")
	for _, row := range []struct {
		lines  []string
		status int
	}{
		{[]string{"bff=" + good}, 200},
		{[]string{"theme=bff; bff=" + good + "; bff-x=bff"}, 200},
		{[]string{"bff=" + good + "; bff=" + good}, 400},
		{[]string{"bff=x; a=1; bff=" + good}, 400},
		{[]string{"bff=" + good, "bff=x"}, 400},
		{[]string{"bff =x; bff=" + good}, 400},
		{[]string{"bff; bff=" + good}, 400},
	} {
		cookies := func(r *http.Request) { r.Header["Cookie"] = row.lines }
		if resp := bare.fetch("GET", "/bff/session", "", cookies); resp.StatusCode != row.status {
			t.Errorf("%q: %d", row.lines, resp.StatusCode)
		}
	}
}
