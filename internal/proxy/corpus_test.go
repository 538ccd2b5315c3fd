package proxy_test

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"bff/internal/proxy"
)

// corpusList is what the operator of the attack corpus allowed, and corpusListed the same said in another way.
var (
	corpusList = []string{"GET /users/me/calendarList", "GET /calendars/{id}/events", "GET /files/{path...}",
		"GET /projects/{project}/issues", "GET /lit%2Feral/x", "POST /uploads/"}

	corpusListed = regexp.MustCompile(
		`^(GET|HEAD) /base/(users/me/calendarList|calendars/[^/]+/events|files/.*|projects/[^/]+/issues|lit%2[Ff]eral/x)$|^POST /base/uploads/.*$`,
	)
)

// attackPaths generates the corpus: coats of dot segments and separators, put where a path could be made to mean
// another.
func attackPaths() []string {
	dots := []string{"..", ".", "%2e%2e", "%2E%2e", ".%2e", "%2e.", "%2e", "%252e%252e", "%25252e%25252e", "..;",
		"..;x=1", ";..", "%2e%2e;a", "..%3b", "..%00", "%00..", "..%20", "..%09", ". .",
		"%c0%ae%c0%ae", "%e0%80%ae%e0%80%ae", "%uff0e%uff0e", "%EF%BC%8E%EF%BC%8E", "%E2%80%A5", "%E2%80%A4%E2%80%A4",
		"..%e2%80%8b", ".%c2%ad.", "...", "..%23", "..%3f", "..%0d%0a", "%5c..", "..%5c", "..\\", "\\..",
		"..%ef%bc%bc", "%2%65%2%65", "\x80..", "..%ff"}
	separators := []string{"/", "//", "%2f", "%2F", "%5c", "%5C", "\\", "%252f", "%255c", "/./", "/%2e/", ";/",
		"%c0%af", "%ef%bc%8f", "%e2%88%95", "%25ef%25bc%258f", "/%20/", "%00/", "/;/", "%0a"}
	stems := []string{"/api/x/users/me/calendarList", "/api/x/calendars/a", "/api/x/files/a", "/api/x/projects/g",
		"/api/x"}
	var out []string
	for _, stem := range stems {
		for _, sep := range separators {
			for i, dot := range dots {
				target := []string{"admin", "events", "secret/events", "issues", "bff/session"}[i%5]
				out = append(out, stem+sep+dot+sep+target)
				if sep == "/" {
					out = append(out, stem+sep+dot, stem+sep+dot+sep, stem+"/x"+dot+"/"+dot+"/"+target,
						stem+sep+dot+sep+dot+sep+dot+sep+"users/me/calendarList")
				}
			}
		}
	}
	for c := range 256 { // every byte, bare and escaped, inside of each kind of segment
		for _, p := range []string{"/api/x/calendars/a%sb/events", "/api/x/files/a%sb",
			"/api/x/users/me%s/calendarList", "/api/x/projects/a%sb/issues"} {
			out = append(out, fmt.Sprintf(p, fmt.Sprintf("%%%02x", c)), fmt.Sprintf(p, fmt.Sprintf("%%25%02X", c)))
			if c != '\n' && c != '\r' && c != ' ' && c != '?' {
				out = append(out, fmt.Sprintf(p, string([]byte{byte(c)})))
			}
		}
	}
	for _, tail := range []string{"", "/", "//", "/?", "?/../admin", "?x#/../admin", "#/../admin", "%23/../admin",
		"%3f/../admin", "/%", "/%2", "/%zz", "/%u002e", "/%%32e", "/USERS/me/calendarList", "/users/ME/calendarList",
		"/users/me/calendarList/", "/users/me/calendarlist", "/users/me/calendarList%00",
		"/users/me/calendarList.json", "/users/me/calendarList;x", "/users/me/calendarLis%74",
		"/%75sers/me/calendarList", "/lit/eral/x", "/lit%252feral/x", "/lit%5ceral/x"} {
		out = append(out, "/api/x"+tail, "/api/X"+tail, "/api%2fx"+tail, "//api/x"+tail, "/api//x"+tail,
			"/api/./x"+tail, "/%61pi/x"+tail, "/api/x/.."+tail, "/api/xx"+tail, "/api/x;a"+tail, "\\api/x"+tail)
	}
	host := "127.0.0.1:1"
	for _, p := range []string{"/api/x/admin", "/api/x/users/me/calendarList", "/base/users/me/calendarList"} {
		out = append(out, "http://"+host+p, "https://"+host+p, "HTTP://evil.example"+p, "http:"+p, "http:/"+p,
			"http:///"+p, "//"+host+p, "///"+host+p, "@"+host+p, host+p, "*"+p, "ftp://"+host+p, "?"+p, p+"\t",
			"\x0b"+p)
	}
	return append(out, "*", host, "http://", "")
}

