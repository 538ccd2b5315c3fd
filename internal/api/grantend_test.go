package api_test

import (
	"net/http"
	"testing"
	"time"

	"bff/internal/demo/provider"
	"bff/internal/testenv"
)

// A connection says when its grant ends by itself, where that is known: the end of the refresh token where the provider
// tells it, of the access token where there is no other, and nothing where a refresh token has no end. A dead one says
// why instead.
func TestAConnectionSaysWhenItsGrantEnds(t *testing.T) {
	for name, is := range map[string]struct {
		habits provider.Habits
		after  time.Duration // 0: not said
	}{
		"a refresh token that ends":     {provider.Habits{RefreshLifetime: 48 * time.Hour}, 48 * time.Hour},
		"a refresh token, for ever":     {provider.Habits{}, 0},
		"an access token, and no other": {provider.Habits{RefreshTokens: provider.RefreshNever}, 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(s *settings) { s.habits = &is.habits })
			b := w.browser()
			before := time.Now()
			session := b.signIn("ada")
			after := time.Now()
			list := object(t, b.fetch("GET", "/bff/connections", ""))
			for where, c := range map[string]map[string]any{
				"the session": connectionOf(t, session, "ada@example.com"),
				"the list":    connectionOf(t, list, "ada@example.com"),
			} {
				said, some := c["expires_at"].(string)
				if is.after == 0 {
					if _, some := c["expires_at"]; some {
						t.Errorf("%s tells of an end: %v", where, c["expires_at"])
					}
					continue
				}
				end, err := time.Parse(time.RFC3339, said)
				if !some || err != nil || end.Before(before.Add(is.after-2*time.Second)) || end.After(after.Add(is.after)) {
					t.Errorf("%s says %v; it was issued between %v and %v for %v", where, c["expires_at"], before, after, is.after)
				}
			}
		})
	}
}

func TestADeadConnectionSaysWhyAndNoEnd(t *testing.T) {
	clock := newClock()
	w := newWorld(t, func(s *settings) {
		s.now, s.habits = clock.now, &provider.Habits{RefreshLifetime: 48 * time.Hour}
	})
	b := w.browser()
	if c := connectionOf(t, b.signIn("ada"), "ada@example.com"); c["expires_at"] == nil || c["reason"] != nil {
		t.Errorf("alive it says %v", c)
	}
	w.demo.RevokePerson("ada")
	clock.advance(time.Minute)
	testenv.Eventually(t, "a call finds it dead", func() bool {
		return b.fetch("GET", calendars, "").StatusCode == http.StatusForbidden
	})
	c := connectionOf(t, b.session(), "ada@example.com")
	if c["status"] != "needs_reauth" || c["reason"] != "revoked" || c["expires_at"] != nil {
		t.Errorf("dead it says %v", c)
	}
}
