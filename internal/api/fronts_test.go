package api_test

import (
	"net/http"
	"strings"
	"testing"

	"bff/internal/api"
)

// A sign-in that begins on a further front goes through the provider once and ends where it began.
func TestASignInBeginsAndEndsOnItsFront(t *testing.T) {
	for name, sso := range map[string]bool{"with sso": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			w := newFronts(t, sso)
			p := w.visitor("ada")
			end := p.walk(shop+"/bff/login/demo?return_to=/basket%3Fa%3D1", "same-origin")
			if end != shop+"/basket?a=1" || p.asked != 1 || !p.signedIn(shop) {
				t.Fatalf("it ended at %s, the provider was asked %d times: %q\n%s", end, p.asked, p.trail, w.log)
			}
			if p.signedIn(first) != sso || p.signedIn(help) {
				t.Errorf("signed in at the first: %v, at another: %v", p.signedIn(first), p.signedIn(help))
			}
			conns := p.session(shop)["connections"].([]any)
			if len(conns) != 1 {
				t.Errorf("the session of the front has %d connections", len(conns))
			}
			if sso && len(p.session(first)["connections"].([]any)) != 0 {
				t.Error("two sessions own the same tokens")
			}
			for _, c := range p.jar.Cookies(parsed(t, shop)) {
				if c.Name != "bff" {
					t.Errorf("the cookie %s is left over", c.Name)
				}
			}
		})
	}
}

// Who is signed in on the first front, or came in by it, gets in on the others without the provider.
func TestSingleSignOnNeedsNoProvider(t *testing.T) {
	w := newFronts(t, true)
	p := w.visitor("ada")
	user := p.signIn(first)["user"].(map[string]any)["id"]
	if s := p.signIn(shop); p.asked != 1 || s["user"].(map[string]any)["id"] != user {
		t.Fatalf("the provider was asked %d times", p.asked)
	}
	q := w.visitor("grace") // by a further front, then on another
	q.signIn(shop)
	if q.signIn(help); q.asked != 1 {
		t.Errorf("the provider was asked %d times", q.asked)
	}
	// Another account, another page, a hint: the person wants the provider.
	for _, query := range []string{"prompt=login", "login_hint=ada%40example.com", "scopes=openid"} {
		before := q.asked
		if end := q.walk(help+"/bff/login/demo?"+query, "same-origin"); q.asked == before {
			t.Errorf("%s: the provider was not asked, and it ended at %s", query, end)
		}
	}
}

func TestWithoutSingleSignOnEachFrontAsksTheProvider(t *testing.T) {
	w := newFronts(t, false)
	p := w.visitor("ada")
	for _, front := range []string{first, shop, help} {
		before := p.asked
		if p.signIn(front); p.asked == before {
			t.Errorf("signed in at %s without the provider", front)
		}
	}
}

// Where there are several providers, who is signed in has nothing to choose, and who is not chooses.
func TestThePageToChooseIsForThoseWhoAreNobodyYet(t *testing.T) {
	w := newFronts(t, true, func(s *settings) { s.further = append(s.further, another()) })
	p := w.visitor("ada")
	if end := p.walk(shop+"/bff/login?return_to=/x", "same-origin"); !strings.HasPrefix(end, shop+"/bff/login?") {
		t.Fatalf("nobody was led to %s: %q", end, p.trail)
	}
	p.signIn(first)
	// Another provider than the one that vouches is a wish: nobody is signed in without it.
	if end := p.walk(shop+"/bff/login/other?return_to=/x", "same-origin"); p.signedIn(shop) ||
		end != shop+"/x?bff_error=provider_unavailable" {
		t.Errorf("a sign-in with another provider, which is away, led to %s: %q", end, p.trail)
	}
	if end := p.walk(shop+"/bff/login?return_to=/x", "same-origin"); end != shop+"/x" || p.asked != 1 {
		t.Errorf("somebody who is signed in was led to %s: %q", end, p.trail)
	}
}

// After a logout on a front, a sign-in there shows the provider again: another person may be at the browser.
func TestAfterALogoutTheProviderIsAskedAgain(t *testing.T) {
	w := newFronts(t, true)
	p := w.visitor("ada")
	p.signIn(first)
	p.signIn(shop)
	if resp := p.fetch("POST", shop+"/bff/logout", ""); resp.StatusCode != 200 {
		t.Fatal(resp.Status)
	}
	if p.signedIn(shop) || !p.signedIn(first) {
		t.Fatalf("after a logout on one front: there %v, on the first %v", p.signedIn(shop), p.signedIn(first))
	}
	if p.signIn(shop); p.asked == 1 {
		t.Errorf("signed in again without the provider")
	}
	before := p.asked
	if p.signIn(help); p.asked != before { // nobody logged out there
		t.Error("the provider was asked on a front where nobody logged out")
	}
}

