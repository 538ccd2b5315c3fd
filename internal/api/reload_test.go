package api_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// reloads asserts that resp is the page that loads target again, and nothing else.
func reloads(t *testing.T, resp *http.Response, target string) {
	t.Helper()
	body := text(resp)
	if resp.StatusCode != http.StatusOK || !strings.Contains(body, `href="`+target+`"`) ||
		resp.Header.Get("Location") != "" ||
		resp.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v\n%s", resp.StatusCode, resp.Header, body)
	}
}

// A navigation from another site that brings no session is loaded again from this origin, once; only then is anybody
// refused or sent to sign in.
func TestALinkFromAnotherSiteIsLoadedAgainFromThisOrigin(t *testing.T) {
	w := newWorld(t)
	const target = "/api/calendar/users/me/calendarList"
	for _, site := range []string{"cross-site", "same-site"} {
		b := w.browser()
		reloads(t, b.visit(target, site), target)
		refused(t, b.visit(target, "same-origin"), 401, "not_signed_in") // the second time, from the page
		refused(t, b.visit(target, site), 401, "not_signed_in")          // a browser that goes round gets out
	}
	other := w.browser()
	for name, resp := range map[string]*http.Response{
		"a script":        other.fetch("GET", target, "", header("Sec-Fetch-Site", "cross-site")),
		"a frame":         other.visit(target, "cross-site", header("Sec-Fetch-Dest", "iframe")),
		"a prefetch":      other.visit(target, "cross-site", header("Sec-Purpose", "prefetch")),
		"a typed address": other.visit(target, "none"),
		"a form": other.do("POST", target, "a=b", header("Sec-Fetch-Site", "cross-site"), header("Sec-Fetch-Mode", "navigate"),
			header("Sec-Fetch-Dest", "document")),
		"no Fetch Metadata":                         other.do("GET", target, ""),
		"connect, which only this origin may start": other.visit("/bff/connect/demo?scopes=a", "cross-site"),
	} {
		if resp.StatusCode != 401 && resp.StatusCode != 403 {
			t.Errorf("%s: %d", name, resp.StatusCode)
		}
	}
}

// The page goes on to a path of this origin and nowhere else.
func TestTheContinuePageStaysOnThisOrigin(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	for to, want := range map[string]string{"/reports/q3?x=1": "/reports/q3?x=1", "//evil.example": "/", "https://evil.example": "/",
		"/\\evil.example": "/", "/%2f%2fevil.example": "/", "javascript:alert(1)": "/", "": "/", `/"><script>`: "/%22%3E%3Cscript%3E"} {
		reloads(t, b.visit("/bff/continue?to="+url.QueryEscape(to), "cross-site"), want)
	}
}

const click = "?1" // Sec-Fetch-User

// A sign-in that another site starts needs a person's click, and what is asked for is not that site's to choose.
func TestAnotherSiteCannotChooseTheConsent(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		target, site, user string
		refused            bool
	}{
		"scopes":            {"/bff/login/demo?scopes=a", "cross-site", click, true},
		"scopes, a sibling": {"/bff/login/demo?scopes=a", "same-site", click, true},
		"acr_values":        {"/bff/login/demo?acr_values=a", "cross-site", click, true},
		"max_age":           {"/bff/login/demo?max_age=1", "cross-site", click, true},
		"no click":          {"/bff/login/demo", "cross-site", "", true},
		"scopes, from here": {"/bff/login/demo?scopes=a", "same-origin", "", false},
		"a click":           {"/bff/login/demo", "cross-site", click, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := w.browser()
			var edits []edit
			if c.user != "" {
				edits = append(edits, header("Sec-Fetch-User", c.user))
			}
			resp := b.visit(c.target, c.site, edits...)
			if !c.refused {
				if resp.StatusCode == http.StatusOK {
					resp = b.visit(c.target, "same-origin")
				}
				if resp.StatusCode != http.StatusFound {
					t.Fatalf("%d %s", resp.StatusCode, text(resp))
				}
				return
			}
			refused(t, resp, 403, "csrf_rejected")
			if len(b.attempts()) != 0 {
				t.Error("an attempt was made")
			}
		})
	}
}

