package api_test

import (
	"net/http"
	"testing"
	"time"

	"bff/internal/demo/trouble"
	"bff/internal/proxy"
	"bff/internal/testenv"
	"bff/internal/vault"
)

// Guarantee 6: a call that waits for its token while its session ends elsewhere does not begin any more, though the
// token came: what the user keeps outlives the session, the right to use it does not.
func TestACallWhoseSessionEndedWhileItWaitedDoesNotBegin(t *testing.T) {
	d := newDesk(t)
	d.answer = func(w http.ResponseWriter) { w.WriteHeader(http.StatusOK) }
	clock := newClock()
	here, there, _ := pair(t, func(s *settings) {
		s.now, s.keep = clock.now, vault.KeepUser
		s.mounts = []proxy.Config{{Name: "desk", Path: "/api/desk", Upstream: d.URL, Allow: []string{"GET /x"}}}
	})
	b, other := here.browser(), here.browser()
	b.signIn("ada")
	other.signIn("ada")
	heard := b.listen() // from here on the instance hears what ends
	clock.advance(time.Minute)
	before := here.demo.Counts().TokenCalls
	if err := here.demo.Delay(trouble.Slow, time.Hour); err != nil {
		t.Fatal(err)
	}
	late := make(chan *http.Response, 1)
	go func() { late <- b.fetch("GET", "/api/desk/x", "") }()
	testenv.Eventually(t, "the call waits for its token", func() bool { return here.demo.Counts().TokenCalls > before })
	b.at(there).fetch("POST", "/bff/logout", "")
	heard.ends("logout")
	if err := here.demo.Switch(trouble.Up); err != nil {
		t.Fatal(err)
	}
	p := refused(t, testenv.Receive(t, "the late answer", late), 401, "not_signed_in")
	if fix, _ := p["fix"].(map[string]any); fix["url"] != "/bff/login/demo" {
		t.Errorf("fix %v", p["fix"])
	}
	if _, calls := d.count(); calls != 0 {
		t.Error("the call began after its session had ended")
	}
	testenv.Eventually(t, "another session of the user goes on with the token that came", func() bool {
		return other.fetch("GET", "/api/desk/x", "").StatusCode == http.StatusOK
	})
}

// The same on an instance that hears nothing of what ends elsewhere, since the store does not let it subscribe: the
// session is read again, and neither a call nor an exchange gets the token that came after it had ended.
func TestADeafInstanceGivesNoTokenToASessionThatEndedMeanwhile(t *testing.T) {
	for name, wait := range map[string]struct {
		request func(b *browser, w *world) *http.Response
		status  int
	}{
		"a call": {func(b *browser, _ *world) *http.Response { return b.fetch("GET", "/api/desk/x", "") }, http.StatusUnauthorized},
		"an exchange": {func(b *browser, w *world) *http.Response { return post(b.w.t, w, "/token", tokenRequest(b)...) },
			http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.answer = func(w http.ResponseWriter) { w.WriteHeader(http.StatusOK) }
			clock := newClock()
			store := testenv.Redis(t)
			if err := store.Client().Do(t.Context(), "ACL", "SETUSER", "deaf", "on", ">pw", "~*", "&*", "+@all",
				"-subscribe", "-psubscribe", "-ssubscribe").Err(); err != nil {
				t.Fatal(err)
			}
			there, deaf := pairAt(t, store.URL, "redis://deaf:pw@"+store.Addr+"/0", withServices, func(s *settings) {
				s.now, s.keep = clock.now, vault.KeepUser
				s.mounts = []proxy.Config{{Name: "desk", Path: "/api/desk", Upstream: d.URL, Allow: []string{"GET /x"}}}
			})
			b := there.browser()
			b.signIn("ada")
			deaf.browser().begin("/bff/login/demo") // it knows the provider, and no session
			clock.advance(time.Minute)
			before := there.demo.Counts().TokenCalls
			if err := there.demo.Delay(trouble.Slow, time.Hour); err != nil {
				t.Fatal(err)
			}
			late := make(chan *http.Response, 1)
			go func() { late <- wait.request(b.at(deaf), deaf) }()
			testenv.Eventually(t, "it waits for its token", func() bool { return there.demo.Counts().TokenCalls > before })
			b.fetch("POST", "/bff/logout", "")
			if err := there.demo.Switch(trouble.Up); err != nil {
				t.Fatal(err)
			}
			if resp := testenv.Receive(t, "the late answer", late); resp.StatusCode != wait.status {
				t.Errorf("%d %s", resp.StatusCode, text(resp))
			}
			if _, calls := d.count(); calls != 0 {
				t.Error("the call began after its session had ended")
			}
		})
	}
}
