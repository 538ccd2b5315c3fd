package proxy_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode"

	"bff/internal/proxy"
)

func fuzzMount(t testing.TB, change ...func(*proxy.Config)) *proxy.Mount {
	cfg := proxy.Config{Name: "x", Path: "/api/x", Origin: "https://app.example.com",
		Upstream: "https://www.googleapis.com/drive/v3",
		Upstreams: map[string]string{"/upload": "https://www.googleapis.com/upload/drive/v3",
			"/plain": "http://other.example:8080"}, Allow: slices.Clone(corpusList)}
	for _, f := range change {
		f(&cfg)
	}
	m, err := proxy.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// lineRequest is a request as net/http hands it over, or nil where net/http would have refused it.
func lineRequest(method, target string) *http.Request {
	u, err := url.ParseRequestURI(target)
	if err != nil || strings.ContainsFunc(target, func(c rune) bool { return c <= ' ' || c == 0x7f }) {
		return nil
	}
	return &http.Request{Method: method, RequestURI: target, URL: u, Host: "app.example.com", Header: http.Header{}}
}

// FuzzPath holds the path reader against readers of other minds: ServeMux, one that splits first, and one that does
// everything wrong.
func FuzzPath(f *testing.F) {
	for _, p := range attackPaths() {
		if i := len(p) * 7 % 31; i == 0 {
			f.Add(p)
		}
	}
	for _, p := range []string{"/api/x/calendars/a%40b.c/events", "/api/x/lit%2feral/x", "/api/x/files/a/b?c",
		"/api/x/projects/g%2Fh/issues"} {
		f.Add(p)
	}
	m := fuzzMount(f)
	mux := http.NewServeMux()
	for _, p := range corpusList {
		method, path, _ := strings.Cut(p, " ")
		mux.Handle(method+" /api/x"+path, http.NotFoundHandler())
	}
	simple := regexp.MustCompile(`^/api/x(/[A-Za-z0-9_-]+)*/?$`)
	f.Fuzz(func(t *testing.T, target string) {
		r := lineRequest("GET", target)
		if r == nil || !m.Serves(r) {
			return
		}
		line := m.CheckLine(r)
		call, err := m.Find(r)
		_, pattern := mux.Handler(r)
		if err != nil {
			if !errors.Is(err, proxy.ErrBadPath) && !errors.Is(err, proxy.ErrNotAllowed) {
				t.Fatalf("%q: %v", target, err)
			}
			if simple.MatchString(target) && strings.HasPrefix(pattern, "GET") && mux != nil && r.URL.Path != "/api/x" {
				if h, _ := mux.Handler(r); h != nil && !isRedirect(h) {
					t.Fatalf("%q: refused, but ServeMux matches %q", target, pattern)
				}
			}
			return
		}
		if line != nil {
			t.Fatalf("%q passes Find and not CheckLine", target)
		}
		if pattern == "" {
			t.Fatalf("%q: allowed, and ServeMux knows no pattern for it", target)
		}
		path, _, _ := strings.Cut(target, "?")
		if got, want := call.Target(), "https://www.googleapis.com/drive/v3"+strings.TrimPrefix(path,
			"/api/x"); got != want {
			t.Fatalf("%q leads to %q", target, got)
		}
		if strings.Contains(path, "/lit%2") { // allowed by its spelling
			return
		}
		if a, b := paranoid(path), plainly(path); !slices.EqualFunc(a, b, sameVisibly) {
			t.Fatalf("%q can be read as %q and as %q", target, b, a)
		}
	})
}

// sameVisibly compares segments without what paranoid drops and trims from both.
func sameVisibly(a, b string) bool {
	clean := func(s string) string {
		s = strings.NewReplacer("‥", "..", "…", "...", "．", ".", "﹒", ".", "․", ".").Replace(s)
		return strings.TrimSpace(strings.Map(func(c rune) rune {
			if unicode.Is(unicode.Cf, c) {
				return -1
			}
			return c
		}, s))
	}
	return clean(a) == clean(b)
}

func isRedirect(h http.Handler) bool {
	w := &sink{http.Header{}}
	h.ServeHTTP(w, lineRequest("GET", "/"))
	return w.h.Get("Location") != ""
}

// FuzzHeaderFilter looks for a name that gets through and that somebody reads as one that must not.
func FuzzHeaderFilter(f *testing.F) {
	for _, name := range append(slices.Clone(neverOut), alwaysOut...) {
		f.Add(name, "value", true)
	}
	for _, name := range []string{"Set-Cookie", "Access-Control-Allow-Origin", "BFF_Error", "X.Accel.Redirect",
		"WWW-Authenticate", "Clear-Site-Data", "BFF.", "Access-Control-"} {
		f.Add(name, `Basic realm="x"`, false)
	}
	m := fuzzMount(f, func(c *proxy.Config) {
		c.Header, c.SetHeaders = "X-Token",
			map[string]string{"Notion-Version": "1"}
	})
	out := map[string]bool{"x-token": true, "notion-version": true, "connection": true, "upgrade": true,
		"transfer-encoding": true, "host": true}
	for _, name := range neverOut {
		out[foldedName(name)] = true
	}
	back := map[string]bool{"set-cookie": true, "clear-site-data": true, "strict-transport-security": true,
		"alt-svc": true, "service-worker-allowed": true, "content-security-policy": true, "connection": true,
		"upgrade": true}
	shape := regexp.MustCompile(`^[A-Za-z0-9._-]+$`)
	f.Fuzz(func(t *testing.T, name, value string, socket bool) {
		h := http.Header{}
		h.Set(name, value)
		h.Add(name, "second")
		m.FilterOut(h, socket)
		for left, values := range h {
			folded := foldedName(left)
			handshake := socket && (folded == "connection" || folded == "upgrade" || strings.HasPrefix(folded,
				"sec-websocket-"))
			if !shape.MatchString(left) || out[folded] && !handshake || hasAnyPrefix(folded, "bff-", "x-forwarded-",
				"proxy-", "x-auth-request-") || len(values) != 2 || values[0] != value {
				t.Fatalf("%q leaves as %q: %q", name, left, values)
			}
		}
		h = http.Header{}
		h.Set(name, value)
		m.FilterBack(h)
		for left := range h {
			folded := foldedName(left)
			if !shape.MatchString(left) || back[folded] || hasAnyPrefix(folded, "bff-", "access-control-", "proxy-") {
				t.Fatalf("%q comes back as %q", name, left)
			}
		}
		if v := strings.ToLower(h.Get("Www-Authenticate")); strings.HasPrefix(strings.TrimSpace(v),
			"basic ") || strings.HasPrefix(v, "negotiate") {
			t.Fatalf("%q would ask for a password", v)
		}
	})
}

func hasAnyPrefix(s string, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(s, p) })
}

