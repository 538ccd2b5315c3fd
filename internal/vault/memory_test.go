package vault_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"bff/internal/testenv"
	"bff/internal/vault"
)

// The embedded store of `bff dev` does all that Redis does, and its clock runs.
func TestTheEmbeddedStoreDoesAllOfIt(t *testing.T) {
	clock := newClock()
	v := open(t, "memory:", clock.set)
	ctx := context.Background()
	_, r := signIn(t, v, vault.NewSession{Connection: google(vault.KeepSession)})
	last, _ := signIn(t, v, vault.NewSession{})
	ended, _ := signIn(t, v, vault.NewSession{})
	must(t, v.Sessions.End(ctx, ended, "logout"))
	s := load(t, v, r)
	for name, err := range every(t, v, s, last, ended, r) {
		if err != nil && !errors.Is(err, vault.ErrNotFound) && !errors.Is(err, vault.ErrConflict) {
			t.Errorf("%s: %v", name, err)
		}
	}
	must(t, allWrites(ctx, v, r))
	clock.advance(time.Minute)
	for range 3 { // what the calls above have left
		jobs, err := v.Outbox.Due(ctx, 10, time.Millisecond)
		must(t, err)
		for _, j := range jobs {
			must(t, v.Outbox.Done(ctx, j))
		}
		clock.advance(time.Minute)
	}
	queue(t, v, grace(), "one", "two")
	jobs := due(t, v, "one", "two")
	for _, j := range jobs {
		must(t, v.Outbox.Retry(ctx, j, clock.now().Add(time.Hour)))
	}
	clock.advance(30 * time.Minute)
	due(t, v)
	clock.advance(-30 * time.Minute)
	must(t, v.Sessions.End(ctx, load(t, v, r), "logout"))
	_, err := v.Sessions.Load(r)
	is(t, "after logout", err, vault.ErrNotFound)
}

func TestTheEmbeddedStoreForgetsInTime(t *testing.T) {
	frozen := time.Now()
	v := open(t, "memory:", func(c *vault.Config) {
		c.Idle, c.Lifetime = time.Second, 3*time.Second
		c.Now = func() time.Time { return frozen } // the sealed times never end it: the store must
	})
	ctx := context.Background()
	s, r := signIn(t, v, vault.NewSession{Connection: google(vault.KeepSession)})
	state, half, err := v.Attempts.Put(ctx, []byte("p"), time.Second)
	must(t, err)
	testenv.Eventually(
		t,
		"the session's idle time ends it",
		func() bool { _, err := v.Sessions.Load(r); return errors.Is(err, vault.ErrNotFound) },
	)
	testenv.Eventually(
		t,
		"the attempt ends",
		func() bool {
			_, err := v.Attempts.Take(ctx, state, half)
			return errors.Is(err, vault.ErrNotFound)
		},
	)
	if list, err := v.Index.Sessions(ctx, s); err != nil || len(list) != 0 {
		t.Errorf("listed: %v %v", list, err)
	}
}
