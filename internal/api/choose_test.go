package api_test

import (
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"bff/internal/api"
	"bff/internal/oauth/providers"
)

// Where there are several providers a person chooses one, and comes back to where she wanted; a script is sent nowhere.
func TestAPersonChoosesAmongProviders(t *testing.T) {
	w, _ := withSecond(t, newWorld(t))
	b := w.browser()
	want := "/bff/login?return_to=" + url.QueryEscape("/deep?a=b")
	resp := b.visit("/bff/login?return_to="+url.QueryEscape("/deep?a=b"), "none")
	page := text(resp)
	if resp.StatusCode != http.StatusOK ||
		!strings.Contains(resp.Header.Get("Content-Security-Policy"), "default-src 'none'") ||
		resp.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v", resp.StatusCode, resp.Header)
	}
	for _, name := range []string{"demo", "other"} {
		if link := `href="/bff/login/` + name + `?return_to=%2Fdeep%3Fa%3Db"`; !strings.Contains(page, link) {
			t.Errorf("%s is not offered: %s", name, page)
		}
	}
	refused(t, b.fetch("GET", want, ""), 403, "csrf_rejected")
}

// Whatever return_to says, every link of the page stays here.
func TestTheChoiceOfProvidersLeadsNowhereElse(t *testing.T) {
	w, _ := withSecond(t, newWorld(t))
	b := w.browser()
	links := regexp.MustCompile(`href="([^"]*)"`)
	for i, raw := range returnURLs() {
		if i%7 > 0 {
			continue // the same reader as a sign-in's, which sees all of them
		}
		page := text(b.visit("/bff/login?return_to="+url.QueryEscape(raw), "none"))
		for _, link := range links.FindAllStringSubmatch(page, -1) {
			u, err := url.Parse(html.UnescapeString(link[1]))
			if err != nil || u.Host != "" || !strings.HasPrefix(u.Path, "/bff/") ||
				asBrowsersDo(u.Query().Get("return_to")) != "app.example.com" {
				t.Fatalf("%q gives %q", raw, link[1])
			}
		}
	}
}

// With one provider there is nothing to choose.
func TestOneProviderIsNoChoice(t *testing.T) {
	w := newWorld(t)
	resp := w.browser().visit("/bff/login?return_to=%2Fa", "none")
	if to := resp.Header.Get("Location"); resp.StatusCode != http.StatusFound || to != "/bff/login/demo?return_to=%2Fa" {
		t.Errorf("%d to %q", resp.StatusCode, to)
	}
}

// Where there are several providers, who is nobody at a guarded backend or behind forward-auth is led to the page to
// choose, and comes back from there.
func TestAGuardedAddressLeadsToTheChoice(t *testing.T) {
	app := newBackendServer(t)
	w := newWorld(t, behindProxy, withBackend(app, func(m *api.Mount) { m.Anonymous = api.Redirect }),
		func(s *settings) { s.further = append(s.further, another()) })
	b := w.browser()
	to := b.visit("/app/deep?a=b", "none").Header.Get("Location")
	if want := "/bff/login?return_to=" + url.QueryEscape("/app/deep?a=b"); to != want {
		t.Fatalf("a backend leads to %q, not %q", to, want)
	}
	proxied := ask(t, w, "GET", "/verify?redirect=1", "", person("none", "/app/deep?a=b")...)
	if led := proxied.Header.Get("Location"); proxied.StatusCode != http.StatusFound || led != to {
		t.Errorf("forward-auth leads to %q", led)
	}
	const link = "/bff/login/demo?return_to=%2Fapp%2Fdeep%3Fa%3Db"
	if page := text(b.visit(to, "same-origin")); !strings.Contains(page, `href="`+link+`"`) ||
		!strings.Contains(page, `href="/bff/login/other?`) {
		t.Fatalf("the page offers %s", page)
	}
	if led := b.approve(b.begin(link), "ada").Header.Get("Location"); led != "/app/deep?a=b" {
		t.Errorf("she comes back to %q", led)
	}
}

// A person who wants to sign in while the provider is away reads what that means for the sign-in, not for a call that
// needs a token.
func TestAProviderThatIsAwayIsSaidInTheWordsOfASignIn(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	away := providers.Config{Name: "away", Title: "Away", Issuer: gone.URL, Client: providers.Client{ID: "bff"},
		Scopes: []string{"openid"}}
	w := newWorld(t, func(s *settings) { s.further = []providers.Config{away} })
	b := w.browser()
	p := refused(t, b.do("GET", "/bff/login/away", ""), 503, "provider_unavailable")
	if detail, _ := p["detail"].(string); !strings.Contains(detail, "nobody can sign in with it") {
		t.Errorf("%q", detail)
	}
	if page := text(b.visit("/bff/login/away", "same-origin")); !strings.Contains(page, "nobody can sign in with it") {
		t.Errorf("the page: %s", page)
	}
}