// FuzzRewriteURL holds the rewriting, done on strings, against URL resolution: a client that follows what it gets,
// resolved against the mount, must get where the upstream meant, resolved against the upstream.
func FuzzRewriteURL(f *testing.F) {
	for _, ref := range []string{"https://www.googleapis.com/upload/drive/v3/files?upload_id=x", "/drive/v3/a?b",
		"/other", "//www.googleapis.com/drive/v3", "../x", "?a", "#b", "https://evil/",
		"http://other.example:8080/a%2Fb", "https://www.googleapis.com:443/drive/v3/a",
		"HTTPS://www.googleapis.com/drive/v3", "https://www.googleapis.com/drive/v3/../x",
		"https://u@www.googleapis.com/drive/v3/x", "mailto:a@b", "/drive/v3/%2e%2e/x", "a:b", "///drive/v3",
		"/drive/v3//x"} {
		f.Add(ref)
	}
	m := fuzzMount(f, func(c *proxy.Config) { c.Allow = []string{"/"} })
	call, err := m.Find(lineRequest("GET", "/api/x/files/1"))
	if err != nil {
		f.Fatal(err)
	}
	upstream, _ := url.Parse("https://www.googleapis.com/drive/v3/files/1")
	mount, _ := url.Parse("https://app.example.com/api/x/files/1")
	f.Fuzz(func(t *testing.T, ref string) {
		got := m.RewriteURL(ref, call)
		link := m.RewriteLink("<"+ref+`>; rel="next"`, call)
		if !strings.ContainsAny(ref, `<>"`) && link != "<"+got+`>; rel="next"` {
			t.Fatalf("Link of %q: %q, Location: %q", ref, link, got)
		}
		in, err := url.Parse(ref)
		if err != nil || in.User != nil || in.Opaque != "" || strings.HasPrefix(ref,
			"//") && in.Host == "" || strings.ContainsFunc(ref, func(c rune) bool {
			return c <= ' ' || c == '\\' ||
				c >= 0x7f
		}) {
			if got != ref {
				t.Fatalf("%q, which browsers and Go read differently, became %q", ref, got)
			}
			return
		}
		out, err := url.Parse(got)
		if err != nil {
			t.Fatalf("%q became %q: %v", ref, got, err)
		}
		meant, gets := upstream.ResolveReference(in), mount.ResolveReference(out)
		if gets.Host != "app.example.com" {
			if !samePlace(gets, meant) {
				t.Fatalf("%q meant %q and leads to %q", ref, meant, gets)
			}
			return
		}
		if meant.Host == "app.example.com" { // an upstream may speak of this origin
			return
		}
		tail := strings.TrimPrefix(gets.EscapedPath(), "/api/x")
		base := "/drive/v3"
		host := "www.googleapis.com"
		switch {
		case tail == "/upload" || strings.HasPrefix(tail, "/upload/"):
			tail, base = strings.TrimPrefix(tail, "/upload"), "/upload/drive/v3"
		case tail == "/plain" || strings.HasPrefix(tail, "/plain/"):
			tail, base, host = strings.TrimPrefix(tail, "/plain"), "", "other.example:8080"
		}
		if !strings.HasPrefix(gets.EscapedPath(), "/api/x") || strings.TrimSuffix(meant.Host,
			":443") != host && meant.Host != host {
			if strings.EqualFold(strings.TrimSuffix(meant.Host, ":443"), host) {
				return
			}
			t.Fatalf("%q meant %q and leads to %q", ref, meant, gets)
		}
		if meant.EscapedPath() != base+tail || meant.RawQuery != gets.RawQuery ||
			meant.EscapedFragment() != gets.EscapedFragment() {
			// "/drive/v3/upload" and the base of "/upload" share a place below the mount; the api's own prefix wins
			// there.
			if strings.HasPrefix(meant.EscapedPath(), "/drive/v3/upload") || strings.HasPrefix(meant.EscapedPath(),
				"/drive/v3/plain") {
				return
			}
			t.Fatalf("%q meant %q and leads to %q", ref, meant, gets)
		}
	})
}

