package api_test

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"bff/internal/testenv"
	"bff/internal/vault"
)

// A listening is an open stream of /bff/events.
type listening struct {
	t      testing.TB
	resp   *http.Response
	events chan event // closed when the stream is
}

type event struct{ name, data string }

func (b *browser) listen(edits ...edit) *listening {
	b.w.t.Helper()
	return hear(b.w.t, b.fetch("GET", "/bff/events", "", append([]edit{header("Accept", "text/event-stream")}, edits...)...))
}

// hear reads the events of an answer.
func hear(t testing.TB, resp *http.Response) *listening {
	t.Helper()
	l := &listening{t: t, resp: resp, events: make(chan event, 64)}
	if l.resp.StatusCode != http.StatusOK {
		close(l.events)
		return l
	}
	lines := bufio.NewScanner(l.resp.Body)
	for lines.Scan() && lines.Text() != "" { // the retry field: from here on it is registered
	}
	go func() {
		defer close(l.events)
		var e event
		for lines.Scan() {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch name {
			case "event":
				e.name = value
			case "data":
				e.data += value
			case "":
				if e != (event{}) {
					l.events <- e
				}
				e = event{}
			}
		}
	}()
	return l
}

// next is the next event; ok is false when the stream ended.
func (l *listening) next() (e event, ok bool) {
	l.t.Helper()
	select {
	case e, ok = <-l.events:
		return e, ok
	case <-time.After(25 * time.Second):
		l.t.Fatal("no event came")
		return event{}, false
	}
}

// ends asserts that the next event is the session's end for that reason, and that the stream is over then.
func (l *listening) ends(reason string) {
	l.t.Helper()
	e, _ := l.next()
	if e.name != "session.ended" || e.data != `{"reason":"`+reason+`"}` {
		l.t.Fatalf("got %v, want the end by %q", e, reason)
	}
	if e, ok := l.next(); ok {
		l.t.Fatalf("the stream goes on with %v", e)
	}
}

// changes asserts that the next event is a change of a connection, and returns its data.
func (l *listening) changes() string {
	l.t.Helper()
	e, _ := l.next()
	if e.name != "connection.changed" {
		l.t.Fatalf("got %v, want a change of a connection", e)
	}
	return e.data
}

// pair is two instances over one real store, with one key ring.
func pair(t *testing.T, change ...func(*settings)) (*world, *world, *testenv.RedisServer) {
	t.Helper()
	store := testenv.Redis(t)
	a, b := pairAt(t, store.URL, store.URL, change...)
	return a, b, store
}

// pairAt is a pair of which each reaches the store by a URL of its own.
func pairAt(t *testing.T, here, there string, change ...func(*settings)) (*world, *world) {
	t.Helper()
	key := vault.NewKey()
	with := func(url string) func(*settings) {
		return func(s *settings) { s.store, s.keys = url, []vault.Key{key} }
	}
	a := newWorld(t, append([]func(*settings){with(here)}, change...)...)
	same := func(s *settings) { s.demo, s.origin = a.demo, a.origin }
	return a, newWorld(t, append([]func(*settings){with(there), same}, change...)...)
}

func TestEventsTellThatTheSessionEnded(t *testing.T) {
	here, there, _ := pair(t)
	for name, end := range map[string]struct {
		reason string
		do     func(ada *browser)
	}{
		"a logout on the same instance":            {"logout", func(b *browser) { b.fetch("POST", "/bff/logout", "") }},
		"a logout on another instance":             {"logout", func(b *browser) { b.at(there).fetch("POST", "/bff/logout", "") }},
		"the session by its id, on another":        {"logout", func(b *browser) { b.at(there).fetch("DELETE", "/bff/sessions/"+sessionID(b), "") }},
		"another session of the user ends this":    {"ended_elsewhere", func(b *browser) { other(there).fetch("DELETE", "/bff/sessions/"+sessionID(b), "") }},
		"another session of the user ends all":     {"ended_elsewhere", func(*browser) { other(there).fetch("DELETE", "/bff/sessions", "") }},
		"the provider ends the user's sessions":    {"provider", func(b *browser) { endUser(t, there, b, "provider") }},
		"the user is erased":                       {"erased", func(b *browser) { erase(t, there, b) }},
		"a sign-in replaces it, on another device": {"logout", func(b *browser) { b.signIn("ada") }},
	} {
		t.Run(name, func(t *testing.T) {
			b := here.browser()
			b.signIn("ada")
			first, second := b.listen(), b.listen()
			end.do(b)
			first.ends(end.reason)
			second.ends(end.reason)
		})
	}
}

