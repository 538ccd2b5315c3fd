package proxy_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"bff/internal/proxy"
	"bff/internal/testenv"
)

// foldedName is the second reading of a field name: what CGI, WSGI and similar gateways make of it.
func foldedName(name string) string {
	return strings.ToLower(strings.NewReplacer("_", "-", ".", "-").Replace(name))
}

// spellings are the coats a field name can come in.
func spellings(name string) []string {
	lower := strings.ToLower(name)
	return []string{name, lower, strings.ToUpper(name), strings.ReplaceAll(name, "-", "_"),
		strings.ReplaceAll(lower, "-", "."), strings.ToUpper(strings.ReplaceAll(name, "-",
			"_")), strings.Replace(lower, "-", "_", 1), strings.Replace(name, "-", ".", 1)}
}

var (
	neverOut = []string{"Cookie", "Authorization", "Proxy-Authorization", "Proxy-Connection", "Forwarded",
		"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-User", "X-Forwarded-Email",
		"X-Forwarded-Groups", "X-Forwarded-Access-Token", "X-Forwarded-Uri", "X-Forwarded-Method",
		"X-Forwarded-Prefix", "X-Real-IP", "BFF-Connection", "BFF-User", "BFF-Session", "X-CSRF",
		"X-HTTP-Method-Override",
		"X-HTTP-Method", "X-Method-Override", "X-Auth-Request-User", "X-Auth-Request-Email",
		"X-Auth-Request-Access-Token", "Remote-User", "X-Remote-User", "X-Authenticated-User", "X-Webauth-User",
		"X-Original-URL",
		"X-Rewrite-URL", "X-Original-Host", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP",
		"X-Cluster-Client-IP", "X-Goog-Authenticated-User-Email", "X-Goog-IAP-JWT-Assertion",
		"X-MS-Client-Principal-Name",
		"X-Amzn-Oidc-Data", "Cf-Access-Jwt-Assertion", "X-SSL-Client-Cert", "X-Forwarded-Client-Cert",
		"X-Envoy-Original-Path", "Origin", "Referer", "Sec-Fetch-Site", "Access-Control-Request-Method",
		"HTTP2-Settings",
		"Keep-Alive", "Max-Forwards", "Via", "Service-Worker-Navigation-Preload", "Tailscale-User-Login"}
	alwaysOut = []string{"Accept", "Accept-Language", "User-Agent", "Content-Type", "If-None-Match", "If-Match",
		"Range", "X-GUploader-No-308", "X-Upload-Content-Type", "X-Upload-Content-Length", "X-Goog-Api-Client",
		"X-Goog-User-Project", "Content-Range", "Dropbox-API-Arg", "Notion-Version", "X-GitHub-Api-Version", "Prefer",
		"ConsistencyLevel", "Idempotency-Key", "traceparent", "X-Requested-With", "If-Modified-Since",
		"Authorization-Type"}
)

// Attack classes 4, 5, 6: identity and forwarding headers under any name, and headers that vanish because Connection
// names them.
func TestNoHeaderOfOursOrOfIdentityLeaves(t *testing.T) {
	got := make(chan http.Header, 1)
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) { got <- req.Header.Clone() })
	sets := 0
	for _, name := range neverOut {
		for i, spelled := range slices.Compact(spellings(name)) {
			sets++
			lines := spelled + ": planted\r\n"
			switch i % 4 {
			case 1:
				lines += name + ": planted\r\n" + spelled + ": again\r\n"
			case 2:
				lines += "Connection: " + strings.ReplaceAll(spelled, ".",
					"_") + ", Authorization, X-Kept\r\nX-Kept: planted\r\n"
			case 3:
				lines = "Accept: */*\r\n" + spelled + ":planted\r\n"
			}
			res := r.raw("GET /api/x/a HTTP/1.1\r\nHost: app.example.com\r\n" + lines + "\r\n")
			if res.StatusCode != 200 {
				t.Errorf("%q: %d", lines, res.StatusCode)
				continue
			}
			checkLeft(t, lines, testenv.Receive(t, "what was sent", got))
		}
	}
	if sets < 300 {
		t.Errorf("only %d sets", sets)
	}
	t.Logf("%d header sets", sets)
}

