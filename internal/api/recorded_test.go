package api_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bff/internal/api/admin"
	managing "bff/internal/api/manage"
	"bff/internal/audit"
	"bff/internal/demo/provider"
	"bff/internal/oauth/providers"
	"bff/internal/testenv"
	"bff/internal/users"
	"bff/internal/vault"
)

// notes is a Recorder that keeps what it got.
type notes struct {
	mu   sync.Mutex
	kept []audit.Event
}

func (n *notes) Record(_ context.Context, e audit.Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.kept = append(n.kept, e)
}

// lines returns what is audited since the last forget, sorted, as "kind/reason or code by actor"; the ends of sessions
// name them.
func (n *notes) lines() (all []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, e := range n.kept {
		if !audit.Audited(e.Kind) {
			continue
		}
		line := strings.TrimSuffix(string(e.Kind)+"/"+e.Reason+e.Code, "/") + " by " + string(e.Actor.Kind)
		if e.Kind == audit.SessionEnded {
			line += " " + e.Session
		}
		all = append(all, line)
	}
	slices.Sort(all)
	return all
}

func (n *notes) forget() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.kept = nil
}

// twoDevices is a world in which ada is signed in on two devices, with a second account linked; all accounts are kept.
type twoDevices struct {
	*world
	seen          *notes
	phone, laptop *browser
	user          string
	ids           map[string]string // of sessions, by device
	linked        string            // the second account's connection
}

func newTwoDevices(t *testing.T, change ...func(*settings)) *twoDevices {
	t.Helper()
	s := &twoDevices{seen: &notes{}}
	service, _ := keyed(t)
	s.world = newWorld(t, append(change, withUsers(users.Config{}), func(set *settings) {
		set.keep, set.audit = vault.KeepUser, s.seen
		set.further = []providers.Config{{Name: "keyed", Title: "Keyed", Auth: providers.AuthAPIKey,
			Userinfo: providers.Userinfo{URL: service.URL + "/me", Subject: "id", TokenHeader: "X-API-Key"}}}
	})...)
	s.phone, s.laptop = s.browser(), s.browser()
	phone, laptop := s.phone.signIn("ada"), s.laptop.signIn("ada")
	s.user = userOf(phone)
	s.ids = map[string]string{"phone": sessionOf(phone), "laptop": sessionOf(laptop)}
	s.linked = connectionOf(t, object(t, s.phone.link2("grace")), "grace@example.com")["id"].(string)
	s.seen.forget()
	return s
}

func sessionOf(s map[string]any) string { return s["session"].(map[string]any)["id"].(string) }

// link2 links person's account and returns the answer of the session.
func (b *browser) link2(person string) *http.Response {
	b.link(person)
	return b.fetch("GET", "/bff/session", "")
}