func TestManyEndsAtOnceKeepTheirReason(t *testing.T) {
	w, _, _ := pair(t)
	b := w.browser()
	b.signIn("ada")
	user := vault.User{ID: userID(b), Provider: "demo", Subject: "ada"}
	for range 98 { // with the one above, one less than a user may have
		if _, err := w.vault.Sessions.Create(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil),
			vault.NewSession{User: user}); err != nil {
			t.Fatal(err)
		}
	}
	heard := b.listen()
	endUser(t, w, b, "provider")
	heard.ends("provider")
}

func sessionID(b *browser) string {
	return b.session()["session"].(map[string]any)["id"].(string)
}

// other is a further device of ada's.
func other(w *world) *browser {
	b := w.browser()
	b.signIn("ada")
	return b
}

func userID(b *browser) string { return b.session()["user"].(map[string]any)["id"].(string) }

func endUser(t *testing.T, w *world, b *browser, reason string) {
	t.Helper()
	if _, err := w.vault.Index.EndUser(t.Context(), userID(b), reason); err != nil {
		t.Fatal(err)
	}
}

func erase(t *testing.T, w *world, b *browser) {
	t.Helper()
	if err := w.vault.Index.Erase(t.Context(), userID(b)); err != nil {
		t.Fatal(err)
	}
}

func TestEventsAreOfTheSessionAlone(t *testing.T) {
	w := newWorld(t)
	ada, grace := w.browser(), w.browser()
	ada.signIn("ada")
	grace.signIn("grace")
	heard := grace.listen()
	other(w).fetch("DELETE", "/bff/sessions", "") // ada's
	id := grace.session()["connections"].([]any)[0].(map[string]any)["id"].(string)
	grace.fetch("DELETE", "/bff/connections/"+id, "")
	if got := heard.changes(); got != `{"id":"`+id+`","status":"removed"}` { // nothing of ada's came before
		t.Fatalf("got %s", got)
	}
}

func TestEventsTellWhatChangedOfAConnection(t *testing.T) {
	here, there, _ := pair(t)
	b := here.browser()
	b.signIn("ada")
	heard := b.listen()
	b.approve(b.at(there).begin("/bff/connect/demo?scopes=https://www.googleapis.com/auth/drive.readonly"), "ada")
	if got := heard.changes(); !strings.Contains(got, "drive.readonly") || !strings.Contains(got, `"status":"active"`) {
		t.Fatalf("step-up: %s", got)
	}
	id := b.session()["connections"].([]any)[0].(map[string]any)["id"].(string)
	if resp := b.at(there).fetch("DELETE", "/bff/connections/"+id, ""); resp.StatusCode != http.StatusNoContent {
		t.Fatalf("unlink: %d", resp.StatusCode)
	}
	if got := heard.changes(); got != `{"id":"`+id+`","status":"removed"}` {
		t.Fatalf("unlink: %s", got)
	}
}

func TestEventsFollowTheUsersKeptConnectionsOnEveryDevice(t *testing.T) {
	here, there, _ := pair(t, func(s *settings) { s.keep = vault.KeepUser })
	phone, laptop := here.browser(), there.browser()
	phone.signIn("ada")
	laptop.signIn("ada")
	heard := phone.listen()
	id := laptop.session()["connections"].([]any)[0].(map[string]any)["id"].(string)
	laptop.fetch("DELETE", "/bff/connections/"+id, "")
	if got := heard.changes(); got != `{"id":"`+id+`","status":"removed"}` {
		t.Fatalf("got %s", got)
	}
}

func TestEventsEndWithTheIdleTime(t *testing.T) {
	t.Parallel()
	clock := newClock()
	w := newWorld(t, func(s *settings) { s.now = clock.now })
	b := w.browser()
	b.signIn("ada")
	heard := b.listen()
	b.fetch("DELETE", "/bff/connections/"+connectionID(b, 0), "")
	heard.changes()                 // it was looked at just now: only the time that passes ends it
	clock.advance(33 * time.Minute) // instances may be two minutes apart
	heard.ends("expired")
}

