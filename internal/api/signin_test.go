package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bff/internal/api"
	"bff/internal/demo/trouble"
	"bff/internal/testenv"
	"bff/internal/vault"
)

func TestSignInCallLogout(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	if s := b.session(); s["authenticated"] != false || len(s["providers"].([]any)) != 1 {
		t.Fatalf("before: %v", s)
	}
	s := b.signIn("ada")
	user, connections := s["user"].(map[string]any), s["connections"].([]any)
	if user["email"] != "ada@example.com" || len(connections) != 1 ||
		connections[0].(map[string]any)["status"] != "active" {
		t.Fatalf("session: %v", s)
	}
	resp := b.fetch("GET", "/api/calendar/users/me/calendarList", "")
	if resp.StatusCode != http.StatusOK || !strings.Contains(text(resp), "calendar#calendarList") {
		t.Fatalf("call: %d", resp.StatusCode)
	}
	resp = b.fetch("POST", "/bff/logout", "")
	if out := object(t, resp); resp.StatusCode != http.StatusOK ||
		!strings.Contains(fmt.Sprint(out["logout_url"]), "post_logout_redirect_uri=") ||
		strings.Contains(fmt.Sprint(out["logout_url"]), "id_token_hint") {
		t.Fatalf("logout: %v", out)
	}
	if b.session()["authenticated"] != false {
		t.Fatal("signed in after logout")
	}
	refused(t, b.fetch("GET", "/api/calendar/users/me/calendarList", ""), 401, "not_signed_in")
}

func TestTheSessionCookie(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	resp := b.approve(b.begin("/bff/login/demo"), "ada")
	var line string
	for _, l := range resp.Header.Values("Set-Cookie") {
		if strings.HasPrefix(l, "bff=") {
			line = l
		}
	}
	for _, want := range []string{"; Path=/", "; HttpOnly", "; SameSite=Strict"} { // RFC 10017 6.1.3.2
		if !strings.Contains(line, want) {
			t.Errorf("%q lacks %q", line, want)
		}
	}
	if strings.Contains(line, "Domain") || len(line) > 200 {
		t.Errorf("%d bytes: %q", len(line), line)
	}
	if cc := resp.Header.Get("Cache-Control"); cc != "no-store" { // attack class 19
		t.Errorf("a Set-Cookie may be cached: %q", cc)
	}
}

// Attack class 10: what a browser brings is never adopted, every sign-in has a new value, and the session before it
// ends.
func TestSessionFixation(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	planted := strings.Repeat("A", 86)
	u, _ := url.Parse(w.front.URL)
	b.jar.SetCookies(u, []*http.Cookie{{Name: "bff", Value: planted, Path: "/"}})
	if b.session()["authenticated"] != false {
		t.Fatal("a planted value opens a session")
	}
	b.signIn("ada")
	first := b.cookie("bff")
	if first == planted {
		t.Fatal("a planted value was adopted")
	}
	b.signIn("ada")
	second := b.cookie("bff")
	if second == first {
		t.Fatal("the value survived a sign-in")
	}
	alive := func(cookie string) bool {
		old := w.browser()
		old.jar.SetCookies(u, []*http.Cookie{{Name: "bff", Value: cookie, Path: "/"}})
		return old.session()["authenticated"] == true
	}
	if alive(first) {
		t.Fatal("the session before the sign-in is still alive")
	}
	at := b.begin("/bff/login/demo")
	b.jar.SetCookies(u, []*http.Cookie{{Name: "bff", Path: "/", MaxAge: -1}}) // a way back from another site brings none
	b.approve(at, "ada")
	if third := b.cookie("bff"); third == "" || third == second || alive(second) || !alive(third) {
		t.Fatal("after a way back that brought no cookie the session before is still alive")
	}
}

func TestASignInEndsWhatAnotherTabBeganMeanwhile(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn("ada")
	one, two := b.begin("/bff/login/demo"), b.begin("/bff/login/demo")
	b.approve(one, "ada")
	between := b.cookie("bff")
	b.approve(two, "ada")
	if b.session()["authenticated"] != true || b.cookie("bff") == between {
		t.Fatal("the second tab did not sign in")
	}
	u, _ := url.Parse(w.front.URL)
	b.jar.SetCookies(u, []*http.Cookie{{Name: "bff", Value: between, Path: "/"}})
	if b.session()["authenticated"] != false {
		t.Error("the first tab's session is still alive")
	}
}

