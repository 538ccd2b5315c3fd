package browser_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"bff/internal/testenv"
)

// listen has a tab note every event of the client from now on, the first one apart.
func listen(t *testenv.Tab) {
	testenv.Eval[bool](t, `import("/bff/client.js").then(({createClient}) => new Promise((ready) => {
		self.heard = [];
		createClient().onAuthStateChange((event, session, why) => event === "INITIAL_SESSION" ? ready(true) : heard.push(why ? event + " " + why : event));
	}))`)
}

// heard waits for an event, with its reason where one is given.
func heard(t *testenv.Tab, event string) {
	t.Await("heard.some((e) => (e + ' ').startsWith('" + event + " '))")
}

// What one tab does, every tab hears, with the same word: signing in, linking, unlinking, signing out.
func TestEveryTabGetsTheSameEvents(t *testing.T) {
	r := visit(t)
	r.open("/", "document.querySelector('#sign-in')")
	second := r.browser.Tab()
	second.Do(chromedp.Navigate(r.origin + "/bff/account?lang=en"))
	second.Await(shows("Continue with Demo"))
	listen(second)

	r.signIn("ada")
	second.Await(shows("Ada Lovelace"))
	heard(second, "SIGNED_IN")
	listen(r.tab)

	p := r.popup(func() { click(r.tab, "#link") })
	agree(p, "grace")
	r.tab.Await(shows("COBOL committee"))
	second.Await(shows("grace@example.com"))
	heard(second, "CONNECTION_CHANGED")
	heard(r.tab, "CONNECTION_CHANGED")

	testenv.Eval[bool](r.tab, "heard.length = 0, true")
	press(second, "Unlink Demo, grace@example.com")
	click(second, "dialog .primary")
	second.Await(shows("is unlinked"))
	r.tab.Await("!" + shows("COBOL committee"))
	heard(r.tab, "CONNECTION_CHANGED")

	click(r.tab, "#sign-out")
	second.Await(shows("You are signed out"))
	heard(second, "SIGNED_OUT logout")
	heard(r.tab, "SIGNED_OUT logout")
	if cookies := r.browser.Cookies(); slices.ContainsFunc(
		cookies,
		func(c *network.Cookie) bool { return c.Name == "bff" },
	) {
		t.Error("the cookie is still there")
	}
	r.quiet()
}

// One tab listens to the server for all. When it closes, the next one takes over.
func TestWhenTheTabThatListensClosesAnotherTakesOver(t *testing.T) {
	r := visit(t)
	r.signIn("ada")
	r.tab.Do(chromedp.Navigate(r.origin + "/bff/account/icon.svg")) // no client here: it only calls
	var tabs []*testenv.Tab
	leads := func(tab *testenv.Tab, waiting int) {
		testenv.Eventually(t, "one tab listens, the others wait", func() bool {
			return testenv.Eval[int](
				tab,
				"navigator.locks.query().then((l) => 10 * l.held.length + l.pending.length)",
			) == 10+waiting
		})
	}
	for range 3 {
		tab := r.browser.Tab()
		tab.Do(chromedp.Navigate(r.origin + "/bff/account/done"))
		listen(tab)
		tabs = append(tabs, tab)
		leads(tab, len(tabs)-1)
	}
	call := func(method, path string) {
		if got := testenv.Eval[int](r.tab, `fetch("`+path+`", {method: "`+method+`"}).then((a) => a.status)`); got > 204 {
			t.Fatalf("%s %s: %d", method, path, got)
		}
	}
	testenv.Raw(tabs[0], cdppage.Close, cdp.Empty{})
	leads(tabs[1], 1)
	call(
		"DELETE",
		"/bff/connections/"+testenv.Eval[string](
			r.tab,
			"fetch('/bff/connections').then((a) => a.json()).then((c) => c.connections[0].id)",
		),
	)
	heard(tabs[1], "CONNECTION_CHANGED")
	heard(tabs[2], "CONNECTION_CHANGED")
	testenv.Raw(tabs[1], cdppage.Close, cdp.Empty{})
	leads(tabs[2], 0)
	call("POST", "/bff/logout")
	heard(tabs[2], "SIGNED_OUT logout")
	r.quiet()
}

