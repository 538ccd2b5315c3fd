package api_test

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"bff/internal/api"
	"bff/internal/assertion"
	"bff/internal/audit"
	"bff/internal/demo"
	"bff/internal/demo/provider"
	"bff/internal/oauth"
	"bff/internal/oauth/providers"
	"bff/internal/proxy"
	"bff/internal/proxy/wire"
	"bff/internal/secret"
	"bff/internal/testenv"
	"bff/internal/trace"
	"bff/internal/vault"
	"bff/web"
)

const calendarScope = "https://www.googleapis.com/auth/calendar.readonly"

// A world is a whole product in one process, in front of the demo provider: one instance unless it is cloned.
type world struct {
	t      testing.TB
	origin string
	demo   *demo.Demo
	vault  *vault.Vault
	broker *oauth.Broker
	signer *assertion.Signer
	server *api.Server
	front  *httptest.Server
	admin  *httptest.Server
	log    *logs
	wire   *http.Transport
}

// settings are what a test changes before a world starts.
type settings struct {
	upstream func(http.RoundTripper) http.RoundTripper // what stands before the connections to upstreams
	store    string
	cache    bool
	keys     []vault.Key
	prefix   string
	idle     time.Duration
	lifetime time.Duration
	keep     vault.Keep
	now      func() time.Time
	demo     *demo.Demo // another instance's
	origin   string
	provider func(*providers.Config)
	mounts   []proxy.Config
	scopes   map[string][]string
	pause    api.Pause
	api      func(*api.Config)
	habits   *provider.Habits
	further  []providers.Config
	through  map[string]string // the provider of a mount, where it is not the demo
	life     time.Duration     // of an access token
	audit    audit.Recorder    // who reads along; nil: nobody
}

