package api_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bff/internal/api"
	"bff/internal/secret"
	"bff/internal/testenv"
	"bff/internal/users"
	"bff/internal/vault"
	"bff/internal/webhook"
)

const manageSecret, dataSecret, otherSecret = "manage-secret", "data-secret", "other-secret"

// withUsers gives a world services that manage users, and a policy.
func withUsers(c users.Config) func(*settings) {
	return func(s *settings) {
		before := s.api
		s.api = func(a *api.Config) {
			if before != nil {
				before(a)
			}
			c := c
			c.Log = a.Log
			policy, err := users.NewPolicy(c)
			if err != nil {
				panic(err)
			}
			a.Users = policy
			a.Clients = append(a.Clients,
				api.Client{Name: "backoffice", Secret: secret.New(manageSecret), Manage: true},
				api.Client{Name: "worker", Secret: secret.New(dataSecret), Data: true, Shared: true},
				api.Client{Name: "private", Secret: secret.New(otherSecret), Data: true},
				api.Client{Name: "billing", Secret: secret.New(billingSecret), Exchange: []string{"demo"}})
		}
	}
}

func manage(t testing.TB, w *world, method, path, body string, edits ...edit) *http.Response {
	t.Helper()
	return ask(t, w, method, path, body, append([]edit{header("Content-Type", "application/json"),
		basic("backoffice", manageSecret)}, edits...)...)
}

func setRights(t testing.TB, w *world, user string, rights ...string) {
	t.Helper()
	body, _ := json.Marshal(map[string]any{"rights": append([]string{}, rights...)})
	if resp := manage(t, w, "PATCH", "/users/"+user, string(body)); resp.StatusCode != http.StatusOK {
		t.Fatalf("PATCH rights: %d %s", resp.StatusCode, text(resp))
	}
}

func rightsOf(s map[string]any) string {
	var all []string
	for _, r := range s["user"].(map[string]any)["rights"].([]any) {
		all = append(all, r.(string))
	}
	return strings.Join(all, ",")
}

func userOf(s map[string]any) string { return s["user"].(map[string]any)["id"].(string) }

// turnedAway goes through a whole sign-in and returns the bff_error that it ends with.
func (b *browser) turnedAway(person string) string {
	b.w.t.Helper()
	resp := b.approve(b.begin("/bff/login/demo"), person)
	_, code, _ := strings.Cut(resp.Header.Get("Location"), "bff_error=")
	return code
}

// link links person's account and returns the answer's bff_error, "" when it was linked.
func (b *browser) link(person string) string {
	b.w.t.Helper()
	resp := b.approve(b.begin("/bff/connect/demo"), person)
	_, code, _ := strings.Cut(resp.Header.Get("Location"), "bff_error=")
	return code
}

func connectionOf(t testing.TB, s map[string]any, email string) map[string]any {
	t.Helper()
	for _, c := range s["connections"].([]any) {
		if c := c.(map[string]any); c["account"].(map[string]any)["email"] == email {
			return c
		}
	}
	t.Fatalf("no connection of %s: %v", email, s["connections"])
	return nil
}

func TestASignInRegistersAUserAndFindsItAgain(t *testing.T) {
	w := newWorld(
		t,
		withUsers(users.Config{Rights: map[string][]string{"admin": {"email:ada@example.com"}, "other": {"provider:x"}}}),
	)
	phone, laptop := w.browser(), w.browser()
	before := time.Now().Add(-time.Minute)
	s := phone.signIn("ada")
	user := s["user"].(map[string]any)
	created, err := time.Parse(time.RFC3339, fmt.Sprint(user["created_at"]))
	if err != nil || created.Before(before) || rightsOf(s) != "admin" || user["app_id"] != nil {
		t.Fatalf("the user: %v", user)
	}
	if connectionOf(t, s, "ada@example.com")["sign_in"] != true {
		t.Errorf("the account does not sign in: %v", s["connections"])
	}
	again := laptop.signIn("ada")
	if userOf(again) != userOf(s) || again["user"].(map[string]any)["created_at"] != user["created_at"] {
		t.Errorf("the second sign-in is another user: %v", again["user"])
	}
	if other := w.browser().signIn("grace"); userOf(other) == userOf(s) || rightsOf(other) != "" {
		t.Errorf("grace is ada, or has her rights: %v", other["user"])
	}
}