func checkLeft(t *testing.T, sent string, h http.Header) {
	t.Helper()
	for name, values := range h {
		switch folded := foldedName(name); {
		case folded == "authorization":
			if name != "Authorization" || !slices.Equal(values, []string{"Bearer " + token}) {
				t.Errorf("%q: %s is not ours alone", sent, name)
			}
		case slices.ContainsFunc(neverOut, func(n string) bool { return foldedName(n) == folded }):
			t.Errorf("%q left as %s", sent, name)
		case slices.Contains(values, "planted"):
			t.Errorf("%q left as %s", sent, name)
		}
	}
	if len(h["Authorization"]) != 1 {
		t.Errorf("%q: the bearer token was taken away", sent)
	}
}

func TestEndToEndHeadersLeaveAsTheyAre(t *testing.T) {
	got := make(chan http.Header, 1)
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) { got <- req.Header.Clone() })
	for _, name := range alwaysOut {
		_ = r.do("POST", "/api/x/a", strings.NewReader("x"), name+": a, b;c=\"d\"")
		if h := testenv.Receive(t, "what was sent", got); h.Get(name) != `a, b;c="d"` {
			t.Errorf("%s: %q", name, h.Get(name))
		}
	}
	r.raw(
		"GET /api/x/a HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: close, TE\r\nAccept-Encoding: gzip, br;q=0.5\r\n\r\n",
	)
	h := testenv.Receive(t, "what was sent", got)
	if h.Get("Te") != "trailers" || h.Get("Accept-Encoding") != "gzip, br;q=0.5" || h["User-Agent"] != nil {
		t.Errorf("TE, Accept-Encoding, User-Agent: %v", h)
	}
}

func TestTheMountsOwnHeadersCannotBePlanted(t *testing.T) {
	got := make(chan http.Header, 1)
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) { got <- req.Header.Clone() }, func(c *proxy.Config) {
		c.Header, c.SetHeaders = "X-Shopify-Token", map[string]string{"Notion-Version": "2022-06-28"}
	})
	for _, name := range []string{"X-Shopify-Token", "Notion-Version"} {
		for _, spelled := range spellings(name) {
			r.raw("GET /api/x/a HTTP/1.1\r\nHost: a\r\nConnection: close, " + name + "\r\n" + spelled +
				": planted\r\nAuthorization: Bearer planted\r\n\r\n")
			h := testenv.Receive(t, "what was sent", got)
			for name, values := range h {
				if slices.Contains(values, "planted") || slices.Contains(values, "Bearer planted") {
					t.Errorf("%s left as %s", spelled, name)
				}
			}
			if h.Get("X-Shopify-Token") != token || h.Get("Notion-Version") != "2022-06-28" ||
				h["Authorization"] != nil {
				t.Errorf("%s: %v", spelled, h)
			}
		}
	}
}