// paranoid is the second reader. It does everything an upstream ever did wrong to a path, except to take an escaped
// "#" or "?" for a bare one: calendar ids hold them.
func paranoid(p string) []string {
	for range 6 {
		p = decodedOnce(p)
	}
	p = strings.Map(func(c rune) rune {
		switch c {
		case '\\', '＼', '﹨', '∖', '⧵', '／', '⁄', '∕', '⧸':
			return '/'
		case '．', '﹒', '․':
			return '.'
		case 0:
			return ';'
		}
		if unicode.Is(unicode.Cf, c) {
			return -1
		}
		return c
	}, strings.NewReplacer("‥", "..", "…", "...").Replace(p))
	parts := strings.Split(p, "/")
	for i := range parts {
		parts[i], _, _ = strings.Cut(parts[i], ";")
		parts[i] = strings.TrimSpace(parts[i])
		if parts[i] != "" && strings.Trim(parts[i], ".") == "" {
			parts[i] = ".."[:min(2, len(parts[i]))]
		}
	}
	return strings.Split(path.Clean(strings.Join(parts, "/")), "/")
}

// decodedOnce decodes every escape that is one, and takes no offence at the others.
func decodedOnce(s string) string {
	return anEscape.ReplaceAllStringFunc(s, func(e string) string {
		b, _ := hex.DecodeString(e[1:])
		return string(b)
	})
}

var anEscape = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)

// plainly is what the same path says to a reader that splits first.
func plainly(p string) []string {
	parts := strings.Split(strings.TrimSuffix(p, "/"), "/")
	for i := range parts {
		for range 6 {
			parts[i] = decodedOnce(parts[i])
		}
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

// Attack class 3 and RFC 10017 6.1.3.6 (B13-B15): the allow-list cannot be walked around by spelling a path
// differently.
func TestNoPathReachesTheUpstreamOutsideTheList(t *testing.T) {
	t.Run("of a provider's api", func(t *testing.T) { holdTheList(t, func(*proxy.Config) {}) })
	t.Run("of a backend", func(t *testing.T) { holdTheList(t, func(c *proxy.Config) { c.Backend = true }) })
	t.Run("of a backend that is the whole site", func(t *testing.T) {
		holdTheList(t, func(c *proxy.Config) {
			c.Backend, c.Path, c.Allow = true, "/", nil
			for _, pattern := range corpusList { // the same addresses
				method, path, _ := strings.Cut(pattern, " ")
				c.Allow = append(c.Allow, method+" /api/x"+path)
			}
		})
	})
}

// holdTheList sends the corpus to a mount of that kind.
func holdTheList(t *testing.T, kind func(*proxy.Config)) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) { w.WriteHeader(204) },
		func(c *proxy.Config) { c.Allow, c.Encoded = corpusList, []string{"project"} }, kind)
	paths := attackPaths()
	if len(paths) < 1500 {
		t.Fatalf("the corpus has only %d paths", len(paths))
	}
	passed := 0
	for i, p := range paths {
		method := []string{"GET", "GET", "GET", "POST", "HEAD", "DELETE", "get", "TRACE"}[i%8]
		if i%8 < 3 {
			method = "GET"
		}
		for _, method := range []string{"GET", method}[min(1, i%8/3):] {
			res := r.raw(method + " " + p + " HTTP/1.1\r\nHost: app.example.com\r\nConnection: close\r\n\r\n")
			seen := r.lines()
			switch {
			case len(seen) == 0 && res.StatusCode >= 400 && res.StatusCode < 500:
			case len(seen) == 0:
				t.Errorf("%q: answered %d without the upstream", p, res.StatusCode)
			case len(seen) > 1:
				t.Errorf("%q: %d requests: %q", p, len(seen), seen)
			default:
				passed++
				checkPassed(t, method, p, strings.Replace(seen[0], " /base/api/x", " /base", 1))
			}
			if res.StatusCode >= 300 && res.StatusCode < 400 {
				t.Errorf("%q: redirected to %q", p, res.Header.Get("Location"))
			}
		}
	}
	t.Logf("%d paths, %d of them harmless and carried", len(paths), passed)
	if passed < 100 {
		t.Errorf("only %d paths were carried: the corpus does not reach the upstream at all", passed)
	}
}