func TestTenTabsAtTheSameInstant(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	var tabs [10]string
	var all sync.WaitGroup
	for i := range tabs {
		all.Go(func() { tabs[i] = b.begin(fmt.Sprintf("/bff/login/demo?return_to=/tab%d", i)) })
	}
	testenv.Finished(t, "all of them", all.Wait)
	for i, at := range tabs {
		resp := b.approve(at, "ada")
		if got, want := resp.Header.Get("Location"), fmt.Sprintf("/tab%d", i); got != want {
			t.Errorf("tab %d came back to %q", i, got)
		}
	}
	if n := len(b.attempts()); n != 0 {
		t.Errorf("%d attempt cookies are left", n)
	}
}

func (b *browser) attempts() (out []*http.Cookie) {
	u, _ := url.Parse(b.w.front.URL)
	for _, c := range b.jar.Cookies(u) {
		if strings.HasPrefix(c.Name, "bff-") {
			out = append(out, c)
		}
	}
	return out
}

func TestAttemptCookies(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	for range 15 {
		resp := b.visit("/bff/login/demo", "none")
		for _, line := range resp.Header.Values("Set-Cookie") {
			if len(line) >= 150 || !strings.Contains(line, "SameSite=Lax") || !strings.Contains(line, "HttpOnly") {
				t.Fatalf("%d bytes: %s", len(line), line)
			}
		}
	}
	if n := len(b.attempts()); n != 12 {
		t.Fatalf("%d attempts are alive, want 12", n)
	}
}

// Several tabs start within one second, and a client may send its cookies in any order.
func TestTheOldestAttemptGivesWay(t *testing.T) {
	var now atomic.Int64
	now.Store(time.Now().Unix() * 1000)
	w := newWorld(t, func(s *settings) { s.now = func() time.Time { return time.UnixMilli(now.Load()) } })
	b := w.browser()
	b.c.Jar = nil
	var held []string // newest first
	for range 12 {
		now.Add(1)
		resp := b.visit("/bff/login/demo", "none", header("Cookie", strings.Join(held, "; ")))
		held = append([]string{strings.Split(resp.Header.Get("Set-Cookie"), ";")[0]}, held...)
	}
	resp := b.visit("/bff/login/demo", "none", header("Cookie", strings.Join(held, "; ")))
	oldest, _, _ := strings.Cut(held[11], "=")
	if gone := resp.Header.Values("Set-Cookie")[0]; !strings.HasPrefix(gone, oldest+"=;") {
		t.Errorf("%s is the oldest, and %q gave way", oldest, gone)
	}
}

