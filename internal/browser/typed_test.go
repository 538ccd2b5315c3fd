package browser_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"bff/internal/testenv"
)

// A typing is a product with a service of two regions, which know one key each and say whose it is. The key of Europe
// can be revoked, and the service can be away. It is reached as the proxy of the environment, so that no name has to be
// resolved.
type typing struct {
	*rig
	key, newer, others, password string
	revoked, away                atomic.Bool
	axe                          string
}

func (ty *typing) good(r *http.Request) bool {
	region, _, _ := strings.Cut(r.Host, ".")
	key, bearer := r.Header.Get("X-API-Key"), r.Header.Get("Authorization")
	_, password, _ := r.BasicAuth()
	switch {
	case bearer != "":
		return password == ty.password
	case region == "eu":
		return key == ty.newer || key == ty.others || key == ty.key && !ty.revoked.Load()
	}
	return false
}

func (ty *typing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case ty.away.Load():
		w.WriteHeader(http.StatusServiceUnavailable)
	case !ty.good(r):
		w.WriteHeader(http.StatusUnauthorized)
	case r.Header.Get("X-API-Key") == ty.others:
		_, _ = fmt.Fprint(w, `{"id": 8, "name": "Team Grace"}`)
	default:
		_, _ = fmt.Fprint(w, `{"id": 7, "name": "Team Ada"}`)
	}
}