func newWorld(t testing.TB, change ...func(*settings)) *world {
	t.Helper()
	set := settings{
		store:    "memory:",
		keys:     []vault.Key{vault.NewKey()},
		prefix:   "bff",
		idle:     30 * time.Minute,
		lifetime: 12 * time.Hour,
		life:     30 * time.Second,
	}
	for _, f := range change {
		f(&set)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, origin: set.origin, demo: set.demo, log: &logs{}, wire: &http.Transport{MaxIdleConnsPerHost: 64}}
	if w.origin == "" {
		w.origin = "http://" + listener.Addr().String()
	}
	if w.demo == nil {
		if w.demo, err = demo.Start(demo.Config{Origin: w.origin, TokenLifetime: set.life, Habits: set.habits}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(w.demo.Close)
	}
	log := slog.New(trace.Handler(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	w.vault, err = vault.Open(
		vault.Config{
			Store:    set.store,
			Keys:     set.keys,
			Prefix:   set.prefix,
			Cookie:   "bff",
			Idle:     set.idle,
			Lifetime: set.lifetime,
			Cache:    set.cache,
			Now:      set.now,
			Log:      log,
			Audit:    set.audit,
		},
	)
	if err != nil {
		t.Fatal(err)
	}
	p := providers.Config{Name: "demo", Title: "Demo", Issuer: w.demo.Issuer,
		Client: providers.Client{ID: w.demo.ClientID, Secret: secret.New(w.demo.ClientSecret)},
		Scopes: []string{"openid", "email", "profile", calendarScope},
		Authorization: providers.Authorization{
			Params:        map[string]string{"access_type": "offline"},
			ConsentParams: map[string]string{"prompt": "consent"},
			ConnectParams: map[string]string{"include_granted_scopes": "true"},
		},
		Keep: set.keep, NeedsAPI: true,
		ScopeAliases: map[string]string{
			"https://www.googleapis.com/auth/userinfo.email":   "email",
			"https://www.googleapis.com/auth/userinfo.profile": "profile",
		}}
	if set.provider != nil {
		set.provider(&p)
	}
	if w.broker, err = oauth.New(oauth.Config{Providers: append([]providers.Config{p}, set.further...), Vault: w.vault,
		Origin: w.origin, Log: log, Now: set.now, Audit: set.audit}); err != nil {
		t.Fatal(err)
	}
	w.signer = newSigner(t, w.vault, set.now, set.keys...)
	cfg := api.Config{
		Origin:  w.origin,
		Cookie:  "bff",
		Vault:   w.vault,
		Broker:  w.broker,
		Signer:  w.signer,
		Client:  web.Client(),
		Account: web.Account(),
		Log:     log,
		Now:     set.now,
		Audit:   set.audit,
	}
	mounts := append([]proxy.Config{{Name: "calendar", Path: "/api/calendar", Upstream: w.demo.APIURL,
		Allow: []string{
			"GET /users/me/calendarList",
			"GET /calendars/{id}/events",
			"POST /calendars/{id}/events",
		}}}, set.mounts...)
	own := wire.New(proxy.NewTransport())
	t.Cleanup(own.CloseIdleConnections)
	var transport http.RoundTripper = own
	if set.upstream != nil {
		transport = set.upstream(transport)
	}
	for _, m := range mounts {
		m.Origin, m.Log, m.Transport = w.origin, log, transport
		for _, k := range set.keys {
			m.Validators = append(m.Validators, k.Derive(proxy.ValidatorLabel))
		}
		made, err := proxy.New(m)
		if err != nil {
			t.Fatal(err)
		}
		scopes := set.scopes[m.Name]
		if m.Name == "calendar" && scopes == nil {
			scopes = []string{calendarScope}
		}
		cfg.Mounts = append(
			cfg.Mounts,
			api.Mount{
				Mount:    made,
				Name:     m.Name,
				Pause:    set.pause,
				Provider: cmp.Or(set.through[m.Name], "demo"),
				Scopes:   scopes,
			},
		)
	}
	if set.api != nil {
		set.api(&cfg)
	}
	if w.server, err = api.New(cfg); err != nil {
		t.Fatal(err)
	}
	w.serve(listener)
	return w
}

func newSigner(t testing.TB, v *vault.Vault, now func() time.Time, keys ...vault.Key) *assertion.Signer {
	t.Helper()
	var seeds []secret.Text
	for _, k := range keys {
		seeds = append(seeds, k.Derive(assertion.Label))
	}
	s, err := assertion.New(assertion.Config{Seeds: seeds, Board: v, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func (w *world) serve(listener net.Listener) {
	w.front = &httptest.Server{
		Listener: listener,
		Config:   &http.Server{Handler: w.server.Browser(), ReadHeaderTimeout: 5 * time.Second},
	}
	w.front.Start()
	w.admin = httptest.NewServer(w.server.Admin())
	ctx, stop := context.WithCancel(context.Background())
	ran := make(chan struct{})
	go func() {
		defer close(ran)
		w.broker.Outbox.Run(ctx)
	}()
	w.t.Cleanup(func() {
		w.server.Drain()
		w.wire.CloseIdleConnections()
		w.front.CloseClientConnections()
		w.front.Close()
		w.admin.Close()
		w.server.Close()
		drain, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		_ = w.broker.Drain(drain)
		cancel()
		stop()
		testenv.Receive(w.t, "the run", ran)
		_ = w.vault.Close()
	})
}

// logs is what the product wrote, at debug level.
type logs struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// A browser has cookies and says where its requests come from, as Chromium does.
type browser struct {
	w   *world
	jar http.CookieJar
	c   *http.Client
}

func (w *world) browser() *browser {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	b := &browser{w: w, jar: jar}
	b.c = &http.Client{
		Jar:           jar,
		Transport:     w.wire,
		Timeout:       30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return b
}

// at returns the same browser's view of another instance: same cookies, another port behind the same origin.
func (b *browser) at(other *world) *browser { return &browser{w: other, jar: b.jar, c: b.c} }

type edit func(*http.Request)

func header(name, value string) edit { return func(r *http.Request) { r.Header.Set(name, value) } }

// do sends a request as given; target is a path, or an absolute URL.
func (b *browser) do(method, target, body string, edits ...edit) *http.Response {
	b.w.t.Helper()
	if strings.HasPrefix(target, "/") {
		target = b.w.front.URL + target
	}
	var from io.Reader
	if body != "" {
		from = strings.NewReader(body)
	}
	r, err := http.NewRequest(method, target, from)
	if err != nil {
		b.w.t.Fatal(err)
	}
	for _, f := range edits {
		f(r)
	}
	resp, err := b.c.Do(r)
	if err != nil {
		b.w.t.Fatal(err)
	}
	b.w.t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

// fetch is a script of the application's own page.
func (b *browser) fetch(method, target, body string, edits ...edit) *http.Response {
	b.w.t.Helper()
	own := []edit{
		header("Sec-Fetch-Site", "same-origin"),
		header("Sec-Fetch-Mode", "cors"),
		header("Sec-Fetch-Dest", "empty"),
	}
	return b.do(method, target, body, append(own, edits...)...)
}

// visit is a person who goes there; site is what Sec-Fetch-Site says.
func (b *browser) visit(target, site string, edits ...edit) *http.Response {
	b.w.t.Helper()
	own := []edit{
		header("Sec-Fetch-Site", site),
		header("Sec-Fetch-Mode", "navigate"),
		header("Sec-Fetch-Dest", "document"),
		header("Accept", "text/html,*/*;q=0.8"),
	}
	return b.do(http.MethodGet, target, "", append(own, edits...)...)
}

// begin goes to a login or connect address and returns where the provider's page is.
func (b *browser) begin(target string) string {
	b.w.t.Helper()
	resp := b.visit(target, "same-origin")
	if resp.StatusCode != http.StatusFound {
		b.w.t.Fatalf("GET %s: %d %s", target, resp.StatusCode, text(resp))
	}
	return resp.Header.Get("Location")
}

// approve goes through the provider's pages as person and comes back; it follows a second round.
func (b *browser) approve(authURL, person string, without ...string) *http.Response {
	b.w.t.Helper()
	for range 2 {
		back, err := b.w.demo.Approve(authURL, person, without...)
		if err != nil {
			b.w.t.Fatal(err)
		}
		back = strings.Replace(back, b.w.origin, b.w.front.URL, 1)
		resp := b.visit(back, "cross-site")
		if to := resp.Header.Get("Location"); !strings.HasPrefix(to, b.w.demo.Issuer) {
			return resp
		} else {
			authURL = to
		}
	}
	b.w.t.Fatal("the provider was asked a third time")
	return nil
}

// signIn signs person in and returns the session answer.
func (b *browser) signIn(person string, without ...string) map[string]any {
	b.w.t.Helper()
	resp := b.approve(b.begin("/bff/login/demo"), person, without...)
	if resp.StatusCode != http.StatusSeeOther || strings.Contains(resp.Header.Get("Location"), "bff_error") {
		b.w.t.Fatalf("sign-in: %d to %q\n%s", resp.StatusCode, resp.Header.Get("Location"), b.w.log)
	}
	s := b.session()
	if s["authenticated"] != true {
		b.w.t.Fatalf("not signed in after a sign-in: %v", s)
	}
	return s
}

func (b *browser) session() map[string]any {
	b.w.t.Helper()
	return object(b.w.t, b.fetch("GET", "/bff/session?touch=false", ""))
}

// loses stops the store and waits until the instance has seen it go: what it has read answers until then.
func (b *browser) loses(store *testenv.RedisServer) {
	b.w.t.Helper()
	store.Stop()
	testenv.Eventually(b.w.t, "the store is missed", func() bool {
		return b.fetch("GET", "/bff/session", "").StatusCode == http.StatusServiceUnavailable
	})
}

// cookie is the value of a cookie the browser holds for bff, or "".
func (b *browser) cookie(name string) string {
	u, _ := url.Parse(b.w.front.URL)
	for _, c := range b.jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

func text(resp *http.Response) string {
	b, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return string(b)
}

func object(t testing.TB, resp *http.Response) map[string]any {
	t.Helper()
	var m map[string]any
	body := text(resp)
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		t.Fatalf("%d: not a JSON object: %q", resp.StatusCode, body)
	}
	return m
}

// refused asserts that resp is a problem of that code and status, in all the ways a problem says so.
func refused(t testing.TB, resp *http.Response, status int, code string) map[string]any {
	t.Helper()
	body := text(resp)
	if resp.StatusCode != status || resp.Header.Get("BFF-Error") != code {
		t.Fatalf("got %d %q, want %d %q: %s", resp.StatusCode, resp.Header.Get("BFF-Error"), status, code, body)
	}
	if ct := resp.Header.Get("Content-Type"); strings.HasPrefix(ct, "text/html") {
		return nil
	} else if ct != "application/problem+json" {
		t.Fatalf("content type %q", ct)
	}
	var p map[string]any
	if err := json.Unmarshal([]byte(body), &p); err != nil || p["code"] != code || p["status"] != float64(status) ||
		p["type"] != "urn:bff:error:"+code {
		t.Fatalf("problem document %s", body)
	}
	return p
}
