package browser_test

import (
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"bff/internal/demo"
	"bff/internal/demo/provider"
	"bff/internal/testenv"
)

// visit is `bff dev` as people run it, with a browser on its page.
func visit(t *testing.T, opts ...chromedp.ExecAllocatorOption) *rig {
	t.Helper()
	dev := testenv.Dev(t)
	says, issuer := regexp.MustCompile(`Provider +(http://localhost:[0-9]+)`), []string(nil)
	testenv.Eventually(t, "bff dev says where its provider is", func() bool {
		issuer = says.FindStringSubmatch(dev.Log())
		return issuer != nil
	})
	r := &rig{t: t, origin: dev.Origin, demo: &demo.Demo{Provider: &provider.Provider{Issuer: issuer[1]}}, browser: testenv.Chrome(t, opts...)}
	r.tab = r.browser.Tab()
	return r
}

// breaks presses one of the demo's buttons, and waits until that is done.
func (r *rig) breaks(what string) {
	r.t.Helper()
	ready := "document.querySelector('#do-" + what + "')?.getAttribute('aria-disabled') !== 'true'"
	r.tab.Await(ready)
	click(r.tab, "#do-"+what)
	r.tab.Await(ready)
}

// A page as somebody may meet it: how to get there, and what shows that it is there.
type page struct {
	name string
	open func(r *rig)
}

func pages() []page {
	account := func(path, until string) func(r *rig) {
		return func(r *rig) { r.open(path, until) }
	}
	return []page{
		{"the demo, signed out", func(r *rig) {
			r.open("/", "document.querySelector('#sign-in') && document.querySelector('.box .pill.good')")
		}},
		{"the account page, signed out", account("/bff/account?lang=en", shows("Continue with Demo"))},
		{
			"the account page after a refusal",
			account("/bff/account?lang=en&bff_error=access_denied", shows("You said no at the provider")),
		},
		{"the end of a popup", account("/bff/account/done?lang=en", "document.querySelector('h1')")},
		{
			"the end of a popup that failed",
			account("/bff/account/done?lang=de&bff_error=login_expired", "document.querySelector('h1')"),
		},
		{"the provider's choice of a person", func(r *rig) {
			r.open("/", "document.querySelector('#sign-in')")
			click(r.tab, "#sign-in")
			r.tab.Await("document.querySelector('button[value=ada]')")
		}},
		{"the provider's consent", func(r *rig) {
			click(r.tab, "button[value=ada]")
			r.tab.Await("document.querySelector('button[name=allow]')")
		}},
		{"the demo, signed in", func(r *rig) {
			click(r.tab, "button[name=allow]")
			r.tab.Await(shows("Breakfast with Charles"))
		}},
		{"the demo with two people and files", func(r *rig) {
			p := r.popup(func() { click(r.tab, "#link") })
			agree(p, "grace")
			r.tab.Await(shows("COBOL committee"))
			p = r.popup(func() { click(r.tab, "#open-files") })
			agree(p, "ada")
			r.tab.Await(shows("Numbers.csv"))
		}},
		{"the account page in German", account("/bff/account?lang=de", "document.querySelector('.row')")},
		{
			"the account page, signed in",
			account("/bff/account?lang=en", shows("Where you are signed in")+" && "+shows("This device")),
		},
		{"the account page, asking", func(r *rig) {
			press(r.tab, "Unlink Demo, grace@example.com")
			r.tab.Await("document.querySelector('dialog[open]')")
		}},
		{"the shop, signed out", func(r *rig) {
			r.tab.Do(chromedp.Navigate(r.shop() + "/"))
			r.tab.Await("document.querySelector('#sign-in')")
		}},
		{"the shop, signed in", func(r *rig) {
			click(r.tab, "#sign-in")
			r.tab.Await(shows("Hello Ada Lovelace.") + " && " + shows("this page"))
		}},
		{"the demo while the provider is down", func(r *rig) {
			r.open("/", shows("Breakfast with Charles"))
			r.breaks("down")
			r.tab.Await(shows("The provider is down"))
		}},
		{"the demo after a revocation", func(r *rig) {
			r.breaks("down") // a second time: up
			r.breaks("revoke")
			r.breaks("expire")
			r.tab.Await("document.querySelector('[id^=fix-]')")
		}},
		{
			"the account page with a dead link",
			account("/bff/account?lang=en", shows("Needs attention")+" && "+shows("This device")),
		},
	}
}

