package browser_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"

	"bff/internal/testenv"
)

const picture = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><script>alert(1)</script>` +
	`<circle cx="4" cy="4" r="4"/></svg>`

// The account page calls the application by its name and shows its logo. A script in the logo does not run.
func TestTheAccountPageHasTheApplicationsNameAndLogo(t *testing.T) {
	logo := filepath.Join(t.TempDir(), "Acme.SVG")
	if err := os.WriteFile(logo, []byte(picture), 0o600); err != nil {
		t.Fatal(err)
	}
	op := testenv.OIDC(t, testenv.OIDCOptions{})
	b := testenv.BFF(t, "name: Acme <b>Planner</b>\nlogo: "+logo+"\n"+
		"session: {store: 'memory:', keys: [env:BFF_KEY]}\n"+
		"providers: {op: {issuer: "+op.Issuer+", client_id: x, client_secret: env:OP_SECRET}}\n", op.Env())
	browser := testenv.Chrome(t)
	tab := browser.Tab()
	tab.Do(chromedp.Navigate(b.Origin + "/bff/account?lang=en"))
	tab.Await("document.querySelector('h1')?.innerText === 'Sign in to Acme <b>Planner</b>'")
	tab.Await(shows("Back to Acme <b>Planner</b>"))
	tab.Await("document.querySelector('img.logo').naturalWidth > 0")
	if c := browser.Complaints(); len(c) > 0 {
		t.Errorf("the browser complained: %q", c)
	}
	tab.Do(chromedp.Navigate(b.Origin + "/bff/account/logo.svg"))
	tab.Await("document.querySelector('circle')")
	if got := testenv.Eval[int](tab, "document.documentElement.querySelectorAll('parsererror').length"); got != 0 {
		t.Error("the logo is not what it was")
	}
}
