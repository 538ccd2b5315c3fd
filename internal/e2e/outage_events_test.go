package e2e_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"bff/internal/testenv"
)

// Whatever befalls instances, the store and the receiver, everything that was acknowledged reaches the program: none
// is lost, each user's in the order in which it happened, each again with the same id.
func TestOutageEventsLoseNothingAndKeepTheirOrder(t *testing.T) {
	store := testenv.Redis(t)
	wire := testenv.Toxi(t, store.Addr)
	s := buildStaffed(t, "redis://"+wire.Addr+"/0")
	var stop atomic.Bool
	type story struct {
		user string
		want []string // session ids, in the order in which their ends were acknowledged
	}
	stories := make(chan story, 3)
	for _, name := range []string{"ada", "grace", "linus"} {
		go func() {
			c := testenv.NewClient(s.bff)
			at := []*testenv.Client{c.Lenient(), c.Via(s.other).Lenient()}
			one := story{}
			for n := 0; !stop.Load() || n%2 == 1; n++ {
				user, session := s.comesAndGoes(at[n%2], c, name)
				if user != "" {
					one.user, one.want = user, append(one.want, session)
				}
			}
			stories <- one
		}()
	}
	for _, m := range mishaps {
		for _, status := range []int{503, 200} {
			s.events.says(status, ``)
			<-time.After(500 * time.Millisecond)
		}
		s.events.says(503, ``)
		m.do(s, store, wire)
		<-time.After(300 * time.Millisecond)
		s.events.says(200, ``)
	}
	stop.Store(true)
	for range 3 {
		one := testenv.Receive(t, "an explanation", stories)
		if len(one.want) == 0 {
			t.Fatal("nobody came and went")
		}
		var want []string
		for _, session := range one.want {
			want = append(want, "session.created "+session, "session.ended "+session)
		}
		testenv.EventuallyAfterRetries(t, "all that was acknowledged arrives, in order", func() bool {
			return within(s.events.sessions(one.user), want)
		})
	}
	if twice := s.events.underTwoIDs(); len(twice) > 0 {
		t.Errorf("one event came under two ids: %v", twice)
	}
}

// All instances are killed while an event is on its way, and nothing happens to its user any more that could lead to
// it: it is sent again, with the same id, before the user's next.
func TestOutageKill9OfEveryInstanceWhileAnEventIsOnItsWay(t *testing.T) {
	s := buildStaffed(t, testenv.Redis(t).URL)
	s.events.says(503, ``) // what a dead instance sent counts as refused
	release := s.events.hangs()
	defer release()
	s.c.SignIn("acme")
	user := s.user(s.c)
	testenv.Eventually(t, "the receiver has a request", func() bool { return s.events.waiting() > 0 })
	s.bff.Kill()
	s.other.Kill()
	release()
	testenv.Eventually(t, "the receiver is through with it", func() bool { return s.events.attempts(user) > 0 })
	before := s.events.of(user)
	s.events.says(200, ``)
	s.other.Restart()
	testenv.EventuallyAfterRetries(t, "both arrive", func() bool {
		return s.events.heard(user, "user.created") == 1 && s.events.heard(user, "session.created") == 1
	})
	got := s.events.taken(user)
	if len(before) != 1 || before[0].kind != "user.created" || got[0].id != before[0].id {
		t.Errorf("on their way were %+v, and first arrived %+v", before, got[0])
	}
	if got[1].kind != "session.created" {
		t.Errorf("the order is %s", s.events.story(user))
	}
}

// comesAndGoes signs in and out again. It returns the session whose end was acknowledged, "" where none was.
func (s *staffed) comesAndGoes(at, c *testenv.Client, name string) (user, session string) {
	a := at.Navigate("/bff/login/acme?login_hint=" + name)
	if a.Status == 0 || c.Session() == "" {
		<-time.After(50 * time.Millisecond)
		return "", ""
	}
	a = at.Fetch("GET", "/bff/session", "")
	if a.Status != http.StatusOK || a.JSON(s.t)["authenticated"] != true {
		return "", ""
	}
	body := a.JSON(s.t)
	user, _ = body["user"].(map[string]any)["id"].(string)
	session, _ = body["session"].(map[string]any)["id"].(string)
	for range 600 {
		if a := at.Fetch("POST", "/bff/logout", ""); a.Status == http.StatusOK {
			return user, session
		}
		<-time.After(50 * time.Millisecond)
	}
	return "", ""
}

// within reports whether all of want stand in got, in this order.
func within(got, want []string) bool {
	for _, w := range want {
		at := slices.Index(got, w)
		if at < 0 {
			return false
		}
		got = got[at+1:]
	}
	return true
}

// A receiver that never answers slows no sign-in: people come and go while its first request hangs.
func TestADeadReceiverSlowsNoSignIn(t *testing.T) {
	s := buildStaffed(t, "")
	release := s.events.hangs()
	defer release()
	s.c.SignIn("acme")
	testenv.Eventually(t, "the receiver has a request", func() bool { return s.events.waiting() > 0 })
	for n := range 20 { // more people than requests that may be in flight
		c := testenv.NewClient(s.bff)
		c.SignIn("acme", fmt.Sprintf("login_hint=person%d", n))
		c.Fetch("POST", "/bff/logout", "")
	}
	if s.events.types() != "" {
		t.Error("the receiver answered: nothing was shown")
	}
}

// A receiver that answers 410 gets the user's next event, and this one never again.
func TestAnEventThatIsGoneIsNotSentAgain(t *testing.T) {
	s := buildStaffed(t, "")
	s.events.says(410, ``)
	s.c.SignIn("acme")
	user := s.user(s.c)
	testenv.Eventually(t, "all that happened was refused for good", func() bool { return s.events.attempts(user) >= 3 })
	n := s.events.attempts(user)
	s.events.says(200, ``)
	s.rights(user, `{"rights": ["staff"]}`)
	testenv.Eventually(t, "the next arrives", func() bool { return s.events.heard(user, "user.changed") > 0 })
	if got := s.events.story(user); strings.Contains(got, "user.created") || s.events.attempts(user) > n+2 {
		t.Errorf("it heard %s, in %d attempts after %d", got, s.events.attempts(user), n)
	}
}

// The first attempt failed: the next comes with the same id.
func TestARetryHasTheSameID(t *testing.T) {
	s := buildStaffed(t, "")
	s.events.says(500, ``)
	s.c.SignIn("acme")
	user := s.user(s.c)
	testenv.Eventually(t, "a first and a second attempt", func() bool { return s.events.attempts(user) >= 2 })
	if ids := s.events.idsOf(user); len(ids) != 1 {
		t.Errorf("the first of her events came under the ids %v", ids)
	}
	s.events.says(200, ``)
	testenv.EventuallyAfterRetries(t, "it arrives", func() bool { return s.events.heard(user, "user.created") == 1 })
	if first := s.events.taken(user)[0]; first.kind != "user.created" || first.id != s.events.idsOf(user)[0] {
		t.Errorf("it arrived as %+v, and was first tried as %s", first, s.events.idsOf(user)[0])
	}
}
