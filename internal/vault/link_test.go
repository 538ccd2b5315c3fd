package vault_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"bff/internal/secret"
	"bff/internal/testenv"
	"bff/internal/vault"
)

func TestTwoTabsThatLinkOneAccountMakeOneConnection(t *testing.T) {
	a, b := pair(t, testenv.Redis(t).URL)
	ctx := context.Background()
	for _, keep := range []vault.Keep{vault.KeepSession, vault.KeepUser} {
		s, r := signIn(t, a, vault.NewSession{})
		var all sync.WaitGroup
		for i := range 16 {
			v := []*vault.Vault{a, b}[i%2]
			all.Go(func() {
				if _, err := v.Connections.Link(ctx, s, *google(keep)); err != nil && !errors.Is(err, vault.ErrConflict) {
					t.Error(err)
				}
			})
		}
		testenv.Finished(t, "all of them", all.Wait)
		if got := load(t, b, r); len(got.Connections) != 1 {
			t.Errorf("kept by the %s: %d connections", keep, len(got.Connections))
		}
		must(t, a.Index.Erase(ctx, s.User.ID))
	}
}

func TestLinkingAgainKeepsTheIdAndTheRefreshToken(t *testing.T) {
	v := open(t, testenv.Redis(t).URL)
	ctx := context.Background()
	s, r := signIn(t, v, vault.NewSession{Connection: google(vault.KeepSession)})
	first := load(t, v, r).Connections[0]
	again := google(vault.KeepSession)
	again.Tokens = vault.Tokens{Access: secret.New("at-2")}
	again.Scopes = []string{"openid", "calendar"}
	linked, err := v.Connections.Link(ctx, s, *again)
	if err != nil || linked.ID != first.ID || !linked.ConnectedAt.Equal(first.ConnectedAt) ||
		linked.Version() == first.Version() {
		t.Fatalf("%+v %v", linked, err)
	}
	if linked.Tokens.Access.Reveal() != "at-2" || linked.Tokens.Refresh.Reveal() != "rt-1" {
		t.Error("the new access token and the old refresh token do not stand side by side")
	}
	dead := linked
	dead.Status, dead.Reason = vault.StatusNeedsReauth, "revoked"
	if _, err := v.Connections.Update(ctx, &linked, dead); err != nil {
		t.Fatal(err)
	}
	linked, err = v.Connections.Link(ctx, s, *again)
	if err != nil || !linked.Tokens.Refresh.IsZero() || linked.Status != vault.StatusActive || linked.Reason != "" {
		t.Errorf("a dead refresh token came back: %+v %v", linked, err)
	}
	other := google(vault.KeepSession)
	other.Account.Subject = "2"
	if linked, err = v.Connections.Link(ctx, s, *other); err != nil || linked.ID == first.ID {
		t.Errorf("another account: %v", err)
	}
	if got := load(t, v, r); len(got.Connections) != 2 || got.Connections[0].ID != first.ID {
		t.Error("the one linked first is not in front")
	}
}

// keep: user: the next sign-in, on any device, finds what is kept, and one that brings no refresh token uses the kept
// one.
func TestWhatTheUserKeepsIsFoundByTheNextSignIn(t *testing.T) {
	a, b := pair(t, testenv.Redis(t).URL)
	ctx := context.Background()
	first, _ := signIn(t, a, vault.NewSession{Connection: google(vault.KeepUser)})
	must(t, a.Sessions.End(ctx, first, "logout"))
	second := google(vault.KeepUser)
	second.Tokens = vault.Tokens{Access: secret.New("at-2")}
	s, r := signIn(t, b, vault.NewSession{Connection: second})
	if len(s.Connections) != 1 || s.Connections[0].Tokens.Refresh.Reveal() != "rt-1" ||
		s.Connections[0].Tokens.Access.Reveal() != "at-2" {
		t.Fatalf("%d connections", len(s.Connections))
	}
	_, r2 := signIn(t, a, vault.NewSession{})
	if got := load(t, a, r2); len(got.Connections) != 1 || got.Connections[0].Key() != s.Connections[0].Key() {
		t.Error("the other device does not see it")
	}
	must(t, b.Connections.Unlink(ctx, load(t, b, r), s.Connections[0].ID, func(vault.Connection) []byte { return nil }))
	if got := load(t, a, r2); len(got.Connections) != 0 {
		t.Error("the other device still has it")
	}
	is(
		t,
		"unlinked twice",
		a.Connections.Unlink(ctx, s, s.Connections[0].ID, func(vault.Connection) []byte { return nil }),
		vault.ErrNotFound,
	)
	is(t, "an unknown one", a.Connections.Unlink(ctx, s, "c_unknown",
		func(vault.Connection) []byte { return nil }), vault.ErrNotFound)
}