// A token that goes by the query is the only parameter of its name, whatever the page sent, and comes back in no form.
func TestATokenInTheQueryIsTheOnlyOneAndDoesNotComeBack(t *testing.T) {
	got := make(chan *http.Request, 1)
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		got <- req.Clone(context.Background())
		w.Header().Set("Location", "http://"+req.Host+req.URL.RequestURI())
		w.Header().Set("Link", "<"+req.URL.RequestURI()+">; rel=next")
		_, _ = io.WriteString(w, req.URL.RawQuery)
	}, func(c *proxy.Config) { c.Query = "api_key" })
	for _, planted := range []string{"api_key=planted", "API_KEY=planted", "%61pi_key=planted", "api_key%00=planted",
		"api_key[]=planted", "+api_key=planted", "api_key", "&api_key=planted&api_key=planted"} {
		res := r.do("GET", "/api/x/a?x=1&"+planted+"&y=%20z", nil, "Authorization: Bearer planted")
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		req := testenv.Receive(t, "what was sent", got)
		if req.URL.RawQuery != "x=1&y=%20z&api_key="+url.QueryEscape(token) ||
			req.Header["Authorization"] != nil {
			t.Errorf("%s: the upstream got ?%s and %v", planted, req.URL.RawQuery, req.Header["Authorization"])
		}
		if back := fmt.Sprint(res.Header, string(body)); strings.Contains(back, token) {
			t.Errorf("%s: the token came back: %s", planted, back)
		}
	}
	r.do("GET", "/api/x/a", nil)
	if req := testenv.Receive(t, "what was sent", got); req.URL.RawQuery != "api_key="+url.QueryEscape(token) {
		t.Errorf("without a query: ?%s", req.URL.RawQuery)
	}
}

// Attack class 23: an upgrade to anything but WebSocket flows past every rule.
func TestOnlyWebSocketIsUpgraded(t *testing.T) {
	got := make(chan http.Header, 1)
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		got <- req.Header.Clone()
		if req.Header.Get("Upgrade") != "" {
			w.Header().Set("Upgrade", req.Header.Get("Upgrade"))
			w.Header().Set("Connection", "Upgrade")
			w.WriteHeader(101)
		}
	})
	for _, lines := range []string{
		"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
		"Connection: upgrade\r\nUpgrade: H2C\r\n",
		"Connection: Upgrade\r\nUpgrade: h2c, websocket\r\n",
		"Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n",
		"Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n",
		"Connection: Upgrade\r\nUpgrade: TLS/1.0\r\n",
		"Connection: Upgrade\r\nUpgrade: websocket/13\r\n",
		"Connection: close\r\nUpgrade: websocket\r\n",
		"Upgrade: websocket\r\n",
	} {
		res := r.raw("GET /api/x/a HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n")
		h := testenv.Receive(t, "what was sent", got)
		if res.StatusCode != 200 || h["Upgrade"] != nil || h["Connection"] != nil || h["Http2-Settings"] != nil {
			t.Errorf("%q: %d, upstream saw %v", lines, res.StatusCode, h)
		}
	}
	if res := r.raw("POST /api/x/a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"); res.StatusCode != 200 ||
		(testenv.Receive(t, "what was sent", got))["Upgrade"] != nil {
		t.Errorf("POST: %d", res.StatusCode)
	}
}