// changes is what changes something, by the row of the tables or the name of the worker: what is done, and the lines
// that must be written for it, no fewer and no more. $phone and $laptop stand for the ids of sessions.
//
// Long: it is a table, a row for each change.
func changes() map[string]struct {
	do   func(t *testing.T, s *twoDevices)
	want []string
} {
	type change = struct {
		do   func(t *testing.T, s *twoDevices)
		want []string
	}
	byPhone := func(method, path, body string) func(*testing.T, *twoDevices) {
		return func(_ *testing.T, s *twoDevices) {
			path := strings.NewReplacer("$laptop", s.ids["laptop"], "$linked", s.linked).Replace(path)
			s.phone.fetch(method, path, body, mergePatch)
		}
	}
	byService := func(method, path, body string) func(*testing.T, *twoDevices) {
		return func(t *testing.T, s *twoDevices) {
			path := strings.NewReplacer("$user", s.user, "$laptop", s.ids["laptop"], "$linked", s.linked).Replace(path)
			if strings.HasSuffix(path, "/data") {
				workerAsks(t, s.world, method, path, body)
			} else {
				manage(t, s.world, method, path, body)
			}
		}
	}
	ordered := func(kind string) func(*testing.T, *twoDevices) {
		return func(t *testing.T, s *twoDevices) { s.secevent(securityEvent(t, s.world, kind, "ada", nil)) }
	}
	const revoked = "grant_revoked by provider"
	return map[string]change{
		"GET /bff/callback/{provider}": {func(_ *testing.T, s *twoDevices) { s.browser().signIn("linus") },
			[]string{"sign_in by user", "user_registered by user"}},
		"GET /bff/callback/{provider}, linking": {func(_ *testing.T, s *twoDevices) { s.phone.link("linus") },
			[]string{"connection_linked by user", "identity_added by user"}},
		"GET /bff/callback/{provider}, in the same browser": {func(_ *testing.T, s *twoDevices) { s.laptop.signIn("ada") },
			[]string{"session_ended/replaced by user $laptop", "sign_in by user"}},
		"GET /bff/callback/{provider}, of nobody": {func(_ *testing.T, s *twoDevices) {
			s.browser().visit("/bff/callback/demo?state=x&code=y", "cross-site")
		}, []string{"sign_in_refused/login_expired by user"}},
		"POST /bff/callback/{provider}": {func(_ *testing.T, s *twoDevices) {
			b := s.browser() // a form comes again as a navigation
			b.visit(b.do("POST", "/bff/callback/demo", "state=x&code=y", formKind).Header.Get("Location"), "cross-site")
		}, []string{"sign_in_refused/login_expired by user"}},
		"POST /bff/connect/{provider}": {func(_ *testing.T, s *twoDevices) {
			s.phone.fetch("POST", "/bff/connect/keyed", url.Values{"api_key": {typedKey}}.Encode(), formKind)
		}, []string{"connection_linked by user"}},
		"POST /bff/logout": {byPhone("POST", "/bff/logout", ""), []string{"session_ended/logout by user $phone"}},
		"POST /bff/logout, everywhere": {func(_ *testing.T, s *twoDevices) {
			s.phone.fetch("POST", "/bff/logout", `{"everywhere": true}`, header("Content-Type", "application/json"))
		}, []string{"session_ended/ended_elsewhere by user $laptop", "session_ended/logout by user $phone"}},
		"DELETE /bff/connections/{id}": {byPhone("DELETE", "/bff/connections/$linked", ""),
			[]string{"connection_unlinked by user", revoked, "identity_removed by user"}},
		"DELETE /bff/sessions": {byPhone("DELETE", "/bff/sessions", ""),
			[]string{"session_ended/ended_elsewhere by user $laptop"}},
		"DELETE /bff/sessions/{id}": {byPhone("DELETE", "/bff/sessions/$laptop", ""),
			[]string{"session_ended/ended_elsewhere by user $laptop"}},
		"PATCH /bff/preferences": {byPhone("PATCH", "/bff/preferences", `{"theme":"dark"}`),
			[]string{"preferences_changed by user"}},
		"DELETE /bff/account": {byPhone("DELETE", "/bff/account", ""), []string{
			"connection_unlinked by user", "connection_unlinked by user", revoked, revoked,
			"session_ended/erased by user $laptop", "session_ended/erased by user $phone", "user_erased by user"}},
		"POST /bff/backchannel-logout/{provider}": {func(t *testing.T, s *twoDevices) {
			s.backchannel(logoutToken(t, s.world, "ada", "", nil))
		}, []string{"order_received/backchannel_logout by provider",
			"session_ended/provider by provider $laptop", "session_ended/provider by provider $phone"}},
		"POST /bff/security-events/{provider}": {ordered(provider.EventSessionsRevoked), []string{
			"order_received/security_event by provider",
			"session_ended/provider by provider $laptop", "session_ended/provider by provider $phone"}},
		"POST /bff/security-events/{provider}, of tokens": {ordered(provider.EventTokensRevoked), []string{
			"order_received/security_event by provider", "refresh_refused/revoked by provider"}},
		"POST /bff/security-events/{provider}, of a purged account": {ordered(provider.EventAccountPurged), []string{
			"identity_removed by provider", "order_received/security_event by provider", "refresh_refused/revoked by provider",
			"session_ended/provider by provider $laptop", "session_ended/provider by provider $phone"}},
		"POST /introspect": {func(t *testing.T, s *twoDevices) {
			ask(t, s.world, "POST", "/introspect", form("token", s.phone.cookie("bff")), formKind,
				basic("billing", billingSecret))
		}, []string{"introspected by client"}},
		"POST /token": {func(t *testing.T, s *twoDevices) {
			post(t, s.world, "/token", tokenRequest(s.phone)...)
		}, []string{"token_exchanged by client"}},
		"POST /token, refused": {func(t *testing.T, s *twoDevices) {
			post(t, s.world, "/token", tokenRequest(s.phone, "audience", "google")...)
		}, []string{"exchange_refused/invalid_target by client"}},
		"PATCH /users/{id}": {byService("PATCH", "/users/$user", `{"rights":["admin"]}`),
			[]string{"rights_changed by client"}},
		"DELETE /users/{id}": {byService("DELETE", "/users/$user", ""), []string{
			"connection_unlinked by client", "connection_unlinked by client", revoked, revoked,
			"session_ended/erased by client $laptop", "session_ended/erased by client $phone", "user_erased by client"}},
		"DELETE /users/{id}/sessions": {byService("DELETE", "/users/$user/sessions", ""), []string{
			"session_ended/ended_elsewhere by client $laptop", "session_ended/ended_elsewhere by client $phone"}},
		"DELETE /sessions/{id}": {byService("DELETE", "/sessions/$laptop", ""),
			[]string{"session_ended/ended_elsewhere by client $laptop"}},
		"DELETE /users/{id}/connections/{connection}": {byService("DELETE", "/users/$user/connections/$linked", ""),
			[]string{"connection_unlinked by client", revoked}},
		"PATCH /sessions/{id}/data": {byService("PATCH", "/sessions/$laptop/data", `{"a":1}`),
			[]string{"data_changed by client"}},
		"PATCH /users/{id}/data": {byService("PATCH", "/users/$user/data", `{"a":1}`), []string{"data_changed by client"}},

		"the cap on sessions": {func(t *testing.T, s *twoDevices) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			for range 99 {
				_, err := s.vault.Sessions.Create(httptest.NewRecorder(), r, vault.NewSession{User: vault.User{ID: s.user}})
				if err != nil {
					t.Fatal(err)
				}
			}
		}, append(slices.Repeat([]string{"sign_in by bff"}, 99), "session_ended/too_many by bff $phone")},
		"the refresh of a dead grant": {func(_ *testing.T, s *twoDevices) {
			s.demo.RevokePerson("grace")
			s.phone.fetch("GET", "/api/calendar/users/me/calendarList", "", header("BFF-Connection", s.linked))
		}, []string{"refresh_refused/revoked by provider"}},
		"the maintenance of users": {func(t *testing.T, s *twoDevices) {
			s.phone.fetch("POST", "/bff/logout", "")
			s.laptop.fetch("POST", "/bff/logout", "")
			s.seen.forget()
			if _, err := s.vault.Upkeep.MaintainUsers(t.Context(), "", time.Nanosecond, s.broker.Outbox.Revocation); err != nil {
				t.Fatal(err)
			}
			s.broker.Outbox.Nudge()
		}, []string{"connection_unlinked by bff", "connection_unlinked by bff", revoked, revoked,
			"user_erased/unused by bff"}},
	}
}

