package api_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"bff/internal/testenv"
)

// A callback that comes again from the browser that shows the attempt's cookie is led where the first was, without
// another redemption and without another session.
func TestACallbackThatComesAgainIsLedWhereTheFirstWas(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	at, _ := w.demo.Approve(b.begin("/bff/login/demo?return_to=/inbox"), "ada")
	kept := b.attempts()
	first := b.visit(at, "cross-site").Header.Get("Location")
	session := b.cookie("bff")
	u, _ := url.Parse(w.front.URL)
	b.jar.SetCookies(u, kept) // a browser that sent it twice
	for name, again := range map[string]string{"the same": at, "with another code": strings.Replace(at, "code=", "code=x", 1)} {
		resp := b.visit(again, "cross-site")
		if to := resp.Header.Get("Location"); first != "/inbox" || to != first {
			t.Errorf("%s: %q, then %q", name, first, to)
		}
	}
	list := object(t, b.fetch("GET", "/bff/sessions", ""))["sessions"].([]any)
	if b.cookie("bff") != session || len(list) != 1 {
		t.Errorf("another session was made: %v", list)
	}
	// By the session alone, as after the back button.
	for _, c := range kept {
		c.MaxAge = -1
	}
	b.jar.SetCookies(u, kept)
	if to := b.visit(at, "same-origin").Header.Get("Location"); to != "/inbox" {
		t.Errorf("by the session that was made: %q", to)
	}
	stranger := w.browser()
	if to := stranger.visit(at, "cross-site").Header.Get("Location"); to != "/?bff_error=login_expired" {
		t.Errorf("another browser is led to %q", to)
	}
	grace := w.browser()
	grace.signIn("grace")
	if to := grace.visit(at, "cross-site").Header.Get("Location"); to != "/?bff_error=login_expired" {
		t.Errorf("another person is led to %q", to)
	}
}

// Two callbacks of one attempt at the same instant: both are led on, the code is redeemed once.
func TestCallbacksAtTheSameInstantAreLedTheSameWay(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	at, _ := w.demo.Approve(b.begin("/bff/login/demo?return_to=/inbox"), "ada")
	cookies := b.attempts()
	got := make(chan string, 4)
	for range cap(got) {
		go func() {
			r, _ := http.NewRequest("GET", strings.Replace(at, w.origin, w.front.URL, 1), nil)
			for _, c := range cookies {
				r.AddCookie(c)
			}
			resp, err := w.wire.RoundTrip(r)
			if err != nil {
				got <- err.Error()
				return
			}
			_ = resp.Body.Close()
			made := ""
			for _, c := range resp.Cookies() {
				if c.Name == "bff" {
					made = " with a session"
				}
			}
			got <- resp.Header.Get("Location") + made
		}()
	}
	counts := map[string]int{}
	for range cap(got) {
		counts[testenv.Receive(t, "what was sent", got)]++
	}
	if counts["/inbox with a session"] != 1 || counts["/inbox"] != cap(got)-1 {
		t.Errorf("%v", counts)
	}
}