func TestALinkedAccountSignsInAsTheSameUserUntilItIsUnlinked(t *testing.T) {
	w := newWorld(
		t,
		withUsers(
			users.Config{
				Rights: map[string][]string{"of-ada": {"email:ada@example.com"}, "of-grace": {"email:grace@example.com"}},
			},
		),
	)
	b, other := w.browser(), w.browser()
	ada := userOf(b.signIn("ada"))
	if code := b.link("grace"); code != "" {
		t.Fatalf("linking: %s", code)
	}
	s := b.session()
	if connectionOf(t, s, "grace@example.com")["sign_in"] != true || rightsOf(s) != "of-ada" {
		t.Errorf("after linking: %v", s)
	}
	found := other.signIn("grace")
	if userOf(found) != ada || rightsOf(found) != "of-grace" {
		t.Fatalf("grace's account signs in as %v, not %s", found["user"], ada)
	}
	if got := rightsOf(b.session()); got != "of-ada" {
		t.Errorf("a session has the rights of the account it was signed in with, not %q", got)
	}
	id := connectionOf(t, s, "grace@example.com")["id"].(string)
	if resp := b.fetch("DELETE", "/bff/connections/"+id, ""); resp.StatusCode != http.StatusNoContent {
		t.Fatalf("unlink: %d", resp.StatusCode)
	}
	if stranger := w.browser().signIn("grace"); userOf(stranger) == ada {
		t.Error("an account that was unlinked still signs in as this user")
	}
	mine := connectionOf(t, b.session(), "ada@example.com")["id"].(string)
	if resp := b.fetch("DELETE", "/bff/connections/"+mine, ""); resp.StatusCode != http.StatusNoContent {
		t.Fatalf("unlink: %d", resp.StatusCode)
	}
	if again := w.browser().signIn("ada"); userOf(again) != ada {
		t.Error("the last account that signs in was taken away: the user is locked out")
	}
}

func TestAnAccountOfAnotherUserIsLinkedAndNothingIsMerged(t *testing.T) {
	w := newWorld(t)
	a, g := w.browser(), w.browser()
	ada, grace := userOf(a.signIn("ada")), userOf(g.signIn("grace"))
	if code := a.link("grace"); code != "" {
		t.Fatalf("linking: %s", code)
	}
	c := connectionOf(t, a.session(), "grace@example.com")
	if c["sign_in"] != false || c["status"] != "active" {
		t.Errorf("the connection: %v", c)
	}
	if resp := a.fetch("GET", "/api/calendar/users/me/calendarList", "", header("BFF-Connection", c["id"].(string))); resp.StatusCode != 200 {
		t.Errorf("a call with it: %d", resp.StatusCode)
	}
	if got := userOf(w.browser().signIn("grace")); got != grace || got == ada {
		t.Errorf("grace signs in as %s", got)
	}
	a.fetch("DELETE", "/bff/connections/"+c["id"].(string), "")
	if got := userOf(w.browser().signIn("grace")); got != grace {
		t.Errorf("unlinking it at ada's took it from grace: she is %s", got)
	}
}

func TestAProviderForLinkingOnlySignsNobodyIn(t *testing.T) {
	open, linkOnly := twins(t, func(s *settings) {}, func(s *settings) {
		s.api = func(c *api.Config) { c.LinkOnly = []string{"demo"} }
	})
	b := open.browser()
	b.signIn("ada")
	pending := open.browser()
	way := pending.begin("/bff/login/demo")
	there := b.at(linkOnly)
	refused(t, there.visit("/bff/login/demo", "same-origin"), 404, "not_found")
	if s := linkOnly.browser().session(); s["providers"] != nil {
		t.Errorf("it is offered for sign-in: %v", s)
	}
	if p := refused(t, linkOnly.browser().fetch("GET", "/api/calendar/users/me/calendarList", ""), 401, "not_signed_in"); p["fix"] != nil {
		t.Errorf("the fix leads to it: %v", p["fix"])
	}
	if code := there.link("grace"); code != "" {
		t.Fatalf("linking: %s", code)
	}
	if c := connectionOf(t, there.session(), "grace@example.com"); c["sign_in"] != false {
		t.Errorf("%v", c)
	}
	resp := pending.at(linkOnly).approve(way, "linus")
	if !strings.Contains(resp.Header.Get("Location"), "bff_error=login_failed") {
		t.Errorf("a sign-in that was under way ends at %s", resp.Header.Get("Location"))
	}
	if got := open.browser().signIn("grace"); userOf(got) == userOf(there.session()) {
		t.Error("an account that was linked only signs in")
	}
}

