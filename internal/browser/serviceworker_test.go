package browser_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"bff/internal/testenv"
)

const (
	// passesOn answers every navigation by what the network says.
	passesOn = `addEventListener("install", () => skipWaiting());
addEventListener("activate", (e) => e.waitUntil(clients.claim()));
addEventListener("fetch", (e) => { if (e.request.mode === "navigate") e.respondWith(fetch(e.request)); });`
	// preloads has the browser ask while the worker starts, and leaves bff's own addresses to the browser, which asks
	// again.
	preloads = `addEventListener("install", () => skipWaiting());
addEventListener("activate", (e) => e.waitUntil((async () => { await registration.navigationPreload.enable(); await clients.claim(); })()));
addEventListener("fetch", (e) => {
	if (new URL(e.request.url).pathname.startsWith("/bff/")) return;
	if (e.request.mode === "navigate") e.respondWith((async () => (await e.preloadResponse) ?? fetch(e.request))());
});`
)

// worked opens the application with a service worker that controls it.
func worked(t *testing.T, worker string) *site {
	t.Helper()
	s := hostile(t, nil, map[string]string{"sw.js": worker})
	s.open("/", "document.querySelector('#in')")
	testenv.Eval[bool](s.tab, `navigator.serviceWorker.register("/sw.js").then(() => navigator.serviceWorker.ready).then(() => true)`)
	s.tab.Await("navigator.serviceWorker.controller")
	return s
}

func (s *site) sessions() int {
	s.t.Helper()
	return testenv.Eval[int](s.tab, "fetch('/bff/sessions').then((a) => a.json()).then((a) => a.sessions?.length ?? 0)")
}

// Behind a service worker that passes navigations on (same-origin, navigate, no destination) a person signs in, links
// an account and opens a guarded address: F4.
func TestSigningInThroughAServiceWorker(t *testing.T) {
	s := worked(t, passesOn)
	s.enter("ada")
	if n := s.sessions(); n != 1 {
		t.Errorf("%d sessions", n)
	}
	s.tab.Do(chromedp.Navigate(s.origin + "/"))
	click(s.tab, "#link")
	agree(s.tab, "grace")
	s.tab.Await("location.origin == '" + s.origin + "' && document.querySelector('#in')")
	accounts := testenv.Eval[int](s.tab, "fetch('/bff/connections').then((a) => a.json()).then((a) => a.connections.length)")
	if accounts != 2 {
		t.Errorf("%d accounts are linked", accounts)
	}
	s.tab.Do(chromedp.Navigate(s.origin + guarded))
	s.tab.Await(shows("calendar#calendarList"))
}

// A service worker with navigation preload has the browser come back from the provider twice: the person is where she
// wanted, with one session and one redeemed code: F5.
func TestAWayBackThatAServiceWorkerDoubles(t *testing.T) {
	s := worked(t, preloads)
	// Whether the two requests meet is the browser's to say. A person's second sign-in would need a second code.
	for _, person := range []string{"ada", "grace"} {
		before := s.demo.Counts().TokenCalls
		s.enter(person)
		if at := testenv.Eval[string](s.tab, "location.href"); at != s.origin+"/inbox" {
			t.Errorf("she is at %s", at)
		}
		if who := testenv.Eval[string](s.tab, "fetch('/bff/session').then((a) => a.json()).then((a) => a.user?.email ?? '')"); who != person+"@example.com" {
			t.Errorf("signed in is %q", who)
		}
		if n := s.demo.Counts().TokenCalls - before; n != 1 {
			t.Errorf("%d codes were sent", n)
		}
		if n := s.sessions(); n != 1 {
			t.Errorf("%d sessions", n)
		}
		s.leave()
	}
}

// Two requests of one way back, at once or a moment apart, with one code or with two, end both where the person wanted
// to go, in one session of one redeemed code; so does one that comes later: F5.
func TestAWayBackThatComesTwice(t *testing.T) {
	for name, row := range map[string]struct {
		apart time.Duration
		code  bool
	}{
		"2 ms apart": {apart: 2 * time.Millisecond}, "400 ms apart": {apart: 400 * time.Millisecond},
		"with two codes": {code: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := hostile(t, nil, nil)
			s.tab.Do(chromedp.Navigate(s.origin + "/bff/login/demo?return_to=/inbox"))
			s.tab.Await("document.querySelector('button[value=ada]')")
			back, err := s.demo.Approve(testenv.Eval[string](s.tab, "location.href"), "ada")
			if err != nil {
				t.Fatal(err)
			}
			again := back
			if row.code {
				again = strings.Replace(back, "code=", "code=x", 1)
			}
			other := s.browser.Tab()
			done := make(chan struct{})
			first := make(chan struct{}) // of two codes the first is the provider's own
			go func() {
				defer close(done)
				if row.code {
					testenv.Receive(t, "the first one", first)
				}
				<-time.After(row.apart)
				other.Do(chromedp.Navigate(again))
			}()
			s.tab.Do(chromedp.Navigate(back))
			close(first)
			testenv.Receive(t, "the end of it", done)
			for _, tab := range []*testenv.Tab{s.tab, other} {
				tab.Await("location.href == " + strconv.Quote(s.origin+"/inbox"))
			}
			if n := s.sessions(); n != 1 {
				t.Errorf("%d sessions", n)
			}
			if n := s.demo.Counts().TokenCalls; n != 1 {
				t.Errorf("%d codes were sent", n)
			}
			other.Do(chromedp.Navigate(again)) // out of the history, later
			other.Await("location.href == " + strconv.Quote(s.origin+"/inbox"))
			if n := s.sessions(); n != 1 {
				t.Errorf("%d sessions after the history was used", n)
			}
		})
	}
}
