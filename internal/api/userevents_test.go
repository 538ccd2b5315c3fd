package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bff/internal/testenv"
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

func TestPreferencesHonourIfMatch(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn("ada")
	none := b.fetch("GET", "/bff/preferences", "").Header.Get("ETag")
	first := b.fetch("PATCH", "/bff/preferences", `{"a":1}`, mergePatch, header("If-Match", none))
	tag := first.Header.Get("ETag")
	if first.StatusCode != 200 || tag == "" || tag == none {
		t.Fatalf("%d %s after %s", first.StatusCode, tag, none)
	}
	for _, condition := range []string{none, `"other"`, `W/` + tag, `""`, `x`, tag + "x", `"a", "b"`, ``} {
		p := b.fetch("PATCH", "/bff/preferences", `{"a":2}`, mergePatch, header("If-Match", condition))
		if p.Header.Get("ETag") != tag {
			t.Errorf("%q: the answer has the tag %s", condition, p.Header.Get("ETag"))
		}
		refused(t, p, 412, "conflict")
	}
	for _, condition := range []string{"%s", "*", `"a", %s`} {
		condition = strings.ReplaceAll(condition, "%s", tag)
		resp := b.fetch("PATCH", "/bff/preferences", `{"a":1}`, mergePatch, header("If-Match", condition))
		if resp.StatusCode != 200 {
			t.Errorf("%q: %d", condition, resp.StatusCode)
		}
		tag = resp.Header.Get("ETag")
	}
}

func TestOfManyConditionalChangesExactlyOneIsMade(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn("ada")
	tag := b.fetch("PATCH", "/bff/preferences", `{"a":0}`, mergePatch).Header.Get("ETag")
	var made atomic.Int32
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			resp := b.fetch("PATCH", "/bff/preferences", fmt.Sprintf(`{"a":%d}`, i), mergePatch, header("If-Match", tag))
			switch resp.StatusCode {
			case http.StatusOK:
				made.Add(1)
			case http.StatusPreconditionFailed:
			default:
				t.Errorf("%d", resp.StatusCode)
			}
		})
	}
	testenv.Finished(t, "all of them", all.Wait)
	if made.Load() != 1 {
		t.Errorf("%d changes were made", made.Load())
	}
}
