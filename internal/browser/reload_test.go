package browser_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"bff/internal/testenv"
)

const guarded = "/api/calendar/users/me/calendarList"

// After a click at the provider, the address in return_to is answered as signed in, also where it needs the session
// itself: the way back is cross-site and brings no Strict cookie.
func TestTheWayBackLeadsIntoAGuardedAddress(t *testing.T) {
	r := build(t, time.Minute)
	r.tab.Do(chromedp.Navigate(r.origin + "/bff/login/demo?return_to=" + guarded))
	agree(r.tab, "ada")
	r.tab.Await(shows("calendar#calendarList"))
	if at := testenv.Eval[string](r.tab, "location.href"); at != r.origin+guarded {
		t.Errorf("the page is at %s", at)
	}
}

// A link on a page of another site into a guarded address: the person is there, signed in, with the fragment, without
// another session and without a round to the provider.
func TestALinkOfAnotherSiteLeadsIntoAGuardedAddress(t *testing.T) {
	r := build(t, time.Minute)
	r.signIn("ada")
	id, signIns := r.sessionID(), r.demo.Counts().SignIns
	stranger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<!doctype html><title>stranger</title><link rel=icon href=data:,><body>"))
	}))
	t.Cleanup(stranger.Close)
	elsewhere := strings.Replace(stranger.URL, "127.0.0.1", "localhost", 1)
	for _, target := range []string{guarded, guarded + "#part"} {
		r.tab.Do(chromedp.Navigate(elsewhere + "/"))
		testenv.Eval[bool](r.tab, "location.assign("+strconv.Quote(r.origin+target)+"), true")
		r.tab.Await(shows("calendar#calendarList"))
		if at := testenv.Eval[string](r.tab, "location.href"); at != r.origin+target {
			t.Errorf("%s: the page is at %s", target, at)
		}
	}
	r.tab.Do(chromedp.Navigate(r.origin + "/"))
	if now := r.sessionID(); now != id || r.demo.Counts().SignIns != signIns {
		t.Errorf("the session was %s and is %s; %d sign-ins, then %d", id, now, signIns, r.demo.Counts().SignIns)
	}
}
