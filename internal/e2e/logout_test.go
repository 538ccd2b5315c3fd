package e2e_test

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bff/internal/testenv"
)

// withChannel is a context that ends when the channel is closed.
func withChannel(parent context.Context, done <-chan struct{}) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(parent)
	go func() {
		select {
		case <-done:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// quietly makes a call that may well be broken off.
func quietly(c *testenv.Client, path string) {
	if resp, err := c.Do(c.Request("GET", path, "")); err == nil {
		_ = resp.Body.Close()
	}
}

// Guarantee 6: logout wins. A hundred calls are in flight on two instances, some of them about to touch the session,
// one refreshing its token; after the answer to the logout nothing brings the session back.
func TestLogoutWins(t *testing.T) {
	arrived, goOn := new(atomic.Int64), make(chan struct{})
	slow := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("slow") {
			arrived.Add(1)
			testenv.Receive(t, "leave to go on", goOn)
		}
		w.WriteHeader(http.StatusNoContent)
	}
	r := build(t, parts{op: testenv.OIDCOptions{AccessToken: seconds(4)}, handler: slow, session: []string{"idle: 20s"}})
	other := r.c.Via(r.bff.Another())
	r.c.SignIn("acme")
	cookie := r.c.Session()
	var wg sync.WaitGroup
	for i := range 100 {
		c := []*testenv.Client{r.c, other}[i%2]
		wg.Go(func() { quietly(c, "/api/things/items?slow") })
	}
	testenv.Eventually(t, "a hundred calls are in flight", func() bool { return arrived.Load() == 100 })
	r.expire()
	r.op.AccessTokenLifetime(time.Hour)
	r.op.Trouble(testenv.Trouble{ParkAfter: true})
	wg.Go(func() { quietly(other, "/api/things/items") })
	testenv.Eventually(t, "a refresh is in flight", func() bool { return r.op.Counts().Parked > 0 })

	if a := r.c.Fetch("POST", "/bff/logout", ""); a.Status != http.StatusOK {
		t.Fatalf("logout: %d %s", a.Status, a.Body)
	}
	reached := len(r.api.Calls())
	r.op.Heal()
	r.op.Release()
	close(goOn)
	testenv.Finished(t, "all of them", wg.Wait)
	r.c.SetCookie("bff=" + cookie + "; Path=/; HttpOnly")
	for _, c := range []*testenv.Client{r.c, other} {
		if r.signedIn(c) {
			t.Error("the session came back")
		}
		r.c.SetCookie("bff=" + cookie + "; Path=/; HttpOnly")
		problem(t, c.Fetch("GET", "/api/things/items", ""), http.StatusUnauthorized, "not_signed_in")
		r.c.SetCookie("bff=" + cookie + "; Path=/; HttpOnly")
	}
	if now := len(r.api.Calls()); now > reached {
		t.Logf("%d calls that had begun reached the upstream after the logout", now-reached)
	}
}

// A sign-in ends the session before it, and never takes over a cookie that bff did not issue. Attack class 10.
func TestLogoutBySigningInAgain(t *testing.T) {
	r := build(t, parts{})
	planted := testenv.Random(t) + testenv.Random(t)
	r.c.SetCookie("bff=" + planted + "; Path=/; HttpOnly")
	r.c.SignIn("acme")
	first := r.c.Session()
	if first == planted {
		t.Fatal("a planted cookie became a session")
	}
	r.c.SignIn("acme")
	second := r.c.Session()
	if first == second {
		t.Fatal("the cookie did not change at sign-in")
	}
	r.c.SetCookie("bff=" + first + "; Path=/; HttpOnly")
	if r.signedIn(r.c) {
		t.Error("the session before lives on")
	}
}

// The provider ends the session over the back channel, on whichever instance it reaches.
func TestLogoutByTheProvider(t *testing.T) {
	r := build(t, parts{})
	other := r.c.Via(r.bff.Another())
	r.c.SignIn("acme")
	r.call(other)
	if got := r.op.Logout("ada"); len(got) != 1 || got[0] != http.StatusOK {
		t.Fatalf("bff answered the logout token with %v\n%s", got, r.op.Log())
	}
	for _, c := range []*testenv.Client{r.c, other} {
		if r.signedIn(c) {
			t.Error("still signed in")
		}
	}
}
