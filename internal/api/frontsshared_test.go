package api_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"bff/internal/testenv"
)

// Preferences and data of a user are shared, data of a session is not.
func TestWhatFrontsShare(t *testing.T) {
	w := newFronts(t, true)
	p := w.visitor("ada")
	p.signIn(first)
	p.signIn(shop)
	p.fetch("PATCH", first+"/bff/preferences", `{"theme":"dark"}`, header("Content-Type", "application/merge-patch+json"))
	if got := object(t, p.fetch("GET", shop+"/bff/preferences", "")); got["theme"] != "dark" {
		t.Errorf("preferences on another front: %v", got)
	}
	id := func(front string) string { return p.session(front)["session"].(map[string]any)["id"].(string) }
	as := []edit{basic("billing", billingSecret), header("Content-Type", "application/merge-patch+json")}
	if resp := ask(t, w, "PATCH", "/sessions/"+id(first)+"/data", `{"basket":[1]}`, as...); resp.StatusCode != 200 {
		t.Fatalf("%d %s", resp.StatusCode, text(resp))
	}
	if body := text(ask(t, w, "GET", "/sessions/"+id(shop)+"/data", "", as...)); strings.Contains(body, "basket") {
		t.Errorf("data of another front's session: %s", body)
	}
}

// Two products on one store, each with several fronts of the same names: nothing of one is anything in the other.
func TestTwoProductsWithFrontsOnOneStore(t *testing.T) {
	store := testenv.Redis(t).URL
	ours := newFronts(t, true, func(s *settings) { s.store, s.prefix = store, "ours" })
	theirs := newFronts(t, true, func(s *settings) { s.store, s.prefix, s.demo = store, "theirs", ours.demo })
	p := ours.visitor("ada")
	p.signIn(first)
	p.signIn(shop)
	code := ours.visitor("ada")
	stopped := code.walk(shop+"/bff/login/demo", "same-origin", is(shop, "/bff/front/arrive"))
	q := theirs.visitor("ada")
	for _, front := range []string{first, shop, help} {
		q.smuggle(front, p, front)
		if q.signedIn(front) {
			t.Errorf("a cookie of the other product is signed in at %s", front)
		}
	}
	q.smuggle(shop, code, shop)
	if q.walk(stopped, "cross-site"); q.signedIn(shop) || q.asked != 0 {
		t.Errorf("a pass of the other product led to %q", q.trail)
	}
}

// No token and no half of a code is in what the browsers' logs or the store hold in clear.
func TestNothingOfTheWayIsLogged(t *testing.T) {
	w := newFronts(t, true)
	p := w.visitor("ada")
	p.signIn(shop)
	for _, address := range p.trail {
		for _, name := range []string{"start", "pass", "code"} {
			_, half, _ := strings.Cut(parsed(t, address).Query().Get(name), ".")
			if half != "" && bytes.Contains([]byte(w.log.String()), []byte(half)) {
				t.Errorf("the log has a %s", name)
			}
		}
	}
}

// The lists of sessions say of which front each is, and where there is one front they say nothing.
func TestSessionsSayOfWhichFrontTheyAre(t *testing.T) {
	w := newFronts(t, true)
	p := w.visitor("ada")
	p.signIn(first)
	p.signIn(shop)
	user := p.session(first)["user"].(map[string]any)["id"].(string)
	for name, answer := range map[string]map[string]any{
		"to the person":   object(t, p.fetch("GET", help+"/bff/sessions", "", toHost("app.test"), header("Cookie", "bff="+p.cookie(first, "bff")))),
		"to the operator": object(t, ask(t, w, "GET", "/users/"+user+"/sessions", "", basic("billing", billingSecret))),
	} {
		var fronts []string
		for _, s := range answer["sessions"].([]any) {
			fronts = append(fronts, s.(map[string]any)["front"].(string))
		}
		slices.Sort(fronts)
		if !slices.Equal(fronts, []string{first, shop}) {
			t.Errorf("%s: %v", name, fronts)
		}
	}
	b := newWorld(t).browser()
	b.signIn("ada")
	if body := text(b.fetch("GET", "/bff/sessions", "")); strings.Contains(body, "front") {
		t.Errorf("with one front: %s", body)
	}
}