func types(t *testing.T) *typing {
	t.Helper()
	ty := &typing{key: testenv.Random(t), newer: testenv.Random(t), others: testenv.Random(t), password: testenv.Random(t)}
	service := httptest.NewServer(ty)
	t.Cleanup(service.Close)
	at := "http://{region}.localhost:" + service.URL[strings.LastIndexByte(service.URL, ':')+1:]
	rules := fmt.Sprintf(`
    userinfo_url: %s/me
    subject: id
    variables: {region: {ask: "Your region", pattern: "[a-z]{2}"}}
    hosts: ["*.localhost:%s"]
`, at, service.URL[strings.LastIndexByte(service.URL, ':')+1:])
	ty.rig = buildOf(t, 10*time.Minute, func(yaml string) string {
		yaml = strings.Replace(yaml, "\napis:", "\n  mailer:\n    title: Mailer\n    auth: api_key\n    userinfo_token_header: X-API-Key"+rules+
			"  ledger:\n    title: Ledger\n    auth: basic"+rules+"apis:", 1)
		return strings.Replace(yaml, "\nfrontend:", fmt.Sprintf("\n  mailer: {provider: mailer, upstream: '%s', header: X-API-Key, allow: [GET /me]}\n"+
			"  ledger: {provider: ledger, upstream: '%[1]s', allow: [GET /me]}\nfrontend:", at), 1)
	}, "HTTP_PROXY="+service.URL, "http_proxy="+service.URL)
	client := filepath.Join(testenv.Root(t), "web", "client")
	testenv.InstallNode(t, client)
	axe, err := os.ReadFile(filepath.Join(client, "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	ty.axe = string(axe)
	return ty
}

// keys presses keys, one after the other: what a person without a mouse does.
func (ty *typing) keys(text string) { ty.tab.Do(chromedp.KeyEvent(text)) }

const (
	tabKey = "\t"
	enter  = "\r"
)

// looks audits the page as it is, on a phone and a desktop, and keeps its picture.
func (ty *typing) looks(name string) {
	ty.t.Helper()
	for _, at := range []struct {
		device, scheme string
		size           emulation.SetDeviceMetricsOverrideParams
	}{
		{"desktop", "light", emulation.SetDeviceMetricsOverrideParams{Width: 1280, Height: 860, DeviceScaleFactor: 1}},
		{"phone", "dark", emulation.SetDeviceMetricsOverrideParams{Width: 390, Height: 844, DeviceScaleFactor: 1, Mobile: true}},
	} {
		testenv.Raw(ty.tab, emulation.SetDeviceMetricsOverride, at.size)
		wear(ty.tab, at.scheme)
		if wide := testenv.Eval[int64](ty.tab, "document.documentElement.scrollWidth"); wide > at.size.Width {
			ty.t.Errorf("%s, %s: %d pixels wide", name, at.device, wide)
		}
		if passes, violations := audit(ty.tab, ty.axe); len(violations) > 0 || passes < 5 {
			ty.t.Errorf("%s, %s, %s: %d rules passed\n%s", name, at.device, at.scheme, passes, strings.Join(violations, "\n"))
		}
		if dir := os.Getenv("BFF_SCREENSHOTS"); dir != "" {
			write(ty.t, filepath.Join(dir, strings.Join([]string{"typed", name, at.device}, "-")+".png"), string(ty.tab.Screenshot()))
		}
	}
}

// focused is the name of the field that has the focus, and what is said with it: its label and its descriptions.
func (ty *typing) focused() string {
	ty.t.Helper()
	return testenv.Eval[string](ty.tab, `(() => {
		const e = document.activeElement, said = (e?.getAttribute("aria-describedby") || "").split(" ").map((id) =>
			document.getElementById(id)?.innerText).filter(Boolean);
		return [e?.name, e?.labels?.[0]?.innerText, e?.getAttribute("aria-invalid"), ...said].join(" | ");
	})()`)
}

// on wants the focus on a field with texts that are said with it.
func (ty *typing) on(field string, says ...string) {
	ty.t.Helper()
	ty.tab.Await("document.activeElement?.name === '" + field + "'")
	got := ty.focused()
	for _, text := range says {
		if !strings.Contains(got, text) {
			ty.t.Errorf("on %s: %s", field, got)
		}
	}
}

// hidden wants none of what was typed in the page, where a person comes back to it.
func (ty *typing) hidden(typed ...string) {
	ty.t.Helper()
	for _, text := range typed {
		if strings.Contains(ty.tab.Readable(), text) {
			ty.t.Error("the page has what was typed")
		}
	}
}

// A person without a mouse links an account by a key that they type, for a region that they are asked for: a region of
// no such form, a key that is refused, a service that is away, the right key. What is wrong is said at its field, where
// the focus is; nothing but the key has to be typed again, and no page has it.
func TestAKeyIsTypedWithoutAMouse(t *testing.T) {
	ty := types(t)
	ty.signIn("ada")
	ty.open("/bff/account?lang=en", shows("This device"))
	testenv.Eval[bool](ty.tab, "document.querySelector('#form-mailer').focus(), true")
	ty.keys(enter)
	ty.tab.Await("document.querySelector('dialog[open]')")
	ty.on("var.region", "Your region")
	ty.looks("dialog")
	ty.keys("eu" + tabKey)
	ty.on("api_key", "API key")
	ty.keys("key-of-nobody" + enter)

	ty.tab.Await("document.title === 'Link Mailer'")
	ty.on("api_key", "API key | true | Mailer does not accept this key.", "never shown again")
	if region := testenv.Eval[string](ty.tab, "document.querySelector('[name=\"var.region\"]').value"); region != "eu" {
		t.Errorf("the region is now %q", region)
	}
	ty.hidden("key-of-nobody")
	ty.looks("refused")

	ty.away.Store(true)
	ty.keys(ty.key + enter)
	ty.tab.Await("document.querySelector('[role=alert]')?.innerText.includes('Mailer does not answer')")
	ty.on("api_key", "API key")
	ty.hidden(ty.key)
	ty.looks("away")
	ty.away.Store(false)

	ty.tab.Do(chromedp.Navigate(ty.origin + "/bff/connect/mailer?return_to=/bff/account?lang=en"))
	ty.tab.Await("document.querySelector('[name=api_key]')")
	ty.looks("empty")
	ty.keys(tabKey + "europe" + tabKey + ty.key + enter)
	ty.tab.Await("document.querySelector('[aria-invalid=true]')")
	ty.on("var.region", "Your region | true | This does not fit.")
	ty.hidden(ty.key)
	ty.looks("region")
	testenv.Eval[bool](ty.tab, "document.activeElement.select(), true")
	ty.keys("eu" + tabKey + ty.key + enter)
	ty.tab.Await("location.pathname === '/bff/account' && " + shows("Team Ada"))
	ty.tab.Await(shows("Your region"))
	ty.looks("linked")
	ty.hidden(ty.key)
	if got := testenv.Eval[int](ty.tab, "fetch('/api/mailer/me').then((a) => a.status)"); got != http.StatusOK {
		t.Errorf("a call: %d", got)
	}
	ty.repaired()
}

// repaired has the key revoked: the account page says so, another team's key is refused at its field, a newer one repairs.
func (ty *typing) repaired() {
	ty.t.Helper()
	ty.revoked.Store(true)
	if got := testenv.Eval[int](ty.tab, "fetch('/api/mailer/me').then((a) => a.status)"); got != http.StatusForbidden {
		ty.t.Errorf("a call with a revoked key: %d", got)
	}
	ty.open("/bff/account?lang=en", shows("Needs attention")+" && "+shows("This device"))
	testenv.Eval[bool](ty.tab, "document.querySelector('[id^=repair-]').focus(), true")
	ty.keys(enter)
	ty.on("api_key", "API key")
	ty.keys(ty.others + enter)
	ty.tab.Await("document.title === 'Link Mailer'")
	ty.on("api_key", "true | This belongs to another account")
	if testenv.Eval[bool](ty.tab, "!!document.querySelector('[name=\"var.region\"]')") {
		ty.t.Error("the region of a connection is asked for again")
	}
	ty.looks("another")
	ty.keys(ty.newer + enter)
	ty.tab.Await("location.pathname === '/bff/account' && " + shows("Team Ada") + " && !(" + shows("Needs attention") + ")")
	ty.hidden(ty.newer, ty.others)
}

// With a user name and a password the name stays, the password does not; in German.
func TestAPasswordIsTypedAgain(t *testing.T) {
	ty := types(t)
	ty.signIn("ada")
	testenv.Raw(ty.tab, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{
		UserAgent: "Mozilla/5.0 (X11; Linux) Chrome", AcceptLanguage: "de"})
	ty.open("/bff/connect/ledger?return_to=/bff/account?lang=de", "document.querySelector('[name=username]')")
	testenv.Eval[bool](ty.tab, "document.querySelector('[name=\"var.region\"]').focus(), true")
	ty.keys("eu" + tabKey + "robot" + tabKey + "not-the-password" + enter)
	ty.tab.Await("document.querySelector('[aria-invalid=true]')")
	ty.on("password", "Passwort | true | Ledger nimmt diesen Benutzernamen mit diesem Passwort nicht an.", "nie wieder angezeigt")
	if name := testenv.Eval[string](ty.tab, "document.querySelector('[name=username]').value"); name != "robot" {
		t.Errorf("the user name is now %q", name)
	}
	ty.hidden("not-the-password")
	ty.looks("password")
	ty.keys(ty.password + enter)
	ty.tab.Await("location.pathname === '/bff/account' && " + shows("Team Ada"))
	ty.hidden(ty.password)
}