// A hookProgram is the operator's; it gives the answer that a test sets.
type hookProgram struct {
	srv *httptest.Server
	key webhook.Key

	mu     sync.Mutex
	status int
	body   string
	asked  []map[string]any
}

func newHookProgram(t testing.TB) *hookProgram {
	t.Helper()
	key, err := webhook.ParseKey(secret.New("a hook's secret of more than 24 bytes"))
	if err != nil {
		t.Fatal(err)
	}
	h := &hookProgram{key: key, status: 200, body: `{}`}
	h.srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		h.mu.Lock()
		defer h.mu.Unlock()
		var m map[string]any
		if key.Verify(r.Header, body) != nil || json.Unmarshal(body, &m) != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		h.asked = append(h.asked, m)
		w.WriteHeader(h.status)
		_, _ = io.WriteString(w, h.body)
	}))
	t.Cleanup(h.srv.Close)
	return h
}

func (h *hookProgram) says(status int, body string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.status, h.body = status, body
}

func (h *hookProgram) last() map[string]any {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.asked) == 0 {
		return nil
	}
	return h.asked[len(h.asked)-1]["user"].(map[string]any)
}

func (h *hookProgram) config(required bool) *users.Hook {
	return &users.Hook{Required: required, Sender: webhook.NewSender(webhook.Transport(), nil),
		Endpoint: webhook.Endpoint{URL: h.srv.URL, Key: h.key, Timeout: 2 * time.Second}}
}

func TestTheHookIsAskedBeforeASessionBegins(t *testing.T) {
	h := newHookProgram(t)
	w := newWorld(t, withUsers(users.Config{Hook: h.config(true)}))
	for name, row := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"a refusal":             {403, `{"message": "blocked"}`, "not_allowed"},
		"an error":              {500, ``, "hook_failed"},
		"a redirect":            {302, ``, "hook_failed"},
		"an answer of no shape": {200, `[]`, "hook_failed"},
	} {
		h.says(row.status, row.body)
		b := w.browser()
		if code := b.turnedAway("ada"); code != row.want || b.cookie("bff") != "" || b.session()["authenticated"] != false {
			t.Errorf("%s: %q", name, code)
		}
		if u := h.last(); u["new"] != true || u["email"] != "ada@example.com" ||
			u["claims"].(map[string]any)["sub"] != u["subject"] {
			t.Errorf("%s: asked about %v", name, u)
		}
	}
	if got := text(manage(t, w, "GET", "/users", "")); got != `{"users":[],"next":null}` {
		t.Errorf("somebody was registered: %s", got)
	}
	h.says(200, `{"id": "42", "rights": ["editor"], "data": {"plan": "pro"}}`)
	b := w.browser()
	s := b.signIn("ada")
	if u := s["user"].(map[string]any); u["app_id"] != "42" || rightsOf(s) != "editor" || u["id"] != h.last()["id"] {
		t.Errorf("the session: %v, asked about %v", u, h.last())
	}
	if got := object(t, manage(t, w, "GET", "/users/"+userOf(s), "")); fmt.Sprint(got["data"]) != "map[plan:pro]" ||
		got["app_id"] != "42" {
		t.Errorf("the user: %v", got)
	}
	asked := object(t, post(t, w, "/introspect", "token", b.cookie("bff")))
	if fmt.Sprint(asked["rights"]) != "[editor]" || asked["app_id"] != "42" || asked["auth_time"] != asked["iat"] ||
		asked["iat"] == nil || asked["sid"] != sessionID(b) || fmt.Sprint(asked["data"]) != "map[plan:pro]" {
		t.Errorf("a service hears %v", asked)
	}
	h.says(200, `{"rights": ["reader"]}`)
	second := w.browser().signIn("ada")
	if h.last()["new"] != false || rightsOf(second) != "reader" || rightsOf(b.session()) != "reader" {
		t.Errorf("after the second answer: %v and %v", second["user"], b.session()["user"])
	}
	h.says(500, ``)
	if code := w.browser().turnedAway("ada"); code != "hook_failed" || rightsOf(b.session()) != "reader" {
		t.Errorf("a failing hook: %q, and the open session has %s", code, rightsOf(b.session()))
	}
}