func TestALogoutEverywhereEndsTheSessionsOfAllFronts(t *testing.T) {
	w := newFronts(t, true)
	p := w.visitor("ada")
	p.signIn(first)
	p.signIn(shop)
	p.signIn(help)
	resp := p.fetch("POST", help+"/bff/logout", `{"everywhere": true}`, header("Content-Type", "application/json"))
	if resp.StatusCode != 200 {
		t.Fatal(resp.Status)
	}
	for _, front := range []string{first, shop, help} {
		if p.signedIn(front) {
			t.Errorf("still signed in at %s", front)
		}
	}
}

// A code of single sign-on vouches by the session on the first front: what ends that ends what the code would open.
func TestACodeDoesNotOutliveTheSessionThatVouches(t *testing.T) {
	w := newFronts(t, true)
	p := w.visitor("ada")
	p.signIn(first)
	stopped := p.walk(shop+"/bff/login/demo", "same-origin", is(shop, "/bff/front/arrive"))
	if p.fetch("POST", first+"/bff/logout", `{"everywhere": true}`, header("Content-Type", "application/json")).StatusCode != 200 {
		t.Fatal("logout")
	}
	if end := p.walk(stopped, "cross-site"); end != shop+"/?bff_error=login_expired" || p.signedIn(shop) {
		t.Errorf("after a logout everywhere a code led to %s, signed in %v", end, p.signedIn(shop))
	}
}

// Accounts are linked, repaired and given more scopes from a further front too, for its own session.
func TestAnAccountIsLinkedFromAFurtherFront(t *testing.T) {
	w := newFronts(t, true)
	p := w.visitor("ada")
	p.signIn(shop)
	p.name = "grace"
	if end := p.walk(shop+"/bff/connect/demo?return_to=/accounts", "same-origin"); end != shop+"/accounts" {
		t.Fatalf("linking ended at %s: %q\n%s", end, p.trail, w.log)
	}
	conns := p.session(shop)["connections"].([]any)
	if len(conns) != 2 || len(p.session(first)["connections"].([]any)) != 0 {
		t.Fatalf("the session has %d connections", len(conns))
	}
	// Another account than the one to repair.
	id := conns[0].(map[string]any)["id"].(string)
	if end := p.walk(shop+"/bff/connect/demo?connection="+id, "same-origin"); end != shop+"/?bff_error=wrong_account" {
		t.Errorf("repairing with another account ended at %s", end)
	}
}

// A front has the apis that it names, and the frontend that it has.
func TestAFrontHasItsOwnApisAndFrontend(t *testing.T) {
	page := func(text string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) })
	}
	w := newFronts(t, true, func(s *settings) {
		three := s.api
		s.api = func(c *api.Config) {
			three(c)
			c.Frontend, c.Fronts[0].Frontend = page("the app"), page("the shop")
			c.Fronts[0].APIs = []string{}
		}
	})
	p := w.visitor("ada")
	p.signIn(first)
	p.walk(shop+"/bff/login/demo", "same-origin")
	const call = "/api/calendar/users/me/calendarList"
	if resp := p.fetch("GET", first+call, ""); resp.StatusCode != 200 {
		t.Errorf("the first: %d", resp.StatusCode)
	}
	if resp := p.fetch("GET", shop+call, ""); text(resp) != "the shop" {
		t.Errorf("a front without the api: %d", resp.StatusCode)
	}
	if resp := p.fetch("GET", help+"/", ""); resp.StatusCode != 404 {
		t.Errorf("a front without a frontend: %d", resp.StatusCode)
	}
	if resp := p.fetch("GET", first+"/", ""); text(resp) != "the app" {
		t.Error("the first has another's frontend")
	}
}

// Silent single sign-on hands no tokens on: a connection of the session stays with its session, one of the user is
// found by all.
func TestWhoHasTheTokens(t *testing.T) {
	const call = "/api/calendar/users/me/calendarList"
	p := newFronts(t, true).visitor("ada")
	p.signIn(first)
	p.signIn(shop)
	problem := refused(t, p.fetch("GET", shop+call, ""), 403, "not_connected")
	fix := problem["fix"].(map[string]any)["url"].(string)
	if end := p.walk(shop+fix, "same-origin"); end != shop+"/" || p.fetch("GET", shop+call, "").StatusCode != 200 {
		t.Errorf("the fix %s led to %s", fix, end)
	}
	if p.fetch("GET", first+call, "").StatusCode != 200 {
		t.Error("the first front's session lost its tokens")
	}
	q := newFronts(t, true, kept).visitor("ada")
	q.signIn(first)
	if q.signIn(shop); q.fetch("GET", shop+call, "").StatusCode != 200 || q.asked != 1 {
		t.Error("what the user keeps is not found on another front")
	}
}
