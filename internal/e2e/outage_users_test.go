package e2e_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"bff/internal/testenv"
)

// office asks an instance's admin listener as a service that manages users. The status is 0 where no answer came.
func office(t testing.TB, b *testenv.BFFProcess, method, path, body string) (status int, answer string) {
	t.Helper()
	r, err := http.NewRequest(method, b.Admin+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("office", "office-secret")
	r.Header.Set("Content-Type", "application/json")
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}).Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return resp.StatusCode, string(text)
}

// A staffed product has two instances, a mount that requires `staff`, a service that manages users, and a program.
type staffed struct {
	*rig
	other  *testenv.BFFProcess
	events *program
}

func buildStaffed(t *testing.T, store string) *staffed {
	t.Helper()
	s := &staffed{events: newProgram(t, ``)}
	s.rig = build(t, parts{
		store:    store,
		provider: []string{"keep: user"},
		env:      []string{"PROGRAM_SECRET=" + programSecret, "OFFICE_SECRET=office-secret"},
		top: []string{
			"    require: [staff]",
			"events:",
			"  - {url: \"" + s.events.srv.URL + "\", secret: env:PROGRAM_SECRET}",
			"clients:",
			"  office: {secret: env:OFFICE_SECRET, manage: true}",
		},
	})
	s.other = s.bff.Another()
	return s
}

// user is the id of the person who is signed in.
func (s *staffed) user(c *testenv.Client) string {
	s.t.Helper()
	u, _ := c.Fetch("GET", "/bff/session", "").JSON(s.t)["user"].(map[string]any)
	id, _ := u["id"].(string)
	if id == "" {
		s.t.Fatal("nobody is signed in")
	}
	return id
}

// rights sets a user's rights, again until an instance answers 200.
func (s *staffed) rights(user, body string) {
	s.t.Helper()
	n := 0
	testenv.Eventually(s.t, "the rights are set", func() bool {
		n++
		status, _ := office(s.t, []*testenv.BFFProcess{s.bff, s.other}[n%2], "PATCH", "/users/"+user, body)
		return status == http.StatusOK
	})
}

// settles waits until a call at each instance has this status, and fails when one has another than 503 before.
func (s *staffed) settles(what string, status int) {
	s.t.Helper()
	for _, b := range []*testenv.BFFProcess{s.bff, s.other} {
		c := s.c.Via(b).Lenient()
		testenv.Eventually(s.t, what, func() bool {
			a := c.Fetch("GET", "/api/things/items", "")
			if a.Status != status && a.Status != 0 && a.Code() != "store_unavailable" {
				s.t.Fatalf("%s: got %d %q: %s", what, a.Status, a.Code(), a.Body)
			}
			return a.Status == status
		})
	}
}

// mishaps are what befalls a store or an instance: each ends with everything running again.
var mishaps = []struct {
	name string
	do   func(s *staffed, store *testenv.RedisServer, wire *testenv.Wire)
}{
	{"kill -9 of the instance that answered", func(s *staffed, _ *testenv.RedisServer, _ *testenv.Wire) {
		s.bff.Kill()
		s.bff.Restart()
	}},
	{"kill -9 of the other instance", func(s *staffed, _ *testenv.RedisServer, _ *testenv.Wire) {
		s.other.Kill()
		s.other.Restart()
	}},
	{"the store stops and starts", func(s *staffed, store *testenv.RedisServer, _ *testenv.Wire) {
		store.Stop()
		store.Start()
	}},
	{"the store freezes", func(s *staffed, store *testenv.RedisServer, _ *testenv.Wire) {
		store.Pause()
		s.bff.WaitUnready()
		store.Resume()
	}},
	{"the store is cut off", func(s *staffed, _ *testenv.RedisServer, wire *testenv.Wire) {
		wire.Cut()
		s.bff.WaitUnready()
		wire.Restore()
	}},
}

// A right that was taken away stays taken away, whatever happens behind the answer: no instance carries a call again.
func TestOutageARightTakenAwayStaysTakenAway(t *testing.T) {
	store := testenv.Redis(t)
	wire := testenv.Toxi(t, store.Addr)
	s := buildStaffed(t, "redis://"+wire.Addr+"/0")
	s.c.SignIn("acme")
	user := s.user(s.c)
	for _, m := range mishaps {
		s.rights(user, `{"rights": ["staff"]}`)
		testenv.Eventually(t, "the right is given", func() bool {
			return s.c.Fetch("GET", "/api/things/items", "").Status == http.StatusOK &&
				s.c.Via(s.other).Fetch("GET", "/api/things/items", "").Status == http.StatusOK
		})
		if status, body := office(t, s.bff, "PATCH", "/users/"+user, `{"rights": []}`); status != http.StatusOK {
			t.Fatalf("taking it away: %d %s", status, body)
		}
		m.do(s, store, wire)
		s.settles(m.name, http.StatusForbidden)
	}
}

