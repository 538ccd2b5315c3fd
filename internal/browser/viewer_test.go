package browser_test

import (
	"bytes"
	"fmt"
	"image/png"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"bff/internal/testenv"
)

// A paper is what a PDF of an upstream does: action when it is opened, link when its page is clicked.
type paper struct{ action, link string }

// action writes an action of PDF with one text.
func action(kind, name, text string) string {
	text = strings.NewReplacer(`\`, `\\`, "(", `\(`, ")", `\)`).Replace(text)
	return "<< /S /" + kind + " /" + name + " (" + text + ") >>"
}

// script is an action that runs text in the viewer, and then hides the red field.
func script(text string) string {
	return action("JavaScript", "JS", "try{"+text+"}catch(e){}; this.getField('c').display = display.hidden")
}

// pdf writes a document of one page: a red field, a button, and a link.
func (p paper) pdf(before string) []byte {
	const widget = "<< /Type /Annot /Subtype /Widget /F 4 /P 3 0 R "
	out := bytes.NewBufferString(before + "%PDF-1.7\n")
	var offsets []int
	for i, object := range []string{
		"<< /Type /Catalog /Pages 2 0 R /OpenAction 4 0 R /AcroForm << /Fields [5 0 R 7 0 R] >>" +
			" /Names << /JavaScript << /Names [(a) 4 0 R] >> >> >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 300] /Annots [5 0 R 6 0 R 7 0 R] /AA << /O 4 0 R >> >>",
		p.action,
		widget + "/FT /Btn /Ff 65536 /T (b) /MK << /BG [0 1 0] >> /Rect [0 80 300 150] /A " + p.action + " >>",
		"<< /Type /Annot /Subtype /Link /Rect [0 0 300 80] /Border [0 0 0] /A " + p.link + " >>",
		widget + "/FT /Btn /Ff 65536 /T (c) /MK << /BG [1 0 0] >> /Rect [0 150 300 300] >>",
	} {
		offsets = append(offsets, out.Len())
		fmt.Fprintf(out, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	table := out.Len()
	fmt.Fprintf(out, "xref\n0 %d\n0000000000 65535 f \n", len(offsets)+1)
	for _, at := range offsets {
		fmt.Fprintf(out, "%010d 00000 n \n", at)
	}
	fmt.Fprintf(out, "trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(offsets)+1, table)
	return out.Bytes()
}

// papers are the ways in which a PDF reaches out of its viewer.
func papers(origin string) []paper {
	to := origin + "/api/files/owned"
	url := func(at string) string { return action("URI", "URI", at) }
	form := "<< /S /SubmitForm /F << /FS /URL /F (" + to + ") >> /Flags 4 >>"
	return []paper{
		{script("1"), url(origin + "/clicked")}, // the viewer works: its script runs, and its link leads on
		{script(owned), url("javascript:" + owned)},
		{script("this.submitForm('" + to + "')"), form},
		{script("this.submitForm({cURL: '" + to + "', cSubmitAs: 'FDF'})"), url("data:text/html," + markup)},
		{script("this.getURL('" + to + "')"), url("view-source:" + to)},
		{script(`app.launchURL("javascript:` + owned + `"); app.execMenuItem("SaveAs")`), url("blob:" + origin + "/x")},
		{form, form},
		{url("javascript:" + owned), action("JavaScript", "JS", owned)},
	}
}

// Places in the tab: of the field, the button and the link on the page.
const acrossPage, onField, onButton, onLink = 720, 150, 305, 405

// colour is "red" where the page is shown with its field, "white" once its script has hidden that, "" before.
func (s *site) colour() string {
	shot, err := png.Decode(bytes.NewReader(s.tab.Screenshot()))
	if err != nil {
		s.t.Fatal(err)
	}
	const much = 1 << 15
	switch r, g, b, _ := shot.At(acrossPage, onField).RGBA(); {
	case r > much && g > much && b > much:
		return "white"
	case r > much && g < much && b < much:
		return "red"
	}
	return ""
}

// show opens a PDF and waits for its colour. Chromium's viewer sometimes stays empty on a busy machine: then again.
func (s *site) show(at, want string) {
	s.t.Helper()
	for range 5 {
		s.tab.Do(chromedp.Navigate(at))
		for range 100 { // each look is a screenshot
			if s.colour() == want {
				return
			}
		}
	}
	s.t.Fatalf("%s is not shown as %s, the colour after its script", at, want)
}

// A PDF of an upstream is shown by Chromium's viewer, where its own script runs, its button submits and its link leads
// on. None of that is script on the application's origin, or a call to an api: guarantee 9, attack A3.
func TestAPDFOfAnUpstreamReachesNothingFromItsViewer(t *testing.T) {
	var all []paper
	s := hostile(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		var n int
		before := ""
		if _, err := fmt.Sscanf(q.URL.Path, "/page/%d", &n); err != nil {
			before = markup + "\n" // within the first kilobyte, where a PDF may begin
			if _, err := fmt.Sscanf(q.URL.Path, "/both/%d", &n); err != nil {
				return
			}
		}
		w.Header().Set("Content-Type", "application/pdf")
		_, _ = w.Write(all[n].pdf(before))
	}), nil)
	all = papers(s.origin)
	s.enter("ada")
	for n, p := range all {
		paths := []string{"/api/files/page/"}
		if n == 1 {
			paths = append(paths, "/api/files/both/")
		}
		for _, path := range paths {
			at, want := fmt.Sprintf("%s%s%d", s.origin, path, n), "red"
			if strings.Contains(p.action, "display.hidden") {
				want = "white"
			}
			s.show(at, want)
			s.tab.Do(chromedp.MouseClickXY(acrossPage, onButton), chromedp.MouseClickXY(acrossPage, onLink))
			if n == 0 { // the viewer works: the others' links are followed as far as it lets them
				s.tab.Await("location.pathname == '/clicked'")
			}
		}
	}
	const frames = `(async (n) => {
		for (let i = 1; i < n; i += 2) for (const tag of ["iframe", "object", "embed"]) {
			const el = document.createElement(tag);
			const loaded = new Promise((done) => { el.onload = el.onerror = done; setTimeout(done, 1000); });
			el[tag === "object" ? "data" : "src"] = "/api/files/page/" + i;
			document.body.append(el);
			await loaded;
		}
		return localStorage.owned ?? "";
	})(%d)`
	s.open("/", "document.querySelector('#in')")
	if at := testenv.Eval[string](s.tab, fmt.Sprintf(frames, len(all))); at != "" {
		t.Errorf("a script ran at %s", at)
	}
	if n := s.times("POST /owned") + s.times("GET /owned"); n != 0 {
		t.Errorf("an api was called %d times", n)
	}
}

// wasm is a module whose start calls mark of /mark.js.
func wasm() []byte {
	const name, field = "/mark.js", "mark"
	b := []byte("\x00asm\x01\x00\x00\x00" + "\x01\x04\x01\x60\x00\x00")
	b = append(b, 2, byte(len(name)+len(field)+5), 1, byte(len(name)))
	b = append(append(b, name...), byte(len(field)))
	return append(append(b, field...), 0, 0, 8, 1, 0)
}

// WebAssembly of an upstream becomes no code of a page by itself: not as a module, a worker, a document or a preload.
// That the page's own script can compile what it fetches is the control: the module does run.
func TestWebAssemblyOfAnUpstreamRunsNowhere(t *testing.T) {
	s := hostile(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/wasm")
		_, _ = w.Write(wasm())
	}), map[string]string{
		"mark.js":   "export function mark() { localStorage.owned = 'wasm'; }",
		"import.js": "import('/api/files/dynamic').catch(() => {});",
		"source.js": "import source m from '/api/files/source';" +
			"new WebAssembly.Instance(m, {'/mark.js': {mark() { localStorage.owned = 1 }}});",
		"static.js": "import '/api/files/static';",
	})
	s.enter("ada")
	const load = `(async () => {
		const within = (p) => Promise.race([p, new Promise((no) => setTimeout(no, 2000))]);
		const put = (tag, more) => within(new Promise((done) => {
			document.body.append(Object.assign(document.createElement(tag), {onload: done, onerror: done}, more));
		}));
		const src = "/api/files/x.wasm", all = [];
		await fetch(src).then((a) => a.arrayBuffer());
		for (const at of [src, "/import.js", "/source.js", "/static.js"]) all.push(put("script", {src: at, type: "module"}));
		all.push(put("script", {src}), put("iframe", {src}), put("object", {data: src}), put("embed", {src}),
			put("link", {rel: "modulepreload", href: src}), within(import(src).catch(() => {})));
		for (const type of ["classic", "module"]) all.push(within(new Promise((done) => {
			new Worker(src, {type}).onerror = done;
		})), within(navigator.serviceWorker.register(src, {type, scope: "/"}).catch(() => {})));
		await Promise.all(all);
		return (localStorage.owned ?? "") + (await navigator.serviceWorker.getRegistrations()).length;
	})()`
	if got := testenv.Eval[string](s.tab, load); got != "0" {
		t.Errorf("it ran: %s", got)
	}
	_ = chromedp.Do(s.tab.Ctx, chromedp.Navigate(s.origin+"/api/files/x.wasm")) // a download
	s.open("/", "document.querySelector('#in')")
	if got := testenv.Eval[string](s.tab, "localStorage.owned ?? ''"); got != "" {
		t.Errorf("it ran as a document: %s", got)
	}
	const own = `(async () => {
		await WebAssembly.instantiateStreaming(fetch("/api/files/x.wasm"), {"/mark.js": await import("/mark.js")});
		return localStorage.owned;
	})()`
	if got := testenv.Eval[string](s.tab, own); got != "wasm" {
		t.Errorf("the application's own script gets %q of it", got)
	}
}
