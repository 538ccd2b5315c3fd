package browser_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"bff/internal/testenv"
)

// owned is what a script of an upstream does when it runs on the application's origin: it leaves a mark there and
// calls an api as the person.
const owned = `try{localStorage.owned=location.href}catch(e){};fetch('/api/files/owned',{method:'POST'})`

const (
	markup = "<!doctype html><title>x</title><body><script>" + owned + "</script><img src=x onerror=\"" + owned + "\">"
	svg    = `<svg xmlns="http://www.w3.org/2000/svg" onload="` + owned + `"><script>` + owned + `</script></svg>`
	xhtml  = `<html xmlns="http://www.w3.org/1999/xhtml"><body><script>` + owned + `</script></body></html>`
	xslt   = `<?xml version="1.0"?><?xml-stylesheet type="text/xsl" href="#s"?><!DOCTYPE d [<!ATTLIST xsl:stylesheet id ID #REQUIRED>]>` +
		`<d><xsl:stylesheet id="s" version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"><xsl:template match="/">` +
		`<html><body><script>` + owned + `</script></body></html></xsl:template></xsl:stylesheet></d>`
	replace = "--x\r\nContent-Type: text/html\r\n\r\n" + markup + "\r\n--x--\r\n"
	mhtml   = "MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=x; type=\"text/html\"\r\n\r\n--x\r\n" +
		"Content-Type: text/html\r\nContent-Location: http://a/\r\n\r\n" + markup + "\r\n--x--\r\n"
)

// A disguise is an answer of an upstream that would be a document.
type disguise struct {
	status int
	types  []string // lines of Content-Type
	body   string
	header map[string]string
}

// disguises are the documents of hostile upstreams, one by one.
func disguises() (all []disguise) {
	for _, types := range [][]string{
		{"application/pdf;a, text/html"}, {"application/pdf, text/html"}, {"application/pdf;text/html"}, {"application/pdf"},
		{"application/pdf", "text/html"}, {"text/html", "application/pdf"}, {"application/pdf;a=\", text/html"},
		{"application/pdf ,text/html;charset=utf-8"}, {"application/pdf\t, text/html"}, {"application/pdf;\", text/html;\""},
		{"audio/wav;a, text/html"}, {"video/mp4, text/html"}, {"video/mp4"}, {"audio/x"}, {"text/event-stream, text/html"},
		{"text/event-stream;, text/html"}, {"text/html"}, {"TEXT/HTML;CHARSET=UTF-7"}, {"text/html; charset=iso-2022-jp"},
		{"text/html;charset=\"utf-8\""}, {" text/html"}, {"text/html/pdf"}, {"image/png, text/html"}, {"text/plain, text/html"},
		{"application/json, text/html"}, {}, {""}, {"*/*"}, {"unknown/unknown"}, {"application/unknown"}, {"/"}, {"text"},
		{"text/plain"}, {"application/octet-stream"}, {"application/xhtml+xml"}, {"application/x-unknown-content-type"},
	} {
		all = append(all, disguise{types: types, body: markup})
	}
	all = append(all,
		disguise{types: []string{"image/svg+xml"}, body: svg}, disguise{types: []string{"image/svg"}, body: svg},
		disguise{types: []string{"application/pdf;a, image/svg+xml"}, body: svg},
		disguise{types: []string{"application/xhtml+xml"}, body: xhtml}, disguise{types: []string{"text/xml"}, body: xhtml},
		disguise{types: []string{"application/xml"}, body: xslt}, disguise{types: []string{"text/xsl"}, body: xslt},
		disguise{types: []string{"application/atom+xml"}, body: xhtml}, disguise{types: []string{"application/mathml+xml"}, body: xhtml},
		disguise{types: []string{"multipart/x-mixed-replace; boundary=x"}, body: replace},
		disguise{types: []string{"application/pdf;a, multipart/x-mixed-replace; boundary=x"}, body: replace},
		disguise{types: []string{"multipart/related; boundary=x"}, body: mhtml},
		disguise{types: []string{"message/rfc822"}, body: mhtml},
		disguise{types: []string{"text/plain"}, body: "\xef\xbb\xbf" + markup},
		disguise{types: []string{"text/plain; charset=utf-16"}, body: utf16(markup)},
		disguise{types: []string{"text/html"}, body: utf16(markup)},
		disguise{types: []string{"text/html; charset=utf-7"}, body: "+ADw-script+AD4-" + owned + "+ADw-/script+AD4-"},
		disguise{types: []string{"text/html"}, body: "\x1b$B" + markup},
		disguise{types: []string{"application/manifest+json"}, body: markup},
		disguise{types: []string{"application/vnd.wap.xhtml+xml"}, body: xhtml},
	)
	for _, status := range []int{201, 203, 206, 300, 404, 410, 418, 500, 503} {
		all = append(all, disguise{status: status, types: []string{"text/html"}, body: markup})
	}
	for name, value := range map[string]string{
		"Content-Security-Policy": "script-src * 'unsafe-inline'; sandbox allow-scripts allow-same-origin",
		"X-Content-Type-Options":  "sniff", "Content-Disposition": "inline; filename=x.html",
		"Refresh": "0;url=javascript:" + owned, "Link": "</api/files/owned>; rel=preload; as=script",
		"Content-Security-Policy-Report-Only": "default-src *", "Speculation-Rules": `"/api/files/owned"`,
		"Origin-Agent-Cluster": "?0", "Document-Policy": "*", "Permissions-Policy": "*", "X-WebKit-CSP": "*",
	} {
		all = append(all, disguise{types: []string{"text/html"}, body: markup, header: map[string]string{name: value}})
	}
	for _, to := range []string{"javascript:" + owned, "data:text/html," + markup, "/api/files/0", "blob:x"} {
		all = append(all, disguise{status: 302, types: []string{"text/html"}, body: markup, header: map[string]string{"Location": to}})
	}
	return all
}