// Saying no in the popup changes nothing but says so; the same popup can be opened again. It closes by itself,
// although the provider's pages cut window.opener (Cross-Origin-Opener-Policy: same-origin).
func TestAPopupThatIsRefused(t *testing.T) {
	r := visit(t)
	r.signIn("ada")
	before := len(r.windows())
	refuse(r.popup(func() { click(r.tab, "#link") }))
	r.tab.Await(shows("access_denied"))
	refuse(r.popup(func() { click(r.tab, "#open-files") }))
	r.tab.Await(shows("You said no. The app goes on without files."))
	agree(r.popup(func() { click(r.tab, "#open-files") }), "ada")
	r.tab.Await(shows("Numbers.csv"))
	testenv.Eventually(t, "no popup is left", func() bool { return len(r.windows()) == before })
	r.quiet()
}

// refuse is agree's opposite: at the choice of a person, or at the consent.
func refuse(t *testenv.Tab) { click(t, "button[name=cancel], button[name=deny]") }

// A browser that lets no popup through: the same buttons lead there and back to where the person was.
func TestABlockedPopupComesBackToWhereThePersonWas(t *testing.T) {
	r := visit(t, chromedp.Flag("disable-popup-blocking", false))
	r.signIn("ada")
	here := "/?week=48#friday"
	r.open(here, shows("Breakfast with Charles"))
	if popup := testenv.Eval[bool](r.tab, "(() => { const w = open('/bff/account/icon.svg', '_blank', 'popup'); w?.close(); return !!w; })()"); popup {
		t.Fatal("the browser lets popups through: the test is for nothing")
	}
	click(r.tab, "#link")
	r.tab.Await("location.origin === '" + r.demo.Issuer + "'")
	agree(r.tab, "grace")
	r.tab.Await(shows("COBOL committee") + " && " + shows("Breakfast with Charles"))
	if at := testenv.Eval[string](r.tab, "location.pathname + location.search + location.hash"); at != here {
		t.Errorf("back at %s, not at %s", at, here)
	}
	click(r.tab, "#open-files")
	r.tab.Await("location.origin === '" + r.demo.Issuer + "'")
	agree(r.tab, "ada")
	r.tab.Await("location.href === '" + r.origin + here + "' && document.querySelector('#open-files')")
	click(r.tab, "#open-files") // the call was another page's; now it has what it needs
	r.tab.Await(shows("Numbers.csv"))
	r.quiet()
}

// The history of a browser leads to pages that were; none of them signs in again, signs out, or shows what belonged
// to somebody who left.
func TestTheBackButton(t *testing.T) {
	r := visit(t)
	r.signIn("ada")
	id := r.sessionID()
	history := testenv.Raw(r.tab, cdppage.GetNavigationHistory, cdp.Empty{})
	for _, entry := range history.Entries { // the way back that a person takes: a script's own is held to the page's form-action
		if strings.HasPrefix(entry.URL, r.demo.Issuer+"/o/oauth2/v2/auth") {
			testenv.Raw(r.tab, cdppage.NavigateToHistoryEntry, cdppage.NavigateToHistoryEntryParams{EntryID: entry.ID})
			break
		}
	}
	r.tab.Await("location.origin === '" + r.demo.Issuer + "'")
	click(r.tab, "button[value=ada]")
	r.tab.Await("location.pathname.endsWith('/choose')") // used already: the provider says so
	r.open("/", shows("Breakfast with Charles"))
	if now := r.sessionID(); now != id {
		t.Errorf("the session was %s and is %q", id, now)
	}

	r.open("/?second", shows("Breakfast with Charles"))
	r.open("/bff/account?lang=en", shows("Ada Lovelace"))
	press(r.tab, "Sign out")
	r.tab.Await(shows("Continue with Demo"))
	testenv.Eval[bool](r.tab, "history.back(), true")
	r.tab.Await("location.search === '?second' && document.querySelector('#sign-in')")
	// the panel beside the app shows the database of the server, rows of people included
	r.tab.Await("!" + shows("Breakfast with Charles") +
		" && ['nav', 'hero', 'app'].every((id) => !document.getElementById(id).innerText.includes('Ada Lovelace'))")
	testenv.Eval[bool](r.tab, "history.forward(), true")
	r.tab.Await("location.pathname === '/bff/account' && " + shows("Continue with Demo"))
	if readable := r.tab.Readable(); strings.Contains(readable, "ada@example.com") {
		t.Error("a page still shows who was signed in")
	}
	r.quiet()
}

