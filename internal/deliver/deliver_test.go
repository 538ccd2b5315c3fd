package deliver_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"bff/internal/deliver"
	"bff/internal/secret"
	"bff/internal/testenv"
	"bff/internal/vault"
	"bff/internal/webhook"
)

// A receiver is a program of the operator's. It answers what a test sets.
type receiver struct {
	t   testing.TB
	srv *httptest.Server
	key webhook.Key

	mu     sync.Mutex
	answer func(w http.ResponseWriter, r *http.Request)
	got    []message
}

type message struct {
	ID   string
	Type string `json:"type"`
	Data struct {
		User struct {
			ID     string
			Email  string
			Rights []string
		}
		Session    *struct{ ID, Reason string }
		Connection *struct{ ID, Provider, Status string }
	}
}

func newReceiver(t testing.TB) *receiver {
	key, err := webhook.ParseKey(secret.New(strings.Repeat("k", 30)))
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{t: t, key: key, answer: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }}
	r.srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(q.Body, 1<<20))
		m := message{ID: q.Header.Get(webhook.HeaderID)}
		if key.Verify(q.Header, body) != nil || json.Unmarshal(body, &m) != nil {
			t.Errorf("a message is not signed, or no JSON: %s", body)
		}
		r.mu.Lock()
		r.got = append(r.got, m)
		answer := r.answer
		r.mu.Unlock()
		answer(w, q)
	}))
	t.Cleanup(r.srv.Close)
	return r
}

func (r *receiver) says(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
}

func (r *receiver) all() []message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]message(nil), r.got...)
}

// types are the types received, in their order.
func (r *receiver) types() string {
	var types []string
	for _, m := range r.all() {
		types = append(types, m.Type)
	}
	return strings.Join(types, " ")
}

func (r *receiver) awaits(n int) []message {
	r.t.Helper()
	testenv.Eventually(r.t, fmt.Sprintf("%d messages", n), func() bool { return len(r.all()) >= n })
	return r.all()
}

func open(t testing.TB, url string, programs ...vault.Program) *vault.Vault {
	t.Helper()
	v, err := vault.Open(vault.Config{Store: url, Keys: keys(t), Prefix: "bff", Cookie: "bff", Idle: time.Hour,
		Lifetime: time.Hour, Programs: programs})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Close() })
	return v
}

func keys(t testing.TB) []vault.Key {
	k, err := vault.ParseKey("bffk1_" + strings.Repeat("A", 43))
	if err != nil {
		t.Fatal(err)
	}
	return []vault.Key{k}
}

func run(t testing.TB, v *vault.Vault, programs ...deliver.Program) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	d := deliver.New(deliver.Config{Vault: v, Programs: programs, Sender: webhook.NewSender(webhook.Transport(), nil),
		Log: slog.New(slog.DiscardHandler)})
	done := make(chan struct{})
	go func() { d.Run(ctx); close(done) }()
	stop = func() { cancel(); testenv.Receive(t, "the end of it", done) }
	t.Cleanup(stop)
	return stop
}

func all(name string) vault.Program {
	return vault.Program{Name: name, Wants: func(string) bool { return true }}
}

func (r *receiver) program(name string) deliver.Program {
	return deliver.Program{Name: name, Endpoint: webhook.Endpoint{URL: r.srv.URL, Key: r.key, Timeout: time.Second}}
}

var ada = vault.Identity{Provider: "acme", Issuer: "https://id.example", Subject: "1"}

