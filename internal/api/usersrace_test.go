package api_test

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"bff/internal/api"
	"bff/internal/users"
)

// requiring gives every mount of a world a right that it requires.
func requiring(rights ...string) func(*settings) {
	return func(s *settings) {
		before := s.api
		s.api = func(c *api.Config) {
			if before != nil {
				before(c)
			}
			for i := range c.Mounts {
				c.Mounts[i].Require = rights
			}
		}
	}
}

const calendars = "/api/calendar/users/me/calendarList"

func TestAMountRefusesWhoLacksARight(t *testing.T) {
	w := newWorld(t, withUsers(users.Config{}), requiring("staff", "calendar"))
	b := w.browser()
	user := userOf(b.signIn("ada"))
	p := refused(t, b.fetch("GET", calendars, ""), 403, "not_permitted")
	if fmt.Sprint(p["missing_rights"]) != "[staff calendar]" {
		t.Errorf("%v", p)
	}
	setRights(t, w, user, "staff", "Calendar")
	if p := refused(t, b.fetch("GET", calendars, ""), 403, "not_permitted"); fmt.Sprint(
		p["missing_rights"],
	) != "[calendar]" {
		t.Errorf("%v", p)
	}
	setRights(t, w, user, "staff", "calendar")
	if resp := b.fetch("GET", calendars, ""); resp.StatusCode != 200 {
		t.Errorf("with both: %d %s", resp.StatusCode, text(resp))
	}
}

// While calls flow over two instances with caches, a right is given and taken away a hundred times. No call that begins
// after the taking was answered gets through; none that begins after the giving was answered is refused.
func TestARightTakenAwayIsRefusedFromTheAnswerOn(t *testing.T) {
	one, two := twins(
		t,
		both(withUsers(users.Config{}), requiring("staff")),
		both(withUsers(users.Config{}), requiring("staff")),
	)
	b := one.browser()
	user := userOf(b.signIn("ada"))
	stop := make(chan struct{})
	var background sync.WaitGroup
	var calls atomic.Int64
	for i := range 6 {
		at := b.at([]*world{one, two}[i%2])
		background.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				switch status := at.called(); status {
				case http.StatusOK, http.StatusForbidden:
					calls.Add(1)
				default:
					t.Errorf("a call: %d", status)
				}
			}
		})
	}
	for i := 0; i < 100 || calls.Load() < 1000 && i < 5000; i++ {
		give := i%2 == 0
		by, want := []*world{one, two}[i/2%2], http.StatusForbidden
		if give {
			want = http.StatusOK
			setRights(t, by, user, "staff")
		} else {
			setRights(t, by, user)
		}
		for _, w := range []*world{one, two} {
			if got := b.at(w).called(); got != want && (!give || !eventually(b.at(w), want)) {
				t.Fatalf("change %d: %d, want %d", i, got, want)
			}
		}
	}
	close(stop)
	background.Wait()
	if calls.Load() < 1000 {
		t.Errorf("%d calls flowed meanwhile", calls.Load())
	}
}

// called makes one call, reads the answer to its end, and returns its status.
func (b *browser) called() int {
	b.w.t.Helper()
	resp := b.fetch("GET", calendars, "")
	_ = text(resp)
	_ = resp.Body.Close()
	return resp.StatusCode
}

// eventually tries for a while: what is given may be seen up to a second later.
func eventually(b *browser, want int) bool {
	for range 200 {
		if b.called() == want {
			return true
		}
	}
	return false
}

func both(fs ...func(*settings)) func(*settings) {
	return func(s *settings) {
		for _, f := range fs {
			f(s)
		}
	}
}

func TestTwoIdentitiesOfOneUserSignInAtTheSameInstant(t *testing.T) {
	one, two := twins(t, func(*settings) {}, func(*settings) {})
	first := one.browser()
	ada := userOf(first.signIn("ada"))
	if code := first.link("grace"); code != "" {
		t.Fatal(code)
	}
	var all sync.WaitGroup
	for i := range 12 {
		all.Go(func() {
			w, who := []*world{one, two}[i%2], []string{"ada", "grace"}[i/2%2]
			if got := userOf(w.browser().signIn(who)); got != ada {
				t.Errorf("%s is %s, not %s", who, got, ada)
			}
		})
	}
	all.Wait()
}

// Somebody signs in with an account for the first time while another user links it. Whoever is first has it, and it
// is an identity of one user alone.
func TestLinkingAgainstASignInOfTheSameAccountLeavesItOneUsers(t *testing.T) {
	one, two := twins(t, withUsers(users.Config{}), withUsers(users.Config{}))
	for range 5 {
		a := one.browser()
		ada := userOf(a.signIn("ada"))
		link := a.begin("/bff/connect/demo")
		stranger := two.browser()
		login := stranger.begin("/bff/login/demo")
		var all sync.WaitGroup
		all.Go(func() { a.approve(link, "linus") })
		all.Go(func() { stranger.approve(login, "linus") })
		all.Wait()
		c := connectionOf(t, a.session(), "linus@example.com")
		signedIn := userOf(stranger.session())
		if (c["sign_in"] == true) != (signedIn == ada) {
			t.Fatalf("ada's connection signs in: %v, and the account signs in as ada: %v", c["sign_in"], signedIn == ada)
		}
		if again := userOf(one.browser().signIn("linus")); again != signedIn {
			t.Fatalf("the account is %s now, and was %s", again, signedIn)
		}
		for _, id := range []string{ada, signedIn} {
			if resp := manage(t, one, "DELETE", "/users/"+id, ""); resp.StatusCode != 200 &&
				(id != signedIn || signedIn != ada) {
				t.Fatalf("erase: %d", resp.StatusCode)
			}
		}
	}
}

func TestErasingWinsAgainstSignInsAndCallsUnderWay(t *testing.T) {
	one, two := twins(t, both(withUsers(users.Config{}), keptByUser), both(withUsers(users.Config{}), keptByUser))
	for range 5 {
		b := one.browser()
		user := userOf(b.signIn("ada"))
		late := two.browser()
		way := late.begin("/bff/login/demo")
		var all sync.WaitGroup
		all.Go(func() { late.approve(way, "ada") })
		all.Go(func() {
			for range 5 {
				b.at(two).fetch("GET", calendars, "")
			}
		})
		var erased int
		all.Go(func() { erased = manage(t, one, "DELETE", "/users/"+user, "").StatusCode })
		all.Wait()
		if erased != 200 {
			t.Fatalf("erase: %d", erased)
		}
		if b.session()["authenticated"] != false {
			t.Fatal("the session of an erased user lives")
		}
		refused(t, manage(t, two, "GET", "/users/"+user, ""), 404, "not_found")
		if s := late.session(); s["authenticated"] == true && userOf(s) == user {
			t.Fatal("a sign-in that was under way brought the erased user back")
		}
		if s := late.session(); s["authenticated"] == true {
			manage(t, one, "DELETE", "/users/"+userOf(s), "")
		}
	}
}

func keptByUser(s *settings) { s.keep = "user" }
