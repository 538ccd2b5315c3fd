package browser_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"bff/internal/testenv"
)

// shop is the origin of the second front of `bff dev`.
func (r *rig) shop() string { return strings.Replace(r.origin, "127.0.0.1", "shop.localhost", 1) }

// The two fronts of `bff dev`: one person on both, the second time without the provider; a cookie for each; what the
// backend gets names the front; a choice is on both; a logout everywhere ends both.
func TestDevHasASecondFront(t *testing.T) {
	r := visit(t)
	r.signIn("ada")
	user := testenv.Eval[string](r.tab, `fetch("/bff/session").then((a) => a.json()).then((s) => s.user.id)`)
	r.tab.Await("document.querySelector('#open-front')?.href === '" + r.shop() + "/'")
	second := r.browser.Tab()
	second.Do(chromedp.Navigate(r.shop() + "/"))
	second.Await("document.querySelector('#sign-in')")
	before := r.atProvider()
	click(second, "#sign-in")
	second.Await(shows("Hello Ada Lovelace.") + " && " + shows(`"iss": "`+r.shop()+`"`) + " && " + shows(`"sub": "`+user+`"`))
	if r.atProvider() != before {
		t.Error("the provider was seen on the way to the second front")
	}
	click(r.tab, "#ask-backend")
	r.tab.Await(shows(`"iss": "` + r.origin + `"`))
	r.tab.Await(shows("is asking at "+r.shop()) + " && " + shows("is asking at "+r.origin))
	cookies := map[string]string{}
	for _, c := range r.browser.Cookies() {
		if c.Name == "bff" {
			cookies[c.Domain] = c.Value
			if !c.HTTPOnly || c.SameSite != "Strict" {
				t.Errorf("the cookie of %s: %+v", c.Domain, c)
			}
		}
	}
	if len(cookies) != 2 || cookies["127.0.0.1"] == cookies["shop.localhost"] {
		t.Errorf("cookies of %d fronts", len(cookies))
	}
	click(r.tab, "#theme-dark")
	second.Await("document.documentElement.dataset.theme === 'dark'")
	click(second, "#leave-everywhere")
	second.Await("document.querySelector('#sign-in')")
	r.tab.Await("document.querySelector('#sign-in')")
	for _, complaint := range r.browser.Complaints() {
		if !strings.Contains(complaint, "401") { // of the streams that ended
			t.Errorf("the browser complains: %s", complaint)
		}
	}
}

// atProvider is how often the browser was at the provider.
func (r *rig) atProvider() (n int) {
	for _, request := range r.browser.Requests() {
		if strings.HasPrefix(request, "GET "+r.demo.Issuer) {
			n++
		}
	}
	return n
}

// In `bff dev` a name of this machine that is no front is the first front, since a dev server passes its own Host on
// (docs/testing.md); any other name is no front.
func TestDevAnswersADevServersHost(t *testing.T) {
	dev := testenv.Dev(t)
	port := dev.Origin[strings.LastIndexByte(dev.Origin, ':'):]
	client := &http.Client{Timeout: time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for host, want := range map[string]int{
		"127.0.0.1:5173": 200, "localhost:5173": 200, "[::1]:5173": 200, "app.localhost": 200, "shop.localhost:5173": 200,
		"shop.localhost" + port: 200, "evil.example" + port: 421, "shop.localhost.evil.example": 421, "10.0.0.1:5173": 421,
		"localhost.example:5173": 421,
	} {
		q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, dev.Origin+"/bff/session", nil)
		if err != nil {
			t.Fatal(err)
		}
		q.Host = host
		q.Header.Set("Sec-Fetch-Site", "same-origin")
		resp, err := client.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", host, resp.StatusCode, want)
		}
	}
}
