package examples_test

import (
	"encoding/json"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/goccy/go-yaml"

	"bff/internal/testenv"
)

// The page that is one HTML file: sign in, read the calendar, a second tab, sign out.
func TestTheExampleInOneFileWorksInChromium(t *testing.T) {
	w := serve(
		t,
		"plain",
		func(c map[string]any) { c["frontend"] = map[string]any{"dir": filepath.Join(here(t), "plain", "site")} },
	)
	w.signIn("Sign in with")
	w.tab.Await(has("Hello Ada") + " && " + has("Dentist"))
	other := w.browser.Tab()
	other.Do(chromedp.Navigate(w.bff.Origin + "/"))
	other.Await(has("Dentist"))
	w.tab.Do(chromedp.Evaluate[chromedp.Void](click("Sign out")))
	w.tab.Await(has("Sign in with"))
	other.Await(has("Sign in with") + " && !" + has("Dentist"))
	w.holdsNothing()
}

// React behind bff, Vite behind bff: the page, the session hook, and a change that arrives without a reload.
func TestReactVite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "examples", "react-vite")
	copyTree(t, filepath.Join(here(t), "react-vite"), dir)
	copyTree(t, filepath.Join(testenv.Root(t), "web", "client"), filepath.Join(dir, "..", "..", "web", "client"))
	run(t, dir, "npm", "ci", "--no-audit", "--no-fund", "--prefer-offline")
	port := strconv.Itoa(testenv.FreePort(t))
	vite := exec.Command(filepath.Join(dir, "node_modules", ".bin", "vite"), "--port", port)
	vite.Dir, vite.SysProcAttr = dir, &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := vite.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = vite.Process.Kill(); _ = vite.Wait() })
	upstream := "http://127.0.0.1:" + port
	testenv.Eventually(t, "vite answers", func() bool {
		resp, err := (&http.Client{}).Get(upstream + "/")
		if err != nil {
			return false
		}
		return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
	})
	w := serve(t, "react-vite", func(c map[string]any) { c["frontend"] = map[string]any{"upstream": upstream} })
	w.signIn("Sign in with")
	w.tab.Await(has("Hello Ada") + " && " + has("Dentist"))

	// Hot reload goes through bff: the words change, the document stays.
	testenv.Eval[bool](w.tab, `window.sameDocument = true`)
	app := filepath.Join(dir, "src", "App.jsx")
	source, err := os.ReadFile(app)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(source), "What is next", "What comes next", 1)
	if err := os.WriteFile(app, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	w.tab.Await(has("What comes next"))
	if !testenv.Eval[bool](w.tab, `window.sameDocument === true`) {
		t.Error("the page was loaded anew")
	}
	w.tab.Do(chromedp.Evaluate[chromedp.Void](click("Sign out")))
	w.tab.Await(has("Sign in with") + " && !" + has("Dentist"))
	w.holdsNothing()
}

// The examples' own configuration is right as it stands.
func TestConfigurationsHaveNoMistakes(t *testing.T) {
	for _, name := range []string{"plain", "react-vite"} {
		out, code := testenv.Command(
			t,
			[]string{"BFF_KEY=" + testenv.NewKey(t), "GOOGLE_CLIENT_SECRET=x"},
			"check",
			"--offline",
			"--config",
			filepath.Join(here(t), name, "bff.yaml"),
		)
		if code != 0 {
			t.Errorf("%s: exit %d\n%s", name, code, out)
		}
	}
}

// A world is an example that runs: its own configuration, with a provider, an API and a store of the test's in place
// of Google's and the reader's.
type world struct {
	t       *testing.T
	op      *testenv.OIDCProvider
	bff     *testenv.BFFProcess
	browser *testenv.Browser
	tab     *testenv.Tab
}

func serve(t *testing.T, name string, change func(map[string]any)) *world {
	t.Helper()
	op := testenv.OIDC(t, testenv.OIDCOptions{})
	api := testenv.API(t, op.Check, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"items": []any{
			map[string]any{"id": "1", "summary": "Dentist", "start": map[string]any{"dateTime": "2030-01-02T10:00:00Z"}}}})
	})
	raw, err := os.ReadFile(filepath.Join(here(t), name, "bff.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var c map[string]any
	if err := yaml.Unmarshal(raw, &c); err != nil {
		t.Fatal(err)
	}
	delete(c, "origin")
	delete(c, "listen")
	c["session"].(map[string]any)["store"] = "memory:"
	c["providers"] = map[string]any{
		"op": map[string]any{"issuer": op.Issuer, "client_id": op.ClientID, "client_secret": "env:OP_SECRET",
			"scopes": []string{"openid", "email", "profile", "offline_access"}},
	}
	for _, a := range c["apis"].(map[string]any) {
		a := a.(map[string]any)
		a["provider"], a["upstream"] = "op", api.URL
		delete(a, "scopes")
	}
	change(c)
	text, err := yaml.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	b := testenv.BFF(t, string(text), op.Env())
	op.Register("op", b.Origin)
	browser := testenv.Chrome(t)
	return &world{t: t, op: op, bff: b, browser: browser, tab: browser.Tab()}
}

// signIn opens the page and presses the button; the provider asks nothing.
func (w *world) signIn(button string) {
	w.t.Helper()
	w.tab.Do(chromedp.Navigate(w.bff.Origin + "/"))
	w.tab.Await(has(button))
	w.tab.Do(chromedp.Evaluate[chromedp.Void](click(button)))
}

// holdsNothing is guarantee 1, for this example: nothing that the provider issued reached the browser.
func (w *world) holdsNothing() {
	w.t.Helper()
	seen := string(w.browser.Received()) + w.tab.Readable()
	for _, secret := range w.op.Secrets() {
		seen := strings.ReplaceAll(
			seen,
			"code="+secret,
			"",
		) // a code passes by in an address, once, useless without its verifier
		if strings.Contains(seen, secret) {
			w.t.Error("a credential reached the browser")
		}
	}
	if c := w.browser.Complaints(); len(c) > 0 {
		w.t.Errorf("the page complained: %q", c)
	}
}

// has is an expression: the page shows the text.
func has(text string) string {
	return "document.body?.innerText.includes(" + strconv.Quote(text) + ")"
}

// click presses the first button whose text begins so.
func click(text string) string {
	return "[...document.querySelectorAll('button')].find((b) => b.textContent.startsWith(" + strconv.Quote(
		text,
	) + ")).click()"
}

func here(t *testing.T) string {
	t.Helper()
	return filepath.Join(testenv.Root(t), "examples")
}

func run(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// copyTree copies a folder without what was installed into it.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		switch {
		case d.IsDir() && d.Name() == "node_modules":
			return filepath.SkipDir
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), b, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}
