package browser_test

import (
	"bytes"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"bff/internal/testenv"
)

// Each page, on a phone and a desktop, light and dark. BFF_SCREENSHOTS=DIR keeps the pictures: `make screenshots` puts them into docs/screenshots.
func TestScreenshots(t *testing.T) {
	dev := testenv.Dev(t)
	b := testenv.Chrome(t)
	for _, size := range []struct {
		name          string
		width, height int64
		mobile        bool
	}{{"desktop", 1280, 860, false}, {"phone", 390, 844, true}} {
		for _, scheme := range []string{"light", "dark"} {
			tab := b.Tab()
			testenv.Raw(tab, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: size.width, Height: size.height, DeviceScaleFactor: 1, Mobile: size.mobile})
			testenv.Raw(tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
				{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
			keep := func(page string) {
				picture := tab.Screenshot()
				at, err := png.DecodeConfig(bytes.NewReader(picture))
				if err != nil || at.Width != int(size.width) || at.Height < int(size.height) {
					t.Errorf("%s, %s, %s: %dx%d %v", page, size.name, scheme, at.Width, at.Height, err)
				}
				if dir := os.Getenv("BFF_SCREENSHOTS"); dir != "" {
					if err := os.MkdirAll(dir, 0o755); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(filepath.Join(dir, page+"-"+size.name+"-"+scheme+".png"), picture, 0o644); err != nil {
						t.Fatal(err)
					}
				}
			}
			tab.Do(chromedp.Navigate(dev.Origin + "/"))
			tab.Await("document.querySelector('#sign-in') && document.querySelector('.box .pill.good')")
			keep("welcome")
			testenv.Eval[int](tab, `fetch("/demo/sign-in", {method: "POST", headers: {"X-CSRF": "1"}, body: '{"person":"ada"}'}).then((a) => a.status)`)
			tab.Do(chromedp.Reload())
			tab.Await(shows("200 in") + " && " + shows("1 cookie, ") + " && " + shows("There is a session behind the cookie"))
			keep("demo")
			tab.Do(chromedp.Navigate(dev.Origin + "/bff/account?lang=en"))
			tab.Await(shows("Where you are signed in") + " && " + shows("This device"))
			keep("account")
			testenv.Eval[int](tab, `fetch("/bff/logout", {method: "POST", headers: {"X-CSRF": "1"}}).then((a) => a.status)`)
		}
	}
}