func TestEventsAreSilentAboutRefreshes(t *testing.T) {
	t.Parallel()
	clock := newClock()
	w := newWorld(t, func(s *settings) { s.now = clock.now })
	b := w.browser()
	b.signIn("ada")
	heard := b.listen()
	clock.advance(time.Minute)
	if resp := b.fetch("GET", "/api/calendar/users/me/calendarList", ""); resp.StatusCode != http.StatusOK ||
		w.demo.Counts().Refreshes != 1 {
		t.Fatalf("%d after %d refreshes", resp.StatusCode, w.demo.Counts().Refreshes)
	}
	select {
	case e := <-heard.events:
		t.Fatalf("a person sees no change: %v", e)
	case <-time.After(time.Second):
	}
}

// A stream that opens while its session ends gets the event all the same, with the reason.
func TestEventsOfASessionThatEndsMeanwhile(t *testing.T) {
	w := newWorld(t)
	first := w.browser()
	first.signIn("grace")
	first.listen()
	for range 40 {
		b := w.browser()
		b.signIn("ada")
		var end sync.WaitGroup
		end.Go(func() { b.fetch("POST", "/bff/logout", "") })
		if heard := b.listen(); heard.resp.StatusCode == http.StatusOK {
			heard.ends("logout")
		}
		testenv.Finished(t, "the end", end.Wait)
	}
}

func TestEventsDoNotSlideTheSession(t *testing.T) {
	clock := newClock()
	w := newWorld(t, func(s *settings) { s.now = clock.now })
	b := w.browser()
	before := b.signIn("ada")["session"].(map[string]any)["idle_expires_at"]
	clock.advance(20 * time.Minute)
	b.listen()
	if after := b.session()["session"].(map[string]any)["idle_expires_at"]; after != before {
		t.Fatalf("the idle time moved from %v to %v", before, after)
	}
}

func TestEventsOutliveAStoreThatIsDown(t *testing.T) {
	t.Parallel()
	clock := newClock()
	here, _, store := pair(t, func(s *settings) { s.now = clock.now })
	b := here.browser()
	b.signIn("ada")
	heard := b.listen()
	clock.advance(20 * time.Minute)
	b.fetch("GET", "/bff/session", "") // slides it, unknown to the stream
	b.loses(store)
	clock.advance(15 * time.Minute) // the stream has reason to look
	select {
	case e, ok := <-heard.events:
		t.Fatalf("an outage is no end: %v %v", e, ok)
	case <-time.After(5 * time.Second): // more than two looks
	}
	store.Start()
	testenv.Eventually(t, "the store is back", func() bool { return b.session()["authenticated"] == true })
	b.fetch("POST", "/bff/logout", "")
	if e, _ := heard.next(); e.name != "session.ended" { // for which reason is known only if the subscription was back in time
		t.Fatalf("got %v", e)
	}
}

// What happens while the subscription is broken is found by looking again.
func TestEventsFindAnEndThatWasMissed(t *testing.T) {
	t.Parallel()
	here, _, store := pair(t)
	b := here.browser()
	b.signIn("ada")
	heard := b.listen()
	for _, key := range store.Client().Keys(t.Context(), "bff:{*}:s:*").Val() {
		store.Client().Del(t.Context(), key)
	}
	store.Client().Do(t.Context(), "CLIENT", "KILL", "TYPE", "pubsub")
	heard.ends("ended_elsewhere")
}

func TestEventsAreRefused(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	refused(t, b.fetch("GET", "/bff/events", ""), 401, "not_signed_in")
	b.signIn("ada")
	var open sync.WaitGroup
	for range 16 {
		open.Go(func() { b.listen() })
	}
	testenv.Finished(t, "the open streams", open.Wait)
	resp := b.fetch("GET", "/bff/events", "")
	refused(t, resp, 429, "rate_limited")
	grace := w.browser()
	grace.signIn("grace")
	if resp := grace.listen().resp; resp.StatusCode != http.StatusOK {
		t.Fatalf("another session: %d", resp.StatusCode)
	}
}

func TestEventsAreNeverCachedNorBuffered(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn("ada")
	for _, method := range []string{"GET", "HEAD"} {
		h := b.fetch(method, "/bff/events", "").Header
		if h.Get("Content-Type") != "text/event-stream" || h.Get("Cache-Control") != "no-store" ||
			h.Get("X-Accel-Buffering") != "no" ||
			h.Get("Vary") != "Cookie" {
			t.Errorf("%s: %v", method, h)
		}
	}
}

func TestEventsEndAtOnceWhenTheInstanceDrains(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn("ada")
	heard := b.listen()
	w.server.Drain()
	if e, ok := heard.next(); ok {
		t.Fatalf("a drain is no end of the session: %v", e)
	}
}

// A clock that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Now()} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}