// The account page ends the other sessions, and the pages there say why.
func TestEndingOtherSessions(t *testing.T) {
	r := visit(t)
	other := &rig{t: t, origin: r.origin, demo: r.demo, browser: testenv.Chrome(t)}
	other.tab = other.browser.Tab()
	other.signIn("ada")
	testenv.Raw(other.tab, network.ClearBrowserCookies, cdp.Empty{}) // a session that nobody ended
	other.signIn("ada")
	listen(other.tab)

	r.signIn("ada")
	id := r.sessionID()
	r.open("/bff/account?lang=en", "document.querySelectorAll('.row').length === 3")
	click(r.tab, "#end-others")
	r.tab.Await("document.querySelector('dialog[open]')")
	click(r.tab, "dialog .primary")
	r.tab.Await(shows("All other devices are signed out.") + " && document.querySelectorAll('.row').length === 1")
	heard(other.tab, "SIGNED_OUT ended_elsewhere")
	other.tab.Await(shows("This session was ended from another device") + " && document.querySelector('#sign-in')")
	if now := r.sessionID(); now != id {
		t.Errorf("this session was %s and is %q", id, now)
	}

	other.signIn("ada")
	listen(other.tab)
	r.open("/bff/account?lang=en", "document.querySelectorAll('.row').length === 2")
	click(r.tab, "[id^=end-]")
	heard(other.tab, "SIGNED_OUT ended_elsewhere")
	r.quiet()
	other.quiet()
}

// Every button that breaks something, and the way back from it.
func TestEveryButtonOfTheDemoBreaksAndRepairs(t *testing.T) {
	r := visit(t)
	r.signIn("ada")
	id := r.sessionID()
	second := r.browser.Tab()
	second.Do(chromedp.Navigate(r.origin + "/bff/account?lang=en"))
	second.Await(shows("Ada Lovelace"))
	listen(second)

	r.breaks("expire")
	r.tab.Await("+document.querySelector('#renewals').textContent === 1 && " + shows("200 in"))

	r.breaks("down")
	r.tab.Await(shows("Still working with the token the server has"))
	r.breaks("expire")
	r.tab.Await(shows("503 provider_unavailable") + " && " + shows("You are still signed in"))
	r.breaks("down")
	r.tab.Await(shows("200 in") + " && !document.querySelector('#banner p')")

	r.breaks("slow")
	r.tab.Await("document.querySelector('#banner').innerText.includes('The provider is slow')")
	r.breaks("expire")
	r.tab.Await("+document.querySelector('#renewals').textContent > 2 || " + shows("200 in"))
	r.breaks("slow")

	r.breaks("revoke")
	r.breaks("expire")
	r.tab.Await(shows("This link needs you"))
	second.Await(shows("Needs attention"))
	heard(second, "CONNECTION_CHANGED")
	p := r.popup(func() { click(r.tab, "[id^=fix-]") })
	agree(p, "ada")
	r.tab.Await("!document.querySelector('[id^=fix-]') && " + shows("200 in"))
	second.Await(shows("Active") + " && !" + shows("Needs attention"))
	if now := r.sessionID(); now != id {
		t.Errorf("the session was %s and is %q: nothing of this ends one", id, now)
	}

	r.open("/", shows("200 in")) // what the repair set off is over
	click(r.tab, "#do-end-elsewhere")
	r.tab.Await(shows("The provider reported that you signed out elsewhere"))
	second.Await(shows("Your account's provider ended this session."))
	heard(second, "SIGNED_OUT provider")
	r.quiet()
}
