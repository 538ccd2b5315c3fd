package api_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"bff/internal/users"
)

// A shiftedClock is the real one, and a distance.
type shiftedClock struct{ ahead atomic.Int64 }

func (c *shiftedClock) now() time.Time      { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *shiftedClock) add(d time.Duration) { c.ahead.Add(int64(d)) }

func TestEveryTabHearsThatTheUserOrThePreferencesChanged(t *testing.T) {
	one, two := twins(t, withUsers(users.Config{}), withUsers(users.Config{}))
	phone, laptop, stranger := one.browser(), two.browser(), one.browser()
	user := userOf(phone.signIn("ada"))
	laptop.signIn("ada")
	stranger.signIn("grace")
	hears := []*listening{phone.listen(), phone.at(two).listen(), laptop.listen()}
	foreign := stranger.listen()
	resp := phone.fetch("PATCH", "/bff/preferences", `{"theme":"dark"}`, mergePatch)
	tag := resp.Header.Get("ETag")
	for i, l := range hears {
		if e, ok := l.next(); !ok || e.name != "preferences.changed" || e.data != fmt.Sprintf(`{"etag":%q}`, tag) {
			t.Errorf("stream %d: %v, want the tag %s", i, e, tag)
		}
	}
	if again := phone.fetch("GET", "/bff/preferences", ""); again.Header.Get("ETag") != tag {
		t.Errorf("the tag is %s now", again.Header.Get("ETag"))
	}
	setRights(t, two, user, "editor")
	for i, l := range hears {
		if e, ok := l.next(); !ok || e.name != "user.changed" || e.data != "{}" {
			t.Errorf("stream %d: %v", i, e)
		}
	}
	stranger.fetch("POST", "/bff/logout", "")
	if e, ok := foreign.next(); !ok || e.name != "session.ended" {
		t.Errorf("another user heard %v", e)
	}
}