func TestAnUpstreamCannotSwitchProtocolsUnasked(t *testing.T) {
	ours := func(*proxy.Config) {}
	nets := func(c *proxy.Config) { c.Transport = proxy.NewTransport() } // whose 101 brings a connection, asked for or not
	for _, answer := range []string{
		"HTTP/1.1 101 Switching Protocols\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
	} {
		for name, transport := range map[string]func(*proxy.Config){"our client": ours, "net/http": nets} {
			r := newRig(t, nil, transport, func(c *proxy.Config) { c.Upstream = cheapUpstream(t, answer) })
			if res := r.raw("GET /api/x/a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); res.StatusCode != 502 {
				t.Errorf("%q through %s: %d", answer, name, res.StatusCode)
			}
			asked := r.raw("GET /api/x/a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
				"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
			want := http.StatusBadGateway // to another protocol than was asked for
			if strings.Contains(answer, "Connection: Upgrade\r\nUpgrade: websocket") {
				want = http.StatusSwitchingProtocols
			}
			if asked.StatusCode != want {
				t.Errorf("%q to a WebSocket's handshake through %s: %d, want %d", answer, name, asked.StatusCode, want)
			}
		}
	}
}

func TestHeadersThatComeBack(t *testing.T) {
	dropped := []string{"Set-Cookie", "Set-Cookie2", "Access-Control-Allow-Origin",
		"Access-Control-Allow-Credentials", "Access-Control-Expose-Headers", "Clear-Site-Data",
		"Strict-Transport-Security", "Alt-Svc",
		"Service-Worker-Allowed", "BFF-Error", "BFF-Anything", "bff_error", "Proxy-Authenticate", "Keep-Alive",
		"Report-To", "NEL", "X-Accel-Redirect", "X-Sendfile", "Surrogate-Control", "CDN-Cache-Control",
		"Refresh", "Origin-Trial", "X-Hop", "Via", "Timing-Allow-Origin"}
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		for _, name := range dropped {
			w.Header()[name] = []string{"planted"}
		}
		w.Header().Set("Connection", "X-Hop")
		w.Header().Set("ETag", `"abc"`)
		w.Header().Set("X-Goog-Hash", "crc32c=x")
		w.Header().Set("X-Ratelimit-Remaining", "7")
		w.Header().Set("Retry-After", "120")
		w.Header().Set("Content-Security-Policy", "script-src *")
		w.Header().Add("WWW-Authenticate", `Basic realm="your password"`)
		w.Header().Add("WWW-Authenticate", `Bearer realm="x"`)
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(429)
	})
	res := r.do("GET", "/api/x/a", nil)
	for name, values := range res.Header {
		if slices.Contains(values, "planted") {
			t.Errorf("%s came back", name)
		}
	}
	for name, want := range map[string]string{"Etag": `"abc"`, "X-Goog-Hash": "crc32c=x",
		"X-Ratelimit-Remaining": "7", "Retry-After": "120", "X-Content-Type-Options": "nosniff",
		"Content-Type":     "text/html",
		"Www-Authenticate": `Bearer realm="x"`} {
		if got := res.Header.Values(name); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if csp := res.Header.Values("Content-Security-Policy"); len(csp) != 1 || !strings.HasPrefix(csp[0],
		"sandbox allow-downloads; default-src 'none'") {
		t.Errorf("an upstream's document is not sandboxed: %q", csp)
	}
}

func TestAnAnswerWithoutATypeGetsNone(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		w.Header()["Content-Type"] = nil
		_, _ = io.WriteString(w, "<html><script>alert(1)</script>")
	})
	if res := r.do("GET", "/api/x/a", nil); res.Header["Content-Type"] != nil {
		t.Errorf("a type was guessed: %q", res.Header["Content-Type"])
	}
}

func TestNothingOfAnUpstreamBecomesCode(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {})
	for dest, status := range map[string]int{"script": 403, "style": 403, "worker": 403, "sharedworker": 403,
		"serviceworker": 403, "object": 403, "embed": 403, "empty": 200, "image": 200, "video": 200, "document": 200,
		"iframe": 200} {
		if res := r.do("GET", "/api/x/a", nil, "Sec-Fetch-Dest: "+dest); res.StatusCode != status {
			t.Errorf("%s: %d, want %d", dest, res.StatusCode, status)
		}
	}
	if res := r.do("GET", "/api/x/a", nil, "Service-Worker: script"); res.StatusCode != 403 {
		t.Errorf("a service worker: %d", res.StatusCode)
	}
	pdf := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Type",
			"Application/PDF; v=1")
	})
	if res := pdf.do("GET", "/api/x/a", nil); strings.Contains(res.Header.Get("Content-Security-Policy"), "sandbox") ||
		res.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Error("a PDF is sandboxed, or may be taken for something else")
	}
}

