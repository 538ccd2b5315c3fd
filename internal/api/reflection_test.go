package api_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"bff/internal/api/frontend"
)

// No answer of bff's own repeats what was sent, in whatever place and however encoded: not in a problem document, not
// on a page, not in a header.
func TestNothingOfARequestIsRepeated(t *testing.T) {
	w := newWorld(t, withServices)
	b := w.browser()
	b.signIn("ada")
	const mark = "m4rk3d"
	const evil = mark + `"'><script>alert(1)</script>`
	escaped := url.QueryEscape(evil)
	paths := []string{
		"/" + mark, "/bff/" + mark, "/bff/session?x=" + escaped, "/bff/login/" + url.PathEscape(evil),
		"/bff/login/demo?prompt=" + escaped + "&prompt=", "/bff/login/demo?login_hint=" + escaped + "%00",
		"/bff/login/demo?scopes=%22" + escaped, "/bff/connect/demo?connection=" + escaped, "/bff/connect/" + mark,
		"/bff/callback/" + mark, "/bff/callback/demo?error=" + escaped + "&error_description=" + escaped,
		"/bff/callback/demo?code=" + escaped + "&state=" + escaped,
		"/bff/callback/demo?error=" + escaped + "&state=" + escaped + "&iss=" + escaped, "/bff/callback/demo?%zz" + mark,
		"/bff/connections/" + mark, "/bff/sessions/" + mark, "/bff/account/" + mark + ".js", "/bff/logout?" + escaped,
		"/bff/backchannel-logout/" + mark, "/bff/backchannel-logout/demo", "/bff/security-events/demo", "/bff/preferences",
		"/api/calendar/" + mark, "/api/calendar/users/me/calendarList?bff_connection=" + escaped,
		"/api/calendar/%2e%2e/" + mark, "/api/calendar/a%00" + mark, "//" + mark + "/bff/session",
		"/bff/session/%5c" + mark,
	}
	found := func(resp *http.Response) string {
		all := text(resp)
		if again := resp.Header.Get("Location"); strings.HasPrefix(again, "/bff/callback/demo?") &&
			!strings.ContainsAny(again, "<>\"'") {
			resp.Header.Del("Location") // a form_post comes again as a GET: the same answer, at the same address
		}
		for name, values := range resp.Header {
			all += name + ": " + strings.Join(values, ", ") + "\n"
		}
		if i := strings.Index(strings.ToLower(all), mark); i >= 0 {
			return all[max(0, i-60):min(len(all), i+60)]
		}
		return ""
	}
	own := []edit{
		header("User-Agent", evil),
		header("Referer", "http://"+mark+"/"),
		header("X-Forwarded-Host", mark),
		header("X-Request-Id", mark),
		header("Accept-Language", evil),
		header("Cookie", "bff-"+mark+"=1."+mark+"; bff="+b.cookie("bff")),
	}
	for _, path := range paths {
		for _, method := range []string{"GET", "POST", "DELETE", "PATCH", "PUT", "M4RK3D"} {
			for name, site := range map[string][]edit{
				"a script": {header("Sec-Fetch-Site", "same-origin"), header("Sec-Fetch-Mode", "cors"), header("Content-Type", "application/x-www-form-urlencoded")},
				"a person": {header("Sec-Fetch-Site", "same-origin"), header("Sec-Fetch-Mode", "navigate"), header("Sec-Fetch-Dest", "document"),
					header("Accept", "text/html")},
				"another content": {header("Sec-Fetch-Site", "same-origin"), header("Content-Type", mark+"/"+mark)},
			} {
				body := ""
				if method != "GET" && path != "/bff/preferences" {
					body = "logout_token=" + escaped + "&error=" + escaped + "&state=" + escaped
				}
				resp := b.do(method, path, body, append(own, site...)...)
				if at := found(resp); at != "" {
					t.Errorf("%s %s by %s: %d repeats it: %q", method, path, name, resp.StatusCode, at)
				}
				if resp.StatusCode == http.StatusInternalServerError {
					t.Errorf("%s %s by %s: %s", method, path, name, text(resp))
				}
			}
		}
	}
	for _, resp := range []*http.Response{
		ask(t, w, "GET", "/"+mark, ""),
		ask(t, w, "POST", "/introspect", "token="+escaped, formKind, basic(evil, evil)),
		ask(t, w, "POST", "/introspect", "x="+escaped, formKind, basic("billing", billingSecret)),
		post(t, w, "/token", "grant_type", evil),
		post(t, w, "/token", tokenRequest(b, "audience", evil)...),
		post(t, w, "/token", tokenRequest(b, "scope", evil)...),
		ask(t, w, "GET", "/verify", "", header("Cookie", "bff="+mark)),
	} {
		if at := found(resp); at != "" {
			t.Errorf("the admin listener repeats it with %d: %q", resp.StatusCode, at)
		}
	}
	if b.session()["authenticated"] != true {
		t.Error("one of them ended the session")
	}
}

// A dev server that is not there, and an address that is not the origin's, say nothing of what was asked either.
func TestNothingOfARequestIsRepeatedByTheFrontend(t *testing.T) {
	s, upstream := devServer(t)
	s.Close()
	for name, h := range map[string]http.Handler{"dev server": frontend.DevServer(upstream, "http://app.example", "bff")} {
		for _, mode := range []string{"navigate", "cors"} {
			resp := get(
				h,
				"GET",
				"/m4rk3d?q=%3Cscript%3Em4rk3d",
				"Sec-Fetch-Mode",
				mode,
				"Accept",
				"text/html",
				"Referer",
				"http://m4rk3d/",
			)
			if got := text(resp); resp.StatusCode != http.StatusBadGateway || strings.Contains(got, "m4rk3d") {
				t.Errorf("%s: %d %s", name, resp.StatusCode, got)
			}
		}
	}
}
