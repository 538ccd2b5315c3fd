package e2e_test

import (
	"io"
	"net/http"
	"testing"

	"bff/internal/testenv"
)

// SIGTERM: readiness turns false at once, what is in flight is finished, a refresh at the provider too, and the exit
// code is 0.
func TestOutageDrain(t *testing.T) {
	arrived, goOn := make(chan struct{}, 1), make(chan struct{})
	slow := func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" {
			arrived <- struct{}{}
			testenv.Receive(t, "leave to go on", goOn)
		}
		_, _ = io.WriteString(w, "whole")
	}
	r := build(t, parts{handler: slow, op: testenv.OIDCOptions{AccessToken: seconds(2)}})
	other := r.c.Via(r.bff.Another())
	r.c.SignIn("acme")
	r.call(r.c)
	answers := make(chan *testenv.Answer, 2)
	go func() { answers <- r.c.Fetch("POST", "/api/things/items", "{}") }()
	testenv.Receive(t, "the request", arrived)
	r.expire()
	r.op.Trouble(testenv.Trouble{ParkAfter: true})
	go func() { answers <- r.c.Fetch("GET", "/api/things/items", "") }()
	testenv.Eventually(t, "a refresh is in flight", func() bool { return r.op.Counts().Parked > 0 })

	r.bff.Signal()
	r.bff.WaitUnready()
	r.op.Heal()
	r.op.Release()
	close(goOn)
	for range 2 {
		if a := testenv.Receive(t, "an answer", answers); a.Status != http.StatusOK || string(a.Body) != "whole" {
			t.Errorf("a call in flight ended with %d %q", a.Status, a.Body)
		}
	}
	if code := r.bff.Exit(); code != 0 {
		t.Errorf("exit code %d\n%s", code, r.bff.Log())
	}
	r.call(other)
	if n := r.op.Counts(); n.Reuse != 0 {
		t.Errorf("a spent refresh token was used: %+v", n)
	}
}
