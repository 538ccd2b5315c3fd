package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	main "bff/cmd/bff"
	"bff/internal/testenv"
)

// A shared buffer is written by the command and read by the test.
type shared struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *shared) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

var opened = regexp.MustCompile(`Open\s+(http://127\.0\.0\.1:\d+)`)

// A person is somebody in front of a browser: a cookie jar that follows redirects, through the pages of the provider too.
type person struct {
	t      *testing.T
	origin string
	http   *http.Client
}

// startDev runs `bff dev` in this process and stops it with the test.
func startDev(t *testing.T, lifetime time.Duration) (origin string, log *shared) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	out, log := &shared{}, &shared{}
	done := make(chan error, 1)
	go func() { done <- main.Dev(ctx, lifetime, out, log) }()
	t.Cleanup(func() {
		stop()
		if err, _ := next(t, "the end of bff dev", done); err != nil {
			t.Errorf("bff dev ends with %v", err)
		}
	})
	testenv.Eventually(t, "the address is printed", func() bool { return opened.MatchString(out.String()) })
	return opened.FindStringSubmatch(out.String())[1], log
}

func somebody(t *testing.T, origin string) *person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &person{t: t, origin: origin, http: &http.Client{Jar: jar, Transport: transport}}
}

// An answer is what came in the end, and from where.
type answer struct {
	status int
	header http.Header
	body   string
	at     *url.URL
}

func (a answer) code() string { return a.header.Get("BFF-Error") }

// fix is where the problem document sends the person.
func (a answer) fix() string {
	var p struct {
		Fix struct {
			URL string `json:"url"`
		} `json:"fix"`
	}
	_ = json.Unmarshal([]byte(a.body), &p)
	return p.Fix.URL
}

func (p *person) do(method, target, body string, headers ...string) answer {
	p.t.Helper()
	if strings.HasPrefix(target, "/") {
		target = p.origin + target
	}
	r, err := http.NewRequestWithContext(p.t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := p.http.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(b), resp.Request.URL}
}

// fetch is what a script of the page does.
func (p *person) fetch(method, path, body string) answer {
	p.t.Helper()
	return p.do(method, path, body, "X-CSRF", "1", "Sec-Fetch-Site", "same-origin")
}

func (p *person) button(what string) {
	p.t.Helper()
	if a := p.fetch(http.MethodPost, "/demo/do", `{"do":"`+what+`"}`); a.status != http.StatusNoContent {
		p.t.Fatalf("the button %q is answered %d %s", what, a.status, a.body)
	}
}

var (
	formAction = regexp.MustCompile(`action="([^"]+)"`)
	formFlow   = regexp.MustCompile(`name="flow" value="([^"]+)"`)
	formScope  = regexp.MustCompile(`name="scope" value="([^"]+)"`)
)