// checkPassed holds what the upstream saw against the list, the bytes that were sent, and the second reader.
func checkPassed(t *testing.T, method, sent, seen string) {
	t.Helper()
	target := strings.TrimPrefix(seen, method+" ")
	if want := "/base" + strings.TrimPrefix(sent, "/api/x"); target != want {
		t.Errorf("%q became %q on the way", sent, target)
	}
	bare, _, _ := strings.Cut(target, "?")
	if !corpusListed.MatchString(method + " " + bare) {
		t.Errorf("%q reached %q, which is not on the list", sent, seen)
	}
	if strings.Contains(bare, "/projects/") || strings.Contains(bare, "/lit") { // what the operator allowed to be odd
		if slices.Contains(paranoid(bare), "..") || !strings.HasPrefix(strings.Join(paranoid(bare), "/"), "/base/") {
			t.Errorf("%q leaves its place: %q", sent, paranoid(bare))
		}
		return
	}
	if a, b := paranoid(bare), plainly(bare); !slices.Equal(a, b) {
		t.Errorf("%q can be read as %q and as %q", sent, b, a)
	}
}

func TestHonestPathsPassByteForByte(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) { w.WriteHeader(204) }, func(c *proxy.Config) {
		c.Allow = append(slices.Clone(corpusList), "GET /v4/spreadsheets/{id}/values/{range}", "POST /v1/{name}",
			"GET /repos/{owner}/{repo}/contents/{path...}", "GET /{$}")
		c.Encoded = []string{"project"}
	})
	for _, line := range []string{
		"GET /users/me/calendarList",
		"GET /users/me/calendarList?",
		"GET /users/me/calendarList?a=b%2fc&d=/../e;f&&g&h=%zz",
		"GET /calendars/ada%40example.com/events?timeMin=2026-01-01T00:00:00%2B01:00",
		"GET /calendars/en.usa%23holiday%40group.v.calendar.google.com/events",
		"GET /calendars/ada@example.com/events",
		"GET /calendars/%C3%A9t%C3%A9/events",
		"GET /calendars/100%25/events",
		"GET /calendars/a.b..c/events",
		"GET /calendars/.hidden/events",
		"GET /v4/spreadsheets/1a-_B/values/Sheet1!A1:B2",
		"GET /v4/spreadsheets/1a/values/%27My%20Sheet%27%21A1%3AB2",
		"POST /v1/values",
		"POST /v1/A1:B2",
		"POST /v1/group:ada@example.com",
		"GET /projects/group%2Fsub%2fproject/issues",
		"GET /projects/group%2Fv1%2E2/issues",
		"GET /lit%2Feral/x",
		"GET /lit%2feral/x",
		"GET /files/a/b/c.d/~e/(f)/[g]",
		"GET /files/",
		"GET /repos/o/r/contents/docs/read%20me.md",
		"HEAD /users/me/calendarList",
		"GET /",
		"GET ",
	} {
		method, p, _ := strings.Cut(line, " ")
		res := r.raw(method + " /api/x" + p + " HTTP/1.1\r\nHost: app.example.com\r\nConnection: close\r\n\r\n")
		if seen := r.lines(); res.StatusCode != 204 || len(seen) != 1 || seen[0] != method+" /base"+p {
			t.Errorf("%s: %d, upstream saw %q", line, res.StatusCode, seen)
		}
	}
}

