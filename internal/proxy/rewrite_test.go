package proxy_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"bff/internal/proxy"
	"bff/internal/testenv"
)

// An answerer is an upstream whose answer the test sets.
type answerer struct {
	header http.Header
	status int
	body   []byte
	flush  int // bytes after which it flushes; 0: never
}

func (a *answerer) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	if a.status != 0 {
		w.WriteHeader(a.status)
	}
	for b := a.body; len(b) > 0; {
		n := len(b)
		if a.flush > 0 {
			n = min(n, a.flush)
		}
		_, _ = w.Write(b[:n])
		if b = b[n:]; a.flush > 0 {
			_ = http.NewResponseController(w).Flush()
		}
	}
}

// Attack class 2: whose URL it is, is decided by its whole host, not by how it begins or ends.
func TestURLsThatWouldLeaveComeBack(t *testing.T) {
	a := &answerer{status: 201}
	r := newRig(t, a.ServeHTTP, func(c *proxy.Config) {
		c.Origin = "https://app.example.com"
		c.Upstreams = map[string]string{"/upload": "https://www.googleapis.com/upload/drive/v3",
			"/content": "https://content.example.com/2", "/deep": c.Upstream + "/deep"}
	})
	up := r.upstream.URL
	host := strings.TrimPrefix(up, "http://")
	for _, row := range []struct{ name, in, want string }{
		{"an absolute URL of the upstream", up + "/base/files/1?x=%2f;y#z",
			"https://app.example.com/api/x/files/1?x=%2f;y#z"},
		{"its base itself", up + "/base", "https://app.example.com/api/x"},
		{"its base with a query", up + "/base?a", "https://app.example.com/api/x?a"},
		{"the host in another case", strings.Replace(up, "127.0.0.1", "127.0.0.1", 1) + "/base/A%2Fb",
			"https://app.example.com/api/x/A%2Fb"},
		{"a further base", "https://www.googleapis.com/upload/drive/v3/files?uploadType=resumable&upload_id=AHmUCY0",
			"https://app.example.com/api/x/upload/files?uploadType=resumable&upload_id=AHmUCY0"},
		{"a further base with its port written out", "https://www.googleapis.com:443/upload/drive/v3/files",
			"https://app.example.com/api/x/upload/files"},
		{"a further base in upper case", "https://WWW.GoogleAPIs.com/upload/drive/v3/files",
			"https://app.example.com/api/x/upload/files"},
		{"the longest of two bases", up + "/base/deep/x", "https://app.example.com/api/x/deep/x"},
		{"an absolute path below the base", "/base/files/1?x", "/api/x/files/1?x"},
		{"an absolute path that is not below the base", "/login", up + "/login"},
		{"a path that only begins like the base", "/baseless", up + "/baseless"},
		{"a network path of the upstream", "//" + host + "/base/x", "https://app.example.com/api/x/x"},
		{"a relative path", "next?page=2", "next?page=2"},
		{"a query alone", "?page=2", "?page=2"},
		{"a relative path that leaves the base", "../../other", up + "/other"},
		{"a fragment", "#top", "#top"},
		{"another host", "https://evil.example/base/x", "https://evil.example/base/x"},
		{"another host that ends like it", "https://xwww.googleapis.com/upload/drive/v3/x",
			"https://xwww.googleapis.com/upload/drive/v3/x"},
		{"another host that begins like it", "https://www.googleapis.com.evil.example/upload/drive/v3/x",
			"https://www.googleapis.com.evil.example/upload/drive/v3/x"},
		{"user information", "https://www.googleapis.com@evil.example/upload/drive/v3/x",
			"https://www.googleapis.com@evil.example/upload/drive/v3/x"},
		{"the scheme that the server itself is reached by", "http://www.googleapis.com/upload/drive/v3/x",
			"https://app.example.com/api/x/upload/x"},
		{"that scheme with its port", "http://www.googleapis.com:80/upload/drive/v3/x",
			"https://app.example.com/api/x/upload/x"},
		{"that scheme and another port", "http://www.googleapis.com:8080/upload/drive/v3/x",
			"http://www.googleapis.com:8080/upload/drive/v3/x"},
		{"the port of the other scheme", "https://www.googleapis.com:80/upload/drive/v3/x",
			"https://www.googleapis.com:80/upload/drive/v3/x"},
		{"another port", "https://www.googleapis.com:8443/upload/drive/v3/x",
			"https://www.googleapis.com:8443/upload/drive/v3/x"},
		{"another path of the same host", "https://www.googleapis.com/drive/v3/x",
			"https://www.googleapis.com/drive/v3/x"},
		{"a path that leaves the base", up + "/base/../admin", up + "/base/../admin"},
		{"a path that leaves the base, encoded", up + "/base/%2e%2e/bff/session", up + "/base/%2e%2e/bff/session"},
		{"a backslash", up + "/base/\\x", up + "/base/\\x"},
		{"no URL", "javascript:alert(1)", "javascript:alert(1)"},
		{"not even text", "http://[::1/%zz", "http://[::1/%zz"},
	} {
		a.header = http.Header{"Location": {row.in}, "Content-Location": {row.in}, "X-Other": {row.in},
			"Link": {"<" + row.in + `>; rel="next"; title="a <b> \", c", <https://x.example/>; rel=prev, <` + row.in +
				">"}}
		res := r.do("POST", "/api/x/files/", nil)
		if got := res.Header.Get("Location"); got != row.want {
			t.Errorf("%s: Location %q, want %q", row.name, got, row.want)
		}
		if got := res.Header.Get("Content-Location"); got != row.want {
			t.Errorf("%s: Content-Location %q, want %q", row.name, got, row.want)
		}
		if got, want := res.Header.Get("Link"), "<"+row.want+`>; rel="next"; title="a <b> \", c", <https://x.example/>; rel=prev, <`+row.want+">"; got != want {
			t.Errorf("%s: Link\n%s, want\n%s", row.name, got, want)
		}
		if got := res.Header.Get("X-Other"); got != row.in {
			t.Errorf("%s: another header became %q", row.name, got)
		}
	}
}

