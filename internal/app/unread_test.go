package app_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// What net/http would answer by itself, and the redirect to https, give up a body that does not come as routes do.
func TestABodyThatDoesNotComeHoldsNoListener(t *testing.T) {
	dir := t.TempDir()
	pool := certify(t, dir, 1)
	addr, redirect, _ := secure(t, dir, "cert: cert.pem, key: key.pem")
	for line, dial := range map[string]func() (net.Conn, error){
		"GET /": func() (net.Conn, error) { return net.Dial("tcp", redirect) },
		"OPTIONS *": func() (net.Conn, error) {
			return tls.Dial("tcp", addr, &tls.Config{RootCAs: pool, ServerName: "localhost", NextProtos: []string{"http/1.1"}})
		},
	} {
		conn, err := dial()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second)) // a bound, not a measure
		_, _ = fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{", line)
		in := bufio.NewReader(conn)
		if _, err := http.ReadResponse(in, nil); err != nil {
			t.Errorf("%s: no answer: %v", line, err)
		} else if _, err := in.Discard(1 << 20); err == nil || strings.Contains(err.Error(), "timeout") {
			t.Errorf("%s: the connection stays open: %v", line, err)
		}
	}
}