func register(t testing.TB, v *vault.Vault, subject string) vault.UserRecord {
	t.Helper()
	i := ada
	i.Subject = subject
	rec, _, err := v.Users.Register(t.Context(), i, vault.Profile{Name: "Ada", Email: subject + "@example.com"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func setRights(t testing.TB, v *vault.Vault, id string, rights ...string) {
	t.Helper()
	_, err := v.Users.Update(
		t.Context(),
		id,
		func(u *vault.UserRecord) error { u.Rights[vault.RightsAdmin] = rights; return nil },
	)
	if err != nil {
		t.Fatal(err)
	}
}

func TestEventsArriveInOrderForEachUser(t *testing.T) {
	r := newReceiver(t)
	v := open(t, testenv.Redis(t).URL, all("a"))
	run(t, v, r.program("a"))
	one, two := register(t, v, "1"), register(t, v, "2")
	for n := range 5 {
		setRights(t, v, one.ID, fmt.Sprint("right", n))
		setRights(t, v, two.ID, fmt.Sprint("right", n))
	}
	if _, err := v.Users.Erase(t.Context(), one.ID, func(vault.Connection) []byte { return nil }); err != nil {
		t.Fatal(err)
	}
	byUser := map[string]string{}
	for _, m := range r.awaits(13) {
		byUser[m.Data.User.ID] += " " + m.Type
		if m.Type != "user.erased" && m.ID == "" {
			t.Errorf("%+v", m)
		}
	}
	changed := strings.Repeat(" user.changed", 5)
	if byUser[one.ID] != " user.created"+changed+" user.erased" || byUser[two.ID] != " user.created"+changed {
		t.Errorf("%v", byUser)
	}
}

func TestAProgramThatFailsIsTriedAgainWithTheSameIDAndBlocksNobody(t *testing.T) {
	down, up := newReceiver(t), newReceiver(t)
	down.says(500)
	v := open(t, testenv.Redis(t).URL, all("down"), all("up"))
	run(t, v, down.program("down"), up.program("up"))
	u := register(t, v, "1")
	setRights(t, v, u.ID, "editor")
	if got := up.awaits(2); got[1].Type != "user.changed" || strings.Join(got[1].Data.User.Rights, ",") != "editor" {
		t.Errorf("%+v", got)
	}
	again := down.awaits(2)
	if again[0].ID != again[1].ID || again[0].Type != "user.created" || again[1].Type != "user.created" {
		t.Errorf("the first retry: %+v", again)
	}
	down.says(200)
	got := down.awaits(4)
	if last := got[len(got)-1]; last.Type != "user.changed" || last.ID == got[0].ID {
		t.Errorf("after it is back: %s", down.types())
	}
}

func TestAProgramThatWantsNoMoreOfAnEventIsNotAskedAgain(t *testing.T) {
	r := newReceiver(t)
	r.says(410)
	v := open(t, testenv.Redis(t).URL, all("a"))
	run(t, v, r.program("a"))
	u := register(t, v, "1")
	r.awaits(1)
	r.says(200)
	setRights(t, v, u.ID, "editor")
	if got := r.awaits(2); got[1].Type != "user.changed" {
		t.Errorf("%s", r.types())
	}
}

func TestWhatAnInstanceHadTakenWhenItDiedIsDeliveredByAnother(t *testing.T) {
	r := newReceiver(t)
	store := testenv.Redis(t)
	v := open(t, store.URL, all("a"))
	u := register(t, v, "1")
	taken, err := v.Events.Due(t.Context(), "a", 10, 300*time.Millisecond) // and then: kill -9
	if err != nil || len(taken) != 1 || !strings.Contains(string(taken[0].Body), u.ID) {
		t.Fatalf("%+v %v", taken, err)
	}
	if second, err := v.Events.Due(t.Context(), "a", 10, time.Second); err != nil || len(second) != 0 {
		t.Fatalf("two have it: %+v %v", second, err)
	}
	other := open(t, store.URL, all("a"))
	run(t, other, r.program("a"))
	if got := r.awaits(1); got[0].ID != taken[0].ID {
		t.Errorf("%+v", got)
	}
}

func TestOnlyWhatAProgramWantsIsQueued(t *testing.T) {
	r := newReceiver(t)
	store := testenv.Redis(t)
	v := open(t, store.URL, vault.Program{Name: "a", Wants: deliver.Wants([]string{"user.erased"})})
	run(t, v, r.program("a"))
	u := register(t, v, "1")
	setRights(t, v, u.ID, "x")
	if _, err := v.Users.Erase(t.Context(), u.ID, func(vault.Connection) []byte { return nil }); err != nil {
		t.Fatal(err)
	}
	if got := r.awaits(1); got[0].Type != "user.erased" || got[0].Data.User.Email != "" {
		t.Errorf("%+v", got)
	}
	// Nothing of the person is left in the queue.
	testenv.Eventually(t, "an empty queue", func() bool {
		return len(store.Client().Keys(context.Background(), "bff:{*}:q:*").Val()) == 0
	})
}

func TestALineOfTypesIsForATypeAGroupOrEverything(t *testing.T) {
	for _, line := range []string{"", "user", "user.", "user.*.x", "*.created", "users.*", "user.deleted", "User.*", ".*"} {
		if deliver.Matches(line, "user.created") {
			t.Errorf("%q is for user.created", line)
		}
	}
	for _, line := range []string{"user.created", "user.*", "*"} {
		if !deliver.Matches(line, "user.created") {
			t.Errorf("%q is not for user.created", line)
		}
	}
}

func TestWaitsGrowAndTheFirstIsShort(t *testing.T) {
	if w := deliver.Wait(1, time.Hour); w > 5*time.Second {
		t.Errorf("the first retry waits %s", w)
	}
	for n, before := 2, deliver.Wait(1, 0); n < 20; n++ {
		w := deliver.Wait(n, 0)
		if w < before || w > time.Hour {
			t.Errorf("attempt %d waits %s after %s", n, w, before)
		}
		before = w
	}
	if w := deliver.Wait(3, 30*time.Minute); w != 30*time.Minute {
		t.Errorf("Retry-After: %s", w)
	}
}