func utf16(s string) string {
	b := []byte{0xff, 0xfe}
	for _, c := range s {
		b = binary.LittleEndian.AppendUint16(b, uint16(c))
	}
	return string(b)
}

// serve answers number n at /n, and says when a script ran.
func serve(all []disguise) http.HandlerFunc {
	return func(w http.ResponseWriter, q *http.Request) {
		n, err := strconv.Atoi(strings.TrimPrefix(q.URL.Path, "/"))
		if err != nil || n >= len(all) {
			return
		}
		d, h := all[n], w.Header()
		h["Content-Type"] = nil
		if len(d.types) > 0 {
			h["Content-Type"] = d.types
		}
		for name, value := range d.header {
			h.Set(name, value)
		}
		w.WriteHeader(max(d.status, http.StatusOK))
		_, _ = io.WriteString(w, d.body)
	}
}

// No document of an upstream runs script on the application's origin, whatever type it claims, in a tab, in a frame or
// in a plug-in: guarantee 9, attack A3.
func TestNothingOfAnUpstreamRunsOnTheApplicationsOrigin(t *testing.T) {
	all := disguises()
	s := hostile(t, serve(all), map[string]string{"control.html": markup})
	s.enter("ada")
	const frames = `async (n) => {
		for (const tag of ["iframe", "object", "embed"]) {
			const el = document.createElement(tag);
			const loaded = new Promise((done) => { el.onload = el.onerror = done; setTimeout(done, 400); });
			el[tag === "object" ? "data" : "src"] = "/api/files/" + n;
			document.body.append(el);
			await loaded;
			el.remove();
		}
		return localStorage.owned ?? "";
	}`
	for n, d := range all {
		where := fmt.Sprintf("%q %d %v", d.types, d.status, d.header)
		if at := testenv.Eval[string](s.tab, "("+frames+")("+strconv.Itoa(n)+")"); at != "" {
			t.Errorf("%s runs in a frame: %s", where, at)
		}
	}
	for n, d := range all {
		testenv.Eval[bool](s.tab, "window.open('/api/files/"+strconv.Itoa(n)+"', 'other'), true")
		testenv.Eventually(t, fmt.Sprintf("number %d %q was asked for", n, d.types), func() bool {
			return s.times("GET /"+strconv.Itoa(n)) > 0
		})
	}
	for n := range all { // what is no page is an error: the browser downloads it
		_ = chromedp.Do(s.tab.Ctx, chromedp.Navigate(s.origin+"/api/files/"+strconv.Itoa(n)))
	}
	s.open("/", "document.querySelector('#in')")
	if at := testenv.Eval[string](s.tab, "localStorage.owned ?? ''"); at != "" {
		t.Errorf("a script ran at %s", at)
	}
	if n := s.times("POST /owned"); n != 0 {
		t.Errorf("an api was called %d times by an upstream's document", n)
	}
	s.tab.Do(chromedp.Navigate(s.origin + "/control.html"))
	s.tab.Await("localStorage.owned") // the application's own file does run: the test would see it
	testenv.Eventually(t, "the control's call is noted", func() bool { return s.times("POST /owned") > 0 })
}

