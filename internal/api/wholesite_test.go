package api_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"bff/internal/api"
)

// visitRaw has nobody enter an address whose target is sent as it is written.
func visitRaw(t *testing.T, w *world, target string) *http.Response {
	t.Helper()
	conn, err := net.Dial("tcp", w.front.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: app.example.com\r\nSec-Fetch-Site: none\r\n"+
		"Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\nSec-Fetch-User: ?1\r\nConnection: close\r\n\r\n", target)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("%q: %v", target, err)
	}
	_ = resp.Body.Close()
	return resp
}

// Whatever address of a site behind bff is visited by nobody, its sign-in comes back to this origin.
func TestTheWayBackIntoAWholeSiteStaysOnItsOrigin(t *testing.T) {
	app := newBackendServer(t)
	w := newWorld(t, withBackend(app, func(m *api.Mount) { m.Anonymous = api.Redirect }), func(s *settings) {
		m := &s.mounts[len(s.mounts)-1]
		m.Path, m.Backend = "/", true
	})
	led := 0
	for _, raw := range returnURLs() {
		if strings.ContainsAny(raw, " \r\n") { // would be another request line
			continue
		}
		for _, target := range []string{raw, "/?to=" + raw} {
			location := visitRaw(t, w, target).Header.Get("Location")
			u, err := url.Parse(location)
			if err != nil || u.Host != "" || u.Scheme != "" {
				t.Errorf("%q leads to %q", target, location)
				continue
			}
			if u.Path == "/bff/login/demo" {
				led++
				if to := u.Query().Get("return_to"); asBrowsersDo(to) != "app.example.com" || !strings.HasPrefix(to, "/") {
					t.Errorf("%q comes back to %q", target, to)
				}
			}
		}
	}
	if _, n := app.last(); n > 0 {
		t.Error("a call of nobody reached the site")
	}
	if led < 100 {
		t.Errorf("only %d", led)
	}
}
