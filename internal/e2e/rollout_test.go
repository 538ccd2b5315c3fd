package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"bff/internal/testenv"
)

// A crowd calls without pause, through the instance that is current, and counts what is not answered as it should be.
type crowd struct {
	r       *rig
	current atomic.Pointer[testenv.Client] // the browser, by way of the current instance
	stop    chan struct{}
	done    sync.WaitGroup
	calls   []atomic.Int64 // of each
	mu      sync.Mutex
	failed  []string
}

func (r *rig) crowd(n int) *crowd {
	c := &crowd{r: r, stop: make(chan struct{}), calls: make([]atomic.Int64, n)}
	c.current.Store(r.c)
	for i := range n {
		c.done.Go(func() {
			for {
				select {
				case <-c.stop:
					return
				default:
				}
				c.call()
				c.calls[i].Add(1)
			}
		})
	}
	return c
}

func (c *crowd) call() {
	client := c.current.Load()
	resp, err := client.Do(client.Request("GET", "/api/things/items", ""))
	if err == nil {
		_ = resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return
		}
		err = fmt.Errorf("%d %s", resp.StatusCode, resp.Header.Get("BFF-Error"))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed = append(c.failed, err.Error())
}

// turn waits until everybody has begun and ended a call: nobody is on the way to where calls went before.
func (c *crowd) turn() {
	c.r.t.Helper()
	before := make([]int64, len(c.calls))
	for i := range c.calls {
		before[i] = c.calls[i].Load()
	}
	testenv.Eventually(c.r.t, "everybody has called again", func() bool {
		for i := range c.calls {
			if c.calls[i].Load() < before[i]+2 {
				return false
			}
		}
		return true
	})
}

// end stops the calls and fails for each that failed.
func (c *crowd) end() {
	c.r.t.Helper()
	close(c.stop)
	testenv.Finished(c.r.t, "the calls under way", c.done.Wait)
	if len(c.failed) > 0 {
		c.r.t.Errorf("%d calls failed, the first: %s", len(c.failed), c.failed[0])
	}
}

// A rolling update, as an orchestrator does it: a new instance with the new configuration, the load balancer turns to
// it, the old one gets SIGTERM. While tokens expire every two seconds no call fails, and no token is refreshed twice.
func TestARollingUpdateFailsNoCall(t *testing.T) {
	r := build(t, parts{op: testenv.OIDCOptions{AccessToken: seconds(2)}})
	r.c.SignIn("acme")
	r.call(r.c)
	all, old := r.crowd(8), r.bff
	for n := range 4 {
		r.bff.Rewrite(func(yaml string) string {
			return strings.Replace(yaml, "- GET /stream", fmt.Sprintf("- GET /stream\n      - GET /version%d", n), 1)
		})
		next := r.bff.Another()
		all.current.Store(r.c.Via(next))
		all.turn()
		if code := old.Term(); code != 0 {
			t.Errorf("an old instance: exit code %d", code)
		}
		old = next
		r.expire()
		all.turn()
		if a := all.current.Load().Fetch("GET", fmt.Sprintf("/api/things/version%d", n), ""); a.Code() == "route_not_allowed" {
			t.Errorf("instance %d has an old configuration", n)
		}
	}
	all.end()
	if c := r.op.Counts(); c.Reuse != 0 || c.Refreshes != c.Rotations || c.Rotations < 4 {
		t.Errorf("refreshes %d, rotations %d, spent tokens used again %d", c.Refreshes, c.Rotations, c.Reuse)
	}
}

// The configuration is read again while a refresh is under way: calls that began before and calls that begin after
// wait for the same one, and none fails.
func TestARefreshGoesOnWhileTheConfigurationIsReadAgain(t *testing.T) {
	r := build(t, parts{op: testenv.OIDCOptions{AccessToken: seconds(3)}})
	r.c.SignIn("acme")
	r.call(r.c)
	for round := 1; round <= 3; round++ {
		r.expire()
		before := r.op.Counts()
		r.op.Trouble(testenv.Trouble{Park: true})
		waiting := r.crowd(8)
		testenv.Eventually(t, "the refresh is under way", func() bool { return r.op.Counts().Parked > before.Parked })
		r.bff.Rewrite(func(yaml string) string {
			return strings.Replace(yaml, "- GET /stream", fmt.Sprintf("- GET /stream\n      - GET /round%d", round), 1)
		})
		r.bff.Hangup()
		testenv.Eventually(t, "the configuration is read again", func() bool {
			return strings.Count(r.bff.Log(), "the configuration was read again") == round
		})
		later := r.crowd(8) // by the new configuration
		if a := r.c.Fetch("GET", "/bff/session", ""); a.JSON(t)["authenticated"] != true {
			t.Error("the session is gone")
		}
		r.op.Heal()
		r.op.Release()
		waiting.turn()
		later.turn()
		waiting.end()
		later.end()
		after := r.op.Counts()
		if after.Reuse != 0 || after.Refreshes != after.Rotations {
			t.Errorf("round %d: refreshes %d, rotations %d, spent tokens used again %d", round, after.Refreshes, after.Rotations,
				after.Reuse)
		}
	}
}