func TestAHookThatIsNotRequiredMayFail(t *testing.T) {
	h := newHookProgram(t)
	w := newWorld(
		t,
		withUsers(users.Config{Hook: h.config(false), Rights: map[string][]string{"demo": {"provider:demo"}}}),
	)
	h.says(500, ``)
	if s := w.browser().signIn("grace"); rightsOf(s) != "demo" {
		t.Errorf("it never answered: %v", s["user"])
	}
	h.says(200, `{"id": "42", "rights": ["editor"]}`)
	w.browser().signIn("ada")
	h.says(500, ``)
	if s := w.browser().signIn("ada"); rightsOf(s) != "demo,editor" || s["user"].(map[string]any)["app_id"] != "42" {
		t.Errorf("its last answer: %v", s["user"])
	}
	h.says(403, ``)
	if code := w.browser().turnedAway("ada"); code != "not_allowed" {
		t.Errorf("a refusal: %q", code)
	}
}

func TestWhoMayNotSignInIsNotRegistered(t *testing.T) {
	w := newWorld(t, withUsers(users.Config{Allow: []string{"email:grace@example.com", "right:staff"}}))
	b := w.browser()
	if code := b.turnedAway("ada"); code != "not_allowed" || b.cookie("bff") != "" {
		t.Fatalf("%q", code)
	}
	if got := text(manage(t, w, "GET", "/users", "")); got != `{"users":[],"next":null}` {
		t.Errorf("registered: %s", got)
	}
	user := userOf(w.browser().signIn("grace"))
	linked := w.browser()
	linked.signIn("grace")
	if code := linked.link("ada"); code != "" {
		t.Fatal(code)
	}
	if code := b.turnedAway("ada"); code != "not_allowed" {
		t.Errorf("a linked account whose address is on no list: %q", code)
	}
	setRights(t, w, user, "staff")
	if s := b.signIn("ada"); userOf(s) != user || rightsOf(s) != "staff" {
		t.Errorf("with the right: %v", s["user"])
	}
}

func TestAnAnswerOfAnotherInstanceHasTheNewRights(t *testing.T) {
	one, two := twins(t, withUsers(users.Config{}), withUsers(users.Config{}))
	b := one.browser()
	user := userOf(b.signIn("ada"))
	for i := range 10 {
		right := fmt.Sprintf("r%d", i)
		setRights(t, []*world{one, two}[i%2], user, right)
		for _, w := range []*world{one, two} {
			if got := rightsOf(b.at(w).session()); got != right {
				t.Fatalf("change %d: %s", i, got)
			}
		}
	}
	if resp := manage(t, one, "GET", "/users/"+user, ""); !slices.Contains(strings.Split(text(resp), `"`), "r9") {
		t.Error("the administrator does not see what was set")
	}
}

// twins are two instances of one product, configured apart, on one Redis.
func twins(t *testing.T, first, second func(*settings)) (*world, *world) {
	t.Helper()
	store := testenv.Redis(t)
	keys := []vault.Key{vault.NewKey()}
	shared := func(s *settings) { s.store, s.keys, s.cache = store.URL, keys, true }
	a := newWorld(t, shared, first)
	return a, newWorld(t, shared, second, func(s *settings) { s.demo, s.origin = a.demo, a.origin })
}
