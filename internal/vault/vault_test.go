package vault_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"bff/internal/secret"
	"bff/internal/testenv"
	"bff/internal/vault"
)

func TestMain(m *testing.M) {
	vault.Quiet()
	os.Exit(m.Run())
}

// open makes a vault on a store; change edits its configuration.
func open(t testing.TB, store string, change ...func(*vault.Config)) *vault.Vault {
	t.Helper()
	cfg := vault.Config{
		Store:    store,
		Keys:     []vault.Key{vault.NewKey()},
		Prefix:   "bff",
		Cookie:   "bff",
		Idle:     30 * time.Minute,
		Lifetime: 12 * time.Hour,
	}
	for _, f := range change {
		f(&cfg)
	}
	v, err := vault.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Close() })
	return v
}

// ring is a change that sets the keys, the first one seals.
func ring(keys ...vault.Key) func(*vault.Config) {
	return func(c *vault.Config) { c.Keys = keys }
}

// pair is two instances on one store.
func pair(t testing.TB, store string, change ...func(*vault.Config)) (a, b *vault.Vault) {
	t.Helper()
	change = append(change, ring(vault.NewKey()))
	return open(t, store, change...), open(t, store, change...)
}

func ada() vault.User {
	return vault.User{
		ID:       vault.UserID("google", "https://i", "1"),
		Provider: "google",
		Subject:  "1",
		Name:     "Ada",
		Email:    "ada@example.com",
	}
}

func grace() vault.User {
	return vault.User{ID: vault.UserID("google", "https://i", "2"), Provider: "google", Subject: "2", Name: "Grace"}
}

func google(keep vault.Keep) *vault.Connection {
	return &vault.Connection{
		Provider: "google",
		Keep:     keep,
		Account:  vault.Account{Subject: "1", Email: "ada@example.com"},
		Scopes: []string{
			"openid",
		},
		Tokens: vault.Tokens{Access: secret.New("at-1"), Refresh: secret.New("rt-1"), Expiry: time.Now().Add(time.Hour)},
	}
}

// signIn creates a session, and returns it with a request that carries its cookie.
func signIn(t testing.TB, v *vault.Vault, in vault.NewSession) (*vault.Session, *http.Request) {
	t.Helper()
	if in.User.ID == "" {
		in.User = ada()
	}
	w := httptest.NewRecorder()
	s, err := v.Sessions.Create(w, httptest.NewRequest("GET", "/", nil), in)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/", nil)
	for _, c := range w.Result().Cookies() {
		r.AddCookie(c)
	}
	return s, r
}

func withCookie(value string) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Cookie", "bff="+value)
	return r
}

func load(t testing.TB, v *vault.Vault, r *http.Request) *vault.Session {
	t.Helper()
	s, err := v.Sessions.Load(r)
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	return s
}

func is(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestASessionEndsByIdleAndByAbsoluteTimeout(t *testing.T) {
	for _, store := range []string{"memory:", testenv.Redis(t).URL} {
		v := open(t, store)
		ctx := context.Background()
		s, r := signIn(t, v, vault.NewSession{Device: "Firefox on Linux", Connection: google(vault.KeepSession)})
		got := load(t, v, r)
		if got.ID != s.ID || got.User.Name != "Ada" || len(got.Connections) != 1 ||
			got.Connections[0].Tokens.Refresh.Reveal() != "rt-1" {
			t.Fatalf("read something else than was written: %+v", got)
		}
		must(t, v.Sessions.Touch(ctx, got))
		list, err := v.Index.Sessions(ctx, got)
		if err != nil || len(list) != 1 || !list[0].Current || list[0].Device != "Firefox on Linux" {
			t.Fatalf("sessions: %v %v", list, err)
		}
		next := got.Connections[0]
		next.Tokens.Access = secret.New("at-2")
		if _, err := v.Connections.Update(ctx, &got.Connections[0], next); err != nil {
			t.Fatal(err)
		}
		_, err = v.Connections.Update(ctx, &got.Connections[0], next)
		is(t, "a second writer of the same version", err, vault.ErrConflict)
		again, err := v.Connections.Reload(ctx, &got.Connections[0])
		if err != nil || again.Tokens.Access.Reveal() != "at-2" {
			t.Fatal(err)
		}
		must(t, v.Sessions.End(ctx, got, "logout"))
		_, err = v.Sessions.Load(r)
		is(t, "after logout", err, vault.ErrNotFound)
		must(t, v.Sessions.End(ctx, got, "logout")) // twice is fine
	}
}

func TestOpenRefusesWhatCannotWork(t *testing.T) {
	good := vault.Config{
		Store:    "memory:",
		Keys:     []vault.Key{vault.NewKey()},
		Prefix:   "bff",
		Cookie:   "bff",
		Idle:     time.Minute,
		Lifetime: time.Hour,
	}
	for name, change := range map[string]func(*vault.Config){
		"no key":                        func(c *vault.Config) { c.Keys = nil },
		"an empty key":                  func(c *vault.Config) { c.Keys = append(c.Keys, vault.Key{}) },
		"no prefix":                     func(c *vault.Config) { c.Prefix = "" },
		"no cookie":                     func(c *vault.Config) { c.Cookie = "" },
		"no idle time":                  func(c *vault.Config) { c.Idle = 0 },
		"an idle time above a lifetime": func(c *vault.Config) { c.Lifetime = c.Idle - 1 },
		"no store":                      func(c *vault.Config) { c.Store = "" },
		"a store of another kind":       func(c *vault.Config) { c.Store = "postgres://h" },
	} {
		cfg := good
		change(&cfg)
		if v, err := vault.Open(cfg); err == nil {
			_ = v.Close()
			t.Errorf("%s: opened", name)
		}
	}
}

// A product starts while its store is down, and works when the store is back.
func TestOpenDoesNotNeedTheStore(t *testing.T) {
	server := testenv.Redis(t)
	server.Stop()
	v := open(t, server.URL)
	is(t, "ping", v.Ping(context.Background()), vault.ErrUnavailable)
	server.Start()
	testenv.Eventually(t, "the store is back", func() bool { return v.Ping(context.Background()) == nil })
	_, r := signIn(t, v, vault.NewSession{})
	load(t, v, r)
}
