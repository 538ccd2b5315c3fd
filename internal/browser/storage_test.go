package browser_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"bff/internal/testenv"
)

// stored is everything that a page's origin keeps in this tab, with its contents: databases, caches, both storages,
// service workers, the window's name, the history's state, the address.
const stored = `(async () => {
	const promised = (r) => new Promise((ok, no) => { r.onsuccess = () => ok(r.result); r.onerror = () => no(r.error); });
	const text = (b) => new TextDecoder().decode(b);
	const plain = async (v, seen = new Set()) => {
		if (typeof v !== "object" || v === null) return String(v);
		if (seen.has(v)) return "";
		seen.add(v);
		if (v instanceof Blob) return v.text();
		if (v instanceof ArrayBuffer || ArrayBuffer.isView(v)) return text(v);
		const inside = Symbol.iterator in v ? [...v] : Object.entries(v).flat();
		return String(v) + (await Promise.all(inside.map((x) => plain(x, seen)))).join("\n");
	};
	const found = [];
	for (const { name, version } of await indexedDB.databases()) {
		const db = await promised(indexedDB.open(name));
		found.push(name, version, ...db.objectStoreNames);
		for (const s of db.objectStoreNames) {
			const store = db.transaction(s).objectStore(s), [keys, values] = await Promise.all([promised(store.getAllKeys()),
				promised(store.getAll())]);
			found.push(await plain(keys), await plain(values));
		}
		db.close();
	}
	for (const name of await caches.keys()) {
		const cache = await caches.open(name);
		for (const q of await cache.keys()) {
			const a = await cache.match(q);
			found.push(name, q.url, await plain([...q.headers]), await plain([...a.headers]), await a.text());
		}
	}
	for (const r of await navigator.serviceWorker.getRegistrations()) found.push(r.scope, ...[r.active, r.waiting,
		r.installing].map((w) => w?.scriptURL));
	for (const s of [localStorage, sessionStorage]) found.push(await plain({...s}));
	found.push(window.name, await plain(history.state), location.href, document.referrer);
	return found.join("\n");
})()`

// look is what scripts of the page in this tab could read.
func look(t *testenv.Tab) string { return t.Readable() + testenv.Eval[string](t, stored) }

