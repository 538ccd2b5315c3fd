package browser_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"bff/internal/testenv"
)

// On a phone, each page of bff that a person meets on a second front fits: nothing is wider than the screen, and every
// link and button can be hit.
func TestPagesOfASecondFrontFitAPhone(t *testing.T) {
	dev := testenv.Dev(t)
	tab := testenv.Chrome(t).Tab()
	testenv.Raw(tab, emulation.SetDeviceMetricsOverride,
		emulation.SetDeviceMetricsOverrideParams{Width: 390, Height: 844, DeviceScaleFactor: 1, Mobile: true})
	shop := strings.Replace(dev.Origin, "127.0.0.1", "shop.localhost", 1)
	fits := func(page string) {
		t.Helper()
		if wide := testenv.Eval[int](tab, "document.documentElement.scrollWidth"); wide > 390 {
			t.Errorf("%s is %d pixels wide", page, wide)
		}
		small := testenv.Eval[string](tab, `[...document.querySelectorAll("a, button, input, select")]
			.filter(e => e.checkVisibility() && Math.min(e.getBoundingClientRect().width, e.getBoundingClientRect().height) < 20)
			.map(e => e.outerHTML).join("\n")`)
		if small != "" {
			t.Errorf("on %s these are too small to hit:\n%s", page, small)
		}
		if dir := os.Getenv("BFF_SCREENSHOTS"); dir != "" {
			if err := os.WriteFile(filepath.Join(dir, "phone-"+page+".png"), tab.Screenshot(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	tab.Do(chromedp.Navigate(twoProviders(t) + "/bff/login?sso=none"))
	tab.Await(shows("Choose an account to sign in with.") + " && " + shows("Sign in with Microsoft"))
	fits("choose")
	tab.Do(chromedp.Navigate(shop + "/bff/login/none"))
	tab.Await("document.querySelector('h1')")
	fits("problem")
	tab.Do(chromedp.Navigate(shop + "/bff/account?lang=en"))
	tab.Await("document.querySelector('main')")
	fits("account-nobody")
	tab.Do(chromedp.Navigate(shop + "/bff/login/demo?return_to=/bff/account?lang=en"))
	tab.Await("document.querySelector('button[name=allow], button[value=ada]')")
	fits("provider")
	if testenv.Eval[bool](tab, "!!document.querySelector('button[value=ada]')") {
		click(tab, "button[value=ada]")
		tab.Await("document.querySelector('button[name=allow]')")
		fits("consent")
	}
	click(tab, "button[name=allow]")
	tab.Await("location.origin == '" + shop + "' && " + shows("Where you are signed in"))
	fits("account")
	tab.Do(chromedp.Navigate(shop + "/bff/continue?to=/bff/account"))
	tab.Await("location.pathname == '/bff/account'")
}

// twoProviders is a second front where a person chooses between two providers, which nobody plays.
func twoProviders(t *testing.T) (front string) {
	port := strconv.Itoa(testenv.FreePort(t))
	front = "http://desk.localhost:" + port
	testenv.BFF(t, "origin: http://127.0.0.1:"+port+"\nsession: {store: 'memory:', keys: [env:BFF_KEY]}\nfronts: [{origin: '"+front+
		"'}]\nproviders:\n  google: {client_id: x, client_secret: env:SECRET}\n  microsoft: {client_id: x, client_secret: env:SECRET}\n",
		"SECRET=x", "BFF_KEY="+testenv.NewKey(t))
	return front
}