// HEAD starts nothing.
func TestHEADStartsNoSignIn(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	head := func(path string) {
		t.Helper()
		for _, site := range []string{"none", "same-origin", ""} {
			resp := b.do("HEAD", path, "", header("Sec-Fetch-Site", site), header("Sec-Fetch-Mode", "navigate"),
				header("Sec-Fetch-Dest", "document"))
			if resp.StatusCode >= 400 && site != "" || resp.Header.Get("Location") != "" || len(b.attempts()) != 0 {
				t.Errorf("%s from %q: %d, %d attempts", path, site, resp.StatusCode, len(b.attempts()))
			}
		}
	}
	head("/bff/login/demo")
	b.signIn("ada")
	head("/bff/login/demo?prompt=login")
	b.visit("/bff/connect/demo", "same-origin", func(r *http.Request) { r.Method = http.MethodHead })
	if len(b.attempts()) != 0 {
		t.Errorf("HEAD of a linking leaves %d attempts", len(b.attempts()))
	}
}

// A navigation that a service worker passes on is one; what a script can send is none.
func TestAServiceWorkersNavigationStartsASignIn(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	worker := []edit{header("Sec-Fetch-Dest", "empty")}
	if resp := b.visit("/bff/login/demo", "same-origin", worker...); resp.StatusCode != http.StatusFound {
		t.Errorf("%d", resp.StatusCode)
	}
	refused(t, b.visit("/bff/login/demo", "cross-site", worker...), 403, "csrf_rejected")
	refused(t, b.fetch("GET", "/bff/login/demo", ""), 403, "csrf_rejected")
}

// Somebody who turns out to be signed in goes straight to where they wanted, unless something asks for the provider's
// page.
func TestALoginOfSomebodyWhoIsSignedInGoesStraightOn(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn("ada")
	session := b.cookie("bff")
	if to := b.visit("/bff/login/demo?return_to=/reports/q3", "same-origin").Header.Get("Location"); to != "/reports/q3" {
		t.Errorf("led to %q", to)
	}
	for _, more := range []string{"&prompt=select_account", "&login_hint=grace@example.com", "&scopes=a"} {
		if to := b.begin("/bff/login/demo?return_to=/reports/q3" + more); !strings.HasPrefix(to, w.demo.Issuer) {
			t.Errorf("%s: led to %q", more, to)
		}
	}
	if b.cookie("bff") != session {
		t.Error("another session was made")
	}
}

// A forward-auth set-up sends a link from another site to the sign-in: one round, no new session, and no circle, also
// for "/".
func TestALinkFromAnotherSiteThroughForwardAuthMakesNoRound(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn("ada")
	for _, to := range []string{"/reports/q3", "/"} {
		stranger := w.browser() // the same browser without its Strict cookie, as a cross-site navigation has it
		target := "/bff/login/demo?return_to=" + url.QueryEscape(to)
		resp := stranger.visit(target, "cross-site", header("Sec-Fetch-User", click))
		reloads(t, resp, strings.ReplaceAll(target, "&", "&amp;"))
		u, _ := url.Parse(w.front.URL)
		b.jar.SetCookies(u, resp.Cookies())
		if got := b.visit(target, "same-origin").Header.Get("Location"); got != to {
			t.Errorf("%s: led to %q", to, got)
		}
	}
}

// A provider's answer with a raw semicolon or percent sign is read as it comes.
func TestAProvidersAnswerIsReadLoosely(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	at, _ := url.Parse(b.begin("/bff/login/demo?return_to=/inbox"))
	raw := "/bff/callback/demo?error=access_denied&error_description=100%;no&state=" + at.Query().Get("state") +
		"&iss=" + url.QueryEscape(w.demo.Issuer)
	if to := b.visit(raw, "cross-site").Header.Get("Location"); to != "/inbox?bff_error=access_denied" {
		t.Errorf("led to %q", to)
	}
}

// A logout everywhere ends all sessions of the user, and nobody else's.
func TestLogoutEverywhereEndsAllSessionsOfTheUser(t *testing.T) {
	w := newWorld(t)
	phone, laptop, grace := w.browser(), w.browser(), w.browser()
	phone.signIn("ada")
	laptop.signIn("ada")
	grace.signIn("grace")
	asJSON := header("Content-Type", "application/json")
	refused(t, laptop.fetch("POST", "/bff/logout", `{"everywhere": 1}`, asJSON), 400, "bad_request")
	if resp := laptop.fetch("POST", "/bff/logout", `{"everywhere": true}`, asJSON); resp.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", resp.StatusCode, text(resp))
	}
	for name, b := range map[string]*browser{"phone": phone, "laptop": laptop} {
		if b.session()["authenticated"] != false {
			t.Errorf("the session on the %s lives", name)
		}
	}
	if grace.session()["authenticated"] != true {
		t.Error("somebody else's session ended")
	}
}
