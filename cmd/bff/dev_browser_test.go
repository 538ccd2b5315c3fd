package main_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"bff/internal/testenv"
)

// A real browser holds the provider's pages to their policy (forms may lead to bff and nowhere else), and the cookies
// to SameSite: the provider is another site.
func TestDevInARealBrowser(t *testing.T) {
	origin, _ := startDev(t, 0)
	b := testenv.Chrome(t)
	tab := b.Tab()
	keep := func(name string) { // for looking at: BFF_SCREENSHOTS=DIR
		if dir := os.Getenv("BFF_SCREENSHOTS"); dir != "" {
			if err := os.WriteFile(filepath.Join(dir, name+".png"), tab.Screenshot(), 0o600); err != nil {
				t.Error(err)
			}
		}
	}
	click := func(selector string) {
		tab.Await("document.querySelector('" + selector + "')")
		keep(strings.NewReplacer("[", "", "]", "", "=", "-").Replace(selector))
		testenv.Eval[bool](tab, "document.querySelector('"+selector+"').click(), true")
	}
	tab.Do(chromedp.Navigate(origin + "/"))
	testenv.Eval[bool](tab, "location.assign('/bff/login/demo?return_to=/%3Fback'), true")
	click("button[value=ada]")
	click("button[name=allow]")
	tab.Await("location.href === '" + origin + "/?back'")
	if got := testenv.Eval[string](tab, "fetch('/bff/session').then(r => r.text())"); !strings.Contains(
		got,
		"ada@example.com",
	) {
		t.Errorf("the session says %s", got)
	}
	if got := testenv.Eval[int](tab, "fetch('"+calendarList+"').then(r => r.status)"); got != 200 {
		t.Errorf("the calendar answers %d", got)
	}
	tab.Await("document.body.innerText.includes('Bernoulli')")
	keep("app")
	if got := testenv.Eval[int](
		tab, "fetch('/demo/sign-in', {method: 'POST', headers: {'X-CSRF': '1'}, body: '{\"person\":\"grace\"}'}).then(r => r.status)",
	); got != 204 {
		t.Errorf("the test sign-in answers %d", got)
	}
	tab.Do(chromedp.Navigate(origin + "/"))
	if got := testenv.Eval[string](tab, "fetch('/bff/session').then(r => r.text())"); !strings.Contains(
		got,
		"grace@example.com",
	) {
		t.Errorf("after the test sign-in the session says %s", got)
	}
	// The sign-in as grace ends ada's session while the page has its event stream: when the stream is opened again
	// before the new cookie has arrived, it is refused, and so are the preferences that are read with it.
	complaints := slices.DeleteFunc(
		b.Complaints(),
		func(c string) bool {
			return strings.Contains(c, "401") &&
				(strings.Contains(c, "/bff/events") || strings.Contains(c, "/bff/preferences"))
		},
	)
	if len(complaints) > 0 {
		t.Errorf("the browser complains: %q", complaints)
	}
	for _, request := range b.Requests() {
		_, to, _ := strings.Cut(request, " ")
		if !strings.HasPrefix(to, origin+"/") && !strings.HasPrefix(to, "http://localhost:") &&
			!strings.HasPrefix(to, "data:") {
			t.Errorf("a request went to %s", to)
		}
	}
}