// samePlace compares what two URLs say.
func samePlace(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && a.Host == b.Host && a.EscapedPath() == b.EscapedPath() &&
		a.RawQuery == b.RawQuery && a.EscapedFragment() == b.EscapedFragment()
}

// FuzzRewriteLink checks that nothing changes outside of "<…>".
func FuzzRewriteLink(f *testing.F) {
	for _, v := range []string{`<https://www.googleapis.com/drive/v3/a>; rel="next", </b>; title="<x>, \""`, "<",
		"<>", `"<https://www.googleapis.com/drive/v3/a>"`, `<a<b>c>`, `\"<https://www.googleapis.com/drive/v3>`} {
		f.Add(v)
	}
	m := fuzzMount(f, func(c *proxy.Config) { c.Allow = []string{"/"} })
	call, _ := m.Find(lineRequest("GET", "/api/x/files/1"))
	f.Fuzz(func(t *testing.T, v string) {
		got := m.RewriteLink(v, call)
		if a, b := outsideOfTargets(v), outsideOfTargets(got); a != b {
			t.Fatalf("%q became %q", v, got)
		}
	})
}

// outsideOfTargets cuts the targets out, in another way than the product does.
func outsideOfTargets(v string) string {
	var out []byte
	state := byte('o') // outside, q in quotes, t in a target
	for i := 0; i < len(v); i++ {
		c := v[i]
		if state == 't' {
			if c != '>' {
				continue
			}
			state = 'o'
		} else if state == 'q' && c == '\\' && i+1 < len(v) {
			out = append(out, c)
			i++
			c = v[i]
		} else if c == '"' {
			state ^= 'o' ^ 'q'
		} else if c == '<' && state == 'o' && strings.Contains(v[i:], ">") {
			state = 't'
		}
		out = append(out, c)
	}
	return string(out)
}

// FuzzRewriteJSON checks that a document stays the same but for its fields, whatever the chunks.
func FuzzRewriteJSON(f *testing.F) {
	for _, doc := range []string{`{"next":"https://www.googleapis.com/drive/v3/a"}`, `{"a":[{"next":1}],"next":null}`,
		`[{"next":"/drive/v3/b"}]`, `{"next":"\u0068ttps://www.googleapis.com/drive/v3/\"x"}`, `{"next":{"next":"/drive/v3"}}`, `"next"`, `{"n\u0065xt":"/drive/v3"}`, `{"next`, `}`} {
		f.Add(doc)
	}
	m := fuzzMount(f, func(c *proxy.Config) { c.Allow, c.Rewrite = []string{"/"}, []string{"$.next", "$[*].next"} })
	call, _ := m.Find(lineRequest("GET", "/api/x/files/1"))
	f.Fuzz(func(t *testing.T, doc string) {
		whole, err := io.ReadAll(m.RewriteJSON(strings.NewReader(doc), call))
		if err != nil {
			t.Fatal(err)
		}
		bits, _ := io.ReadAll(m.RewriteJSON(iotest.OneByteReader(strings.NewReader(doc)), call))
		if !bytes.Equal(whole, bits) {
			t.Fatalf("%q: %q in one, %q in pieces", doc, whole, bits)
		}
		var in, out any
		if json.Unmarshal([]byte(doc), &in) != nil {
			return
		}
		if err := json.Unmarshal(whole, &out); err != nil {
			t.Fatalf("%q became %q: %v", doc, whole, err)
		}
		rewriteBySight(m, call, in)
		a, _ := json.Marshal(in)
		b, _ := json.Marshal(out)
		if !bytes.Equal(a, b) {
			t.Fatalf("%q became %s, want %s", doc, b, a)
		}
	})
}

// rewriteBySight does to a decoded document what the reader does to its bytes.
func rewriteBySight(m *proxy.Mount, c *proxy.Call, v any) {
	one := func(v any) {
		if o, ok := v.(map[string]any); ok {
			if s, ok := o["next"].(string); ok {
				o["next"] = m.RewriteURL(s, c)
			}
		}
	}
	one(v)
	if list, ok := v.([]any); ok {
		for _, e := range list {
			one(e)
		}
	}
}
