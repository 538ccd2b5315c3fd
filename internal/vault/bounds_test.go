package vault_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"bff/internal/testenv"
	"bff/internal/vault"
)

// Nobody makes the store slow for others by signing in again and again: a user has at most a hundred sessions, the
// oldest ends with a reason, and the newest always lives.
func TestOneSessionTooManyEndsTheOldest(t *testing.T) {
	server := testenv.Redis(t)
	clock := newClock()
	v := open(t, server.URL, clock.set)
	ctx := context.Background()
	events, cancel := v.Subscribe(func(e vault.Event) bool { return e.Kind == vault.EventSession })
	defer cancel()
	oldest, r := signIn(t, v, vault.NewSession{})
	var newest *vault.Session
	for range 100 {
		clock.advance(time.Second)
		newest, _ = signIn(t, v, vault.NewSession{})
	}
	_, err := v.Sessions.Load(r)
	is(t, "the oldest", err, vault.ErrNotFound)
	all, err := v.Index.Sessions(ctx, newest)
	if err != nil || len(all) != 100 || !slices.ContainsFunc(all, func(s vault.SessionInfo) bool { return s.Current }) {
		t.Errorf("%d sessions, %v", len(all), err)
	}
	e := vault.Event{Kind: vault.EventResync}
	for e.Kind == vault.EventResync {
		e = testenv.Receive(t, "what is announced", events)
	}
	if e.Session != oldest.ID || e.Reason != "ended_elsewhere" {
		t.Errorf("announced %+v", e)
	}
	for _, key := range server.Client().Keys(ctx, "bff:{*}:i").Val() {
		if n := server.Client().HLen(ctx, key).Val(); n != 100 {
			t.Errorf("%d entries in the index", n)
		}
	}
}

// A claim of a holder that died ends by itself, and never stands longer than seconds.
func TestAClaimOfAHolderThatDiedCanBeClaimedAgain(t *testing.T) {
	server := testenv.Redis(t)
	v, other := pair(t, server.URL)
	ctx := context.Background()
	dead, state, err := v.Attempts.Claim(ctx, "logout", "1")
	if err != nil || state != vault.ClaimHeld {
		t.Fatal(state, err)
	}
	if _, state, err := other.Attempts.Claim(ctx, "logout", "1"); err != nil || state != vault.ClaimBusy {
		t.Fatalf("meanwhile: %v %v", state, err)
	}
	keys := server.Client().Keys(ctx, "bff:x:*").Val()
	if len(keys) != 1 || strings.Contains(keys[0], "logout") {
		t.Fatalf("%v", keys)
	}
	if left := server.Client().PTTL(ctx, keys[0]).Val(); left <= 0 || left > 15*time.Second {
		t.Errorf("it stands for %v", left)
	}
	must(t, server.Client().PExpire(ctx, keys[0], time.Millisecond).Err())
	var again *vault.Claimed
	testenv.Eventually(t, "it can be claimed again", func() bool {
		again, state, err = other.Attempts.Claim(ctx, "logout", "1")
		return err == nil && state == vault.ClaimHeld
	})
	is(t, "the first holder is done late", dead.Done(ctx, time.Hour), vault.ErrNotFound)
	must(t, again.Done(ctx, time.Hour))
	if _, state, err := v.Attempts.Claim(ctx, "logout", "1"); err != nil || state != vault.ClaimDone {
		t.Errorf("afterwards: %v %v", state, err)
	}
}

func TestStillLiveAsksTheStore(t *testing.T) {
	server := testenv.Redis(t)
	v, other := pair(t, server.URL)
	ctx := context.Background()
	_, r := signIn(t, v, vault.NewSession{})
	s := load(t, v, r)
	must(t, v.Sessions.StillLive(ctx, s))
	must(t, other.Sessions.End(ctx, load(t, other, r), "logout"))
	is(t, "ended elsewhere", v.Sessions.StillLive(ctx, s), vault.ErrNotFound)
	server.Kill()
	is(t, "without a store", v.Sessions.StillLive(ctx, s), vault.ErrUnavailable)
}

// Attempts are begun by anybody. One is small, and a flood of them fills its bound and not the store; sessions go on.
func TestAFloodOfAttemptsFillsItsBoundAndNotTheStore(t *testing.T) {
	server := testenv.Redis(t)
	clock := newClock()
	v := open(t, server.URL, clock.set)
	ctx := context.Background()
	_, _, err := v.Attempts.Put(ctx, make([]byte, 16<<10), 10*time.Minute)
	is(t, "16 kB of parameters", err, vault.ErrTooLarge)
	put := func() error {
		_, _, err := v.Attempts.Put(ctx, make([]byte, 8<<10), 10*time.Minute)
		return err
	}
	must(t, put())
	one := server.Client().HVals(ctx, "bff:m").Val()
	if len(one) != 1 {
		t.Fatalf("%v", one)
	}
	for key := range server.Client().HGetAll(ctx, "bff:m").Val() { // as many as fit, but for one
		must(t, server.Client().HSet(ctx, "bff:m", key, 128<<20-9<<10).Err())
	}
	must(t, put())
	is(t, "one too many", put(), vault.ErrFull)
	clock.advance(5 * time.Minute)
	is(t, "while they live", put(), vault.ErrFull)
	_, r := signIn(t, v, vault.NewSession{})
	load(t, v, r)
	clock.advance(7 * time.Minute)
	must(t, put())
}
