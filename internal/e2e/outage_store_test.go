package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"bff/internal/testenv"
)

// Guarantee 4, the store: while it does not answer the answers are 503 with Retry-After, the cookie is left alone,
// readiness is false; when it is back, the same cookie works, and nobody had to help.
func TestOutageOfTheStore(t *testing.T) {
	for _, way := range []struct {
		name  string
		opts  []string
		begin func(*testenv.RedisServer, *testenv.Wire) func()
	}{
		{"stopped and started again", nil, func(s *testenv.RedisServer, _ *testenv.Wire) func() { s.Stop(); return s.Start }},
		{"frozen", nil, func(s *testenv.RedisServer, _ *testenv.Wire) func() { s.Pause(); return s.Resume }},
		{"cut off", nil, func(_ *testenv.RedisServer, w *testenv.Wire) func() { w.Cut(); return w.Restore }},
		{"loading its file", []string{"--key-load-delay", "1000000"}, func(s *testenv.RedisServer, _ *testenv.Wire) func() {
			s.Stop()
			loaded := make(chan struct{})
			go func() {
				defer close(loaded)
				s.Start()
			}()
			return func() { testenv.Receive(t, "the load", loaded) }
		}},
		{"silent", nil, func(_ *testenv.RedisServer, w *testenv.Wire) func() { return w.Starve().End }},
	} {
		t.Run(way.name, func(t *testing.T) {
			store := testenv.Redis(t, way.opts...)
			wire := testenv.Toxi(t, store.Addr)
			r := build(t, parts{store: "redis://" + wire.Addr + "/0"})
			r.c.SignIn("acme")
			r.call(r.c)
			cookie := r.c.Session()

			restore := way.begin(store, wire)
			testenv.Eventually(
				t,
				"the outage is noticed",
				func() bool { return r.c.Fetch("GET", "/bff/session", "").Status != http.StatusOK },
			)
			r.bff.WaitUnready()
			for _, path := range []string{"/bff/session", "/bff/connections", "/api/things/items"} {
				a := r.c.Fetch("GET", path, "")
				problem(t, a, http.StatusServiceUnavailable, "store_unavailable")
				if a.Header.Get("Set-Cookie") != "" {
					t.Errorf("%s sets a cookie while the store is away: %s", path, a.Header.Get("Set-Cookie"))
				}
			}
			problem(t, r.c.Fetch("POST", "/bff/logout", ""), http.StatusServiceUnavailable, "store_unavailable")
			restore()
			r.bff.WaitReady()
			testenv.Eventually(
				t,
				"the same cookie works again",
				func() bool { return r.c.Fetch("GET", "/api/things/items", "").Status == http.StatusOK },
			)
			if !r.signedIn(r.c) || r.c.Session() != cookie {
				t.Error("somebody was logged out by the outage")
			}
		})
	}
}

// A store that is full takes nothing and still answers: calls go on, what must be written is refused, and a rotated
// token is kept for later.
func TestOutageOfTheStoreOutOfMemory(t *testing.T) {
	store := testenv.Redis(t)
	r := build(t, parts{store: store.URL, op: testenv.OIDCOptions{AccessToken: seconds(2)}})
	r.c.SignIn("acme")
	r.call(r.c)
	cookie := r.c.Session()
	limit := func(bytes string) {
		if err := store.Client().ConfigSet(t.Context(), "maxmemory", bytes).Err(); err != nil {
			t.Fatal(err)
		}
	}
	limit("1")
	r.call(r.c)
	if a := r.c.Leave("/bff/login/acme"); a.Status != http.StatusServiceUnavailable || a.Code() != "store_unavailable" {
		t.Errorf("a sign-in that cannot be remembered: %d %q", a.Status, a.Code())
	}
	r.expire()
	if a := r.c.Fetch("GET", "/api/things/items", ""); a.Status != http.StatusOK && a.Code() != "store_unavailable" {
		t.Errorf("a refresh that cannot be written: %d %q %s", a.Status, a.Code(), a.Body)
	}
	limit("0")
	testenv.Eventually(
		t,
		"the same cookie works again",
		func() bool { return r.c.Fetch("GET", "/api/things/items", "").Status == http.StatusOK },
	)
	if n := r.op.Counts(); n.Reuse != 0 || r.c.Session() != cookie {
		t.Errorf("after the outage: %+v", n)
	}
}