// Bytes of an upstream become no code of a page whose own policy says script-src 'self': not as a script, a module, a
// worker or a style, and not after the browser has them as a picture: guarantee 9, attack A5.
func TestNoAnswerOfAnUpstreamBecomesCodeOfAPage(t *testing.T) {
	s := hostile(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		h.Set("No-Vary-Search", "params")
		h.Set("Service-Worker-Allowed", "/")
		h.Set("ETag", `"1"`)
		switch kind, _, _ := strings.Cut(strings.TrimPrefix(q.URL.Path, "/"), "/"); kind {
		case "css":
			h.Set("Content-Type", "text/css")
			_, _ = io.WriteString(w, "body{--owned:1;color:rgb(1, 2, 3)}")
		case "json":
			h.Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"owned":1}`)
		case "image":
			h.Set("Content-Type", "image/png")
			_, _ = io.WriteString(w, "self.owned=1;"+owned)
		default:
			h.Set("Content-Type", "text/javascript")
			_, _ = io.WriteString(w, "self.owned=1;"+owned+";export default 1")
		}
	}), map[string]string{
		"own.js":    "self.own = 1",
		"worker.js": "try { importScripts('/api/files/js/imported') } catch (e) {}; postMessage(self.owned ?? 0)",
		"module.js": "import('/api/files/js/dynamic').then(() => self.owned = 1, () => {})",
	})
	s.enter("ada")
	const helpers = `const within = (p) => Promise.race([p, new Promise((no) => setTimeout(no, 3000))]);
	const put = (tag, more) => within(new Promise((done) => {
		document.body.append(Object.assign(document.createElement(tag), {onload: done, onerror: done}, more));
	}));`
	const load = `(async (at) => {` + helpers + `
		const got = [], src = "/api/files/" + at, says = (what) => () => got.push(what + " " + at), no = () => {};
		await put("img", {src}); // into the cache
		await fetch(src).then((a) => a.text());
		const style = document.createElement("style");
		style.textContent = "@import '" + src + "';";
		document.head.append(style);
		const all = [put("script", {src}), put("script", {src, type: "module"}), put("link", {rel: "stylesheet", href: src}),
			put("link", {rel: "modulepreload", href: src}), put("link", {rel: "preload", as: "script", href: src}),
			put("object", {data: src}), put("embed", {src}), within(import(src).then(says("import"), no)),
			within(import(src, {with: {type: "css"}}).then(says("css import"), no)),
			within(new OfflineAudioContext(1, 1, 44100).audioWorklet.addModule(src).then(says("worklet"), no))];
		for (const type of ["classic", "module"]) {
			all.push(within(new Promise((done) => {
				const w = new Worker(src, {type});
				w.onmessage = w.onerror = done;
			})), within(navigator.serviceWorker.register(src, {type, scope: "/"}).then(says("service worker"), no)));
			try { new SharedWorker(src, {type}).onerror = no; } catch {}
		}
		await Promise.all(all);
		return got.join("; ");
	})(%q)`
	for _, at := range []string{"js/a", "image/a", "css/a", "json/a", "js/b", "js/a?x=1"} {
		if got := testenv.Eval[string](s.tab, fmt.Sprintf(load, at)); got != "" {
			t.Error(got)
		}
	}
	const after = `(async () => {` + helpers + `
		const got = [];
		await within(new Promise((done) => {
			const w = new Worker("/worker.js");
			w.onmessage = (e) => { if (e.data) got.push("importScripts"); done(); };
		}));
		await put("script", {src: "/module.js", type: "module"});
		await put("script", {src: "/own.js"});
		if (self.owned) got.push("a script ran");
		if (getComputedStyle(document.body).color === "rgb(1, 2, 3)") got.push("a style sheet holds");
		if ((await navigator.serviceWorker.getRegistrations()).length) got.push("a service worker is registered");
		if (self.own !== 1) got.push("the application's own script does not run");
		return got.join("; ");
	})()`
	if got := testenv.Eval[string](s.tab, after); got != "" {
		t.Error(got)
	}
	if n := s.times("POST /owned"); n != 0 {
		t.Errorf("an api was called %d times", n)
	}
}

// One account's answer that the browser keeps is never what another one sees: not by a shared ETag or date, not by
// freshness or No-Vary-Search, not by a 304 that nobody asked for, over two instances: guarantee 9, attack A5.
func TestTheBrowsersCacheServesOneAccountAlone(t *testing.T) {
	s := hostile(t, nil, nil)
	conditions := 0
	s.upstream = http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		h := w.Header()
		who := s.who(q)
		kind, _, _ := strings.Cut(strings.TrimPrefix(q.URL.Path, "/"), "/")
		asked := q.Header.Get("If-None-Match") != "" || q.Header.Get("If-Modified-Since") != ""
		switch kind {
		case "tag":
			h.Set("ETag", `"v1"`)
		case "weak":
			h.Set("ETag", `W/"v1"`)
		case "date":
			h.Set("Last-Modified", time.Unix(1e9, 0).UTC().Format(http.TimeFormat))
		case "fresh":
			h.Set("Cache-Control", "private, max-age=3600, immutable")
			h.Set("No-Vary-Search", "params")
			h.Set("ETag", `"v1"`)
			h.Set("Vary", "Accept")
		case "rude": // says 304 to whoever comes a second time
			h.Set("ETag", `"v1"`)
			asked = s.times("GET "+q.URL.Path) > 1
		}
		if asked {
			s.lock.Lock()
			conditions++
			s.lock.Unlock()
			w.WriteHeader(http.StatusNotModified)
			return
		}
		h.Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, who)
	})
	read := func(path string) string {
		return testenv.Eval[string](s.tab, "fetch('/api/files"+path+"').then((a) => a.text())")
	}
	kinds := []string{"/tag/a", "/weak/a", "/date/a", "/fresh/a"}
	const ada, grace = "ada@example.com", "grace@example.com"
	s.instance.Store(0)
	s.enter("ada")
	for _, kind := range append(kinds, "/rude/a") {
		if got := read(kind); got != ada {
			t.Errorf("%s: ada reads %s", kind, got)
		}
	}
	s.instance.Store(1)
	for _, kind := range kinds {
		before := conditions
		if got := read(kind); got != ada {
			t.Errorf("%s: ada reads %s again on the other instance", kind, got)
		}
		if conditions == before {
			t.Errorf("%s: the upstream was asked no condition, although the browser has ada's answer", kind)
		}
	}
	s.leave()
	s.enter("grace")
	for _, instance := range []int32{1, 0} {
		s.instance.Store(instance)
		for _, kind := range kinds {
			if got := read(kind); got != grace {
				t.Errorf("%s on instance %d: grace reads %s", kind, instance, got)
			}
			if got := read(kind + "?utm=1"); got != grace {
				t.Errorf("%s on instance %d, with a query that the upstream says does not count: grace reads %s", kind, instance, got)
			}
		}
		if got := read("/rude/a"); strings.Contains(got, ada) {
			t.Errorf("a 304 that nobody asked for shows grace %s", got)
		}
	}
	s.accountsByName(ada, grace, kinds)
}

// accountsByName links ada's account to grace's session and reads the same addresses by the header that names one.
func (s *site) accountsByName(ada, grace string, kinds []string) {
	s.t.Helper()
	s.tab.Do(chromedp.Navigate(s.origin + "/"))
	click(s.tab, "#link")
	agree(s.tab, "ada")
	s.tab.Await("location.origin == '" + s.origin + "' && document.querySelector('#in')")
	const each = `(async (kinds) => {
		const c = (await (await fetch("/bff/session")).json()).connections, wrong = [];
		for (let round = 0; round < 3; round++) for (const kind of kinds) for (const one of c) {
			const got = await (await fetch("/api/files" + kind, {headers: {"BFF-Connection": one.id}})).text();
			const named = await (await fetch("/api/files" + kind + "?bff_connection=" + one.id)).text();
			for (const is of [got, named]) if (is !== one.account.email) wrong.push(kind + ": " + one.account.email + " reads " + is);
		}
		return c.length + " accounts: " + wrong.join("; ");
	})(%s)`
	if got := testenv.Eval[string](s.tab, fmt.Sprintf(each, `["`+strings.Join(kinds, `", "`)+`"]`)); got != "2 accounts: " {
		s.t.Error(got)
	}
	_, _ = ada, grace
}

// wav is a second of silence.
func wav() []byte {
	const n = 8000
	b := bytes.NewBufferString("RIFF")
	le := binary.LittleEndian
	_ = binary.Write(b, le, uint32(36+n))
	b.WriteString("WAVEfmt ")
	for _, v := range []any{uint32(16), uint16(1), uint16(1), uint32(n), uint32(n), uint16(1), uint16(8)} {
		_ = binary.Write(b, le, v)
	}
	b.WriteString("data")
	_ = binary.Write(b, le, uint32(n))
	b.Write(bytes.Repeat([]byte{128}, n))
	return b.Bytes()
}

// Audio that an api gives plays in a tab of its own as in the page, in parts: F14.
func TestMediaOfAnAPIPlaysInATab(t *testing.T) {
	sound := wav()
	s := hostile(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		kind := "audio/wav"
		if strings.HasPrefix(q.URL.Path, "/video") {
			kind = "video/webm" // the name alone: Chromium looks at the bytes
		}
		w.Header().Set("Content-Type", kind)
		w.Header().Set("ETag", `"1"`)
		http.ServeContent(w, q, "", time.Unix(1e9, 0), bytes.NewReader(sound))
	}), nil)
	s.enter("ada")
	for _, path := range []string{"/api/files/sound", "/api/files/video"} {
		s.tab.Do(chromedp.Navigate(s.origin + path))
		s.tab.Await("document.querySelector('video, audio')?.readyState >= 1")
		if d := testenv.Eval[float64](s.tab, "document.querySelector('video, audio').duration"); d < 0.9 || d > 1.1 {
			t.Errorf("%s lasts %f s", path, d)
		}
	}
	s.open("/", "document.querySelector('#in')")
	testenv.Eval[bool](s.tab, `(() => { document.body.append(Object.assign(new Audio("/api/files/sound"), {id: "a"})); return true; })()`)
	s.tab.Await("document.querySelector('#a').readyState >= 1")
	for _, c := range s.browser.Complaints() {
		if strings.Contains(c, "Content Security Policy") {
			t.Error(c)
		}
	}
}