// Attack class 2, on the way in.
func TestAHostMountHasURLsOfItsOwn(t *testing.T) {
	a := &answerer{status: 302}
	r := newRig(t, a.ServeHTTP, func(c *proxy.Config) {
		c.Path, c.Host, c.Origin = "", "drive.app.example.com", "https://app.example.com"
	})
	a.header = http.Header{"Location": {r.upstream.URL + "/base/files/1"}}
	for host, want := range map[string]int{"drive.app.example.com": 302, "DRIVE.app.example.com:8443": 302,
		"app.example.com": 404, "xdrive.app.example.com": 404, "drive.app.example.com.evil.example": 404} {
		res := r.raw("GET /files/1 HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n")
		if res.StatusCode != want {
			t.Errorf("%s: %d, want %d", host, res.StatusCode, want)
		} else if want == 302 && res.Header.Get("Location") != "https://drive.app.example.com/files/1" {
			t.Errorf("%s: %q", host, res.Header.Get("Location"))
		}
	}
}

func TestFurtherBasesByPrefix(t *testing.T) {
	second := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter,
		req *http.Request) {
		fmt.Fprint(w, "second ", req.RequestURI)
	}))
	defer second.Close()
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) { fmt.Fprint(w, "first ", req.RequestURI) },
		func(c *proxy.Config) {
			c.Upstreams = map[string]string{"/upload": second.URL + "/upload/v3/", "/my-files": second.URL}
		})
	for path, want := range map[string]string{"/files": "first /base/files",
		"/upload/files?x": "second /upload/v3/files?x", "/upload": "second /upload/v3",
		"/upload/": "second /upload/v3/", "/uploads": "first /base/uploads",
		"/my%2Dfiles/a%20b": "second /a%20b", "/x/upload": "first /base/x/upload"} {
		if got := text(t, r.do("GET", "/api/x"+path, nil)); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

func gz(b []byte) []byte {
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	_, _ = z.Write(b)
	_ = z.Close()
	return buf.Bytes()
}

func TestJSONFieldsComeBack(t *testing.T) {
	a := &answerer{}
	r := newRig(t, a.ServeHTTP, func(c *proxy.Config) {
		c.Origin, c.Rewrite = "https://app.example.com", []string{`$["@odata.nextLink"]`, "$.paging.next",
			"$.items[*].links['self']"}
	})
	up := r.upstream.URL + "/base"
	body := fmt.Sprintf(
		`{ "@odata.nextLink" : "%[1]s/me?$skip=1\u0026x=\"" , "other":"%[1]s/me", "paging":{"next":"%[2]s\/page\/2","prev":"%[1]s/1","a":{"next":"%[1]s"}}, "items":[{"links":{"self":"%[1]s/i/1","x":[1,{"next":"%[1]s"}]}},
	  {"links":{"self":null}},"%[1]s",[{"links":{"self":"%[1]s"}}],{"links":{"self":"https://else.example/"}}], "next":"%[1]s","paging":["%[1]s/z",{"next":"%[1]s"}],"\u0070aging":{"ne\u0078t":"%[1]s/esc"}, "n":-1.5e3 }`,
		up,
		strings.ReplaceAll(up, "/", `\/`),
	)
	mine := "https://app.example.com/api/x"
	want := strings.NewReplacer(
		up+`/me?$skip=1\u0026x=\"`, mine+`/me?$skip=1&x=\"`, strings.ReplaceAll(up, "/",
			`\/`)+`\/page\/2`, mine+"/page/2", up+"/i/1", mine+"/i/1", up+"/esc", mine+"/esc").Replace(body)
	for _, row := range []struct {
		name   string
		header http.Header
		body   []byte
		want   string
		flush  int
	}{
		{"as it is", http.Header{"Content-Type": {"application/json; charset=utf-8"}}, []byte(body), want, 0},
		{"byte by byte", http.Header{"Content-Type": {"application/vnd.api+json"}}, []byte(body), want, 1},
		{"in gzip", http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {"gzip"}}, gz([]byte(body)),
			want, 7},
		{"in text", http.Header{"Content-Type": {"text/plain"}}, []byte(body), body, 0},
		{"cut off", http.Header{"Content-Type": {"application/json"}}, []byte(body[:40]), body[:40], 0},
		{"no JSON at all", http.Header{"Content-Type": {"application/json"}}, []byte(`}}]]"",:{[}"` + body),
			`}}]]"",:{[}"` + body, 3},
		{"a value too long to be a URL", http.Header{"Content-Type": {"application/json"}},
			[]byte(`{"paging":{"next":"` + up + strings.Repeat("a",
				20<<10) + `"}}`), `{"paging":{"next":"` + up + strings.Repeat("a", 20<<10) + `"}}`, 0},
		{"too deep", http.Header{"Content-Type": {"application/json"}}, []byte(strings.Repeat("[", 100) + body),
			strings.Repeat("[", 100) + body, 0},
		{"an unknown coding", http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {"zz"}},
			[]byte(body), body, 0},
	} {
		row.header.Set("ETag", `"v1"`)
		row.header.Set("Content-MD5", "x")
		a.header, a.body, a.flush = row.header, row.body, row.flush
		res := r.do("GET", "/api/x/list", nil, "Accept-Encoding: gzip, br")
		if got := text(t, res); got != row.want {
			t.Errorf("%s:\n%.600s, want\n%.600s", row.name, got, row.want)
		}
		changed := isChanged(row.header)
		if got := res.Header.Get("Etag"); got != `"v1"` {
			t.Errorf("%s: ETag %q", row.name, got)
		}
		if changed == (res.Header.Get("Content-Md5") != "") || changed &&
			(res.ContentLength >= 0 || res.Header.Get("Content-Encoding") != "") {
			t.Errorf("%s: %v", row.name, res.Header)
		}
	}
	if !json.Valid([]byte(want)) {
		t.Fatal("the test's own document is no JSON")
	}
}

