package frontproxy_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"bff/internal/testenv"
)

// In a real browser: a person is sent to sign in and comes back to where she wanted; a link on another site leads
// her, signed in, where it says, without a second sign-in and without a loop; after the logout it leads her to the
// sign-in.
func TestAPersonInABrowser(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		browser := testenv.Chrome(t)
		tab := browser.Tab()
		tab.Do(chromedp.Navigate(s.origin + "/deep/page?a=b#there"))
		tab.Await(shows("/deep/page?a=b for u_"))
		if at := testenv.Eval[string](tab, "location.href"); at != s.origin+"/deep/page?a=b#there" {
			t.Errorf("she is at %s", at)
		}
		codes := s.op.Counts().Codes
		stranger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = fmt.Fprintf(w, `<a id=link href="%s/deep/other?c=d">a mail</a>`, s.origin)
		}))
		t.Cleanup(stranger.Close)
		tab.Do(chromedp.Navigate(stranger.URL), chromedp.Click("#link")) // a person's click: Sec-Fetch-User
		tab.Await(shows("/deep/other?c=d for u_"))
		if after := s.op.Counts().Codes; codes != 1 || after != 1 {
			t.Errorf("%d sign-ins, then %d", codes, after)
		}
		tab.Do(chromedp.Evaluate[chromedp.Void](`fetch("/bff/logout", {method: "POST"}).then(() => document.title = "out")`))
		tab.Await(`document.title === "out"`)
		tab.Do(chromedp.Navigate(stranger.URL), chromedp.Click("#link")) // a person's click: Sec-Fetch-User
		tab.Await(shows("/deep/other?c=d for u_"))                       // the provider remembers her, and asks nothing
		if after := s.op.Counts().Codes; after != 2 {
			t.Errorf("after the logout: %d sign-ins", after)
		}
	})
}

// A second front behind the same front proxy: a sign-in that begins there ends there, and what the application hears is
// that front's. On the first front she is signed in by then without the provider, under the same user; each front has a
// session of its own, and a logout of one leaves the other.
func TestAPersonOnTwoFronts(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		tab := testenv.Chrome(t).Tab()
		heard := func(front string) string {
			tab.Do(chromedp.Navigate(front + "/deep/page?a=b#there"))
			tab.Await(shows("/deep/page?a=b for u_"))
			if at := testenv.Eval[string](tab, "location.href"); at != front+"/deep/page?a=b#there" {
				t.Errorf("she is at %s", at)
			}
			got := s.app.asked("/deep/page?a=b") // its icon may have been asked for since
			claims := assertionOf(t, got)
			if claims["iss"] != front || claims["sub"] != got.Header.Get("BFF-User") {
				t.Errorf("on %s the application hears of %v", front, claims)
			}
			return fmt.Sprint(claims["sub"], " ", claims["sid"])
		}
		further := heard(s.further)
		if n := s.op.Counts().Codes; n != 1 {
			t.Errorf("%d sign-ins", n)
		}
		first := heard(s.origin)
		user, session, _ := strings.Cut(first, " ")
		if n := s.op.Counts().Codes; n != 1 {
			t.Errorf("on the first front: %d sign-ins", n)
		}
		if !strings.HasPrefix(further, user+" ") || strings.HasSuffix(further, " "+session) {
			t.Errorf("%s on the further front, %s on the first", further, first)
		}
		tab.Do(chromedp.Evaluate[chromedp.Void](`fetch("/bff/logout", {method: "POST"}).then(() => document.title = "out")`))
		tab.Await(`document.title === "out"`)
		if again := heard(s.further); again != further {
			t.Errorf("after the logout of the first front: %s, was %s", again, further)
		}
	})
}

// shows is an expression: the application's page says so.
func shows(text string) string {
	return fmt.Sprintf(`document.getElementById("at")?.textContent.startsWith(%q)`, text)
}