// An order to take a right away that meets an outage is answered 503 or carried out: never half. Sent again until it
// is answered, it counts everywhere.
func TestOutageWhileARightIsTakenAway(t *testing.T) {
	store := testenv.Redis(t)
	wire := testenv.Toxi(t, store.Addr)
	s := buildStaffed(t, "redis://"+wire.Addr+"/0")
	s.c.SignIn("acme")
	user := s.user(s.c)
	for name, break_ := range map[string]func() (restore func()){
		"cut off": func() func() { wire.Cut(); return wire.Restore },
		"silent":  func() func() { return wire.Starve().End },
		// the order arrives at the store, and its answer is lost
		"the answer is lost": func() func() { return wire.BreakAfter(0).End },
		"frozen":             func() func() { store.Pause(); return store.Resume },
		"the instance is killed": func() func() {
			killed := make(chan struct{})
			go func() {
				defer close(killed)
				<-time.After(time.Duration(pick(20)) * time.Millisecond)
				s.bff.Kill()
			}()
			return func() { testenv.Receive(t, "the kill", killed); s.bff.Restart() }
		},
	} {
		s.rights(user, `{"rights": ["staff"]}`)
		testenv.Eventually(t, "the right is given", func() bool {
			return s.c.Fetch("GET", "/api/things/items", "").Status == http.StatusOK &&
				s.c.Via(s.other).Fetch("GET", "/api/things/items", "").Status == http.StatusOK
		})
		restore := break_()
		status, body := office(t, s.bff, "PATCH", "/users/"+user, `{"rights": []}`)
		if status != http.StatusOK && status != 0 && status != http.StatusServiceUnavailable {
			t.Errorf("%s: %d %s", name, status, body)
		}
		restore()
		if status == http.StatusOK {
			s.settles(name+", answered", http.StatusForbidden)
		}
		s.rights(user, `{"rights": []}`)
		s.settles(name+", sent again", http.StatusForbidden)
	}
}

// An erasing that was answered stays done, and one that was broken off by kill -9 is finished by whoever is asked
// next: no session, no record, no grant at the provider, and the programs hear of it once.
func TestOutageKill9WhileAUserIsErased(t *testing.T) {
	store := testenv.Redis(t)
	s := buildStaffed(t, store.URL)
	answered, broken := 0, 0
	for round := range 4 {
		name := []string{"ada", "grace", "linus", "mary"}[round%4]
		c := testenv.NewClient(s.bff)
		c.SignIn("acme", "login_hint="+name)
		user := s.user(c)
		s.rights(user, `{"rights": ["staff"]}`)
		revoked := s.op.Counts().Revocations
		delay := time.Duration(pick(25)) * time.Millisecond
		killed := make(chan struct{})
		go func() {
			defer close(killed)
			if round > 0 {
				<-time.After(delay)
			} else { // behind the answer: what the outbox has to do is left to others
				testenv.Eventually(t, "it was answered", func() bool { return !s.signedInAt(c, s.other) })
			}
			s.bff.Kill()
		}()
		status, body := office(t, s.bff, "DELETE", "/users/"+user, "")
		testenv.Receive(t, "the kill", killed)
		switch status {
		case http.StatusOK:
			answered++
		case 0:
			broken++
			testenv.Eventually(t, "the erasing is taken up", func() bool {
				again, _ := office(t, s.other, "DELETE", "/users/"+user, "")
				return again == http.StatusOK || again == http.StatusNotFound
			})
		default:
			t.Fatalf("erase: %d %s", status, body)
		}
		s.gone(c, s.other, user)
		s.bff.Restart()
		s.gone(c, s.bff, user)
		testenv.EventuallyAfterRetries(t, "the grant is revoked", func() bool { return s.op.Counts().Revocations > revoked })
		testenv.EventuallyAfterRetries(t, "the program hears of it", func() bool {
			return s.events.heard(user, "user.erased") > 0
		})
		if n := s.events.heard(user, "user.erased"); n != 1 {
			t.Errorf("%d different events say that %s was erased", n, name)
		}
	}
	t.Logf("%d were answered, %d were broken off", answered, broken)
}

