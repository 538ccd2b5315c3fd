package browser_test

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"bff/internal/testenv"
)

// Each page, on a phone and a desktop, light and dark. BFF_SCREENSHOTS=DIR keeps the pictures: `make screenshots`
// puts them into docs/screenshots.
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
			testenv.Raw(
				tab,
				emulation.SetDeviceMetricsOverride,
				emulation.SetDeviceMetricsOverrideParams{
					Width:             size.width,
					Height:            size.height,
					DeviceScaleFactor: 1,
					Mobile:            size.mobile,
				},
			)
			testenv.Raw(tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
				{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
			keep := func(page string) {
				shot, err := png.Decode(bytes.NewReader(tab.Screenshot()))
				if err != nil {
					t.Fatal(err)
				}
				if at := shot.Bounds(); at.Dx() != int(size.width) || at.Dy() < int(size.height) {
					t.Errorf("%s, %s, %s: %v", page, size.name, scheme, at)
				}
				if dir := os.Getenv("BFF_SCREENSHOTS"); dir != "" {
					if err := os.MkdirAll(dir, 0o755); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(filepath.Join(dir, page+"-"+size.name+"-"+scheme+".png"), small(t, shot),
						0o644); err != nil {
						t.Fatal(err)
					}
				}
			}
			tab.Do(chromedp.Navigate(dev.Origin + "/"))
			tab.Await("document.querySelector('#sign-in') && document.querySelector('.box .pill.good')")
			keep("welcome")
			testenv.Eval[int](
				tab,
				`fetch("/demo/sign-in", {method: "POST", headers: {"X-CSRF": "1"}, body: '{"person":"ada"}'}).then((a) => a.status)`,
			)
			tab.Do(chromedp.Reload())
			tab.Await(shows("200 in") + " && " + shows("1 cookie, ") + " && " + shows("There is a session behind the cookie"))
			renewals := "Number(document.querySelector('#renewals').textContent)"
			before := testenv.Eval[int](tab, renewals)
			press(tab, "Expire the token now")
			tab.Await(renewals + " > " + strconv.Itoa(before) + " && " + shows("s left"))
			keep("demo")
			tab.Do(chromedp.Navigate(dev.Origin + "/bff/account?lang=en"))
			tab.Await(shows("Where you are signed in") + " && " + shows("This device"))
			keep("account")
			shop := strings.Replace(dev.Origin, "127.0.0.1", "shop.localhost", 1)
			tab.Do(chromedp.Navigate(shop + "/"))
			tab.Await("document.querySelector('#sign-in')")
			keep("shop-welcome")
			click(tab, "#sign-in")
			tab.Await(shows("Hello Ada Lovelace.") + " && " + shows("this page"))
			keep("shop")
			tab.Do(chromedp.Navigate(dev.Origin + "/bff/account?lang=en"))
			tab.Await(shows("Where you are signed in"))
			testenv.Eval[int](tab, `fetch("/bff/logout", {method: "POST", body: '{"everywhere": true}',
				headers: {"X-CSRF": "1", "Content-Type": "application/json"}}).then((a) => a.status)`)
		}
	}
}

// small writes a picture with the 256 colours that it needs most: as sharp as before, for the shades at the edges of
// letters are few.
func small(t *testing.T, shot image.Image) []byte {
	t.Helper()
	at, counts := shot.Bounds(), map[color.RGBA]int{}
	full := image.NewRGBA(at)
	draw.Draw(full, at, shot, at.Min, draw.Src)
	for y := at.Min.Y; y < at.Max.Y; y++ {
		for x := at.Min.X; x < at.Max.X; x++ {
			counts[full.RGBAAt(x, y)]++
		}
	}
	var palette color.Palette
	for c := range counts {
		palette = append(palette, c)
	}
	slices.SortFunc(palette, func(a, b color.Color) int { return counts[b.(color.RGBA)] - counts[a.(color.RGBA)] })
	palette = palette[:min(256, len(palette))]
	index := map[color.RGBA]uint8{}
	for c := range counts {
		index[c] = uint8(palette.Index(c))
	}
	drawn := image.NewPaletted(at, palette)
	for y := at.Min.Y; y < at.Max.Y; y++ {
		for x := at.Min.X; x < at.Max.X; x++ {
			drawn.SetColorIndex(x, y, index[full.RGBAAt(x, y)])
		}
	}
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, drawn); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
