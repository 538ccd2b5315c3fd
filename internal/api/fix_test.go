package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// A consent that was just asked for again and not given is not offered once more, until the person had time to think.
func TestAFixThatWasJustFollowedIsNotOfferedAgain(t *testing.T) {
	clock := newClock()
	w := newWorld(t, func(s *settings) { s.now = clock.now })
	b := w.browser()
	b.signIn("ada", calendarScope)
	lacks := func() map[string]any {
		t.Helper()
		return refused(t, b.fetch("GET", "/api/calendar/users/me/calendarList", ""), 403, "missing_scopes")
	}
	fix, _ := lacks()["fix"].(map[string]any)
	b.approve(b.begin(fmt.Sprint(fix["url"])), "ada", calendarScope)
	p := lacks()
	if p["fix"] != nil || !strings.Contains(fmt.Sprint(p["detail"]), "just linked again") {
		t.Errorf("right after a fix that brought nothing: %v, %v", p["fix"], p["detail"])
	}
	clock.advance(3 * time.Minute)
	if p := lacks(); p["fix"] == nil {
		t.Errorf("three minutes later: %v", p)
	}
}

// What an attempt asks for is kept with it, so it is bounded, for those who are nobody yet and for those who are not.
func TestTheScopesOfAnAttemptAreBounded(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn("ada")
	few, many := strings.Repeat("scope-of-16-byte ", 200), strings.Repeat("scope-of-16-byte ", 1000)
	for _, path := range []string{"/bff/login/demo", "/bff/connect/demo"} {
		if resp := b.visit(path+"?scopes="+url.QueryEscape(few), "same-origin"); resp.StatusCode != http.StatusFound {
			t.Errorf("%s with some: %d", path, resp.StatusCode)
		}
		refused(t, b.visit(path+"?scopes="+url.QueryEscape(many), "same-origin"), 400, "bad_request")
	}
}
