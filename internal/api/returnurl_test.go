package api_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"bff/internal/api"
)

// returnURLs makes what a return URL has been dressed up as: ways to begin one, around a host, with something behind
// it.
func returnURLs() (all []string) {
	begins := []string{
		"//",
		"///",
		"////",
		"/\\",
		"\\\\",
		"\\/",
		"/\t/",
		"/\n/",
		"/\r/",
		"/\v/",
		"/\f/",
		"\t//",
		" //",
		"\x00//",
		"/\x00/",
		"/%09/",
		"/%0a/",
		"/%0d/",
		"/%00/",
		"/%2f",
		"/%2F/",
		"/%2f%2f",
		"%2f%2f",
		"/%5c",
		"/%5C%5c",
		"/%252f%252f",
		"/%255c",
		"/.//",
		"/..//",
		"/./\\",
		"/a/..//",
		"/%2e//",
		"/%2e%2e//",
		"/;//",
		"/a//",
		"https://",
		"https:",
		"https:/",
		"https:\\\\",
		"HTTPS://",
		"hTTp:",
		"http:///",
		"/https://",
		"ftp://",
		"ws://",
		"//good@",
		"//good:pw@",
		"//good%40",
		"//app.example.com@",
		"https://app.example.com@",
		"https://app.example.com:",
		"//\u00ad",
		"//\u200b",
		"/\u2028/",
		"/\u2029/",
		"/\ufeff/",
		"/\uff0f",
		"/\u2215\u2215",
		"javascript:",
		"javascript://",
		"java%09script:",
		"java\tscript:",
		"data:text/html;base64,",
		"vbscript:",
		"blob:https://",
		"mailto:",
		"?//",
		"#//",
		".",
		"..",
		"@",
	}
	hosts := []string{
		"evil.example",
		"evil%E3%80%82example",
		"evil\u3002example",
		"evil%00.example",
		"3627734734",
		"0xd83ad6ce",
		"[::ffff:216.58.214.206]",
		"good.evil.example",
		"evil-good.example",
		"good%2eevil",
		"alert(1)",
		"app.example.com.evil.example",
	}
	ends := []string{
		"",
		"/",
		"/%2e%2e",
		"?next=/",
		"#@app.example.com/",
		":80#@app.example.com/",
		"\\app.example.com",
		"/\r\nLocation: https://evil.example",
		"%0d%0aSet-Cookie: bff=planted",
	}
	for i, b := range begins {
		for j, h := range hosts {
			for k, e := range ends {
				if (i+j+k)%3 == 0 || k == 0 { // a third of them, and each beginning with each host
					all = append(all, b+h+e)
				}
			}
		}
	}
	return all
}

// asBrowsersDo is the second reader: WHATWG's rules, as far as they decide where a Location leads. It is what a
// browser at https://app.example.com would go to.
func asBrowsersDo(location string) (host string) {
	location = strings.Trim(location, "\x00\x01\x02\x03\x04\x05\x06\x07\x08\t\n\v\f\r\x0e\x0f\x1b\x1f ")
	location = strings.NewReplacer("\t", "", "\n", "", "\r", "", "\\", "/").Replace(location)
	scheme, rest, found := strings.Cut(location, ":")
	if !found || strings.ContainsAny(scheme, "/?#") {
		rest = location
		if !strings.HasPrefix(rest, "//") {
			return "app.example.com"
		}
	}
	rest = strings.TrimLeft(rest, "/")
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	return rest[strings.LastIndex(rest, "@")+1:]
}

// RFC 9700 section 4.11. Two readers, Go's and a browser's, agree on where each of them comes back to: this origin.
func TestReturnURLsStayHereForEveryReader(t *testing.T) {
	for location, want := range map[string]string{"//evil": "evil", "/\\evil/x": "evil", "https:evil": "evil", "/\t/evil": "evil", "//a@evil#x": "evil",
		"/a?b=//c": "app.example.com", "/": "app.example.com"} {
		if got := asBrowsersDo(location); got != want {
			t.Fatalf("the second reader takes %q for %q", location, got)
		}
	}
	w := newWorld(t, func(s *settings) { s.api = func(c *api.Config) { c.Limits.LoginPerMinute = 1 << 30 } })
	base, _ := url.Parse("https://app.example.com/bff/callback/demo")
	all := returnURLs()
	if len(all) < 2500 {
		t.Fatalf("only %d", len(all))
	}
	for _, raw := range all {
		to := w.comesBack(t, raw)
		u, err := base.Parse(to)
		if err != nil || u.Host != "app.example.com" || u.Scheme != "https" || u.User != nil ||
			asBrowsersDo(to) != "app.example.com" ||
			!strings.HasPrefix(to, "/") {
			t.Errorf("%q comes back to %q", raw, to)
		}
	}
}

// OpenID Connect RP-Initiated Logout 1.0: where a person lands after a logout is the origin, whatever the request says.
func TestAfterALogoutThePersonIsAtTheOrigin(t *testing.T) {
	w := newWorld(t)
	for _, query := range []string{"", "?post_logout_redirect_uri=https://evil.example/", "?return_to=//evil.example",
		"?logout_url=https://evil.example/&state=x"} {
		b := w.browser()
		b.signIn("ada")
		resp := b.fetch(
			"POST",
			"/bff/logout"+query,
			"post_logout_redirect_uri=https://evil.example/",
			header("Content-Type", "application/x-www-form-urlencoded"),
			header("X-Forwarded-Host", "evil.example"),
		)
		raw, _ := object(t, resp)["logout_url"].(string)
		u, err := url.Parse(raw)
		if err != nil || resp.StatusCode != http.StatusOK || !strings.HasPrefix(raw, w.demo.Issuer+"/") ||
			u.Query().Get("post_logout_redirect_uri") != w.origin+"/" ||
			strings.Contains(raw, "evil") {
			t.Errorf("%q: %d %q", query, resp.StatusCode, raw)
		}
	}
}