func isChanged(h http.Header) bool {
	return strings.Contains(h.Get("Content-Type"), "json") && h.Get("Content-Encoding") != "zz"
}

func TestOnlyCodingsThatCanBeDecodedAreOffered(t *testing.T) {
	got := make(chan []string, 1)
	echo := func(w http.ResponseWriter, req *http.Request) { got <- req.Header["Accept-Encoding"] }
	with := newRig(t, echo, func(c *proxy.Config) { c.Rewrite = []string{"$.next"} })
	without := newRig(t, echo)
	for _, row := range []struct{ in, want, plain string }{
		{"gzip, deflate, br", "gzip", "gzip, deflate, br"},
		{"gzip, deflate, br, zstd", "gzip", "gzip, deflate, br"},
		{"br", "identity", "br"},
		{"zstd", "identity", "identity"},
		{"dcb, dcz, GZIP;q=0.5, zstd;q=1", "gzip", "GZIP;q=0.5"},
		{"gzip;q=0, br", "identity", "gzip;q=0, br"},
		{"*", "gzip", "gzip"},
		{"*;q=0", "identity", "identity"},
		{"identity", "identity", "identity"},
		{"identity;q=1, *;q=0", "identity", "identity;q=1"},
	} {
		with.do("GET", "/api/x/a", nil, "Accept-Encoding: "+row.in)
		if a := testenv.Receive(t, "what was sent", got); strings.Join(a, "|") != row.want {
			t.Errorf("%q became %q, want %q", row.in, a, row.want)
		}
		without.do("GET", "/api/x/a", nil, "Accept-Encoding: "+row.in)
		if a := testenv.Receive(t, "what was sent", got); strings.Join(a, "|") != row.plain {
			t.Errorf("%q became %q, want %q", row.in, a, row.plain)
		}
		without.do("GET", "/api/x/a", nil, "Accept-Encoding: "+row.in, "Range: bytes=0-1")
		if a := testenv.Receive(t, "what was sent", got); strings.Join(a, "|") != "identity" {
			t.Errorf("for a part, %q became %q", row.in, a)
		}
	}
	with.do("GET", "/api/x/a", nil)
	if a := testenv.Receive(t, "what was sent", got); a != nil {
		t.Errorf("an encoding was asked for that the client did not ask for: %q", a)
	}
}

func TestMediaOfARewritingMountIsUntouched(t *testing.T) {
	a := &answerer{status: 206, header: http.Header{"Content-Type": {"application/json"},
		"Content-Range": {"bytes 0-9/100"}, "Content-Length": {"10"}, "Accept-Ranges": {"bytes"}},
		body: []byte(`{"next":"h`)}
	r := newRig(t, a.ServeHTTP, func(c *proxy.Config) { c.Rewrite = []string{"$.next"} })
	res := r.do("GET", "/api/x/a", nil, "Range: bytes=0-9")
	if got := text(t, res); res.StatusCode != 206 || got != `{"next":"h` || res.ContentLength != 10 ||
		res.Header.Get("Accept-Ranges") != "bytes" {
		t.Errorf("%d %q %v", res.StatusCode, got, res.Header)
	}
	_, _ = io.Copy(io.Discard, res.Body)
}
