package vault_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"bff/internal/testenv"
	"bff/internal/vault"
)

// A clock is set by hand, from the true time on.
type clock struct{ offset atomic.Int64 }

func newClock() *clock { return &clock{} }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.offset.Load())) }
func (c *clock) advance(d time.Duration) { c.offset.Add(int64(d)) }
func (c *clock) set(cfg *vault.Config)   { cfg.Now = c.now }

// Guarantee 4, clocks: instances whose clocks are a minute apart hand one session to and fro, and the store's clock
// alone decides when it ends.
func TestClocksAMinuteApartLogNobodyOut(t *testing.T) {
	for _, idle := range []time.Duration{time.Minute, 10 * time.Minute, 30 * time.Minute} {
		server := testenv.Redis(t)
		ctx := context.Background()
		fast, slow := newClock(), newClock()
		fast.advance(time.Minute)
		key := ring(vault.NewKey())
		short := func(c *vault.Config) { c.Idle = idle }
		a, b := open(t, server.URL, key, short, fast.set), open(t, server.URL, key, short, slow.set)
		_, r := signIn(t, a, vault.NewSession{})
		session := server.Client().Keys(ctx, "bff:{*}:s:*").Val()[0]
		for i := range 12 { // each in turn uses the session after most of the idle time, which passes in the store too
			v := []*vault.Vault{a, b}[i%2]
			s, err := v.Sessions.Load(r)
			if err != nil {
				t.Fatalf("idle %v, use %d: %v", idle, i, err)
			}
			if v.Sessions.Due(s) {
				must(t, v.Sessions.Touch(ctx, s))
			}
			left := server.Client().PTTL(ctx, session).Val()
			if left < idle-min(idle/10, time.Minute)-time.Second {
				t.Fatalf("idle %v, use %d: the session was used now, and the store lets it go in %v", idle, i, left)
			}
			pass := idle - idle/10 - time.Second
			fast.advance(pass)
			slow.advance(pass)
			server.Client().PExpire(ctx, session, left-pass)
		}
	}
}

// An instance whose clock was a year ahead seals a time that is a year ahead. When the clock is right again, nobody
// is logged out by it, and nobody's session lives a year.
func TestAClockThatWasWrongNeitherEndsNorProlongsASession(t *testing.T) {
	server := testenv.Redis(t)
	ctx := context.Background()
	wrong := newClock()
	wrong.advance(365 * 24 * time.Hour)
	v := open(t, server.URL, wrong.set)
	_, r := signIn(t, v, vault.NewSession{})
	wrong.advance(-365 * 24 * time.Hour)
	s := load(t, v, r)
	if left := time.Until(s.ExpiresAt()); left > 12*time.Hour+time.Minute {
		t.Fatalf("it would live for %v", left)
	}
	if !v.Sessions.Due(s) {
		t.Fatal("nothing is to be written down")
	}
	must(t, v.Sessions.Touch(ctx, s))
	wrong.advance(time.Hour)
	_, err := v.Sessions.Load(r)
	is(t, "idle for an hour, by the sealed times", err, vault.ErrNotFound)
}

// The sealed times end a session where the store does not: a store that was restored, or that somebody holds on to.
func TestARecordThatTheStoreKeepsTooLongIsNotOpened(t *testing.T) {
	server := testenv.Redis(t)
	ctx := context.Background()
	clock := newClock()
	v := open(t, server.URL, clock.set)
	s, r := signIn(t, v, vault.NewSession{})
	for _, key := range server.Client().Keys(ctx, "*").Val() {
		server.Client().Persist(ctx, key)
	}
	clock.advance(30*time.Minute + 2*time.Minute)
	_, err := v.Sessions.Load(r)
	is(t, "load", err, vault.ErrNotFound)
	if list, err := v.Index.Sessions(ctx, s); err != nil || len(list) != 0 {
		t.Fatalf("listed: %v %v", list, err)
	}
}
