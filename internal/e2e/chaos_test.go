package e2e_test

import (
	"crypto/rand"
	"flag"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bff/internal/testenv"
)

// How long the storm rages; `make chaos` lets it rage for longer.
var chaosFor = flag.Duration("chaos", 20*time.Second, "how long TestOutageStorm goes on")

// A storm is three instances, one of them with a clock that is a minute ahead, a store behind a wire, a provider that
// rotates every few seconds, and people who never stop. What may go wrong does, one thing after the other; what must
// hold is checked at every answer.
type storm struct {
	*rig
	redis     *testenv.RedisServer
	wire      *testenv.Wire
	instances []*testenv.BFFProcess
	lost      atomic.Int64 // answers of the provider that cannot have arrived, at most
	calls     atomic.Int64
	away      atomic.Int64 // answers that said "not now"
	repaired  atomic.Int64
	logouts   atomic.Int64
	events    int
}

// No session ends without a definite reason, one that was ended stays so, no acknowledged write is lost, no spent
// token is used but once after an answer that got lost, and when the storm is over everybody works on with the cookie
// they had.
func TestOutageStorm(t *testing.T) {
	s := &storm{redis: testenv.Redis(t)}
	s.wire = testenv.Toxi(t, s.redis.Addr)
	s.rig = build(
		t,
		parts{store: "redis://" + s.wire.Addr + "/0", alone: true, op: testenv.OIDCOptions{AccessToken: seconds(4)},
			top: []string{"log: {audit: stderr}"}},
	)
	t.Cleanup(s.report)
	s.instances = []*testenv.BFFProcess{s.bff, s.bff.Another(), s.bff.AnotherAt(time.Minute)}
	stop := make(chan struct{})
	var people sync.WaitGroup
	clients := map[string]*testenv.Client{}
	for _, name := range []string{"ada", "grace", "linus", "mary"} {
		c := testenv.NewClient(s.bff)
		c.SignIn("acme", "login_hint="+name)
		clients[name] = c
		people.Go(func() { s.person(name, c, stop) })
	}
	for end := time.Now().Add(*chaosFor); time.Now().Before(end) && !t.Failed(); {
		s.event()
		s.events++
	}
	s.op.Heal()
	close(stop)
	testenv.Finished(t, "the people", people.Wait)
	for name, c := range clients {
		c := c.Lenient()
		testenv.Eventually(t, name+" works on", func() bool {
			a := c.Fetch("GET", "/api/things/items", "")
			if a.Code() == "needs_reauth" {
				s.repair(name, c, a)
			}
			return a.Status == http.StatusOK
		})
	}
	n := s.op.Counts()
	if int64(n.Reuse) > s.lost.Load() {
		t.Errorf("%d spent tokens were used, %d answers can have been lost", n.Reuse, s.lost.Load())
	}
	if n.Rotations == 0 || s.calls.Load() == 0 {
		t.Error("nothing happened")
	}
	t.Logf(
		"%d events in %v; %d calls, %d answered `not now`; the provider rotated %d tokens, %d answers can have been lost, %d spent tokens were used, "+
			"%d connections were repaired; %d logouts",
		s.events,
		*chaosFor,
		s.calls.Load(),
		s.away.Load(),
		n.Rotations,
		s.lost.Load(),
		n.Reuse,
		s.repaired.Load(),
		s.logouts.Load(),
	)
}

// report prints, of a storm that failed, why sessions ended.
func (s *storm) report() {
	if !s.t.Failed() {
		return
	}
	for i, b := range s.instances {
		for line := range strings.Lines(b.Log()) {
			if strings.Contains(line, "session_ended") {
				s.t.Logf("instance %d: %s", i, line)
			}
		}
	}
}

// person calls, and counts up a preference of their own, until the storm is over. Now and then they log out, and sign
// in again.
func (s *storm) person(name string, c *testenv.Client, stop chan struct{}) {
	cookie, acknowledged := c.Session(), 0
	var via []*testenv.Client
	for _, b := range s.instances {
		via = append(via, c.Via(b).Lenient())
	}
	for n := 1; ; n++ {
		select {
		case <-stop:
			return
		case <-time.After(10 * time.Millisecond):
		}
		at := via[pick(len(via))]
		s.check(name, at, at.Fetch("GET", "/api/things/items", ""))
		a := at.Fetch("PATCH", "/bff/preferences", fmt.Sprintf(`{"n":%d}`, n), "Content-Type", "application/merge-patch+json")
		s.check(name, at, a)
		if a.Status == http.StatusOK {
			acknowledged = n
		}
		if got := at.Fetch("GET", "/bff/preferences", ""); got.Status == http.StatusOK {
			if stored, _ := got.JSON(s.t)["n"].(float64); int(stored) < acknowledged {
				s.t.Errorf("%s: preference %d was acknowledged, the store has %v", name, acknowledged, stored)
			}
		}
		if c.Session() != cookie {
			s.t.Errorf("%s: the cookie changed", name)
			return
		}
		if n%200 == 0 {
			cookie = s.logout(name, c, at, via)
		}
	}
}

