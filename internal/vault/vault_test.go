package vault_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"bff/internal/testenv"
	"bff/internal/vault"
)

// open makes a vault on a store; change edits its configuration.
func open(t testing.TB, store string, change ...func(*vault.Config)) *vault.Vault {
	t.Helper()
	cfg := vault.Config{Store: store, Keys: []vault.Key{vault.NewKey()}, Prefix: "bff", Cookie: "bff", Idle: 30 * time.Minute, Lifetime: 12 * time.Hour}
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

func ada() vault.User {
	return vault.User{ID: vault.UserID("google", "https://i", "1"), Provider: "google", Subject: "1", Name: "Ada"}
}

func google(keep vault.Keep) *vault.Connection {
	return &vault.Connection{Provider: "google", Keep: keep, Account: vault.Account{Subject: "1", Email: "ada@example.com"},
		Scopes: []string{"openid"}, Tokens: vault.Tokens{Access: vault.NewSecret("at-1"), Refresh: vault.NewSecret("rt-1"), Expiry: time.Now().Add(time.Hour)}}
}

// signIn creates a session, and returns it with a request that carries its cookie.
func signIn(t testing.TB, v *vault.Vault, in vault.NewSession) (*vault.Session, *http.Request) {
	t.Helper()
	if in.User.ID == "" {
		in.User = ada()
	}
	w := httptest.NewRecorder()
	s, err := v.Create(w, httptest.NewRequest("GET", "/", nil), in)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/", nil)
	for _, c := range w.Result().Cookies() {
		r.AddCookie(c)
	}
	return s, r
}

func TestSessionLife(t *testing.T) {
	for _, store := range []string{"memory:", testenv.Redis(t).URL} {
		v := open(t, store)
		ctx := context.Background()
		s, r := signIn(t, v, vault.NewSession{Device: "Firefox on Linux", Connection: google(vault.KeepSession)})
		got, err := v.Load(r)
		if err != nil {
			t.Fatal(err)
		}
		if got.ID != s.ID || got.User.Name != "Ada" || len(got.Connections) != 1 || got.Connections[0].Tokens.Refresh.Reveal() != "rt-1" {
			t.Fatalf("read something else than was written: %+v", got)
		}
		if err := v.Touch(ctx, got); err != nil {
			t.Fatal(err)
		}
		list, err := v.Sessions(ctx, got)
		if err != nil || len(list) != 1 || !list[0].Current || list[0].Device != "Firefox on Linux" {
			t.Fatalf("sessions: %v %v", list, err)
		}
		next := got.Connections[0]
		next.Tokens.Access = vault.NewSecret("at-2")
		if _, err := v.Update(ctx, &got.Connections[0], next); err != nil {
			t.Fatal(err)
		}
		if _, err := v.Update(ctx, &got.Connections[0], next); !errors.Is(err, vault.ErrConflict) {
			t.Fatalf("a second writer of the same version: %v", err)
		}
		again, err := v.Reload(ctx, &got.Connections[0])
		if err != nil || again.Tokens.Access.Reveal() != "at-2" {
			t.Fatal(err)
		}
		if err := v.End(ctx, got, "logout"); err != nil {
			t.Fatal(err)
		}
		if _, err := v.Load(r); !errors.Is(err, vault.ErrNotFound) {
			t.Fatalf("after logout: %v", err)
		}
		if _, err := v.Update(ctx, &again, again); !errors.Is(err, vault.ErrNotFound) {
			t.Fatalf("a late token write after logout: %v", err)
		}
		if err := v.Touch(ctx, got); err != nil {
			t.Fatal(err)
		}
		if _, err := v.Load(r); !errors.Is(err, vault.ErrNotFound) {
			t.Fatalf("a late touch brought the session back: %v", err)
		}
	}
}

func TestCookie(t *testing.T) {
	v := open(t, "memory:", func(c *vault.Config) { c.Cookie, c.Secure = "__Host-bff", true })
	w := httptest.NewRecorder()
	if _, err := v.Create(w, httptest.NewRequest("GET", "/", nil), vault.NewSession{User: ada()}); err != nil {
		t.Fatal(err)
	}
	line := w.Header().Get("Set-Cookie")
	for _, want := range []string{"__Host-bff=", "; Path=/", "; Secure", "; HttpOnly", "; SameSite=Strict"} {
		if !strings.Contains(line, want) {
			t.Errorf("%q lacks %q", line, want)
		}
	}
	if strings.Contains(line, "Domain") || len(line) >= 200 {
		t.Errorf("%d bytes: %q", len(line), line)
	}
}