func TestWaysBackThatAreRefused(t *testing.T) {
	w := newWorld(t)
	back := func(b *browser) string { // a finished visit to the provider
		at, err := w.demo.Approve(b.begin("/bff/login/demo?return_to=/home"), "ada")
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	edit := func(at string, f func(url.Values)) string {
		u, _ := url.Parse(at)
		q := u.Query()
		f(q)
		u.RawQuery = q.Encode()
		return u.String()
	}
	for name, c := range map[string]struct {
		visit func(b *browser) *http.Response
		want  string
	}{
		"another browser brings the state (RFC 9700 4.7)": {func(b *browser) *http.Response { return w.browser().visit(back(b), "cross-site") },
			"/?bff_error=login_expired"},
		"no state at all (attack class 11)": {func(b *browser) *http.Response {
			return b.visit(edit(back(b), func(q url.Values) { q.Del("state") }), "cross-site")
		}, "/?bff_error=login_expired"},
		"an empty state": {func(b *browser) *http.Response {
			return b.visit(edit(back(b), func(q url.Values) { q.Set("state", "") }), "cross-site")
		}, "/?bff_error=login_expired"},
		"the state twice": {func(b *browser) *http.Response {
			return b.visit(edit(back(b), func(q url.Values) { q.Add("state", q.Get("state")) }), "cross-site")
		}, "/?bff_error=login_expired"},
		"another attempt's state": {func(b *browser) *http.Response {
			other := back(b)
			u, _ := url.Parse(other)
			return b.visit(edit(back(b), func(q url.Values) { q.Set("state", u.Query().Get("state")) }), "cross-site")
		}, "/home?bff_error=login_failed"},
		"the iss of another issuer (RFC 9207 2.4)": {func(b *browser) *http.Response {
			return b.visit(edit(back(b), func(q url.Values) { q.Set("iss", "https://evil.example") }), "cross-site")
		}, "/home?bff_error=login_failed"},
		"no iss where the metadata promises one": {func(b *browser) *http.Response {
			return b.visit(edit(back(b), func(q url.Values) { q.Del("iss") }), "cross-site")
		}, "/home?bff_error=login_failed"},
		"an error without iss": {func(b *browser) *http.Response {
			return b.visit(edit(back(b), func(q url.Values) { q.Del("iss"); q.Del("code"); q.Set("error", "access_denied") }), "cross-site")
		}, "/home?bff_error=login_failed"},
		"the person said no": {func(b *browser) *http.Response {
			return b.visit(edit(back(b), func(q url.Values) { q.Del("code"); q.Set("error", "access_denied") }), "cross-site")
		}, "/home?bff_error=access_denied"},
		"another cookie of the attempt's name beside it": {func(b *browser) *http.Response {
			at := back(b)
			u, _ := url.Parse(w.front.URL)
			planted := ""
			for _, c := range b.jar.Cookies(u) { // as a neighbouring host may plant one
				planted += c.Name + "=" + c.Value + "; " + c.Name + "=1.planted; "
			}
			return b.visit(at, "cross-site", header("Cookie", planted))
		}, "/?bff_error=login_expired"},
		"no code": {func(b *browser) *http.Response {
			return b.visit(edit(back(b), func(q url.Values) { q.Del("code") }), "cross-site")
		}, "/home?bff_error=login_failed"},
		"another code": {func(b *browser) *http.Response {
			return b.visit(edit(back(b), func(q url.Values) { q.Set("code", "x") }), "cross-site")
		}, "/home?bff_error=login_failed"},
	} {
		t.Run(name, func(t *testing.T) {
			b := w.browser()
			resp := c.visit(b)
			if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != c.want {
				t.Errorf("%d to %q, want %q", resp.StatusCode, resp.Header.Get("Location"), c.want)
			}
			if b.session()["authenticated"] != false {
				t.Error("signed in all the same")
			}
		})
	}
	if !strings.Contains(
		w.log.String(),
		`level=WARN msg="a sign-in failed" provider=demo error="return from demo: failed: `,
	) {
		t.Errorf("an operator cannot know why:\n%s", w.log)
	}
}

func TestOnlyANavigationStartsASignIn(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	for name, e := range map[string][]edit{
		"a script": {header("Sec-Fetch-Mode", "cors"), header("Sec-Fetch-Dest", "empty")}, "an iframe": {header("Sec-Fetch-Dest", "iframe")},
		"a prefetch": {header("Sec-Purpose", "prefetch")}, "a prerender": {
			header("Sec-Purpose", "prefetch;prerender"),
		}, "an image": {header("Sec-Fetch-Mode", "no-cors"), header("Sec-Fetch-Dest", "image")},
	} {
		resp := b.visit("/bff/login/demo", "same-origin", e...)
		refused(t, resp, 403, "csrf_rejected")
		if len(resp.Header.Values("Set-Cookie")) != 0 {
			t.Errorf("%s started an attempt", name)
		}
	}
	if resp := b.do("GET", "/bff/login/demo", ""); resp.StatusCode != http.StatusFound {
		t.Errorf("a client without Sec-Fetch headers: %d", resp.StatusCode)
	}
	refused(t, b.fetch("GET", "/bff/login/nobody", ""), 403, "csrf_rejected")
	refused(t, b.do("GET", "/bff/login/nobody", ""), 404, "not_found")
	refused(t, b.do("GET", "/bff/login/demo?prompt=a&prompt=b", ""), 400, "bad_request")
	refused(t, b.do("GET", "/bff/login/demo?login_hint=a%0d%0ab", ""), 400, "bad_request")
}

func TestTheAuthorizationRequest(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	seen := map[string]bool{}
	for range 3 {
		u, _ := url.Parse(b.begin("/bff/login/demo?login_hint=ada@example.com&prompt=select_account"))
		q := u.Query()
		if q.Get("code_challenge_method") != "S256" || q.Get("response_type") != "code" ||
			q.Get("redirect_uri") != w.origin+"/bff/callback/demo" ||
			q.Get("login_hint") != "ada@example.com" ||
			q.Get("prompt") != "select_account" {
			t.Fatalf("%v", q)
		}
		for _, k := range []string{"state", "nonce", "code_challenge"} { // RFC 9700 2.1.1: fresh for every attempt
			if v := q.Get(k); len(v) < 43 || seen[v] {
				t.Errorf("%s %q", k, v)
			} else {
				seen[v] = true
			}
		}
		if q.Get("nonce") == q.Get("state") {
			t.Error("one value serves two purposes")
		}
	}
}

func TestConnectLinksASecondAccount(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	refused(t, b.visit("/bff/connect/demo", "same-origin"), 401, "not_signed_in")
	b.signIn("ada")
	refused(t, b.visit("/bff/connect/demo", "cross-site"), 403, "csrf_rejected")
	refused(t, b.visit("/bff/connect/demo", "same-site"), 403, "csrf_rejected")
	resp := b.approve(b.begin("/bff/connect/demo?return_to=/accounts"), "grace")
	if resp.Header.Get("Location") != "/accounts" {
		t.Fatalf("came back to %q", resp.Header.Get("Location"))
	}
	s := b.session()
	list := s["connections"].([]any)
	if len(list) != 2 || s["user"].(map[string]any)["email"] != "ada@example.com" {
		t.Fatalf("after linking grace: %v", s)
	}
	grace := list[1].(map[string]any)["id"].(string)
	resp = b.fetch("GET", "/api/calendar/users/me/calendarList", "", header("BFF-Connection", grace))
	if body := text(resp); resp.StatusCode != 200 || !strings.Contains(body, "grace") {
		t.Fatalf("through grace's connection: %d %s", resp.StatusCode, body)
	}
	if body := text(b.fetch("GET", "/api/calendar/users/me/calendarList?x&bff%5Fconnection="+grace, "")); !strings.Contains(
		body,
		"grace",
	) {
		t.Fatalf("through grace's connection, named in the query: %s", body)
	}
	refused(
		t,
		b.fetch("GET", "/api/calendar/users/me/calendarList?bff_connection="+grace+";x", ""),
		403,
		"not_connected",
	) // never through another account instead
	if resp := b.approve(b.begin("/bff/connect/demo?connection="+grace+"&return_to=/x?a=1"), "linus"); resp.Header.Get(
		"Location",
	) != "/x?a=1&bff_error=wrong_account" {
		t.Fatalf("a repair with another account came back to %q", resp.Header.Get("Location"))
	}
	refused(t, b.visit("/bff/connect/demo?connection=c_nobody", "same-origin"), 403, "not_connected")
	if resp := b.fetch("DELETE", "/bff/connections/"+grace, ""); resp.StatusCode != http.StatusNoContent {
		t.Fatalf("unlink: %d", resp.StatusCode)
	}
	refused(
		t,
		b.fetch("GET", "/api/calendar/users/me/calendarList", "", header("BFF-Connection", grace)),
		403,
		"not_connected",
	)
	refused(t, b.fetch("DELETE", "/bff/connections/"+grace, ""), 404, "not_found")
}

func TestMissingScopesAreAddedToTheConnection(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn("ada", calendarScope)
	p := refused(t, b.fetch("GET", "/api/calendar/users/me/calendarList", ""), 403, "missing_scopes")
	fix := p["fix"].(map[string]any)
	if fix["kind"] != "connect" || fmt.Sprint(p["missing_scopes"]) != "["+calendarScope+"]" {
		t.Fatalf("%v", p)
	}
	b.approve(b.begin(fix["url"].(string)), "ada")
	if resp := b.fetch("GET", "/api/calendar/users/me/calendarList", ""); resp.StatusCode != 200 {
		t.Fatalf("after the step up: %d %s", resp.StatusCode, text(resp))
	}
	if n := len(b.session()["connections"].([]any)); n != 1 {
		t.Fatalf("%d connections: the step up must repair the one", n)
	}
}

// Google gives a refresh token with the first consent only: a session that ended takes it along, so the next sign-in
// asks for consent again by itself.
func TestASecondSignInStillGetsARefreshToken(t *testing.T) {
	for _, keep := range []vault.Keep{vault.KeepSession, vault.KeepUser} {
		w := newWorld(t, func(s *settings) { s.keep = keep })
		b := w.browser()
		b.signIn("ada")
		b.fetch("POST", "/bff/logout", "")
		b.signIn("ada")
		w.demo.ExpireAll()
		if resp := b.fetch("GET", "/api/calendar/users/me/calendarList", ""); resp.StatusCode != 200 {
			t.Errorf("keep %s: the second session cannot refresh: %d %s", keep, resp.StatusCode, text(resp))
		}
	}
}

func TestLoginsAreLimitedPerAddress(t *testing.T) {
	w := newWorld(t, func(s *settings) { s.api = func(c *api.Config) { c.Limits.LoginPerMinute = 3 } })
	b := w.browser()
	for range 3 {
		b.begin("/bff/login/demo")
	}
	resp := b.visit(
		"/bff/login/demo",
		"none",
		header("X-Forwarded-For", "203.0.113.9"),
	) // attack class 6: nobody's header is believed
	refused(t, resp, 429, "rate_limited")
	if resp.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

func TestAProviderThatIsDownStartsNoSignIn(t *testing.T) {
	w := newWorld(t)
	w.demo.Switch(trouble.Down)
	b := w.browser()
	refused(t, b.do("GET", "/bff/login/demo", ""), 503, "provider_unavailable")
	if !strings.Contains(
		w.log.String(),
		`level=WARN msg="a sign-in failed" provider=demo error="discover demo: unavailable: `,
	) {
		t.Errorf("an operator cannot know why:\n%s", w.log)
	}
	w.demo.Switch(trouble.Up)
}
