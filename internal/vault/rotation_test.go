package vault_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"bff/internal/secret"
	"bff/internal/testenv"
	"bff/internal/vault"
)

// kinds gives the session two connections, one of each kind.
func kinds(t testing.TB, v *vault.Vault) *http.Request {
	t.Helper()
	s, r := signIn(t, v, vault.NewSession{Connection: google(vault.KeepSession), Handle: "google/sid"})
	if _, err := v.Connections.Link(context.Background(), s, *google(vault.KeepUser)); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestANewKeyInFrontRotates(t *testing.T) {
	server := testenv.Redis(t)
	ctx := context.Background()
	older, newer := vault.NewKey(), vault.NewKey()
	before, both, after := open(
		t,
		server.URL,
		ring(older),
	), open(
		t,
		server.URL,
		ring(newer, older),
	), open(
		t,
		server.URL,
		ring(newer),
	)
	r := kinds(t, before)
	s := load(t, before, r)
	must(t, before.WritePreferences(ctx, s, []byte(`{"theme":"dark"}`), ""))
	if before.Sessions.Due(s) {
		t.Fatal("a fresh session has something to write")
	}
	state, half, err := before.Attempts.Put(ctx, []byte("payload"), time.Minute)
	must(t, err)
	_, err = after.Sessions.Load(r)
	is(t, "without the old key", err, vault.ErrNotFound)

	s = load(t, both, r)
	if !both.Sessions.Due(s) || len(s.Connections) != 2 {
		t.Fatalf("sealed under the old key, and nothing to write: %d connections", len(s.Connections))
	}
	must(t, both.Sessions.Touch(ctx, s))
	s = load(t, both, r)
	if both.Sessions.Due(s) {
		t.Error("still something to write after the touch")
	}
	if doc, _, err := both.Sessions.Preferences(ctx, s); err != nil || string(doc) != `{"theme":"dark"}` {
		t.Errorf("preferences: %s %v", doc, err)
	}
	if payload, err := both.Attempts.Take(ctx, state, half); err != nil || string(payload) != "payload" {
		t.Errorf("an attempt: %s %v", payload, err)
	}
	if n := len(server.Client().Keys(ctx, "bff:{*}:[sc]:*").Val()); n != 2 {
		t.Errorf("%d keys of one session", n)
	}

	s, err = after.Sessions.Load(r)
	if err != nil || len(s.Connections) != 2 {
		t.Fatalf("without the old key, after the touch: %v", err)
	}
	if doc, _, err := after.Sessions.Preferences(ctx, s); err != nil || string(doc) != `{"theme":"dark"}` {
		t.Errorf("preferences, read once under both keys: %s %v", doc, err)
	}
	for i := range s.Connections {
		if c, err := after.Connections.Update(ctx, &s.Connections[i], s.Connections[i]); err != nil ||
			c.Tokens.Refresh.Reveal() != "rt-1" {
			t.Errorf("a write without the old key: %v", err)
		}
	}
	if n, err := both.Index.EndHandle(ctx, "google/sid", "provider"); n != 1 || err != nil {
		t.Errorf("by a handle that the old key wrote: %d %v", n, err)
	}
	_, err = after.Sessions.Load(r)
	is(t, "after its end", err, vault.ErrNotFound)
}

// A session that is found under the old key ends there, and no instance brings it back under another.
func TestEndingBeforeTheMoveLeavesATombstoneInBothPlaces(t *testing.T) {
	server := testenv.Redis(t)
	ctx := context.Background()
	older, newer := vault.NewKey(), vault.NewKey()
	before, both, reverse := open(
		t,
		server.URL,
		ring(older),
	), open(
		t,
		server.URL,
		ring(newer, older),
	), open(
		t,
		server.URL,
		ring(older, newer),
	)
	r := kinds(t, before)
	late := []*vault.Session{load(t, before, r), load(t, both, r), load(t, reverse, r)}
	must(t, both.Sessions.End(ctx, late[1], "logout"))
	for i, v := range []*vault.Vault{before, both, reverse} {
		must(t, v.Sessions.Touch(ctx, late[i]))
		_, err := v.Connections.Update(ctx, &late[i].Connections[0], late[i].Connections[0])
		if late[i].Connections[0].Keep == vault.KeepSession {
			is(t, "a late write", err, vault.ErrNotFound)
		}
		_, err = v.Sessions.Load(r)
		is(t, "load", err, vault.ErrNotFound)
	}
}

// The move races readers, refreshes and touches of instances that have both keys, in either order. Nobody hears
// that the session, or a connection, is gone.
func TestNobodyMissesASessionThatMoves(t *testing.T) {
	server := testenv.Redis(t)
	ctx := context.Background()
	older, newer := vault.NewKey(), vault.NewKey()
	before := open(t, server.URL, ring(older))
	a, b := open(t, server.URL, ring(newer, older)), open(t, server.URL, ring(newer, older))
	for range 15 {
		r := kinds(t, before)
		own := connectionOf(t, load(t, a, r), vault.KeepSession)
		start := make(chan struct{})
		var all sync.WaitGroup
		run := func(f func() error) {
			all.Go(func() {
				testenv.Receive(t, "the start", start)
				for range 10 {
					if err := f(); err != nil && !errors.Is(err, vault.ErrConflict) {
						t.Errorf("while it moves: %v", err)
					}
				}
			})
		}
		for range 4 {
			for _, v := range []*vault.Vault{a, b} {
				run(func() error {
					s, err := v.Sessions.Load(r)
					if err == nil && len(s.Connections) != 2 {
						t.Errorf("%d connections", len(s.Connections))
					}
					return err
				})
				run(func() error { _, err := v.Connections.Reload(ctx, &own); return err })
			}
		}
		run(func() error {
			c, err := b.Connections.Reload(ctx, &own)
			if err == nil {
				_, err = b.Connections.Update(ctx, &c, c)
			}
			return err
		})
		touched := load(t, a, r)
		all.Go(func() {
			testenv.Receive(t, "the start", start)
			is(t, "the touch that moves it", a.Sessions.Touch(ctx, touched), nil)
		})
		close(start)
		testenv.Finished(t, "all of them", all.Wait)
		if s := load(t, a, r); a.Sessions.Due(s) { // the refreshes may have kept the touch from moving it: the next one does
			must(t, a.Sessions.Touch(ctx, s))
			load(t, b, r)
		}
	}
	for _, key := range server.Client().Keys(ctx, "bff:{*}:c:*").Val() {
		if server.Client().HLen(ctx, key).Val() != 1 {
			t.Errorf("%s is half moved", key)
		}
	}
}

func connectionOf(t testing.TB, s *vault.Session, keep vault.Keep) vault.Connection {
	t.Helper()
	for _, c := range s.Connections {
		if c.Keep == keep {
			return c
		}
	}
	t.Fatalf("no connection kept by the %s", keep)
	return vault.Connection{}
}

// A refresh under way owns its connection: to seal it anew meanwhile would move the version under its feet, and
// forget that an answer may be lost.
func TestAConnectionIsNotSealedAnewUnderARefresh(t *testing.T) {
	server := testenv.Redis(t)
	ctx := context.Background()
	older, newer := vault.NewKey(), vault.NewKey()
	before, both := open(t, server.URL, ring(older)), open(t, server.URL, ring(newer, older))
	r := kinds(t, before)
	s := load(t, both, r)
	versions := map[string]string{}
	for i := range s.Connections {
		c := &s.Connections[i]
		versions[c.ID] = c.Version()
		lock, ok, err := both.Locks.Lock(ctx, c)
		if !ok || err != nil {
			t.Fatal(ok, err)
		}
		if _, err := both.Locks.SetIntent(ctx, lock, c); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			must(t, lock.Release(ctx)) // the holder died: the intent alone stands
		}
	}
	must(t, both.Sessions.Touch(ctx, s))
	for i := range s.Connections {
		c, err := both.Connections.Reload(ctx, &s.Connections[i])
		if err != nil || c.Version() != versions[c.ID] {
			t.Errorf("%s: sealed anew under a refresh (%v)", c.Keep, err)
		}
		next := c
		next.Tokens.Refresh = secret.New("rt-2")
		if _, err := both.Connections.Update(ctx, &c, next); err != nil {
			t.Errorf("the refresh's result: %v", err)
		}
	}
	if n := len(server.Client().Keys(ctx, "bff:{*}:n:*").Val()); n != 0 {
		t.Errorf("%d intents outlive the result", n)
	}
}

func TestParseKeyReadsWhatItPrintedAndNothingElse(t *testing.T) {
	key := vault.NewKey()
	again, err := vault.ParseKey(key.Reveal())
	if err != nil || !again.Equal(key) || again.Equal(vault.NewKey()) || (vault.Key{}).Equal(vault.Key{}) {
		t.Fatalf("%v", err)
	}
	text := key.Reveal()
	for name, s := range map[string]string{
		"nothing": "", "the prefix alone": "bffk1_", "no prefix": strings.TrimPrefix(text, "bffk1_"),
		"another version": "bffk2_" + text[6:], "one short": text[:len(text)-1], "one long": text + "A",
		"a line end behind": text + "\n", "a line end inside": text[:20] + "\n" + text[21:],
		"upper case": strings.ToUpper(text), "padding": text + "=", "spare bits": text[:len(text)-1] + "B",
		"a space": " " + text[1:],
	} {
		if _, err := vault.ParseKey(s); !errors.Is(err, vault.ErrKey) ||
			s != "" && strings.Contains(err.Error(), s) && len(s) > 10 {
			t.Errorf("%s: %v", name, err)
		}
	}
}
