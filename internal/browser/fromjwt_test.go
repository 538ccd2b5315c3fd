package browser_test

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"bff/internal/demo"
	"bff/internal/testenv"
)

var fenced = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```")

// sample is the code block of docs/from-jwt.md, in one language, that holds a text.
func sample(t *testing.T, language, holds string) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(testenv.Root(t), "docs", "from-jwt.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := ""
	for _, m := range fenced.FindAllStringSubmatch(string(page), -1) {
		if m[1] == language && strings.Contains(m[2], holds) {
			if found != "" {
				t.Fatalf("two samples hold %q", holds)
			}
			found = m[2]
		}
	}
	if found == "" {
		t.Fatalf("no sample in %s holds %q", language, holds)
	}
	return found
}

// An afternoon is the application of docs/from-jwt.md, made of the samples of that page: its server, its page, and the
// configuration. The provider is the demo's.
type afternoon struct {
	*rig
	secret string
}

// application is the server: around the samples there is a database that remembers, and two routes.
func application(t *testing.T, origin, listen, hook string) {
	t.Helper()
	dir := filepath.Join(testenv.Root(t), "internal", "browser", "node")
	testenv.InstallNode(t, dir)
	backend := strings.ReplaceAll(sample(t, "js", "createRemoteJWKSet"), "https://app.example.com", origin)
	text := `import express from "express";