func TestPathsThatAreRefusedSayWhy(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) { w.WriteHeader(204) },
		func(c *proxy.Config) { c.Allow, c.Encoded = corpusList, []string{"project"} })
	for _, row := range []struct {
		name, line string
		status     int
	}{
		{"a path that is not listed", "GET /api/x/other", 403},
		{"a method that is not listed", "DELETE /api/x/users/me/calendarList", 403},
		{"a method in lower case", "get /api/x/users/me/calendarList", 403},
		{"a listed path with a slash behind it", "GET /api/x/users/me/calendarList/", 403},
		{"an empty wildcard", "GET /api/x/calendars//events", 400},
		{"a slash in a wildcard that may hold none", "GET /api/x/calendars/a%2Fb/events", 400},
		{"a slash in a literal that has none", "GET /api/x/users%2Fme/calendarList", 400},
		{"an encoded letter in a literal", "GET /api/x/%75sers/me/calendarList", 400},
		{"dots behind an allowed slash", "GET /api/x/projects/g%2F..%2Fadmin/issues", 400},
		{"nothing behind a slash", "GET /api/x/calendars/g%2F/events", 400},
		{"two slashes together", "GET /api/x/calendars/g%2F%2Fh/events", 400},
		{"a slash that is encoded twice", "GET /api/x/calendars/g%252Fh/events", 400},
		{"a look-alike of a slash that is encoded twice", "GET /api/x/calendars/g%25EF%25BC%258Fh/events", 400},
		{"a backslash", "GET /api/x/calendars/g%5Ch/events", 400},
		{"a question mark", "GET /api/x/calendars/g%3Fh/events", 400},
		{"a question mark that is encoded twice", "GET /api/x/calendars/g%253fh/events", 400},
		{"a number sign in a literal", "GET /api/x/users/me%23/calendarList", 400},
		{"a backslash and dots where a backslash is allowed", "GET /api/x/projects/g%5C..%5Ch/issues", 400},
		{"a parameter where a slash is allowed", "GET /api/x/projects/g;h/issues", 400},
		{"a parameter", "GET /api/x/users/me;x=1/calendarList", 400},
		{"NUL", "GET /api/x/calendars/a%00/events", 400},
		{"bytes that are not UTF-8", "GET /api/x/calendars/%ff/events", 400},
		{"a target that is a URL", "GET http://127.0.0.1/api/x/users/me/calendarList", 400},
		{"a fragment", "GET /api/x/users/me/calendarList#x", 400},
		{"a fragment behind the query", "GET /api/x/users/me/calendarList?a#x", 400},
		{"dots before an allowed slash", "GET /api/x/projects/..%2Fg/issues", 400},
		{"dots behind it at the end", "GET /api/x/projects/g%2F../issues", 400},
		{"dots that are encoded twice", "GET /api/x/projects/g%2F%252e%252e/issues", 400},
		{"dots that are encoded three times", "GET /api/x/projects/%25252e%25252e/issues", 400},
		{"a query that renames the method", "POST /api/x/uploads/a?_method=DELETE", 403},
		{"a query that renames the method for Google", "POST /api/x/uploads/a?x=1&%24httpMethod=DELETE", 403},
		{"a query that renames the method, oddly spelled", "POST /api/x/uploads/a?X-HTTP%2DMethod-Override=DELETE",
			403},
	} {
		res := r.raw(row.line + " HTTP/1.1\r\nHost: app.example.com\r\nConnection: close\r\n\r\n")
		_, _ = io.Copy(io.Discard, res.Body)
		if seen := r.lines(); res.StatusCode != row.status || len(seen) != 0 {
			t.Errorf("%s: %d, want %d; upstream saw %q", row.name, res.StatusCode, row.status, seen)
		}
	}
}

// Attack class 7 (and 3): nobody is let past the list for what he calls himself, or for the address he says he asked
// for.
func TestTheListHasNoExemptions(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) { w.WriteHeader(204) },
		func(c *proxy.Config) { c.Allow = corpusList })
	for _, lines := range []string{
		"GET /api/x/admin HTTP/1.1\r\nUser-Agent: kube-probe/1.30",
		"GET /api/x/admin HTTP/1.1\r\nUser-Agent: GoogleHC/1.0",
		"GET /api/x/admin HTTP/1.1\r\nUser-Agent: ELB-HealthChecker/2.0",
		"GET /api/x/healthz HTTP/1.1\r\nUser-Agent: curl",
		"OPTIONS /api/x/admin HTTP/1.1\r\nOrigin: https://app.example.com\r\nAccess-Control-Request-Method: GET",
		"POST /api/x/admin HTTP/1.1\r\nContent-Length: 0",
		"GET /api/x/admin HTTP/1.1\r\nAuthorization: Bearer anything",
		"GET /api/x/admin HTTP/1.1\r\nX-Forwarded-Uri: /api/x/users/me/calendarList",
		"GET /api/x/admin HTTP/1.1\r\nX-Original-URL: /api/x/users/me/calendarList\r\nX-Rewrite-URL: /api/x/users/me/calendarList",
		"GET /api/x/admin?/api/x/users/me/calendarList HTTP/1.1\r\nReferer: /api/x/users/me/calendarList",
		"DELETE /api/x/users/me/calendarList HTTP/1.1\r\nX-HTTP-Method-Override: GET",
		"GET /api/x/admin HTTP/1.1\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Host: localhost",
	} {
		if res := r.raw(lines + "\r\nHost: app.example.com\r\nConnection: close\r\n\r\n"); res.StatusCode != 403 ||
			len(r.lines()) != 0 {
			t.Errorf("%q: %d", lines, res.StatusCode)
		}
	}
}