// logout ends the session, tries what it was at every instance, and signs in again.
func (s *storm) logout(name string, c, at *testenv.Client, via []*testenv.Client) (cookie string) {
	before := c.Session()
	testenv.Eventually(s.t, name+" logs out", func() bool {
		a := at.Fetch("POST", "/bff/logout", "")
		if a.Status != http.StatusOK { // the session may have ended all the same
			s.check(name, at, a)
			at = via[pick(len(via))]
		}
		return a.Status == http.StatusOK
	})
	s.logouts.Add(1)
	for _, b := range s.instances {
		old := testenv.NewClient(s.bff).Via(b).Lenient()
		old.SetCookie("bff=" + before + "; Path=/")
		if a := old.Fetch("GET", "/bff/session", ""); a.Status == http.StatusOK && a.JSON(s.t)["authenticated"] == true {
			s.t.Errorf("%s: a session that was ended lives", name)
		}
	}
	testenv.Eventually(s.t, name+" signs in again", func() bool {
		via[pick(len(via))].Navigate("/bff/login/acme?login_hint=" + name)
		return c.Session() != "" && c.Session() != before
	})
	return c.Session()
}

// check holds one answer against what may be. It has the status 0 when the instance was killed.
func (s *storm) check(name string, c *testenv.Client, a *testenv.Answer) {
	s.calls.Add(1)
	switch {
	case a.Status == 0, a.Status == http.StatusOK:
	case a.Code() == "store_unavailable", a.Code() == "provider_unavailable":
		s.away.Add(1)
		if a.Header.Get("Retry-After") == "" || a.Header.Get("Set-Cookie") != "" {
			s.t.Errorf(
				"%s: %s with Retry-After %q, Set-Cookie %q",
				name,
				a.Code(),
				a.Header.Get("Retry-After"),
				a.Header.Get("Set-Cookie"),
			)
		}
	case a.Code() == "needs_reauth":
		s.repair(name, c, a)
	default:
		s.t.Errorf("%s got %d %q: %s", name, a.Status, a.Code(), a.Body)
	}
}

// repair is what a person does about a dead connection. It may be dead only because an answer got lost.
func (s *storm) repair(name string, c *testenv.Client, a *testenv.Answer) {
	if s.lost.Load() == 0 {
		s.t.Errorf("%s: a connection died although no answer was lost: %s", name, a.Body)
	}
	fix, _ := a.JSON(s.t)["fix"].(map[string]any)
	target, _ := fix["url"].(string)
	if got := c.Navigate(target); strings.Contains(got.URL, "bff_error=") && !strings.Contains(got.URL, "unavailable") {
		s.t.Errorf("%s: the fix ended at %s", name, got.URL)
	}
	s.repaired.Add(1)
}

// event is the next thing that goes wrong, and its end.
func (s *storm) event() {
	moment := func() { <-time.After(time.Duration(100+pick(900)) * time.Millisecond) }
	one := 1
	switch pick(11) {
	case 0:
		s.redis.Pause()
		moment()
		s.redis.Resume()
	case 1:
		s.wire.Cut()
		moment()
		s.wire.Restore()
	case 2:
		s.redis.Stop()
		moment()
		s.redis.Start()
	case 3:
		starved := s.wire.Starve()
		moment()
		starved.End()
	case 4:
		s.op.Trouble(testenv.Trouble{Status: []int{500, 502, 503, 429}[pick(4)]})
		moment()
	case 5:
		s.op.Trouble(testenv.Trouble{AfterMS: pick(1500)})
		moment()
	case 6:
		s.lost.Add(1)
		s.op.Trouble(testenv.Trouble{Drop: true, Times: &one})
		moment()
	case 7: // one that is killed loses at most what each person's refresh was about to bring
		s.lost.Add(4)
		i := pick(len(s.instances))
		s.instances[i].Kill()
		s.instances[i].Restart()
	case 8:
		i := pick(len(s.instances))
		if code := s.instances[i].Term(); code != 0 {
			s.t.Errorf("a drained instance ended with %d: %s", code, s.instances[i].Log())
		}
		s.instances[i].Restart()
	case 9:
		s.op.Trouble(testenv.Trouble{Status: 200, Body: "<html>busy"})
		moment()
	case 10:
		i := pick(len(s.instances))
		s.instances[i].Pause()
		moment()
		s.instances[i].Resume()
	}
	s.op.Heal()
	moment()
}

func pick(n int) int {
	v, err := rand.Int(rand.Reader, big.NewInt(int64(n)))
	if err != nil {
		return 0
	}
	return int(v.Int64())
}
