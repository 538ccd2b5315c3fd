package browser_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"bff/internal/testenv"
)

// tries is what a stranger's page does to a person who is signed in: every route, by every means a page has. It
// returns what it could read.
const tries = `async (bff, session, connection) => {
	const read = [];
	const calls = [
		["GET", "/bff/session"], ["GET", "/bff/connections"], ["GET", "/bff/sessions"], ["GET", "/bff/preferences"],
			["GET", "/api/calendar/users/me/calendarList"],
		["GET", "/bff/account/export"], ["DELETE", "/bff/account"], ["POST", "/bff/connect/demo"],
		["GET", "/bff/login/demo"], ["GET", "/bff/connect/demo"], ["GET", "/bff/callback/demo?code=x&state=y"],
		["POST", "/bff/logout"], ["POST", "/bff/callback/demo"], ["POST", "/api/calendar/users/me/calendarList"], ["POST",
			"/bff/backchannel-logout/demo"],
		["DELETE", "/bff/sessions"], ["DELETE", "/bff/sessions/" + session], ["DELETE", "/bff/connections/" + connection],
			["PATCH", "/bff/preferences"],
	];
	const within = (p) => Promise.race([p, new Promise((no) => setTimeout(no, 3000))]);
	for (const [method, path] of calls) {
		for (const options of [{}, {mode: "no-cors"}, {headers: {"X-CSRF": "1"}},
			{headers: {"Content-Type": "text/plain"}}]) {
			const body = ["POST", "PATCH"].includes(method) ? '{"planted":true}' : undefined;
			await within(fetch(bff + path, {method, credentials: "include", redirect: "manual", body,
				...options}).then(async (a) => {
				if (a.type !== "opaque" && a.type !== "opaqueredirect") read.push(method + " " + path + ": " + await a.text());
			}, () => {}));
		}
	}
	const load = (tag, path) => within(new Promise((done) => {
		const el = Object.assign(document.createElement(tag), {src: bff + path, onload: done, onerror: done});
		document.body.append(el);
	}));
	for (const path of ["/bff/session", "/bff/logout", "/bff/login/demo", "/bff/connect/demo",
		"/api/calendar/users/me/calendarList", "/bff/account", "/"])
		for (const tag of ["img", "script", "iframe"]) await load(tag, path);
	for (const frame of document.querySelectorAll("iframe")) {
		try { read.push("frame: " + frame.contentDocument.body.innerHTML); } catch {}
	}
	for (const path of ["/bff/logout", "/bff/callback/demo", "/bff/connect/demo"]) {
		const frame = Object.assign(document.createElement("iframe"), {name: "target" + path.length});
		const form = Object.assign(document.createElement("form"), {method: "POST", action: bff + path, target: frame.name});
		document.body.append(frame, form);
		form.submit();
		await within(new Promise((done) => frame.onload = done));
	}
	for (const path of ["/bff/events", "/api/calendar/calendars/primary/stream"]) {
		await within(new Promise((done) => {
			const s = new EventSource(bff + path, {withCredentials: true});
			s.onopen = s.onmessage = () => { read.push("events: " + path); s.close(); done(); };
			s.onerror = () => { s.close(); done(); };
		}));
		await within(new Promise((done) => {
			const s = new WebSocket(bff.replace("http", "ws") + path);
			s.onopen = () => { read.push("socket: " + path); done(); };
			s.onerror = done;
		}));
	}
	navigator.sendBeacon(bff + "/bff/logout", "x");
	return JSON.stringify(read.filter((x) => !x.endsWith(": ")));
}`