func (s *staffed) signedInAt(c *testenv.Client, b *testenv.BFFProcess) bool {
	a := c.Via(b).Fetch("GET", "/bff/session", "")
	return a.Status != http.StatusOK || a.JSON(s.t)["authenticated"] == true
}

// gone fails unless the user is, at an instance.
func (s *staffed) gone(c *testenv.Client, b *testenv.BFFProcess, user string) {
	s.t.Helper()
	if status, body := office(s.t, b, "GET", "/users/"+user, ""); status != http.StatusNotFound {
		s.t.Fatalf("an erased user: %d %s", status, body)
	}
	if status, body := office(s.t, b, "GET", "/users/"+user+"/connections", ""); status != http.StatusNotFound {
		s.t.Errorf("connections of an erased user: %d %s", status, body)
	}
	if s.signedInAt(c, b) {
		s.t.Error("an erased user is signed in")
	}
	problem(s.t, c.Via(b).Fetch("GET", "/api/things/items", ""), http.StatusUnauthorized, "not_signed_in")
}

// A store that goes away in the middle of an erasing: 503, or done. Asked again it is finished.
func TestOutageOfTheStoreWhileAUserIsErased(t *testing.T) {
	store := testenv.Redis(t)
	wire := testenv.Toxi(t, store.Addr)
	s := buildStaffed(t, "redis://"+wire.Addr+"/0")
	for name, restore := range map[string]func() func(){
		"cut off after some of it": func() func() { return wire.BreakAfter(200 + pick(3000)).End },
		"cut off":                  func() func() { wire.Cut(); return wire.Restore },
		"silent":                   func() func() { return wire.Starve().End },
	} {
		c := testenv.NewClient(s.bff)
		c.SignIn("acme")
		user := s.user(c)
		end := restore()
		status, body := office(t, s.bff, "DELETE", "/users/"+user, "")
		if status != http.StatusOK && status != http.StatusServiceUnavailable {
			t.Errorf("%s: %d %s", name, status, body)
		}
		end()
		testenv.Eventually(t, name+": asked again it is finished", func() bool {
			again, _ := office(t, s.other, "DELETE", "/users/"+user, "")
			return again == http.StatusOK || again == http.StatusNotFound
		})
		s.bff.WaitReady()
		s.gone(c, s.bff, user)
		testenv.EventuallyAfterRetries(t, "the program hears of it", func() bool {
			return s.events.heard(user, "user.erased") == 1
		})
	}
}

// A failover right behind the answer: what was acknowledged is on the new master. A right taken away, an erasing, and
// the events of both.
func TestOutageFailoverKeepsRightsErasingsAndEvents(t *testing.T) {
	sentinels := testenv.Sentinel(t, 1)
	s := buildStaffed(t, sentinels.URL)
	s.events.says(503, ``)
	ada, grace := s.c, testenv.NewClient(s.bff)
	ada.SignIn("acme")
	grace.SignIn("acme", "login_hint=grace")
	one, two := s.user(ada), s.user(grace)
	s.rights(one, `{"rights": ["staff"]}`)
	testenv.Eventually(t, "the right is given", func() bool {
		return ada.Fetch("GET", "/api/things/items", "").Status == http.StatusOK
	})
	if status, body := office(t, s.bff, "PATCH", "/users/"+one, `{"rights": []}`); status != http.StatusOK {
		t.Fatalf("taking it away: %d %s", status, body)
	}
	if status, body := office(t, s.bff, "DELETE", "/users/"+two, ""); status != http.StatusOK {
		t.Fatalf("erase: %d %s", status, body)
	}
	old := sentinels.Master()
	old.Kill()
	sentinels.AwaitNewMaster(old)
	s.settles("after the failover", http.StatusForbidden)
	s.gone(grace, s.bff, two)
	s.events.says(200, ``)
	testenv.EventuallyAfterRetries(t, "all events arrive", func() bool {
		return s.events.heard(one, "user.changed") >= 2 && s.events.heard(two, "user.erased") == 1
	})
	if got := s.events.story(two); !strings.HasPrefix(got, "user.created") || !strings.HasSuffix(got, "user.erased") {
		t.Errorf("the story of an erased user: %s", got)
	}
}