// forms are the ways in which a secret may be written down: as it is, percent-encoded, as a form, in HTML, in JSON,
// in base64 of both alphabets wherever it begins, in hex.
func forms(secret string) []string {
	quoted, _ := json.Marshal(secret)
	path := url.PathEscape(secret)
	every := fmt.Sprintf("% x", secret)
	all := []string{
		secret,
		path,
		lowerPercent(path),
		url.QueryEscape(secret),
		lowerPercent(url.QueryEscape(secret)),
		url.PathEscape(path),
		"%" + strings.ReplaceAll(every, " ", "%"),
		strings.ToUpper("%" + strings.ReplaceAll(every, " ", "%")),
		html.EscapeString(
			secret,
		),
		strings.ReplaceAll(html.EscapeString(secret), "+", "&#43;"),
		string(quoted[1 : len(quoted)-1]),
		hex.EncodeToString([]byte(secret)),
		strings.ToUpper(hex.EncodeToString([]byte(secret))),
	}
	for _, alphabet := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for before := range 3 { // what stands before it shifts it; the digits it shares with its neighbours are left out
			digits := alphabet.EncodeToString(append(make([]byte, before), secret...))
			all = append(all, digits[(before*4+2)/3:len(digits)-min(1, (len(secret)+before)%3)])
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// lowerPercent writes %2f for %2F.
func lowerPercent(s string) string {
	for i := 0; i+2 < len(s); i++ {
		if s[i] == '%' {
			s = s[:i] + strings.ToLower(s[i:i+3]) + s[i+3:]
		}
	}
	return s
}

// The proof looks where it says: a value planted in each place that a script can write to is found there.
func TestTheProofSeesEveryPlace(t *testing.T) {
	r := build(t, time.Minute)
	r.tab.Do(chromedp.Navigate(r.origin + "/bff/account/icon.svg")) // nothing of ours runs
	places := map[string]string{
		"document.cookie":      `document.cookie = "planted=CANARY"`,
		"localStorage":         `localStorage.setItem("planted", "CANARY")`,
		"sessionStorage's key": `sessionStorage.setItem("CANARY", "planted")`,
		"the DOM":              `document.documentElement.setAttribute("planted", "CANARY")`,
		"window.name":          `window.name = "CANARY"`,
		"history.state":        `history.replaceState({planted: ["CANARY"]}, "")`,
		"the address":          `history.pushState(history.state, "", "#CANARY")`,
		"a database's values":  planted(`store.put({deep: [{er: "CANARY"}]}, "key")`),
		"a database's keys":    planted(`store.put(1, "CANARY")`),
		"a database's bytes":   planted(`store.put(new TextEncoder().encode("CANARY"), "bytes")`),
		"a database's blobs":   planted(`store.put(new Map([["blob", new Blob(["CANARY"])]]), "blob")`),
		"a cache's body":       `caches.open("planted").then((c) => c.put("/body", new Response("CANARY")))`,
		"a cache's headers":    `caches.open("planted").then((c) => c.put("/headers", new Response("", {headers: {"X-Planted": "CANARY"}})))`,
		"a cache's addresses":  `caches.open("planted").then((c) => c.put("/?CANARY", new Response("")))`,
		"a service worker":     `navigator.serviceWorker.register("/bff/client.js?CANARY", {type: "module"})`,
	}
	canary := func(place string) string {
		return "canary-" + strings.ReplaceAll(hex.EncodeToString([]byte(place)), "=", "")
	}
	for place, plant := range places {
		testenv.Eval[bool](r.tab, "Promise.resolve("+strings.ReplaceAll(plant, "CANARY", canary(place))+").then(() => true)")
	}
	read := look(r.tab)
	for place := range places {
		if !strings.Contains(read, canary(place)) {
			t.Errorf("what was planted in %s was not found", place)
		}
	}
}

// planted is an expression that writes into a database of its own.
func planted(write string) string {
	return `new Promise((done) => {
		const q = indexedDB.open("planted " + ` + fmt.Sprintf("%q", hex.EncodeToString([]byte(write))) + `);
		q.onupgradeneeded = () => { const store = q.result.createObjectStore("things"); ` + write + `; };
		q.onsuccess = () => { q.result.close(); done(); };
	})`
}

// A secret is found in whatever way it is written down, alone and inside something longer.
func TestTheProofKnowsEveryForm(t *testing.T) {
	secret := `1//0g+Ab=c&d"e~<f`
	within := func(s string) []byte { return []byte("Bearer " + s + " and more") }
	for name, written := range map[string]string{
		"as it is": secret, "percent-encoded": "x=" + url.PathEscape(secret), "in lower case": "1%2f%2f0g+Ab=c&d%22e~%3cf",
		"twice":     url.PathEscape(url.PathEscape(secret)),
		"as a form": url.Values{"x": {secret}}.Encode(), "every byte": "%31%2f%2f%30%67%2b%41%62%3d%63%26%64%22%65%7e%3c%66", "in HTML": "<p>" + html.EscapeString(secret),
		"in a template":      "<p>" + strings.ReplaceAll(html.EscapeString(secret), "+", "&#43;"),
		"in JSON":            string(must(json.Marshal(map[string]string{"x": secret}))),
		"base64":             base64.StdEncoding.EncodeToString([]byte(secret)),
		"base64 inside":      base64.StdEncoding.EncodeToString(within(secret)),
		"base64 one further": base64.StdEncoding.EncodeToString(within(" " + secret)),
		"base64 two further": base64.StdEncoding.EncodeToString(within("  " + secret)),
		"base64url inside":   base64.RawURLEncoding.EncodeToString(within(secret)),
		"hex":                hex.EncodeToString(within(secret)), "HEX": strings.ToUpper(hex.EncodeToString(within(secret))),
	} {
		if !slices.ContainsFunc(forms(secret), func(form string) bool { return strings.Contains(written, form) }) {
			t.Errorf("%s: %s is not found", name, written)
		}
		if slices.ContainsFunc(forms("1//0g+Ab=c&d"), func(form string) bool { return len(form) < 12 }) {
			t.Errorf("%s: a form is so short that it would be found anywhere", name)
		}
	}
}
