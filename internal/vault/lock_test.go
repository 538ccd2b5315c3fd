package vault_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bff/internal/secret"
	"bff/internal/testenv"
	"bff/internal/vault"
)

func TestALockHasOneHolder(t *testing.T) {
	server := testenv.Redis(t)
	a, b := pair(t, server.URL)
	ctx := context.Background()
	s, _ := signIn(t, a, vault.NewSession{Connection: google(vault.KeepSession)})
	c := s.Connections[0]
	var won atomic.Int32
	var lock atomic.Pointer[vault.Lock]
	var all sync.WaitGroup
	for i := range 32 {
		v := []*vault.Vault{a, b}[i%2]
		all.Go(func() {
			l, ok, err := v.Locks.Lock(ctx, &c)
			if err != nil {
				t.Error(err)
			}
			if ok {
				won.Add(1)
				lock.Store(l)
			}
		})
	}
	testenv.Finished(t, "all of them", all.Wait)
	if won.Load() != 1 {
		t.Fatalf("%d holders", won.Load())
	}
	key := server.Client().Keys(ctx, "bff:{*}:l:*").Val()[0]
	if ttl := server.Client().PTTL(ctx, key).Val(); ttl <= 0 || ttl > vault.LockLease {
		t.Errorf("guarantee 7: a lock outlives its seconds: %v", ttl)
	}
	held := lock.Load()
	server.Client().PExpire(ctx, key, 500*time.Millisecond)
	must(t, held.Renew(ctx))
	if ttl := server.Client().PTTL(ctx, key).Val(); ttl <= time.Second {
		t.Errorf("renewed for %v", ttl)
	}
	server.Client().Del(ctx, key) // it ran out
	is(t, "renew what ran out", held.Renew(ctx), vault.ErrNotFound)
	next, ok, err := b.Locks.Lock(ctx, &c)
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	is(t, "renew what somebody else holds", held.Renew(ctx), vault.ErrNotFound)
	is(t, "release what somebody else holds", held.Release(ctx), vault.ErrNotFound)
	_, err = a.Locks.SetIntent(ctx, held, &c)
	is(t, "an intent under a lost lock", err, vault.ErrNotFound)
	must(t, next.Renew(ctx))
	must(t, next.Release(ctx))
	if _, ok, err := a.Locks.Lock(ctx, &c); !ok || err != nil {
		t.Errorf("after the release: %v %v", ok, err)
	}
}

func TestAnIntentStandsUntilTheTokenIsWritten(t *testing.T) {
	a, b := pair(t, testenv.Redis(t).URL)
	ctx := context.Background()
	s, _ := signIn(t, a, vault.NewSession{Connection: google(vault.KeepSession)})
	c := s.Connections[0]
	lock, _, err := a.Locks.Lock(ctx, &c)
	must(t, err)
	before := time.Now().Add(-time.Second)
	intent, err := a.Locks.SetIntent(ctx, lock, &c)
	if err != nil || intent != nil {
		t.Fatalf("the first: %+v %v", intent, err)
	}
	must(t, lock.Release(ctx)) // the holder died before it wrote
	lock, _, err = b.Locks.Lock(ctx, &c)
	must(t, err)
	intent, err = b.Locks.SetIntent(ctx, lock, &c)
	if err != nil || intent == nil || intent.Version != c.Version() || intent.At.Before(before) ||
		intent.At.After(time.Now()) {
		t.Fatalf("what the dead holder left: %+v %v", intent, err)
	}
	if c, err = b.Connections.Update(ctx, &c, c); err != nil {
		t.Fatal(err)
	}
	if intent, err = b.Locks.SetIntent(ctx, lock, &c); err != nil || intent != nil {
		t.Fatalf("after the write: %+v %v", intent, err)
	}
	must(t, b.Locks.ClearIntent(ctx, &c))
	if intent, err = b.Locks.SetIntent(ctx, lock, &c); err != nil || intent != nil {
		t.Fatalf("after it was cleared: %+v %v", intent, err)
	}
	must(t, b.Connections.Unlink(ctx, s, c.ID, func(vault.Connection) []byte { return nil }))
	again, err := b.Connections.Link(ctx, s, *google(vault.KeepSession))
	must(t, err)
	if intent, err = b.Locks.SetIntent(ctx, lock, &again); err != nil || intent != nil {
		t.Fatalf("linked anew: %+v %v", intent, err)
	}
}