const app = express(), rows = new Map();
const db = { async upsertUser({ bff, email }) {
  if (!rows.has(bff)) rows.set(bff, { id: 41 + rows.size, email, roles: ["customer"], blocked: email === "linus@example.com" });
  return rows.get(bff);
} };
` + sample(t, "js", `app.post("/hooks/sign-in"`) + backend + `
app.get("/orders", (req, res) => res.json(req.user));
app.get("/reports/daily", (req, res) => res.send("the report for " + req.user.id));
app.use((err, req, res, next) => res.status(401).end());
app.listen(` + strings.TrimPrefix(listen, "127.0.0.1:") + `, "127.0.0.1");
`
	server := filepath.Join(t.TempDir(), "server.mjs")
	if err := os.WriteFile(server, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "node_modules"), filepath.Join(filepath.Dir(server), "node_modules")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", server)
	cmd.Env = append(os.Environ(), "HOOK_SECRET="+hook)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	client := &http.Client{Timeout: time.Second}
	testenv.Eventually(t, "the application listens, and takes nobody without an assertion", func() bool {
		resp, err := client.Get("http://" + listen + "/orders")
		return err == nil && resp.Body.Close() == nil && resp.StatusCode == http.StatusUnauthorized
	})
}

// page is the single-page application, built.
func (a *afternoon) page() (dir string) {
	dir = a.t.TempDir()
	main := sample(a.t, "js", "createClient()") + `
const showAdmin = () => { document.body.dataset.admin = "shown"; }, apply = (theme) => { document.body.dataset.theme = theme; };
document.body.dataset.who = session.authenticated ? session.user.email + " " + session.user.app_id : "nobody";
if (session.authenticated) {
` + sample(a.t, "js", `rights.includes("admin")`) + `}
window.orders = async () => {
` + sample(a.t, "js", `bff.fetch("/app/orders")`) + `return r.status + " " + await r.text(); };
window.choose = async () => {
` + sample(a.t, "js", "bff.setPreferences") + `};
window.leave = async () => {
` + sample(a.t, "js", "bff.logout()") + `};
`
	for name, text := range map[string]string{"main.js": main,
		"index.html": `<!doctype html><title>app</title><body><script type="module" src="/main.js"></script>`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
	return dir
}

// edit replaces what a sample says of its surroundings, and fails where it does not say so.
func edit(t *testing.T, text string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("the sample does not say %q:\n%s", pairs[i], text)
		}
		text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
	}
	return text
}

func newAfternoon(t *testing.T) *afternoon {
	t.Helper()
	a := &afternoon{rig: &rig{t: t, marks: map[string]string{}, origin: "http://" + address(t)}, secret: testenv.Random(t)}
	var err error
	a.demo, err = demo.Start(demo.Config{Origin: a.origin, Provider: "google", Issued: a.mark})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.demo.Close)
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	hook, listen := "whsec_"+base64.StdEncoding.EncodeToString(key), address(t)
	yaml := edit(t, sample(t, "yaml", "origin:"), "https://app.example.com", a.origin,
		"redis://127.0.0.1:6379/0", testenv.Redis(t).URL, "127.0.0.1:3000", listen, "./dist", a.page(),
		"1234.apps.googleusercontent.com", a.demo.ClientID+"\n    issuer: "+a.demo.Issuer)
	reports := edit(t, sample(t, "yaml", "reports:"), "127.0.0.1:3000", listen)
	yaml = edit(t, yaml, "frontend:\n", strings.TrimPrefix(reports, "apis:\n")+
		"clients: {backoffice: {secret: env:OFFICE_SECRET, manage: true}}\nfrontend:\n")
	a.serve("", func(string) string { return yaml }, []string{"HOOK_SECRET=" + hook, "OFFICE_SECRET=" + a.secret,
		"GOOGLE_CLIENT_SECRET=" + a.demo.ClientSecret})
	application(t, a.origin, listen, hook)
	a.browser = testenv.Chrome(t)
	a.tab = a.browser.Tab()
	return a
}

// is waits until the page says so of itself.
func (a *afternoon) is(what, value string) {
	a.t.Helper()
	a.tab.Await("document.body?.dataset." + what + " === '" + value + "'")
}

// docs/from-jwt.md is true: its samples, put together as the page says, register a person in the application's own
// database, log them in, call the backend with a signed assertion, show and refuse by rights, take a right away by the
// very command, keep a choice for the next browser, and log out.
func TestFromAJWTToASession(t *testing.T) {
	a := newAfternoon(t)
	in := func(person string) {
		a.tab.Do(chromedp.Navigate(a.origin + "/"))
		agree(a.tab, person)
		a.tab.Await("document.body?.dataset.who?.includes('" + person + "')")
	}
	orders := func() string { return testenv.Eval[string](a.tab, "orders()") }
	in("ada")
	a.is("who", "ada@example.com 41")
	a.is("admin", "shown")
	if got := orders(); got != `200 {"id":"41","rights":["admin","customer"]}` {
		t.Errorf("orders: %s", got)
	}
	if got := fetched(a.tab, "GET", "/reports/daily", ""); got != "200 the report for 41" {
		t.Errorf("the reports: %s", got)
	}
	user := between(fetched(a.tab, "GET", "/bff/session", ""), `"user":{"id":"`, `"`)
	command := func(change string) {
		t.Helper()
		text := edit(t, sample(t, "sh", "-X PATCH"), "http://127.0.0.1:9090", "-fsS http://"+a.admin, "u_…", user)
		cmd := exec.Command("sh", "-c", strings.Replace(text, `{"rights": []}`, change, 1))
		cmd.Env = append(os.Environ(), "SECRET="+a.secret)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("the command: %v %s", err, out)
		}
	}
	command(`{"rights": ["support"]}`)
	testenv.Eventually(t, "the right is given", func() bool { return strings.Contains(orders(), "support") })
	command(`{"rights": []}`)
	if got := orders(); strings.Contains(got, "support") {
		t.Errorf("a right that was taken away: %s", got)
	}
	testenv.Eval[bool](a.tab, "choose().then(() => true)")
	a.is("theme", "dark")
	if held := testenv.Eval[string](a.tab, "JSON.stringify([document.cookie, {...localStorage}])"); held != `["",{}]` {
		t.Errorf("the page holds %s", held)
	}
	testenv.Eval[bool](a.tab, "leave().then(() => true)")
	if got := fetched(a.tab, "GET", "/app/orders", ""); !strings.HasPrefix(got, "401 ") {
		t.Errorf("after the logout: %s", got)
	}
	in("grace")
	a.is("who", "grace@example.com 42")
	if got := fetched(a.tab, "GET", "/reports/daily", ""); !strings.HasPrefix(got, "403 ") {
		t.Errorf("the reports without the right: %s", got)
	}
	testenv.Eval[bool](a.tab, "leave().then(() => true)")
	a.tab.Do(chromedp.Navigate(a.origin + "/"))
	agree(a.tab, "linus") // whom the application has blocked
	testenv.Eventually(t, "whom the application has blocked does not get in", func() bool {
		return strings.Contains(strings.Join(a.browser.Requests(), " "), "bff_error=not_allowed")
	})
}
