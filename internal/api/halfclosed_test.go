package api_test

import (
	"fmt"
	"io"
	"net"
	"testing"

	"bff/internal/proxy"
	"bff/internal/testenv"
)

// A client that says it will send no more is taken for one that left, and its call ends. Should it still read, it
// sees the connection break off, and no 200.
func TestACallThatWasGivenUpHasNoAnswer(t *testing.T) {
	d := newDesk(t)
	w := newWorld(t, func(s *settings) {
		s.mounts = []proxy.Config{{Name: "desk", Path: "/api/desk", Upstream: d.URL, Allow: []string{"GET /x"}}}
	})
	b := w.browser()
	b.signIn("ada")
	conn, err := net.Dial("tcp", w.front.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = fmt.Fprintf(
		conn,
		"GET /api/desk/x HTTP/1.1\r\nHost: %s\r\nCookie: bff=%s\r\nSec-Fetch-Site: same-origin\r\n\r\n",
		w.front.Listener.Addr(),
		b.cookie("bff"),
	)
	testenv.Eventually(t, "the call is at the upstream", func() bool { inside, _ := d.count(); return inside == 1 })
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got, _ := io.ReadAll(conn); len(got) > 0 {
		t.Errorf("it was answered: %q", got)
	}
}