// A sign-in that brings no refresh token says nothing about what became of the one that stays.
func TestAnIntentOutlivesALinkThatKeepsTheRefreshToken(t *testing.T) {
	v := open(t, testenv.Redis(t).URL)
	ctx := context.Background()
	s, _ := signIn(t, v, vault.NewSession{Connection: google(vault.KeepSession)})
	c := s.Connections[0]
	lock, _, err := v.Locks.Lock(ctx, &c)
	must(t, err)
	if _, err = v.Locks.SetIntent(ctx, lock, &c); err != nil {
		t.Fatal(err)
	}
	without, with := google(vault.KeepSession), google(vault.KeepSession)
	without.Tokens.Refresh, with.Tokens.Refresh = secret.Text{}, secret.New("rt-2")
	for _, step := range []struct {
		name   string
		link   *vault.Connection
		stands bool
	}{{"without a refresh token", without, true}, {"with a new one", with, false}} {
		linked, err := v.Connections.Link(ctx, s, *step.link)
		must(t, err)
		if intent, err := v.Locks.SetIntent(ctx, lock, &linked); err != nil || (intent != nil) != step.stands {
			t.Errorf("linked %s: %+v %v", step.name, intent, err)
		}
	}
}

func TestAnAttemptIsTakenOnce(t *testing.T) {
	server := testenv.Redis(t)
	a, b := pair(t, server.URL)
	ctx := context.Background()
	state, half, err := a.Attempts.Put(ctx, []byte("payload"), time.Minute)
	must(t, err)
	_, otherHalf, err := a.Attempts.Put(ctx, []byte("other"), time.Minute)
	must(t, err)
	for name, try := range map[string]struct {
		state string
		half  secret.Text
	}{
		"another browser's half": {state, otherHalf},
		"no half":                {state, secret.Text{}},
		"the state as half":      {state, secret.New(state)},
		"an unknown state":       {testState, half},
		"no state":               {"", half},
		"half and state crossed": {half.Reveal(), secret.New(state)},
		"a longer state":         {state + "A", half},
		"another spelling":       {state[:20] + "\n" + state[20:], half},
	} {
		_, err := b.Attempts.Take(ctx, try.state, try.half)
		is(t, name, err, vault.ErrNotFound)
	}
	var won atomic.Int32
	var all sync.WaitGroup
	for i := range 20 {
		v := []*vault.Vault{a, b}[i%2]
		all.Go(func() {
			if payload, err := v.Attempts.Take(ctx, state, half); err == nil && string(payload) == "payload" {
				won.Add(1)
			}
		})
	}
	testenv.Finished(t, "all of them", all.Wait)
	if won.Load() != 1 {
		t.Fatalf("%d took it", won.Load())
	}
	for _, key := range server.Client().Keys(ctx, "bff:a:*").Val() {
		if ttl := server.Client().PTTL(ctx, key).Val(); ttl <= 0 || ttl > time.Minute {
			t.Errorf("an attempt lives for %v", ttl)
		}
	}
}

func TestOnceIsOnceOverAllInstances(t *testing.T) {
	a, b := pair(t, testenv.Redis(t).URL)
	var won atomic.Int32
	var all sync.WaitGroup
	for i := range 20 {
		v := []*vault.Vault{a, b}[i%2]
		all.Go(func() {
			first, err := v.Once(context.Background(), "jti", "1", time.Minute)
			if err != nil {
				t.Error(err)
			}
			if first {
				won.Add(1)
			}
		})
	}
	testenv.Finished(t, "all of them", all.Wait)
	if won.Load() != 1 {
		t.Errorf("%d were first", won.Load())
	}
	for _, other := range [][2]string{{"jti", "2"}, {"event", "1"}, {"jt", "i1"}} {
		if first, err := a.Once(context.Background(), other[0], other[1], time.Minute); !first || err != nil {
			t.Errorf("%v: %v %v", other, first, err)
		}
	}
}
