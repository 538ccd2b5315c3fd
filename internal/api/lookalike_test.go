package api_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"bff/internal/api"
	"bff/internal/proxy"
	"bff/internal/testenv"
)

// Hosts that were let in by a suffix, a prefix or a careless parse. An origin is compared whole, and one that was not
// listed gets no CORS header either.
func TestLookAlikesOfAListedOrigin(t *testing.T) {
	w := newWorld(
		t,
		func(s *settings) { s.api = func(c *api.Config) { c.Origins = []string{"https://admin.example.com"} } },
	)
	b := w.browser()
	b.signIn("ada")
	const listed = "https://admin.example.com"
	call := func(origin string) *http.Response {
		return b.do(
			"GET",
			"/api/calendar/users/me/calendarList",
			"",
			header("Origin", origin),
			header("Sec-Fetch-Site", "cross-site"),
		)
	}
	if resp := call(listed); resp.StatusCode != http.StatusOK || resp.Header.Get("Access-Control-Allow-Origin") != listed {
		t.Fatalf("the listed one: %d %v", resp.StatusCode, resp.Header)
	}
	own := strings.TrimPrefix(w.origin, "http://")
	for _, origin := range []string{
		"https://evil-admin.example.com", "https://eviladmin.example.com", "https://x.admin.example.com",
		"https://example.com", "https://admin.example.com.evil.example", "https://admin.example.comevil.example",
		"https://admin.example.com@evil.example", "https://evil.example/https://admin.example.com",
		"https://evil.example#https://admin.example.com", "https://evil.example?https://admin.example.com",
		"https://admin.example.com:8443", "https://admin.example.com:443", "https://admin.example.com.",
		"https://admin.example.com/", "HTTPS://ADMIN.EXAMPLE.COM", "https://Admin.example.com", "http://admin.example.com",
		"https://admin.example.com, https://evil.example", "https://evil.example https://admin.example.com",
		"https://adminXexample.com", "https://admin.example.co", "admin.example.com", "null", "*", "https://", "file://",
		"http://localhost.evil.example", "https://" + own, "http://evil@" + own, w.origin + ".evil.example", w.origin + "0",
	} {
		resp := call(origin)
		refused(t, resp, 403, "csrf_rejected")
		if h := resp.Header; h.Get("Access-Control-Allow-Origin") != "" || h.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%q may read the refusal: %v", origin, h)
		}
		refused(
			t,
			b.do("GET", "/api/calendar/users/me/calendarList", "", header("Origin", origin)),
			403,
			"csrf_rejected",
		) // an old browser
	}
	two := func(r *http.Request) { r.Header["Origin"] = []string{listed, "https://evil.example"} }
	refused(t, b.do("GET", "/api/calendar/users/me/calendarList", "", two), 403, "csrf_rejected")
}

// A WebSocket's handshake is a GET, which neither CORS nor http.CrossOriginProtection looks at: the rule holds all
// the same, and nothing reaches the upstream.
func TestAWebSocketOfAnotherSiteIsRefused(t *testing.T) {
	d := newDesk(t)
	d.answer = func(w http.ResponseWriter) {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "websocket")
		w.WriteHeader(http.StatusSwitchingProtocols)
	}
	w := newWorld(t, func(s *settings) {
		s.mounts = []proxy.Config{{Name: "desk", Path: "/api/desk", Upstream: d.URL, Allow: []string{"GET /x"}}}
	})
	b := w.browser()
	b.signIn("ada")
	handshake := func(lines string) *http.Response {
		conn, err := net.Dial("tcp", w.front.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		_, _ = fmt.Fprintf(
			conn,
			"GET /api/desk/x HTTP/1.1\r\nHost: %s\r\nCookie: bff=%s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: "+
				"13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
			w.front.Listener.Addr(),
			b.cookie("bff"),
			lines,
		)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
	for name, lines := range map[string]string{
		"another site":                   "Origin: https://evil.example\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: websocket\r\n",
		"a sibling sub-domain":           "Origin: http://evil.127.0.0.1.example\r\nSec-Fetch-Site: same-site\r\n",
		"an old browser of another site": "Origin: https://evil.example\r\n",
		"a sandboxed frame":              "Origin: null\r\n",
		"a client that says nothing":     "",
		"a header no browser lets a page set, with another origin": "Origin: https://evil.example\r\nX-CSRF: 1\r\n",
		"two origins": "Origin: " + w.origin + "\r\nOrigin: https://evil.example\r\n",
	} {
		if resp := handshake(lines); resp.StatusCode != http.StatusForbidden ||
			resp.Header.Get("BFF-Error") != "csrf_rejected" {
			t.Errorf("%s: %d %s", name, resp.StatusCode, resp.Header.Get("BFF-Error"))
		}
	}
	if _, calls := d.count(); calls != 0 {
		t.Fatalf("%d handshakes reached the upstream", calls)
	}
	own := handshake("Origin: " + w.origin + "\r\nSec-Fetch-Site: same-origin\r\n")
	testenv.Eventually(
		t,
		"the own page's handshake reaches it",
		func() bool { _, calls := d.count(); return calls == 1 && own.StatusCode != http.StatusForbidden },
	)
}