// A rotated token that the store cannot take is held, used, and written when the store is back.
func TestOutageOfTheStoreDuringRefresh(t *testing.T) {
	store := testenv.Redis(t)
	wire := testenv.Toxi(t, store.Addr)
	r := build(t, parts{store: "redis://" + wire.Addr + "/0", op: testenv.OIDCOptions{AccessToken: seconds(2)}})
	r.c.SignIn("acme")
	r.call(r.c)
	r.expire()
	r.op.AccessTokenLifetime(time.Hour)
	r.op.Trouble(testenv.Trouble{ParkAfter: true})
	answered := make(chan *testenv.Answer, 1)
	go func() { answered <- r.c.Fetch("GET", "/api/things/items", "") }()
	testenv.Eventually(t, "the provider has rotated the token", func() bool { return r.op.Counts().Parked > 0 })
	wire.Cut()
	r.op.Heal()
	r.op.Release()
	if a := testenv.Receive(t, "the answer", answered); a.Status != http.StatusOK && a.Code() != "store_unavailable" {
		t.Errorf("the caller of the refresh got %d %q", a.Status, a.Code())
	}
	wire.Restore()
	testenv.Eventually(t, "calls go through again", func() bool {
		a := r.c.Fetch("GET", "/api/things/items", "")
		if a.Code() == "needs_reauth" {
			t.Fatalf("the rotated token was lost: %s", a.Body)
		}
		return a.Status == http.StatusOK
	})
	other := r.bff.Another()
	testenv.Eventually(t, "another instance finds the rotated token in the store", func() bool {
		a := r.c.Via(other).Fetch("GET", "/api/things/items", "")
		if a.Code() == "needs_reauth" {
			t.Fatalf("the rotated token was never written: %s", a.Body)
		}
		return a.Status == http.StatusOK
	})
	if n := r.op.Counts(); n.Refreshes != 1 || n.Reuse != 0 {
		t.Errorf("the provider saw %+v", n)
	}
}

func TestOutageFailoverUnderSentinel(t *testing.T) {
	for _, way := range []struct {
		name string
		over func(*testenv.Sentinels)
	}{
		{"ordered", func(s *testenv.Sentinels) { s.Failover() }},
		{"the master is killed", func(s *testenv.Sentinels) { old := s.Master(); old.Kill(); s.AwaitNewMaster(old) }},
		{"the master freezes", func(s *testenv.Sentinels) { old := s.Master(); old.Pause(); s.AwaitNewMaster(old) }},
	} {
		t.Run(way.name, func(t *testing.T) {
			s := testenv.Sentinel(t, 1)
			r := build(t, parts{store: s.URL, op: testenv.OIDCOptions{AccessToken: seconds(2)}})
			r.c.SignIn("acme")
			r.call(r.c)
			r.expire()
			r.call(r.c) // a rotated token: its write waits for the replica
			way.over(s)
			testenv.Eventually(t, "the same cookie works on the new master", func() bool {
				a := r.c.Fetch("GET", "/api/things/items", "")
				if a.Status != http.StatusOK && a.Code() != "store_unavailable" {
					t.Fatalf("during the failover: %d %q", a.Status, a.Code())
				}
				return a.Status == http.StatusOK
			})
			if n := r.op.Counts(); n.Reuse != 0 {
				t.Errorf("a spent refresh token was used: %+v", n)
			}
		})
	}
}

// Slots wander under the feet of calls that go on all the time.
func TestOutageSlotsMoveInACluster(t *testing.T) {
	c := testenv.Cluster(t)
	r := build(t, parts{store: c.URL, op: testenv.OIDCOptions{AccessToken: seconds(2)}})
	r.c.SignIn("acme")
	r.call(r.c)
	slot := -1
	for _, key := range c.Keys() {
		if strings.Contains(key, "}:s:") {
			slot = c.Slot(key)
		}
	}
	if slot < 0 {
		t.Fatalf("no session among the keys %q", c.Keys())
	}
	stop, failed := make(chan struct{}), make(chan string, 1)
	go func() {
		bad := map[string]int{}
		for n := 0; ; n++ {
			select {
			case <-stop:
				if n == 0 || len(bad) > 0 {
					failed <- fmt.Sprintf("of %d calls: %v", n, bad)
				}
				close(failed)
				return
			default:
			}
			if a := r.c.Fetch("GET", "/api/things/items", ""); a.Status != http.StatusOK {
				bad[fmt.Sprintf("%d %s", a.Status, a.Code())]++
			}
		}
	}()
	for i := range 6 {
		c.Move(slot, (c.Owner(slot)+1)%3)
		before := len(r.api.Calls())
		testenv.Eventually(
			t,
			fmt.Sprintf("calls go on after move %d", i),
			func() bool { return len(r.api.Calls()) > before+5 },
		)
	}
	close(stop)
	for why := range failed {
		t.Error(why)
	}
	if n := r.op.Counts(); n.Reuse != 0 {
		t.Errorf("a spent refresh token was used: %+v", n)
	}
}
