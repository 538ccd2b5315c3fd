package api_test

import (
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"bff/internal/api"
	"bff/internal/proxy"
)

// The corpus of return addresses, on a further front: everybody comes back to that front.
func TestReturnURLsStayOnTheirFront(t *testing.T) {
	w := newFronts(t, true, func(s *settings) {
		three := s.api
		s.api = func(c *api.Config) { three(c); c.Limits.LoginPerMinute = 1 << 30 }
	})
	p := w.visitor("ada")
	p.signIn(first)
	n := 0
	for i, raw := range returnURLs() {
		if i%5 != 0 {
			continue
		}
		n++
		start := p.visit(shop+"/bff/login/demo?return_to="+url.QueryEscape(raw), "same-origin").Header.Get("Location")
		code := start
		if is(first, "/bff/front/begin")(start) {
			code = p.visit(start, "same-origin").Header.Get("Location")
		}
		to := code
		if is(shop, "/bff/front/arrive")(code) {
			to = p.visit(code, "cross-site").Header.Get("Location")
		}
		u, err := parsed(t, shop+"/bff/front/arrive").Parse(to)
		if err != nil || u.Host != "shop.example" || u.User != nil || !strings.HasPrefix(to, "/") || asBrowsersDo(to) != "app.example.com" {
			t.Errorf("%q comes back to %q", raw, to)
		}
	}
	if n < 500 {
		t.Errorf("only %d", n)
	}
}

// A backend that is a front's whole site sees nothing of bff's own room, however it is spelled, and what one front
// mounts another does not have.
func TestAWholeSiteOfOneFrontSeesNothingOfBFF(t *testing.T) {
	app := newBackendServer(t)
	w := newFronts(t, true, func(s *settings) {
		s.mounts = append(s.mounts, proxy.Config{Name: "app", Backend: true, Path: "/", Upstream: app.URL, Allow: []string{"/{rest...}"}})
		three := s.api
		s.api = func(c *api.Config) {
			three(c)
			m := &c.Mounts[len(c.Mounts)-1]
			m.Provider, m.Scopes, m.Identity, m.Anonymous = "", nil, "app", api.Pass
			c.Fronts[0].APIs, c.Fronts[1].APIs = []string{"app"}, []string{"calendar"}
		}
	})
	send := func(host, target string) string {
		conn, err := net.Dial("tcp", w.front.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nX-CSRF: 1\r\nConnection: close\r\n\r\n", target, host)
		raw, _ := io.ReadAll(conn)
		return string(raw)
	}
	if answer := send("shop.example", "/hello"); !strings.Contains(answer, "hello from the backend") {
		t.Fatalf("the site is not there: %s", answer)
	}
	_, before := app.last()
	for _, target := range []string{"/hello", "/", "/a/b"} {
		send("help.invalid", target)
	}
	for _, path := range []string{"/bff/session", "/bff/%73ession", "/%62ff/session", "//bff/session", "/./bff/session", "/x/../bff/session",
		"/x/%2e%2e/bff/session", "/bff;x/session", "/bff%2fsession", "/bff\\session", "/bff", "/bff?x", "http://app.test/hello",
		"http://evil.example/hello"} {
		answer := send("shop.example", path)
		if r, n := app.last(); n != before {
			before = n
			t.Errorf("%s reached the backend as %s: %.60s", path, r.RequestURI, answer)
		}
	}
}
