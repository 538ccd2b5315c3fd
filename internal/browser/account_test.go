package browser_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"

	"bff/internal/testenv"
)

// asks is a request of a service that may do everything.
func (r *rig) asks(method, path, kind, body string) (int, string) {
	r.t.Helper()
	q, err := http.NewRequest(method, "http://"+r.admin+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	q.SetBasicAuth("invoices", storySecret)
	q.Header.Set("Content-Type", kind)
	resp, err := (&http.Client{Timeout: 10 * time.Second}).Do(q)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return resp.StatusCode, string(text)
}

// buildKept is a product in which connections stay with the user, with a hook and a service.
func buildKept(t *testing.T) *rig {
	t.Helper()
	database := newAppDatabase(t)
	return buildOf(t, time.Minute, func(yaml string) string {
		return strings.Replace(yaml, "    title: Demo\n", "    title: Demo\n    keep: user\n", 1) +
			"users: {hook: {url: \"" + database.URL + "\", secret: env:STORY_SECRET}}\n" +
			"clients: {invoices: {secret: env:STORY_SECRET, manage: true, data: true, offline: [demo]}}\n"
	}, "STORY_SECRET="+storySecret)
}

// A person sees what is held about them on the account page of the real product: identities and which of them sign in,
// rights in the operator's words, and what a service used while they were away, and why. All of it can be taken along
// as a file, in which no credential is.
func TestAPersonSeesAndTakesAlongWhatIsHeld(t *testing.T) {
	r := buildKept(t)
	r.signIn("ada")
	p := r.popup(func() { click(r.tab, "#link") })
	agree(p, "grace")
	r.tab.Await(shows("COBOL committee"))
	session := fetched(r.tab, "GET", "/bff/session", "")
	user := between(session, `"user":{"id":"`, `"`)
	fetched(r.tab, "PATCH", "/bff/preferences", `{"theme":"dark"}`)
	if status, body := r.asks("PATCH", "/users/"+user, "application/json", `{"rights":["May approve invoices"]}`); status != 200 {
		t.Fatalf("rights: %d %s", status, body)
	}
	if status, body := r.asks("PATCH", "/users/"+user+"/data", "application/merge-patch+json", `{"cart":["tea"]}`); status != 200 {
		t.Fatalf("data: %d %s", status, body)
	}
	form := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token": {user},
		"subject_token_type": {"urn:bff:user"}, "audience": {"demo"}, "reason": {"the invoice of November"}}
	if status, body := r.asks("POST", "/token", "application/x-www-form-urlencoded", form.Encode()); status != 200 {
		t.Fatalf("an exchange with nobody present: %d %s", status, body)
	}

	r.open("/bff/account?lang=en", shows("Used while you were away"))
	for _, text := range []string{"May approve invoices", "editor", "invoices used Demo", "the invoice of November",
		"ada@example.com", "grace@example.com", "Signs you in"} {
		r.tab.Await(shows(text))
	}
	dir := t.TempDir()
	if _, err := chromedp.CallBrowser(r.tab.Ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: dir}); err != nil {
		t.Fatal(err)
	}
	press(r.tab, "Download my data")
	var file []byte
	testenv.Eventually(t, "the file is there", func() bool {
		file, _ = os.ReadFile(filepath.Join(dir, "account.json"))
		return json.Valid(file)
	})
	r.holds(file, user)
	r.quiet()
}

func between(text, from, to string) string {
	_, rest, _ := strings.Cut(text, from)
	value, _, _ := strings.Cut(rest, to)
	return value
}

// holds checks what was downloaded: everything that is held, and no credential in any form.
func (r *rig) holds(file []byte, user string) {
	r.t.Helper()
	var all struct {
		User struct {
			ID     string
			AppID  string `json:"app_id"`
			Rights []string
		}
		Identities []struct {
			Email  string
			SignIn bool `json:"sign_in"`
		}
		Connections, Sessions, Uses []map[string]any
		Preferences                 map[string]any
		Data                        map[string]map[string]any
	}
	if err := json.Unmarshal(file, &all); err != nil {
		r.t.Fatal(err)
	}
	if all.User.ID != user || all.User.AppID == "" || len(all.User.Rights) != 2 || len(all.Identities) != 2 ||
		!all.Identities[0].SignIn || len(all.Connections) != 2 || len(all.Sessions) != 1 || len(all.Uses) != 1 ||
		all.Preferences["theme"] != "dark" || all.Data["invoices"]["cart"] == nil {
		r.t.Errorf("the file lacks something: %s", file)
	}
	if use := all.Uses[0]; use["client"] != "invoices" || use["reason"] != "the invoice of November" {
		r.t.Errorf("the use: %v", use)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.marks) < 4 {
		r.t.Fatalf("only %d credentials were made", len(r.marks))
	}
	for value, kind := range r.marks {
		for _, form := range forms(value) {
			if strings.Contains(string(file), form) {
				r.t.Errorf("the file holds a %s", kind)
			}
		}
	}
}

// Erasing asks for a fresh sign-in: with an older one the page leads to the provider, which asks who it is, and back to
// the question; then everything is gone, at the provider too, and every tab is signed out.
func TestErasingOnTheAccountPageAsksForASignIn(t *testing.T) {
	r := buildKept(t)
	r.signIn("ada")
	user := between(fetched(r.tab, "GET", "/bff/session", ""), `"user":{"id":"`, `"`)
	r.open("/bff/account?lang=en", shows("This device"))
	testenv.Eval[bool](r.tab, "(d => { Date.now = () => d() + 6 * 60e3; return true })(Date.now.bind(Date))")
	press(r.tab, "Erase this account")
	r.tab.Await("document.querySelector('dialog[open]') && " + shows("sign in again first"))
	press(r.tab, "Sign in again")
	click(r.tab, "button[value=ada]") // who it is; what she allowed is not asked again
	r.tab.Await("document.querySelector('dialog[open]') && " + shows("Erase everything"))
	if status, _ := r.asks("GET", "/users/"+user, "", ""); status != http.StatusOK {
		t.Fatalf("erased before the person said so: %d", status)
	}
	other := r.browser.Tab()
	other.Do(chromedp.Navigate(r.origin + "/"))
	other.Await("document.querySelector('#sign-out')")
	press(r.tab, "Erase everything")
	r.tab.Await(shows("are erased"))
	other.Await("document.querySelector('#sign-in')")
	testenv.Eventually(t, "nothing of the user is left", func() bool { // tabs hear that it begins
		status, _ := r.asks("GET", "/users/"+user, "", "")
		return status == http.StatusNotFound
	})
	testenv.EventuallyAfterRetries(t, "the provider has no grant of hers", func() bool { return r.demo.Live("ada") == 0 })
}