// A page of another site (SameSite keeps the cookie at home) and one of another port of the same host (it does not:
// cookies know no ports) can neither read nor change anything, call an API, or start a sign-in by themselves. RFC
// 10017 B10, B12; attack classes 11, 18, 21.
func TestAStrangersPageCanDoNothing(t *testing.T) {
	r := build(t, time.Minute)
	r.signIn("ada")
	id := testenv.Eval[string](r.tab, "fetch('/bff/session').then((a) => a.json()).then((s) => s.session.id)")
	connection := testenv.Eval[string](
		r.tab,
		"fetch('/bff/session').then((a) => a.json()).then((s) => s.connections[0].id)",
	)
	r.tab.Do(chromedp.Navigate(r.origin + "/bff/account/icon.svg")) // nothing of ours runs meanwhile
	stranger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<!doctype html><title>stranger</title><link rel=icon href=data:,><body>"))
	}))
	t.Cleanup(stranger.Close)
	for name, origin := range map[string]string{"another site": strings.Replace(stranger.URL, "127.0.0.1", "localhost",
		1), "another port": stranger.URL} {
		t.Run(name, func(t *testing.T) {
			before, counts := r.snapshot(), r.demo.Counts()
			tab := r.browser.Tab()
			tab.Do(chromedp.Navigate(origin + "/"))
			arguments, _ := json.Marshal([]string{r.origin, id, connection})
			if read := testenv.Eval[string](tab, "("+tries+")(..."+string(arguments)+")"); read != "[]" {
				t.Errorf("the page could read %s", read)
			}
			// What only a person can be sent to: linking must have begun on a page of ours.
			tab.Do(chromedp.Navigate(origin + "/"))
			testenv.Eval[bool](tab, "location.assign("+string(must(json.Marshal(r.origin+"/bff/connect/demo")))+"), true")
			tab.Await("location.href.startsWith('" + r.origin + "/bff/connect/demo')")
			tab.Await(
				shows("Cross-site request refused") + " || " + shows("Not signed in"),
			) // the second where the cookie stayed at home
			if after := r.snapshot(); after != before {
				t.Errorf("before %s\nafter  %s", before, after)
			}
			if now := r.demo.Counts(); now.Calls != counts.Calls || now.SignIns != counts.SignIns ||
				now.Rejected != counts.Rejected {
				t.Errorf("the provider and the APIs saw something: %+v, then %+v", counts, now)
			}
		})
	}
}

// snapshot is all that could have changed: the session, its connections, the user's sessions and preferences, the
// browser's cookies. It does not run a page of ours, only asks.
func (r *rig) snapshot() string {
	r.t.Helper()
	var names []string
	for _, c := range r.browser.Cookies() {
		names = append(names, c.Name+"="+c.Value)
	}
	slices.Sort(names)
	state := testenv.Eval[string](
		r.tab,
		`Promise.all(["session?touch=false", "sessions", "preferences"].map((p) => fetch("/bff/" + p).then((a) => a.json())))
		.then(([s, d, p]) => JSON.stringify([s.session.id, s.connections.map((c) => [c.id, c.status, c.scopes]),
			d.sessions.map((x) => x.id).sort(), p]))`,
	)
	return state + " " + strings.Join(names, "; ")
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// A page of another site, with the clicks of a person who is signed in, does not choose what an account is linked for:
// not by a link, and not by way of an address of bff that leads on.
func TestAnotherSiteDoesNotChooseTheConsentByADetour(t *testing.T) {
	r := build(t, time.Minute)
	r.signIn("ada")
	const chosen = "/bff/connect/demo?scopes=https://www.googleapis.com/auth/drive.readonly"
	again := "/bff/login/demo?scopes=https://www.googleapis.com/auth/drive.readonly"
	var links []string
	for _, to := range []string{chosen, again} {
		at := url.QueryEscape(to)
		links = append(links, to, "/bff/continue?to="+at, "/bff/login/demo?return_to="+at, "/bff/login?return_to="+at,
			"/bff/continue?to="+url.QueryEscape("/bff/login/demo?return_to="+at))
	}
	stranger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprintf(w, "<!doctype html><title>stranger</title><link rel=icon href=data:,><a id=a href=%q>prize</a>",
			r.origin+q.URL.Query().Get("to"))
	}))
	t.Cleanup(stranger.Close)
	elsewhere := strings.Replace(stranger.URL, "127.0.0.1", "localhost", 1)
	for _, link := range links {
		before := len(r.browser.Requests())
		r.tab.Do(chromedp.Navigate(elsewhere+"/?to="+url.QueryEscape(link)), chromedp.Click("#a"))
		r.tab.Await("document.readyState == 'complete' && location.origin != " + strconv.Quote(elsewhere) +
			" && location.pathname != '/bff/continue' && document.title != 'One moment'")
		for _, request := range r.browser.Requests()[before:] {
			if strings.HasPrefix(request, "GET "+r.demo.Issuer) && strings.Contains(request, "drive.readonly") {
				t.Errorf("by %s the provider is asked for what the other site chose", link)
			}
		}
	}
}
