package api_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"bff/internal/api"
	"bff/internal/api/frontend"
	"bff/internal/testenv"
)

// A body that nobody reads does not hold its connection: routes, refusals and both listeners answer and close.
func TestAnUnreadBodyDoesNotHoldItsConnection(t *testing.T) {
	w := newWorld(t, func(s *settings) {
		s.api = func(c *api.Config) {
			page := &fstest.MapFile{Data: []byte(strings.Repeat("<!doctype html>", 1000))}
			c.Frontend = frontend.Static(fstest.MapFS{"index.html": page, "deep/index.html": page})
		}
	})
	for name, c := range map[string]struct{ url, line string }{
		"a page of the frontend":         {w.front.URL, "GET /"},
		"a folder of the frontend":       {w.front.URL, "GET /deep"},
		"no file of the frontend":        {w.front.URL, "GET /nothing.js"},
		"a form at the frontend":         {w.front.URL, "POST /"},
		"the keys":                       {w.front.URL, "GET /bff/jwks.json"},
		"the client":                     {w.front.URL, "GET /bff/client.js"},
		"a path with two readings":       {w.front.URL, "GET /a/%2e%2e/b"},
		"a route that reads no body":     {w.front.URL, "POST /bff/connections"},
		"nobody is signed in":            {w.front.URL, "PATCH /bff/preferences"},
		"a mount's call that is refused": {w.front.URL, "POST /api/calendar/users/me/calendarList"},
		"an address that is nowhere":     {w.front.URL, "POST /bff/nowhere"},
		"the admin listener":             {w.admin.URL, "POST /nowhere"},
		"probes":                         {w.admin.URL, "GET /healthz"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := net.Dial("tcp", strings.TrimPrefix(c.url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(20 * time.Second)) // a bound, not a measure
			_, _ = fmt.Fprintf(
				conn,
				"%s HTTP/1.1\r\nHost: x\r\nX-CSRF: 1\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{",
				c.line,
			)
			in := bufio.NewReader(conn)
			resp, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatalf("no answer: %v", err)
			}
			if !resp.Close {
				t.Errorf("%d: the connection is to be kept", resp.StatusCode)
			}
			if _, err := in.Discard(1 << 20); err == nil || strings.Contains(err.Error(), "timeout") {
				t.Errorf("the connection stays open: %v", err)
			}
		})
	}
}

// A body that never ends is cut off by time, however regularly its bytes come, and its connection ends.
func TestABodyWithoutEndIsCutOffByTime(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn("ada")
	for name, head := range map[string]string{
		"a form of a service": "POST /introspect HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n",
		"a form":              "POST /bff/backchannel-logout/demo HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n",
		"a JSON object": "PATCH /bff/preferences HTTP/1.1\r\nContent-Type: application/json\r\nX-CSRF: 1\r\n" +
			"Cookie: bff=" + b.cookie("bff") + "\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := strings.TrimPrefix(w.front.URL, "http://")
			if strings.HasPrefix(head, "POST /introspect") {
				at = strings.TrimPrefix(w.admin.URL, "http://")
			}
			conn, err := net.Dial("tcp", at)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(time.Minute)) // a bound, not a measure
			_, _ = fmt.Fprintf(conn, "%sHost: %s\r\nContent-Length: 60000\r\n\r\n", head, at)
			answered, dripped := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(dripped)
				tick := time.NewTicker(50 * time.Millisecond)
				defer tick.Stop()
				for {
					select {
					case <-answered:
						return
					case <-tick.C:
						_, _ = conn.Write([]byte(" "))
					}
				}
			}()
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			close(answered)
			testenv.Receive(t, "the end of the drip", dripped)
			if err != nil {
				t.Fatalf("no answer while bytes come: %v", err)
			}
			if resp.StatusCode != http.StatusBadRequest || !resp.Close {
				t.Errorf("%d, the connection ends: %v", resp.StatusCode, resp.Close)
			}
		})
	}
}
