package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"bff/internal/testenv"
)

// Guarantee 1: an upstream that goes on to talk when it was not asked, and repeats the token, has it in no log.
// Attack class 14.
func TestWhatAnUpstreamSendsUnaskedIsNotLogged(t *testing.T) {
	ended := make(chan struct{})
	r := build(t, parts{handler: func(w http.ResponseWriter, req *http.Request) {
		defer close(ended)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		fmt.Fprintf(
			conn,
			"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nX-Debug: %s\r\n\r\n",
			req.Header.Get("Authorization"),
		)
		_, _ = conn.Read(make([]byte, 1)) // until bff has seen it, and hangs up
	}})
	r.c.SignIn("acme")
	r.call(r.c)
	testenv.Receive(t, "its end", ended)
	if code := r.bff.Term(); code != 0 {
		t.Errorf("it ended with %d", code)
	}
	if strings.Contains(r.bff.Log(), r.token()) {
		t.Error("the token is in the log")
	}
}