// Whatever changes something is written to the audit log exactly once, with who did it; an end names its session.
func TestEveryChangeIsRecordedOnce(t *testing.T) {
	for name, c := range changes() {
		t.Run(name, func(t *testing.T) {
			s := newTwoDevices(t)
			c.do(t, s)
			ids := strings.NewReplacer("$phone", s.ids["phone"], "$laptop", s.ids["laptop"])
			sorted := strings.Split(ids.Replace(strings.Join(c.want, "\n")), "\n")
			slices.Sort(sorted)
			want := strings.Join(sorted, "\n")
			testenv.Eventually(t, "what a worker does is recorded too", func() bool {
				return len(s.seen.lines()) >= len(c.want)
			})
			if got := strings.Join(s.seen.lines(), "\n"); got != want {
				t.Errorf("recorded\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// Every row of both tables that may change something is walked above. The rows that only read, by their method, are
// not; neither is what is carried to an upstream, nor /verify, which answers a front proxy.
func TestEveryRowThatChangesSomethingIsWalked(t *testing.T) {
	walked := changes()
	rows := newWorld(t).server.Paths()
	for _, row := range append(admin.New(admin.Config{}).Rows(), managing.New(managing.Config{}).Rows()...) {
		rows = append(rows, row.Method+" "+row.Path)
	}
	n := 0
	for _, row := range rows {
		method, path, _ := strings.Cut(row, " ")
		if method == "GET" && path != "/bff/callback/{provider}" || strings.HasPrefix(path, "/verify") {
			continue
		}
		if n++; walked[row].do == nil {
			t.Errorf("%s is not walked", row)
		}
	}
	if n < 19 {
		t.Errorf("the tables have %d rows that change something: too few to be all", n)
	}
}

// A session that ends by its time is recorded once, when that is seen, and programs hear of it.
func TestAnEndByTimeIsSeenAndRecordedOnce(t *testing.T) {
	redis := testenv.Redis(t)
	s := newTwoDevices(t, func(set *settings) { set.store, set.idle = redis.URL, time.Second })
	testenv.Eventually(t, "both sessions end and are seen", func() bool {
		if _, err := s.vault.Upkeep.MaintainUsers(t.Context(), "", 0, s.broker.Outbox.Revocation); err != nil {
			t.Fatal(err)
		}
		return len(s.seen.lines()) >= 2
	})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { _, _ = s.vault.Index.SessionsOf(context.Background(), s.user) })
	}
	testenv.Finished(t, "all of them", all.Wait)
	want := []string{fmt.Sprintf("session_ended/expired by bff %s", s.ids["laptop"]),
		fmt.Sprintf("session_ended/expired by bff %s", s.ids["phone"])}
	slices.Sort(want)
	if got := s.seen.lines(); !slices.Equal(got, want) {
		t.Errorf("recorded %q, want %q", got, want)
	}
}