// WCAG 2.2 AA as far as a program can tell, by axe-core: every page in every state, light and dark, phone and desktop.
func TestPagesAreAccessible(t *testing.T) {
	client := filepath.Join(testenv.Root(t), "web", "client")
	testenv.InstallNode(t, client)
	axe, err := os.ReadFile(filepath.Join(client, "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	for device, size := range map[string]emulation.SetDeviceMetricsOverrideParams{
		"desktop": {Width: 1280, Height: 900, DeviceScaleFactor: 1}, "phone": {Width: 360, Height: 740,
			DeviceScaleFactor: 1, Mobile: true},
	} {
		t.Run(device, func(t *testing.T) {
			r := visit(t)
			testenv.Raw(r.tab, emulation.SetDeviceMetricsOverride, size)
			passed := 0
			for _, p := range pages() {
				p.open(r)
				for _, scheme := range []string{"light", "dark"} {
					wear(r.tab, scheme)
					passes, violations := audit(r.tab, string(axe))
					if passed += passes; passes < 5 {
						t.Errorf("%s, %s: only %d rules found anything to look at", p.name, scheme, passes)
					}
					for _, v := range violations {
						t.Errorf("%s, %s: %s", p.name, scheme, v)
					}
				}
			}
			t.Logf("%d times a rule passed, over %d pages", passed, len(pages()))
			testenv.Eval[bool](r.tab, `(() => {
				const text = document.createElement("p");
				text.textContent = "grey";
				text.style.cssText = "color: #777; background: #888"; // an attribute would be against the page's policy
				document.querySelector("main").append(new Image(), text);
				return true;
			})()`)
			if _, violations := audit(r.tab, string(axe)); len(violations) < 2 {
				t.Errorf("a picture without a name, and grey on grey: found %q", violations)
			}
		})
	}
}

// wear puts the page into a colour scheme, with nothing that moves.
func wear(t *testenv.Tab, scheme string) {
	testenv.Raw(t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
}

// audit runs axe on the page as it is: how many rules passed, and what is wrong.
func audit(t *testenv.Tab, axe string) (passes int, violations []string) {
	testenv.Eval[bool](t, "self.axe || (() => {"+axe+"})(), !!self.axe")
	found := testenv.Eval[struct {
		Passes     int
		Violations []string
	}](t, `axe.run(document, {runOnly: {type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}, resultTypes: ["violations"]}).then((a) =>
		({passes: a.passes.length, violations: a.violations.map((v) => [v.help, ...v.nodes.map((n) => n.html.slice(0,
			200) + " " + n.failureSummary)].join("\n"))}))`)
	return found.Passes, found.Violations
}

// The operator's style sheet colours every page of bff, light and dark, and a change of it shows on the next load.
func TestAThemeColoursThePages(t *testing.T) {
	theme := filepath.Join(t.TempDir(), "theme.css")
	dye := func(light, dark string) {
		if err := os.WriteFile(theme, []byte(":root { --bff-ground: light-dark("+light+", "+dark+") }"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	dye("rgb(1, 2, 3)", "rgb(4, 5, 6)")
	op := testenv.OIDC(t, testenv.OIDCOptions{})
	b := testenv.BFF(
		t,
		"session: {store: 'memory:', keys: [env:BFF_KEY]}\nproviders: {op: {issuer: "+op.Issuer+", client_id: x, client_secret: env:OP_SECRET}}\n"+
			"frontend: {theme: "+theme+"}\n",
		op.Env(),
	)
	tab := testenv.Chrome(t).Tab()
	for _, path := range []string{"/bff/account", "/bff/account/done", "/bff/login/nobody"} {
		for scheme, want := range map[string]string{"light": "rgb(1, 2, 3)", "dark": "rgb(4, 5, 6)"} {
			wear(tab, scheme)
			tab.Do(chromedp.Navigate(b.Origin + path))
			tab.Await("getComputedStyle(document.documentElement).backgroundColor === '" + want + "'")
		}
	}
	dye("rgb(7, 8, 9)", "rgb(7, 8, 9)")
	tab.Do(chromedp.Navigate(b.Origin + "/bff/account"))
	tab.Await("getComputedStyle(document.documentElement).backgroundColor === 'rgb(7, 8, 9)'")
}

// What a first visit loads, headers included: less than 100 kB for each page, from this origin alone.
func TestFirstPaintsAreSmall(t *testing.T) {
	for _, p := range []struct{ name, path, until string }{
		{"the demo", "/", "document.querySelector('#sign-in') && document.querySelector('.box .pill.good')"},
		{"the account page", "/bff/account", "document.querySelector('a.button')"},
	} {
		t.Run(p.name, func(t *testing.T) {
			r := visit(t)
			sum := r.weigh()
			r.open(p.path, p.until+" && document.readyState === 'complete'")
			bytes, requests := sum()
			if bytes == 0 || bytes >= 100_000 {
				t.Errorf("%d bytes", bytes)
			}
			t.Logf("%s: %d bytes in %d answers", p.name, bytes, requests)
			r.quiet()
		})
	}
}

// weigh counts what goes over the wire to the tab from now on.
func (r *rig) weigh() func() (bytes, answers int) {
	r.t.Helper()
	var mu sync.Mutex
	total, n := 0, 0
	err := chromedp.Listen(r.tab.Ctx, func(ev any) {
		if end, ok := ev.(*network.EventLoadingFinished); ok {
			mu.Lock()
			defer mu.Unlock()
			total, n = total+int(end.EncodedDataLength), n+1
		}
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return func() (int, int) {
		mu.Lock()
		defer mu.Unlock()
		return total, n
	}
}
