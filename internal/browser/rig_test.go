package browser_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"bff/internal/demo"
	"bff/internal/devsite"
	"bff/internal/testenv"
	"bff/web"
)

// A rig is `bff dev` taken apart, so that the test holds the provider: a real `bff serve` over a real Redis, the
// demo's provider in this process, the demo app behind bff.
type rig struct {
	t       *testing.T
	demo    *demo.Demo
	origin  string
	browser *testenv.Browser
	tab     *testenv.Tab
	admin   string // the admin listener's address

	mu    sync.Mutex
	marks map[string]string // credential -> kind
}

func build(t *testing.T, tokens time.Duration) *rig {
	t.Helper()
	return buildOf(t, tokens, func(yaml string) string { return yaml })
}

// buildOf is build with another configuration, and more in the environment.
func buildOf(t *testing.T, tokens time.Duration, change func(yaml string) string, env ...string) *rig {
	t.Helper()
	r := &rig{t: t, marks: map[string]string{}, origin: "http://" + address(t)}
	var err error
	r.demo, err = demo.Start(demo.Config{Origin: r.origin, TokenLifetime: tokens, Issued: r.mark})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.demo.Close)
	front := httptest.NewServer(r.front())
	t.Cleanup(front.Close)
	r.serve(front.URL, change, env)
	r.browser = testenv.Chrome(t)
	r.tab = r.browser.Tab()
	return r
}

func (r *rig) mark(kind, value string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.marks[value] = kind
}

// front is the demo app as `bff dev` serves it. The demo's control wants to be asked by the app's own origin; behind
// bff, the host is the dev server's.
func (r *rig) front() http.Handler {
	files, control := http.FileServerFS(web.Demo()), r.demo.Control(demo.Hooks{})
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if strings.HasPrefix(q.URL.Path, "/demo/") {
			q.Host = strings.TrimPrefix(r.origin, "http://")
			control.ServeHTTP(w, q)
			return
		}
		// Clickjacking is the app's own to refuse; the demo app does.
		w.Header().Set("Content-Security-Policy", "frame-ancestors 'none'")
		files.ServeHTTP(w, q)
	})
}

// configuration is that of a bff whose provider is the demo's. Its apis come last; it has no frontend.
func (r *rig) configuration() string {
	return fmt.Sprintf("origin: %s\nsession: {store: %q, keys: [env:BFF_KEY]}\n", r.origin, testenv.Redis(r.t).URL) +
		devsite.Provider(r.demo)
}

// serve starts bff where the provider already expects it.
func (r *rig) serve(front string, change func(yaml string) string, env []string) {
	r.t.Helper()
	file := filepath.Join(r.t.TempDir(), "bff.yaml")
	write(r.t, file, change(r.configuration()+"frontend:\n  upstream: "+front+"\n"))
	r.admin = address(r.t)
	r.run(file, strings.TrimPrefix(r.origin, "http://"), r.admin, append(env, "BFF_KEY="+testenv.NewKey(r.t)))
}

// run starts a bff of a file at two addresses, and waits until it is ready.
func (r *rig) run(file, listen, admin string, env []string) {
	r.t.Helper()
	cmd := exec.Command(testenv.Binary(r.t), "serve", "--config", file, "--listen", listen, "--admin", admin)
	cmd.Env = append(append(os.Environ(), "DEMO_CLIENT_SECRET="+r.demo.ClientSecret), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	client := &http.Client{Timeout: time.Second}
	testenv.Eventually(r.t, "bff is ready", func() bool {
		resp, err := client.Get("http://" + admin + "/readyz")
		return err == nil && resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
	})
}

func address(t *testing.T) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(testenv.FreePort(t)))
}

// open goes to a path and waits until an expression holds there.
func (r *rig) open(path, until string) {
	r.t.Helper()
	r.tab.Do(chromedp.Navigate(r.origin + path))
	r.tab.Await(until)
}

// click waits for an element and presses it.
func click(t *testenv.Tab, selector string) {
	find := "document.querySelector(" + strconv.Quote(selector) + ")"
	t.Await(find)
	testenv.Eval[bool](t, find+".click(), true")
}

// press is click by what the button or link is called.
func press(t *testenv.Tab, name string) {
	find := "[...document.querySelectorAll('button, a')].find(e => (e.getAttribute('aria-label') || e.innerText).trim().startsWith(" + strconv.Quote(
		name,
	) + "))"
	t.Await(find)
	testenv.Eval[bool](t, find+".click(), true")
}

// shows is an expression: the page shows a text.
func shows(text string) string {
	return "document.body?.innerText.includes(" + strconv.Quote(text) + ")"
}

// signIn signs a person in through the provider's pages.
func (r *rig) signIn(person string) {
	r.t.Helper()
	r.open("/", "document.querySelector('#sign-in')")
	click(r.tab, "#sign-in")
	agree(r.tab, person)
	r.tab.Await("document.querySelector('#sign-out')")
}

// agree is what a person does at the provider: choose who they are where they are asked, allow everything.
func agree(t *testenv.Tab, person string) {
	t.Await("document.querySelector('button[name=allow], button[value=" + person + "]')")
	if testenv.Eval[bool](t, "!!document.querySelector('button[value="+person+"]')") {
		click(t, "button[value="+person+"]")
	}
	click(t, "button[name=allow]")
}

// windows are the tabs and popups that are open, with where they are.
func (r *rig) windows() map[target.ID]string {
	r.t.Helper()
	got, err := chromedp.CallBrowser(r.tab.Ctx, target.GetTargets, target.GetTargetsParams{})
	if err != nil {
		r.t.Fatal(err)
	}
	out := map[target.ID]string{}
	for _, i := range got.TargetInfos {
		if i.Type == "page" {
			out[i.TargetID] = i.URL
		}
	}
	return out
}

// popup does something that opens one, and waits until it shows a page of the provider.
func (r *rig) popup(do func()) *testenv.Tab {
	r.t.Helper()
	before := r.windows()
	do()
	var found target.ID
	testenv.Eventually(r.t, "a popup at the provider", func() bool {
		for id, at := range r.windows() {
			if _, old := before[id]; !old && strings.HasPrefix(at, r.demo.Issuer+"/") {
				found = id
			}
		}
		return found != ""
	})
	return r.browser.Attach(found)
}
