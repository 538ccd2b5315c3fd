package browser_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"

	"bff/internal/demo/trouble"
	"bff/internal/testenv"
)

// Guarantee 1, in a real browser: a whole session with every feature used; all bodies, headers, frames and events
// that reached any tab, what scripts can read, and the browser's own cookie store are searched for every credential
// that was made meanwhile. Attack class 14.
func TestNoCredentialReachesABrowser(t *testing.T) {
	r := build(t, 8*time.Second)
	var readable strings.Builder
	var cookies []*network.Cookie
	read := func(tabs ...*testenv.Tab) {
		cookies = append(cookies, r.browser.Cookies()...)
		for _, t := range append(tabs, r.tab) {
			readable.WriteString(look(t))
		}
	}

	// No at first, then yes.
	r.open("/", "document.querySelector('#sign-in')")
	read()
	click(r.tab, "#sign-in")
	click(r.tab, "button[name=cancel]")
	r.tab.Await(shows("You said no at the provider"))
	r.signIn("ada")
	r.tab.Await(shows("Breakfast with Charles"))
	read()

	// A second account in a popup, one more permission in another, a file, a stream.
	p := r.popup(func() { click(r.tab, "#link") })
	read(p) // the provider's origin has storages of its own
	agree(p, "grace")
	r.tab.Await(shows("COBOL committee"))
	p = r.popup(func() { click(r.tab, "#open-files") })
	agree(p, "ada")
	r.tab.Await(shows("Numbers.csv"))
	if got := testenv.Eval[int](r.tab, "fetch(document.querySelector('.files a').href).then(async (a) => (await a.blob()).size)"); got == 0 {
		t.Error("the file is empty")
	}
	stream := "new Promise((done) => { const s = new EventSource('/api/calendar/calendars/primary/stream'); s.onopen = () => { s.close(); done(true); }; })"
	testenv.Eval[bool](r.tab, stream)
	read()

	// The token dies early, runs out, and is renewed under a provider in trouble.
	before := r.demo.Counts().Refreshes
	click(r.tab, "#do-expire")
	testenv.Eventually(t, "a renewal", func() bool { return r.demo.Counts().Refreshes > before })
	for _, mode := range []trouble.Mode{trouble.Down, trouble.Garbage, trouble.LoseAnswer} {
		r.switchTo(mode)
		r.demo.ExpireAll()
		testenv.Eval[int](r.tab, "fetch('/api/calendar/users/me/calendarList').then((a) => a.status)")
	}
	r.switchTo(trouble.Up)
	r.demo.SwitchAPI(trouble.Echo) // an API that repeats what it was sent, the token too
	if got := testenv.Eval[string](r.tab, "fetch('/api/calendar/users/me/calendarList').then((a) => a.text())"); !strings.Contains(
		got,
		"Authorization",
	) {
		t.Errorf("the API did not repeat what it was sent: %.300s", got)
	}
	r.demo.SwitchAPI(trouble.Up)
	read()

	// The grant is taken back at the provider, and given again.
	r.demo.RevokePerson("ada")
	r.tab.Await("document.querySelector('[id^=fix-]')")
	p = r.popup(func() { click(r.tab, "[id^=fix-]") })
	agree(p, "ada")
	r.tab.Await("!document.querySelector('[id^=fix-]')")

	// The account page, preferences, every route that answers with JSON, mistakes.
	for _, path := range []string{"session", "connections", "sessions", "preferences", "nowhere"} {
		testenv.Eval[string](r.tab, "fetch('/bff/"+path+"').then((a) => a.text())")
	}
	testenv.Eval[int](
		r.tab,
		`fetch('/bff/preferences', {method: 'PATCH', headers: {'Content-Type': 'application/merge-patch+json'}, body: '{"a":1}'}).then((a) => a.status)`,
	)
	r.open("/bff/account?lang=en", shows("Where you are signed in"))
	read()
	press(r.tab, "Unlink Demo, grace@example.com")
	click(r.tab, "dialog .primary")
	r.tab.Await(shows("is unlinked"))
	press(r.tab, "Sign out")
	r.tab.Await(shows("Continue with Demo"))
	read()

	r.hunt(readable.String())
	attempts := false
	for _, c := range cookies {
		attempts = attempts || strings.HasPrefix(c.Name, "bff-")
		if strings.HasPrefix(c.Name, "bff") && (!c.HTTPOnly || strings.Contains(readable.String(), c.Value)) {
			t.Errorf("a script could read the cookie %s", c.Name)
		}
	}
	if !attempts {
		t.Error("no attempt was under way at any look")
	}
	if missed := r.browser.Missed(); len(missed) > 0 {
		t.Errorf("not everything was recorded: %q", missed)
	}
	r.quiet()
}

func (r *rig) switchTo(m trouble.Mode) {
	r.t.Helper()
	if err := r.demo.Switch(m); err != nil {
		r.t.Fatal(err)
	}
}

// hunt searches for every credential, as it is and in the encodings that hide one. A code passes through the browser
// by the protocol's design, once, useless without its verifier; it must not stay where a script can read it.
func (r *rig) hunt(readable string) {
	r.t.Helper()
	received := r.browser.Received()
	var cookies strings.Builder
	for _, c := range r.browser.Cookies() {
		cookies.WriteString(c.Name + "=" + c.Value + "\n")
	}
	places := map[string][]byte{
		"what reached the browser": received,
		"what a script can read":   []byte(readable),
		"the cookie store":         []byte(cookies.String()),
	}
	if !bytes.Contains(received, []byte("Breakfast with Charles")) || !strings.Contains(readable, "ada@example.com") {
		r.t.Error("what the pages showed was not recorded: the hunt was for nothing")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	kinds := map[string]int{}
	for secret, kind := range r.marks {
		kinds[kind]++
		for _, form := range forms(secret) {
			for place, hay := range places {
				if kind == "code" && place == "what reached the browser" {
					continue
				}
				if bytes.Contains(hay, []byte(form)) {
					r.t.Errorf("%s holds a credential: %s", place, kind)
				}
			}
		}
	}
	for _, kind := range []string{"access_token", "refresh_token", "id_token", "code", "client_secret"} {
		if kinds[kind] == 0 {
			r.t.Errorf("no %s was made: the hunt was for nothing", kind)
		}
	}
	r.t.Logf(
		"%d bytes of %d requests searched for %d credentials in eight forms: found none",
		len(received)+len(readable)+cookies.Len(),
		len(r.browser.Requests()),
		len(r.marks),
	)
}

// quiet is: no violation of a policy, no uncaught exception, no request to anybody else. A refused call is in the
// console by the browser's own doing.
func (r *rig) quiet() {
	r.t.Helper()
	for _, c := range r.browser.Complaints() {
		if !strings.Contains(c, "Failed to load resource: the server responded with a status of") {
			r.t.Errorf("the browser complained: %s", c)
		}
	}
	for _, request := range r.browser.Requests() {
		_, to, _ := strings.Cut(request, " ")
		if !strings.HasPrefix(to, r.origin+"/") && !strings.HasPrefix(to, r.demo.Issuer+"/") &&
			!strings.HasPrefix(to, "data:") &&
			!strings.HasPrefix(to, "blob:"+r.origin) {
			r.t.Errorf("a request went elsewhere: %s", request)
		}
	}
}