// goTo navigates to a link of the page, through the provider's pages as the named person, ticking everything that can be ticked.
func (p *person) goTo(path, name string) answer {
	p.t.Helper()
	a := p.do(http.MethodGet, path, "")
	for range 4 {
		if a.at.Hostname() != "localhost" {
			return a
		}
		action, flow := formAction.FindStringSubmatch(a.body), formFlow.FindStringSubmatch(a.body)
		if a.status != http.StatusOK || action == nil || flow == nil {
			break
		}
		form := url.Values{"flow": {flow[1]}}
		if strings.HasSuffix(action[1], "/choose") {
			form.Set("person", name)
		} else {
			form.Set("allow", "1")
			for _, m := range formScope.FindAllStringSubmatch(a.body, -1) {
				form.Add("scope", m[1])
			}
		}
		a = p.do(http.MethodPost, a.at.Scheme+"://"+a.at.Host+action[1], form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	}
	p.t.Fatalf("the provider's pages lead nowhere: %d %s", a.status, a.body)
	return a
}

// forgetProvider drops the provider's cookies: nobody is signed in there any more in this browser.
func (p *person) forgetProvider() {
	u, err := url.Parse(p.origin)
	if err != nil {
		p.t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	jar.SetCookies(u, p.http.Jar.Cookies(u))
	p.http.Jar = jar
}

const calendarList = "/api/calendar/users/me/calendarList"

// refreshes is how often the provider renewed the person's token.
func (p *person) refreshes() int {
	p.t.Helper()
	var state struct{ You struct{ Refreshes int } }
	if err := json.Unmarshal([]byte(p.fetch(http.MethodGet, "/demo/state", "").body), &state); err != nil {
		p.t.Fatal(err)
	}
	return state.You.Refreshes
}

func (p *person) wantCalendar(when string) {
	p.t.Helper()
	if a := p.fetch(http.MethodGet, calendarList, ""); a.status != http.StatusOK || !strings.Contains(a.body, "@example.com") {
		p.t.Fatalf("%s: the calendar answers %d %s", when, a.status, a.body)
	}
}

// Tokens of two seconds, calls all the time: no call fails while the token expires three times over.
func TestDevSurvivesThreeExpiries(t *testing.T) {
	origin, _ := startDev(t, 2*time.Second)
	p := somebody(t, origin)
	p.goTo("/bff/login/demo?return_to=/", "ada")
	testenv.Eventually(t, "three refreshes", func() bool {
		p.wantCalendar("all the time")
		return p.refreshes() >= 3
	})
}

func TestDevEndToEnd(t *testing.T) {
	origin, _ := startDev(t, 0)
	p := somebody(t, origin)
	if a := p.do(http.MethodGet, "/", ""); a.status != http.StatusOK || !strings.Contains(a.header.Get("Content-Security-Policy"), "script-src 'self'") {
		t.Errorf("the page is %d under %q", a.status, a.header.Get("Content-Security-Policy"))
	}
	if a := p.fetch(http.MethodGet, calendarList, ""); a.code() != "not_signed_in" {
		t.Errorf("before the sign-in the calendar says %q", a.code())
	}
	if a := p.goTo("/bff/login/demo?return_to=/%3Fhere", "grace"); a.at.String() != origin+"/?here" {
		t.Fatalf("the sign-in ends at %s", a.at)
	}
	if a := p.fetch(http.MethodGet, "/bff/session", ""); !strings.Contains(a.body, "grace@example.com") {
		t.Fatalf("the session says %s", a.body)
	}
	p.wantCalendar("after the sign-in")

	// One more scope: asked for when it is needed, granted, and there.
	a := p.fetch(http.MethodGet, "/api/files/files", "")
	if a.code() != "missing_scopes" || a.fix() == "" {
		t.Fatalf("without the scope the files say %d %s", a.status, a.body)
	}
	p.goTo(a.fix(), "grace")
	if a := p.fetch(http.MethodGet, "/api/files/files/f-grace-readme?alt=media", ""); a.status != http.StatusOK || !strings.HasPrefix(a.body, "# Grace Hopper") {
		t.Errorf("with the scope the file is %d %s", a.status, a.body)
	}
	p.wantCalendar("after the step-up")
}

func TestDevButtonExpire(t *testing.T) {
	origin, _ := startDev(t, 0)
	p := somebody(t, origin)
	p.goTo("/bff/login/demo", "ada")
	for range 3 {
		p.button("expire")
		p.wantCalendar("after the token was ended behind our back")
	}
	p.button("rotate")
	p.goTo("/bff/login/demo", "ada")
	p.wantCalendar("after a sign-in with new signing keys")
}

func TestDevButtonDown(t *testing.T) {
	origin, _ := startDev(t, 0)
	p := somebody(t, origin)
	p.goTo("/bff/login/demo", "ada")
	for _, trouble := range []string{"down", "refuse", "garbage"} {
		p.button(trouble)
		p.wantCalendar("while the provider is in the mode " + trouble)
		p.button("up")
	}
	p.button("down")
	p.button("expire")
	if a := p.fetch(http.MethodGet, calendarList, ""); a.code() != "provider_unavailable" || a.header.Get("Retry-After") == "" {
		t.Errorf("no token and no provider: %d %q", a.status, a.code())
	}
	if a := p.fetch(http.MethodGet, "/bff/session", ""); !strings.Contains(a.body, `"authenticated":true`) || !strings.Contains(a.body, `"status":"active"`) {
		t.Errorf("an outage changed the session: %s", a.body)
	}
	p.button("up")
	testenv.Eventually(t, "the calendar comes back by itself", func() bool { return p.fetch(http.MethodGet, calendarList, "").status == http.StatusOK })
}

func TestDevButtonRevoke(t *testing.T) {
	origin, _ := startDev(t, 0)
	p, other := somebody(t, origin), somebody(t, origin)
	p.goTo("/bff/login/demo", "ada")
	other.goTo("/bff/login/demo", "grace")
	p.button("revoke")
	a := p.fetch(http.MethodGet, calendarList, "")
	if a.code() != "needs_reauth" || !strings.Contains(a.fix(), "connection=") {
		t.Fatalf("after the revocation the calendar says %d %s", a.status, a.body)
	}
	other.wantCalendar("after somebody else's revocation")
	if a := p.fetch(http.MethodGet, "/bff/session", ""); !strings.Contains(a.body, `"authenticated":true`) {
		t.Errorf("the session went with the grant: %s", a.body)
	}
	p.forgetProvider()
	if b := p.goTo(a.fix(), "grace"); !strings.Contains(b.at.RawQuery, "bff_error=wrong_account") {
		t.Errorf("the repair takes another account: %s", b.at)
	}
	p.goTo(a.fix(), "ada")
	p.wantCalendar("after the repair")
}

func TestDevButtonEndElsewhere(t *testing.T) {
	origin, _ := startDev(t, 0)
	p, other := somebody(t, origin), somebody(t, origin)
	p.goTo("/bff/login/demo", "ada")
	other.goTo("/bff/login/demo", "grace")
	p.button("end-elsewhere")
	if a := p.fetch(http.MethodGet, calendarList, ""); a.code() != "not_signed_in" {
		t.Errorf("after the back-channel logout the calendar says %d %q", a.status, a.code())
	}
	other.wantCalendar("after somebody else's logout")
}

// The test sign-in is a whole sign-in: what it gives is a session like any other, and of the demo's own origin alone.
func TestDevSignInWithoutABrowser(t *testing.T) {
	origin, log := startDev(t, 0)
	for _, name := range []string{"ada", "grace", "linus"} {
		p := somebody(t, origin)
		if a := p.do(http.MethodPost, "/demo/sign-in", `{"person":"`+name+`"}`, "X-CSRF", "1"); a.status != http.StatusNoContent || len(a.header.Values("Set-Cookie")) != 1 {
			t.Fatalf("%s: %d %s", name, a.status, a.body)
		}
		p.wantCalendar("as " + name)
		p.do(http.MethodPost, "/demo/sign-in", `{"person":"`+name+`"}`, "X-CSRF", "1")
		p.button("expire")
		p.wantCalendar("signed in twice, as " + name)
	}
	for name, row := range map[string]struct {
		headers []string
		body    string
		status  int
	}{
		"without X-CSRF":       {nil, `{"person":"ada"}`, 403},
		"from another site":    {[]string{"X-CSRF", "1", "Sec-Fetch-Site", "cross-site"}, `{"person":"ada"}`, 403},
		"from a sibling":       {[]string{"X-CSRF", "1", "Sec-Fetch-Site", "same-site"}, `{"person":"ada"}`, 403},
		"from another origin":  {[]string{"X-CSRF", "1", "Origin", "http://evil.example"}, `{"person":"ada"}`, 403},
		"as nobody":            {[]string{"X-CSRF", "1"}, `{"person":"eve"}`, 404},
		"with a body of noise": {[]string{"X-CSRF", "1"}, `person=ada`, 400},
	} {
		if a := somebody(t, origin).do(http.MethodPost, "/demo/sign-in", row.body, row.headers...); a.status != row.status || a.header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %d", name, a.status)
		}
	}
	p := somebody(t, origin)
	p.button("down")
	if a := p.do(http.MethodPost, "/demo/sign-in", `{"person":"ada"}`, "X-CSRF", "1"); a.status != http.StatusBadGateway || a.header.Get("Set-Cookie") != "" {
		t.Errorf("while the provider is down: %d", a.status)
	}
	if text := log.String(); !strings.Contains(text, "Linus signed in") || strings.Contains(text, "ya29.") {
		t.Errorf("the log says %s", text)
	}
}

func TestDevSendsLocalhostToTheOrigin(t *testing.T) {
	origin, _ := startDev(t, 0)
	p := somebody(t, strings.Replace(origin, "127.0.0.1", "localhost", 1))
	if a := p.do(http.MethodGet, "/", ""); a.at.String() != origin+"/" {
		t.Errorf("localhost leads to %s", a.at)
	}
}

func TestDevRefusesToServeOthers(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, row := range map[string]struct {
		listen string
		code   int
		text   string
	}{
		"every address":       {"0.0.0.0:0", 2, "write `--listen 127.0.0.1:8080`"},
		"no host":             {":0", 2, "write `--listen 127.0.0.1:8080`"},
		"no port":             {"127.0.0.1", 2, "write `--listen 127.0.0.1:8080`"},
		"a port that is none": {"127.0.0.1:99999", 2, "write `--listen 127.0.0.1:8080`"},
		"a port in use":       {taken.Addr().String(), 1, "is in use by another program"},
	} {
		var out, log bytes.Buffer
		code := main.Run(t.Context(), []string{"dev", "--listen", row.listen}, func(string) string { return "" }, &out, &log)
		if code != row.code || !strings.Contains(log.String(), row.text) || out.Len() > 0 {
			t.Errorf("%s: exit code %d, %s%s", name, code, &log, &out)
		}
	}
}

// The real process, with a stream open: SIGTERM drains, and the exit code is 0.
func TestDevStopsWhenAsked(t *testing.T) {
	b := testenv.Dev(t)
	p := somebody(t, b.Origin)
	p.do(http.MethodPost, "/demo/sign-in", `{"person":"ada"}`, "X-CSRF", "1")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.Origin+"/api/calendar/calendars/primary/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-CSRF", "1")
	resp, err := p.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if first := make([]byte, 12); resp.StatusCode != http.StatusOK {
		t.Fatalf("the stream answers %d", resp.StatusCode)
	} else if _, err := io.ReadFull(resp.Body, first); err != nil || string(first) != "event: open\n" {
		t.Fatalf("the stream begins with %q, %v", first, err)
	}
	if code := b.Term(); code != 0 || strings.Contains(b.Log(), "cut off") {
		t.Errorf("the exit code is %d\n%s", code, b.Log())
	}
}

// What makes sessions for the asking exists in `bff dev` alone.
func TestServeHasNoTestSignIn(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "index.html"), []byte("app"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := testenv.BFF(t, "session:\n  store: \"memory:\"\n  keys: [env:BFF_KEY]\nproviders:\n  demo:\n    issuer: http://localhost:1\n"+
		"    client_id: x\n    client_secret: env:X\nfrontend:\n  dir: "+dir+"\n", "X=secret")
	for _, path := range []string{"/demo/sign-in", "/demo/do", "/demo/state"} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			a := somebody(t, b.Origin).do(method, path, `{"person":"ada","do":"up"}`, "X-CSRF", "1", "Sec-Fetch-Mode", "cors")
			if a.status != http.StatusNotFound && a.status != http.StatusMethodNotAllowed || a.header.Get("Set-Cookie") != "" {
				t.Errorf("%s %s is answered %d", method, path, a.status)
			}
		}
	}
}
