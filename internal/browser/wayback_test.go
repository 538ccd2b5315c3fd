package browser_test

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"bff/internal/testenv"
)

// A callback that comes a second time within a minute (the history, a person who presses reload) leads where the first
// did: it signs nobody in again and nobody out, and redeems no code. Attack class 11.
func TestACallbackIsUsedOnce(t *testing.T) {
	r := build(t, time.Minute)
	r.signIn("ada")
	id := r.sessionID()
	var callback string
	for _, request := range r.browser.Requests() {
		if _, to, _ := strings.Cut(request, " "); strings.HasPrefix(to, r.origin+"/bff/callback/demo?") {
			callback = to
		}
	}
	redeemed := r.demo.Counts().TokenCalls
	r.tab.Do(chromedp.Navigate(callback))
	r.tab.Await("document.querySelector('#sign-out')")
	if now := r.demo.Counts().TokenCalls; now != redeemed {
		t.Errorf("the code was redeemed again: %d calls, then %d", redeemed, now)
	}
	if at := testenv.Eval[string](r.tab, "location.href"); at != r.origin+"/" {
		t.Errorf("the page is at %s", at)
	}
	if now := r.sessionID(); now != id {
		t.Errorf("the session was %s and is %q", id, now)
	}
	r.quiet()
}

// Two tabs on one way back at the same instant, as a reload in mid-flight makes them: one signs in, the other says
// so, and there is one session.
func TestAReloadInMidFlightMakesOneSession(t *testing.T) {
	r := build(t, time.Minute)
	r.tab.Do(chromedp.Navigate(r.origin + "/bff/login/demo"))
	r.tab.Await("document.querySelector('button[value=ada]')")
	back, err := r.demo.Approve(testenv.Eval[string](r.tab, "location.href"), "ada")
	if err != nil {
		t.Fatal(err)
	}
	tabs := []*testenv.Tab{r.tab, r.browser.Tab()}
	done := make(chan struct{})
	for _, tab := range tabs {
		go func() {
			defer func() { done <- struct{}{} }()
			tab.Do(chromedp.Navigate(back))
		}()
	}
	for range tabs {
		testenv.Receive(t, "the end of it", done)
	}
	for _, tab := range tabs {
		tab.Await("document.querySelector('#sign-out')")
	}
	if n := testenv.Eval[int](r.tab, "fetch('/bff/sessions').then((a) => a.json()).then((a) => a.sessions.length)"); n != 1 {
		t.Errorf("%d sessions", n)
	}
	if n := r.demo.Counts().TokenCalls; n != 1 {
		t.Errorf("the code was sent %d times", n)
	}
}

// An attempt that is gone (ten minutes passed, cookies were cleared) ends in words and can be begun again.
func TestAnExpiredAttemptEndsInWords(t *testing.T) {
	r := build(t, time.Minute)
	r.open("/", "document.querySelector('#sign-in')")
	click(r.tab, "#sign-in")
	click(r.tab, "button[value=ada]")
	r.tab.Await("document.querySelector('button[name=allow]')")
	for _, c := range r.browser.Cookies() {
		if strings.HasPrefix(c.Name, "bff-") {
			testenv.Raw(r.tab, network.DeleteCookies, network.DeleteCookiesParams{Name: c.Name, URL: r.origin + "/"})
			testenv.Raw(r.tab, network.DeleteCookies, network.DeleteCookiesParams{Name: c.Name, Domain: c.Domain, Path: c.Path})
		}
	}
	click(r.tab, "button[name=allow]")
	r.tab.Await(shows("That sign-in took too long, or was used before"))
	click(r.tab, "#sign-in")
	agree(r.tab, "ada")
	r.tab.Await("document.querySelector('#sign-out')")
}

// Ten tabs begin at once; each comes back to its own page.
func TestTenTabsSignInAtOnce(t *testing.T) {
	r := build(t, time.Minute)
	tabs := []*testenv.Tab{r.tab}
	for len(tabs) < 10 {
		tabs = append(tabs, r.browser.Tab())
	}
	for i, tab := range tabs {
		tab.Do(chromedp.Navigate(r.origin + "/bff/login/demo?return_to=/%3Ftab=" + string(rune('0'+i))))
	}
	for i, tab := range tabs {
		agree(tab, "ada")
		tab.Await("location.href === '" + r.origin + "/?tab=" + string(rune('0'+i)) + "'")
	}
	for _, tab := range tabs {
		tab.Await("document.querySelector('#sign-out')")
	}
	for _, c := range r.browser.Cookies() {
		if strings.HasPrefix(c.Name, "bff-") {
			t.Errorf("an attempt's cookie is left: %s", c.Name)
		}
	}
}

func (r *rig) sessionID() string {
	r.t.Helper()
	return testenv.Eval[string](r.tab, "fetch('/bff/session').then((a) => a.json()).then((s) => s.session?.id || '')")
}
