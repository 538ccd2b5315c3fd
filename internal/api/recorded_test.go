package api_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"

	"bff/internal/api"
	"bff/internal/audit"
	"bff/internal/users"
)

// notes is a Recorder that keeps what it got.
type notes struct {
	mu   sync.Mutex
	kept []audit.Event
}

func (n *notes) Record(_ context.Context, e audit.Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.kept = append(n.kept, e)
}

// take returns the kinds of what was kept since, with codes behind a slash.
func (n *notes) take() (kinds []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, e := range n.kept {
		kinds = append(kinds, strings.TrimSuffix(string(e.Kind)+"/"+e.Code, "/"))
	}
	n.kept = nil
	return kinds
}

// Whatever changes something is recorded, once, with who did it to whom; what was refused is recorded with its code.
func TestWhatChangesSomethingIsRecordedOnce(t *testing.T) {
	seen := &notes{}
	w := newWorld(t, withUsers(users.Config{}), func(s *settings) {
		before := s.api
		s.api = func(c *api.Config) {
			if before != nil {
				before(c)
			}
			c.Audit = seen
		}
	})
	b := w.browser()
	expect := func(what string, want ...string) {
		t.Helper()
		if got := seen.take(); !slices.Equal(got, want) {
			t.Errorf("%s: recorded %q, want %q", what, got, want)
		}
	}
	b.signIn("ada")
	expect("a first sign-in", "user_registered", "sign_in")
	b.link("grace")
	expect("linking an account", "connection_linked")
	b.fetch("PATCH", "/bff/preferences", `{"theme":"dark"}`, mergePatch)
	expect("preferences", "preferences_changed")
	b.fetch("GET", "/api/calendar/settings", "")
	expect("a path that is not allowed", "call_refused/route_not_allowed")
	b.fetch("GET", "/api/calendar/users/me/calendarList", "")
	expect("a call that goes well")
	id := b.session()["connections"].([]any)[1].(map[string]any)["id"].(string)
	b.fetch("DELETE", "/bff/connections/"+id, "")
	expect("unlinking", "connection_unlinked")
	other := w.browser()
	other.signIn("ada")
	expect("a second sign-in", "sign_in")
	other.fetch("DELETE", "/bff/sessions", "")
	expect("ending the others", "session_ended")
	other.visit("/bff/callback/demo?state=x&code=y", "cross-site")
	expect("a callback of nobody's attempt", "sign_in_refused/login_expired")
	seen.take()
	other.fetch("POST", "/bff/logout", "")
	seen.mu.Lock()
	last := slices.Clone(seen.kept)
	seen.mu.Unlock()
	if len(last) != 1 || last[0].Reason != "logout" || last[0].Actor.Kind != audit.ByUser || last[0].User == "" ||
		last[0].Session == "" || last[0].Request == "" {
		t.Errorf("a logout: %+v", last)
	}
	for _, e := range last {
		if text, _ := json.Marshal(e); strings.Contains(string(text), other.cookie("bff")) && other.cookie("bff") != "" {
			t.Error("an event holds a cookie")
		}
	}
}
