package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"bff/internal/api"
	"bff/internal/testenv"
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

// A watch tells calls that began and ended while a right was taken away for certain: after the answer of the taking,
// and before the next giving was asked for. Such a period has an even number.
type watch struct {
	period       atomic.Int64
	calls, apart atomic.Int64 // all, and those within one such period
}

// hold makes one call and says whether it succeeded although the right was gone all the while.
func (w *watch) hold(call func() (ok bool)) (wrong bool) {
	before := w.period.Load()
	ok := call()
	w.calls.Add(1)
	if before%2 == 1 || w.period.Load() != before {
		return false
	}
	w.apart.Add(1)
	return ok
}

// asTheyCome are the ways in which somebody with a session is let in because of a right.
func asTheyCome(t *testing.T, b *browser, w *world) map[string]func() bool {
	at := b.at(w)
	return map[string]func() bool{
		"a call": func() bool {
			status := at.called()
			if status != http.StatusOK && status != http.StatusForbidden {
				t.Errorf("a call: %d", status)
			}
			return status == http.StatusOK
		},
		"/verify": func() bool {
			resp := ask(t, w, "GET", "/verify?require=staff", "", header("Cookie", "bff="+b.cookie("bff")))
			return resp.StatusCode == http.StatusNoContent
		},
		"/introspect": func() bool {
			resp := post(t, w, "/introspect", "token", b.cookie("bff"))
			return strings.Contains(text(resp), `"staff"`)
		},
	}
}

// While calls flow over two instances with caches, on two devices, a right is given and taken away a hundred times. No
// call that begins after the taking was answered gets through, be it to a mount, to /verify or to /introspect; what was
// given reaches both instances.
func TestARightTakenAwayIsRefusedFromTheAnswerOn(t *testing.T) {
	one, two := twins(
		t,
		both(withUsers(users.Config{}), requiring("staff")),
		both(withUsers(users.Config{}), requiring("staff")),
	)
	phone, laptop := one.browser(), two.browser()
	user := userOf(phone.signIn("ada"))
	laptop.signIn("ada")
	var now watch
	stop := make(chan struct{})
	var background sync.WaitGroup
	for _, w := range []*world{one, two} {
		for _, b := range []*browser{phone, laptop} {
			for name, call := range asTheyCome(t, b, w) {
				background.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
						}
						if now.hold(call) {
							t.Errorf("%s succeeded with a right that had been taken away", name)
							return
						}
					}
				})
			}
		}
	}
	const changes = 100
	for i := range changes {
		by := []*world{one, two}[i/2%2]
		if i%2 == 0 {
			now.period.Add(1)
			setRights(t, by, user, "staff")
			for _, w := range []*world{one, two} {
				testenv.Eventually(t, "the right is given", func() bool { return phone.at(w).called() == http.StatusOK })
			}
			continue
		}
		setRights(t, by, user)
		now.period.Add(1)
		seen := now.apart.Load()
		testenv.Eventually(t, "calls come and go without the right", func() bool {
			return t.Failed() || now.apart.Load() > seen+24 // two of each kind, device and instance, more or less
		})
	}
	close(stop)
	testenv.Finished(t, "what runs beside", background.Wait)
	if now.calls.Load() < 1000 || now.apart.Load() < 500 {
		t.Errorf("%d calls flowed meanwhile, %d without the right", now.calls.Load(), now.apart.Load())
	}
	t.Logf("%d calls, %d of them while the right was gone", now.calls.Load(), now.apart.Load())
}

// called makes one call, reads the answer to its end, and returns its status.
func (b *browser) called() int {
	b.w.t.Helper()
	resp := b.fetch("GET", calendars, "")
	_ = text(resp)
	_ = resp.Body.Close()
	return resp.StatusCode
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
	testenv.Finished(t, "all of them", all.Wait)
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
		testenv.Finished(t, "all of them", all.Wait)
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
		testenv.Finished(t, "all of them", all.Wait)
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