// A record that nobody can open, since its key was removed from the ring, does not keep its user from signing in.
func TestAKeptConnectionWhoseKeyIsGoneGivesWay(t *testing.T) {
	server := testenv.Redis(t)
	signIn(t, open(t, server.URL), vault.NewSession{Connection: google(vault.KeepUser)})
	v := open(t, server.URL) // a ring of its own
	second := google(vault.KeepUser)
	second.Tokens.Refresh = secret.New("rt-2")
	s, r := signIn(t, v, vault.NewSession{Connection: second})
	if got := load(t, v, r); len(s.Connections) != 1 || len(got.Connections) != 1 ||
		got.Connections[0].Tokens.Refresh.Reveal() != "rt-2" {
		t.Fatalf("%d connections", len(got.Connections))
	}
}

func TestAHundredConnectionsAreEnough(t *testing.T) {
	v := open(t, testenv.Redis(t).URL)
	ctx := context.Background()
	s, r := signIn(t, v, vault.NewSession{})
	account := func(keep vault.Keep, n int) vault.Connection {
		c := *google(keep)
		c.Account.Subject = fmt.Sprint(n)
		return c
	}
	for n := range 100 {
		if _, err := v.Connections.Link(ctx, s, account(vault.KeepUser, n)); err != nil {
			t.Fatal(n, err)
		}
	}
	_, err := v.Connections.Link(ctx, s, account(vault.KeepUser, 100))
	is(t, "one more", err, vault.ErrFull)
	if _, err = v.Connections.Link(ctx, s, account(vault.KeepUser, 50)); err != nil {
		t.Errorf("one that is there: %v", err)
	}
	if got := load(t, v, r); len(got.Connections) != 100 {
		t.Errorf("%d connections", len(got.Connections))
	}
	in := account(vault.KeepUser, 101)
	if _, err := v.Sessions.Create(httptest.NewRecorder(), r, vault.NewSession{User: s.User,
		Connection: &in}); err != nil {
		t.Errorf("a sign-in is refused for want of room: %v", err)
	}
}

// The revocation is made of the token that is stored when the connection goes, not of one that was read before.
func TestUnlinkRevokesTheTokenThatIsStored(t *testing.T) {
	v := open(t, testenv.Redis(t).URL)
	ctx := context.Background()
	s, r := signIn(t, v, vault.NewSession{Connection: google(vault.KeepSession)})
	old := s.Connections[0]
	n := 0
	err := v.Connections.Unlink(ctx, s, old.ID, func(c vault.Connection) []byte {
		if n++; n <= 2 { // a refresh falls between the read and the removal
			next := c
			next.Tokens.Refresh = secret.New(fmt.Sprint("rotated-", n))
			if _, err := v.Connections.Update(ctx, &c, next); err != nil {
				t.Error(err)
			}
		}
		return []byte("revoke " + c.Tokens.Refresh.Reveal())
	})
	must(t, err)
	if got := load(t, v, r); len(got.Connections) != 0 {
		t.Error("still linked")
	}
	_, err = v.Connections.Reload(ctx, &old)
	is(t, "reload", err, vault.ErrNotFound)
	_, err = v.Connections.Update(ctx, &old, old)
	is(t, "a late token", err, vault.ErrNotFound)
	jobs, err := v.Outbox.Due(ctx, 10, time.Minute)
	if err != nil || len(jobs) != 1 || string(jobs[0].Payload) != "revoke rotated-2" {
		t.Fatalf("%d jobs %v", len(jobs), err)
	}
	again, err := v.Connections.Link(ctx, s, *google(vault.KeepSession))
	if err != nil || again.Key() != old.Key() {
		t.Fatalf("linked again: %v", err)
	}
	_, err = v.Connections.Update(ctx, &old, old)
	is(t, "a token of the grant before", err, vault.ErrConflict)
}

// The conditional writes of a user's preferences.
func TestPreferencesAreComparedAndSet(t *testing.T) {
	a, b := pair(t, testenv.Redis(t).URL)
	ctx := context.Background()
	s, r := signIn(t, a, vault.NewSession{})
	doc, version, err := a.Sessions.Preferences(ctx, s)
	if err != nil || string(doc) != "{}" || version != "" {
		t.Fatalf("%s %q %v", doc, version, err)
	}
	must(t, a.WritePreferences(ctx, s, []byte(`{"a":1}`), version))
	is(t, "a second first writer", b.WritePreferences(ctx, load(t, b, r), []byte(`{"b":1}`), version), vault.ErrConflict)
	doc, version, err = b.Sessions.Preferences(ctx, load(t, b, r))
	if err != nil || string(doc) != `{"a":1}` {
		t.Fatalf("%s %v", doc, err)
	}
	must(t, b.WritePreferences(ctx, s, []byte(`{"b":1}`), version))
	is(t, "a stale writer", a.WritePreferences(ctx, s, []byte(`{"c":1}`), version), vault.ErrConflict)
	must(t, a.Sessions.End(ctx, s, "logout"))
	s2, _ := signIn(t, b, vault.NewSession{})
	if doc, _, err := b.Sessions.Preferences(ctx, s2); err != nil || string(doc) != `{"b":1}` {
		t.Errorf("on another device: %s %v", doc, err)
	}
}
