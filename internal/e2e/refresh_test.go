package e2e_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"bff/internal/testenv"
)

// Guarantee 3: 1,000 calls over three instances meet an expired token, the token endpoint is slower than the lock's
// lease, and the provider ends a grant when a spent token is used again. It sees one refresh, and every call is
// answered by the upstream.
func TestRefreshIsOneForAThousandCalls(t *testing.T) {
	r := build(t, parts{alone: true, blind: true, op: testenv.OIDCOptions{AccessToken: seconds(3)}})
	instances := []*testenv.Client{r.c, r.c.Via(r.bff.Another()), r.c.Via(r.bff.Another())}
	r.c.SignIn("acme")
	for _, c := range instances {
		r.call(c)
	}
	spent := r.token()
	r.expire()
	before := r.op.Counts().Refreshes
	r.op.AccessTokenLifetime(time.Hour)
	r.op.Trouble(testenv.Trouble{AfterMS: 4000})
	slowest := burst(t, instances)
	n := r.op.Counts()
	if n.Refreshes-before != 1 || n.Reuse != 0 {
		t.Errorf("the provider saw %d refreshes: %+v", n.Refreshes-before, n)
	}
	calls := r.api.Calls()
	for _, call := range calls[len(calls)-1000:] {
		if call.Token == spent || call.Token != calls[len(calls)-1].Token {
			t.Fatal("the calls do not carry the one new token")
		}
	}
	began := time.Now()
	t.Logf(
		"of 1,000 calls the slowest was answered %v after the provider's answer; with a good token all the time the same calls take %v",
		slowest.Sub(time.UnixMilli(n.Answered)),
		burst(t, instances).Sub(began),
	)
}

// burst makes 1,000 calls at once, over all instances, and says when the last was answered. None may fail.
func burst(t *testing.T, instances []*testenv.Client) (last time.Time) {
	t.Helper()
	answers := make([]*testenv.Answer, 1000)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() { answers[i] = instances[i%len(instances)].Fetch("GET", "/api/things/items", "") })
	}
	testenv.Finished(t, "all of them", wg.Wait)
	last = time.Now()
	failed := map[string]int{}
	for _, a := range answers {
		if a.Status != http.StatusOK {
			failed[http.StatusText(a.Status)+" "+a.Code()]++
		}
	}
	if len(failed) > 0 {
		t.Errorf("failed calls: %v", failed)
	}
	return last
}

// Refreshes go on when those who asked have left.
func TestRefreshOutlivesItsCallers(t *testing.T) {
	r := build(t, parts{op: testenv.OIDCOptions{AccessToken: seconds(2)}})
	r.c.SignIn("acme")
	r.call(r.c)
	r.expire()
	r.op.AccessTokenLifetime(time.Hour)
	r.op.Trouble(testenv.Trouble{Park: true})
	hangUp := make(chan struct{})
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			req := r.c.Request("GET", "/api/things/items", "")
			ctx, cancel := withChannel(req.Context(), hangUp)
			defer cancel()
			if resp, err := r.c.Do(req.WithContext(ctx)); err == nil {
				_ = resp.Body.Close()
			}
		})
	}
	testenv.Eventually(t, "the refresh is under way", func() bool { return r.op.Counts().Parked > 0 })
	close(hangUp)
	testenv.Finished(t, "all of them", wg.Wait)
	r.op.Heal()
	r.op.Release()
	testenv.Eventually(
		t,
		"the result of the refresh is used",
		func() bool { return r.c.Fetch("GET", "/api/things/items", "").Status == http.StatusOK },
	)
	if n := r.op.Counts(); n.Refreshes != 1 || n.Reuse != 0 {
		t.Errorf("the provider saw %+v", n)
	}
}

// Guarantee 7: kill -9 of the instance that refreshes. Another goes on within the lock's seconds; a token that the
// provider had not yet rotated works, one that it had is known to be spent; the session lives either way.
func TestRefreshSurvivesKill9(t *testing.T) {
	one := 1
	for _, when := range []struct {
		name     string
		trouble  testenv.Trouble
		rotate   bool
		survives bool
	}{
		{"before the provider acted", testenv.Trouble{Hang: true, Times: &one}, true, true},
		{"after the provider acted, which rotates", testenv.Trouble{ParkAfter: true, Times: &one}, true, false},
		{"after the provider acted, which does not rotate", testenv.Trouble{ParkAfter: true, Times: &one}, false, true},
	} {
		t.Run(when.name, func(t *testing.T) {
			r := build(t, parts{op: testenv.OIDCOptions{AccessToken: seconds(2), NoRotation: !when.rotate}})
			other := r.c.Via(r.bff.Another())
			r.c.SignIn("acme")
			r.call(r.c)
			r.expire()
			r.op.AccessTokenLifetime(time.Hour)
			refreshes := r.op.Counts().Refreshes
			r.op.Trouble(when.trouble)
			gone := make(chan struct{})
			go func() {
				defer close(gone)
				quietly(r.c, "/api/things/items")
			}()
			testenv.Eventually(t, "the refresh is at the provider", func() bool {
				n := r.op.Counts()
				return n.Refreshes > refreshes && (when.trouble.Hang || n.Parked > 0)
			})
			r.bff.Kill()
			testenv.Receive(t, "the end of the call", gone)
			r.op.Heal()
			r.op.Release()
			var a *testenv.Answer
			testenv.Eventually(t, "another instance comes to an answer", func() bool {
				a = other.Fetch("GET", "/api/things/items", "")
				return a.Code() != "provider_unavailable"
			})
			if !r.signedIn(other) {
				t.Fatal("the session ended")
			}
			if when.survives {
				if a.Status != http.StatusOK {
					t.Fatalf("%d %s", a.Status, a.Body)
				}
				return
			}
			problem(t, a, http.StatusForbidden, "needs_reauth")
			if got := r.status(other); got != "needs_reauth rotated_away" {
				t.Errorf("the connection is %s", got)
			}
		})
	}
}