// Attack class 19, and answers for one account that a browser shows for another without asking anybody.
func TestAnAnswerIsKeptOnlyToBeAskedAboutAgain(t *testing.T) {
	var cache, vary string
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		h := w.Header()
		h.Set("Expires", "Thu, 01 Jan 2099 00:00:00 GMT")
		h.Set("Age", "1")
		h.Set("Pragma", "public")
		h.Set("No-Vary-Search", `params=("bff_connection")`)
		h.Set("ETag", `"v1"`)
		h.Set("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
		if cache != "" {
			h.Set("Cache-Control", cache)
		}
		if vary != "" {
			h.Set("Vary", vary)
		}
	})
	const all = "Cookie, BFF-Connection, Sec-Fetch-Dest"
	const asked, never = "private, no-cache", "private, no-cache, no-store"
	for _, row := range []struct{ name, cache, want, vary, wantVary string }{
		{"nothing said", "", asked, "", all},
		{"public", "public, max-age=600", asked, "Accept", "Accept, " + all},
		{"for shared caches only", "s-maxage=10, Public", asked, "", all},
		{"private and fresh", "private, max-age=86400", asked, "Cookie", "Cookie, BFF-Connection, Sec-Fetch-Dest"},
		{"private in part", `private="Set-Cookie", max-age=5`, asked, "accept, cookie",
			"accept, cookie, BFF-Connection, Sec-Fetch-Dest"},
		{"not to be stored", "no-store", never, "*", "*, " + all},
		{"not to be stored, and more", "max-age=0, No-Store", never, "Origin", "Origin, " + all},
		{"immutable", "max-age=31536000, immutable, stale-while-revalidate=60", asked, "", all},
		{"a directive that is none", `no-store="x"`, asked, "sec-fetch-dest,COOKIE,bff-connection",
			"sec-fetch-dest,COOKIE,bff-connection"},
	} {
		cache, vary = row.cache, row.vary
		for _, method := range []string{"GET", "HEAD"} {
			res := r.do(method, "/api/x/a", nil)
			if got := strings.Join(res.Header.Values("Cache-Control"), ", "); got != row.want {
				t.Errorf("%s: Cache-Control %q, want %q", row.name, got, row.want)
			}
			if got := strings.Join(res.Header.Values("Vary"), ", "); got != row.wantVary {
				t.Errorf("%s: Vary %q, want %q", row.name, got, row.wantVary)
			}
			for _, name := range []string{"Expires", "Age", "Pragma", "No-Vary-Search"} {
				if res.Header[name] != nil {
					t.Errorf("%s: %s came back", row.name, name)
				}
			}
			if res.Header.Get("Etag") != `"v1"` || res.Header.Get("Last-Modified") == "" {
				t.Errorf("%s: the validators are gone", row.name)
			}
		}
	}
}

// Request smuggling: two lengths, or one that cannot be read, never get as far as an upstream.
func TestRequestsWithTwoReadingsOfTheirLengthAreRefused(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) { _, _ = io.Copy(io.Discard, req.Body) })
	for _, lines := range []string{
		"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
		"Content-Length: 5, 6\r\n\r\nhello",
		"Content-Length: +5\r\n\r\nhello",
		"Content-Length: 0x5\r\n\r\nhello",
		"Content-Length: -1\r\n\r\n",
		"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
		"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
		"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
		"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
		"X: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
		"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloX0\r\n\r\n",
	} {
		res := r.raw("POST /api/x/a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + lines)
		if res.StatusCode != 400 && res.StatusCode != 501 {
			t.Errorf("%q: %d", lines, res.StatusCode)
		}
	}
	// net/http takes the chunks and forgets the length (RFC 9112 6.1 allows that), so a front proxy that took the
	// length must not get a second answer.
	for _, lines := range []string{"Content-Length: 48\r\nTransfer-Encoding: chunked\r\n",
		"Transfer-Encoding: chunked\r\n"} {
		res := r.raw("POST /api/x/a HTTP/1.1\r\nHost: a\r\n" + lines +
			"\r\n0\r\n\r\nGET /api/x/smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
		if seen := strings.Join(r.lines(), " "); !res.Close || strings.Contains(seen, "smuggled") {
			t.Errorf("%q: close is %v, upstream saw %q", lines, res.Close, seen)
		}
	}
}
