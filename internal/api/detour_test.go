package api_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// What a way back, the sign-in of somebody who is signed in, and the continue page lead to comes from this origin by
// what the browser says, whoever chose it. So none of them leads where something begins: another site would choose the
// consent, or start a sign-in without a click.
func TestNobodyIsLedWhereSomethingBegins(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn("ada")
	for _, to := range []string{"/bff/login/demo", "/bff/login/demo?scopes=mail", "/bff/login", "/bff/connect/demo?scopes=mail",
		"/bff/connect/demo", "/bff/callback/demo?code=x&state=y", "/bff/continue?to=/bff/connect/demo", "/bff/front/begin?x",
		"/bff/front/arrive?x", "/bff/%6cogin/demo?scopes=mail", "/bff/connect%2fdemo?scopes=a", "/bff/connect/demo#x"} {
		at := url.QueryEscape(to)
		reloads(t, b.visit("/bff/continue?to="+at, "cross-site"), "/")
		if led := b.visit("/bff/login/demo?return_to="+at, "same-origin").Header.Get("Location"); led != "/" &&
			!strings.HasPrefix(led, w.demo.Issuer) {
			t.Errorf("a sign-in of somebody who is signed in leads from %s to %s", to, led)
		}
		if led := w.comesBack(t, to); led != "/" {
			t.Errorf("the way back leads from %s to %s", to, led)
		}
	}
	for _, to := range []string{"/bff/account", "/bff/account?erase=1", "/bff/session", "/bff", "/bffx/login", "/login/demo"} {
		if led := w.comesBack(t, to); led != to {
			t.Errorf("the way back to %s leads to %s", to, led)
		}
	}
}

// A browser without Fetch Metadata says by Origin or Referer where a person comes from, or is not believed.
func TestAnOldBrowsersConsentIsChosenByThisOriginAlone(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn("ada")
	own := w.front.URL
	const safari = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/15.6 Safari/605.1.15"
	type fields map[string]string
	for name, row := range map[string]struct {
		says fields
		good bool // may choose the consent, and link an account
	}{
		"a foreign Origin":                {fields{"Origin": "https://evil.example"}, false},
		"an Origin of nobody":             {fields{"Origin": "null"}, false},
		"an empty Origin":                 {fields{"Origin": ""}, false},
		"a foreign Referer":               {fields{"Referer": "https://evil.example/"}, false},
		"a Referer that looks alike":      {fields{"Referer": own + ".evil.example/"}, false},
		"a Referer with our name as user": {fields{"Referer": strings.Replace(own, "://", "://evil.example@", 1) + "x/"}, false},
		"a Referer that is no address":    {fields{"Referer": "about:blank"}, false},
		"nothing":                         {fields{"User-Agent": safari}, false},
		"its own Referer":                 {fields{"User-Agent": safari, "Referer": own + "/settings"}, true},
		"its own Origin":                  {fields{"User-Agent": safari, "Origin": own}, true},
		"nothing, and is no browser":      {fields{"User-Agent": "curl/8.0"}, true},
	} {
		for _, target := range []string{"/bff/login/demo?scopes=a", "/bff/login/demo?acr_values=a", "/bff/login/demo?max_age=1",
			"/bff/connect/demo?scopes=a", "/bff/connect/demo"} {
			var edits []edit
			for field, value := range row.says {
				edits = append(edits, header(field, value))
			}
			resp := b.do("GET", target, "", edits...)
			if row.good != (resp.StatusCode == http.StatusFound) || !row.good && resp.Header.Get("BFF-Error") != "csrf_rejected" {
				t.Errorf("%s, %s: %d %s", name, target, resp.StatusCode, resp.Header.Get("BFF-Error"))
			}
		}
		stranger := w.browser() // a plain sign-in begins all the same: the provider asks the person
		edits := []edit{}
		for field, value := range row.says {
			edits = append(edits, header(field, value))
		}
		if resp := stranger.do("GET", "/bff/login/demo", "", edits...); resp.StatusCode != http.StatusFound {
			t.Errorf("%s: a sign-in that chooses nothing: %d", name, resp.StatusCode)
		}
	}
}
