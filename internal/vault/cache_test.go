package vault_test

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bff/internal/secret"
	"bff/internal/testenv"
	"bff/internal/vault"
)

func cached(c *vault.Config) { c.Cache = true }

// gets is how many GETs the store has served.
func gets(t testing.TB, server *testenv.RedisServer) int {
	t.Helper()
	_, rest, _ := strings.Cut(server.Client().Info(context.Background(), "commandstats").Val(), "cmdstat_get:calls=")
	n, _, _ := strings.Cut(rest, ",")
	calls, err := strconv.Atoi(n)
	if err != nil {
		return 0 // none yet
	}
	return calls
}

// warm loads until the answer comes without the store.
func warm(t testing.TB, v *vault.Vault, r *http.Request, server *testenv.RedisServer) {
	t.Helper()
	testenv.Eventually(t, "an answer without the store", func() bool {
		before := gets(t, server)
		load(t, v, r)
		return gets(t, server) == before
	})
}

func TestTheCacheAnswersWithoutTheStore(t *testing.T) {
	server := testenv.Redis(t)
	v := open(t, server.URL, cached)
	r := kinds(t, v)
	warm(t, v, r, server)
	s := load(t, v, r)
	if s.User.Name != "Ada" || len(s.Connections) != 2 || s.Connections[0].Tokens.Refresh.Reveal() != "rt-1" {
		t.Fatalf("%+v", s)
	}
	s.SeenAt = s.SeenAt.AddDate(1, 0, 0) // as Touch does
	if again := load(t, v, r); again.SeenAt.Equal(s.SeenAt) {
		t.Error("what one call did to its session, another one sees")
	}
	_, other := signIn(t, v, vault.NewSession{User: grace()})
	if load(t, v, other).User.ID != grace().ID || load(t, v, r).User.ID != ada().ID {
		t.Error("one got the other's session")
	}
	half := s.Ticket().Reveal()
	_, err := v.Sessions.Load(withCookie(half[:len(half)-10] + "AAAAAAAAAA"))
	is(t, "the same finder with another half", err, vault.ErrNotFound)
}

// An instance sees its own writes at once, and another's as soon as the store has reported it.
func TestTheCacheIsEmptiedByWrites(t *testing.T) {
	server := testenv.Redis(t)
	a, b := pair(t, server.URL, cached)
	ctx := context.Background()
	r := kinds(t, a)
	for n := range 20 {
		warm(t, a, r, server)
		warm(t, b, r, server)
		s := load(t, a, r)
		c := connectionOf(t, s, []vault.Keep{vault.KeepSession, vault.KeepUser}[n%2])
		next := c
		next.Tokens.Access = secret.New("at-" + strconv.Itoa(n))
		if _, err := a.Connections.Update(ctx, &c, next); err != nil {
			t.Fatal(err)
		}
		newest := func(v *vault.Vault) bool {
			got := connectionOf(t, load(t, v, r), c.Keep)
			return got.Tokens.Access.Equal(next.Tokens.Access)
		}
		if !newest(a) {
			t.Fatal("an instance does not see what it wrote itself")
		}
		testenv.Eventually(t, "the other instance sees it", func() bool { return newest(b) })
	}
	warm(t, b, r, server)
	server.Client().FlushAll(ctx)
	testenv.Eventually(
		t,
		"a flushed store is empty",
		func() bool { _, err := b.Sessions.Load(r); return errors.Is(err, vault.ErrNotFound) },
	)
}

// Guarantee 6 with the cache on: the moment the logout answers, no instance answers from before it. Readers keep
// every instance's entries warm.
func TestLogoutWinsAgainstTheCache(t *testing.T) {
	server := testenv.Redis(t)
	ctx := context.Background()
	a, b := pair(t, server.URL, cached)
	for n := range 12 {
		_, r := signIn(t, a, vault.NewSession{Connection: google(vault.KeepSession), Handle: "google/sid"})
		_, r2 := signIn(t, b, vault.NewSession{})
		s, other := load(t, a, r), load(t, b, r2)
		warm(t, a, r, server)
		warm(t, b, r, server)
		var ended atomic.Bool
		var all sync.WaitGroup
		for _, v := range []*vault.Vault{a, b, a, b} {
			all.Go(func() {
				for {
					last := ended.Load()
					_, err := v.Sessions.Load(r)
					if last {
						is(t, "a call after the logout answered", err, vault.ErrNotFound)
						return
					}
				}
			})
		}
		err := []func() error{
			func() error { return a.Sessions.End(ctx, s, "logout") },
			func() error { return a.Index.EndOne(ctx, other, s.ID, "ended_elsewhere") },
			func() error { return a.Index.EndOthers(ctx, other, "ended_elsewhere") },
			func() error { _, err := a.Index.EndHandle(ctx, "google/sid", "provider"); return err },
		}[n%4]()
		ended.Store(true)
		is(t, "the logout", err, nil)
		testenv.Finished(t, "all of them", all.Wait)
	}
}

// The connection on which the store reports is silent, or cut: nothing is answered from here that a logout elsewhere
// has ended.
func TestLogoutWinsAgainstACacheThatHearsNothing(t *testing.T) {
	server := testenv.Redis(t)
	wire := testenv.Toxi(t, server.Addr)
	ctx := context.Background()
	key := ring(vault.NewKey())
	deaf, other := open(t, "redis://"+wire.Addr, key, cached), open(t, server.URL, key, cached)
	for _, fail := range []func() (restore func()){
		func() func() { return wire.Starve().End },
		func() func() { wire.Cut(); return wire.Restore },
		func() func() { return wire.Slow(3000, 0).End },
	} {
		_, r := signIn(t, other, vault.NewSession{})
		s := load(t, other, r)
		testenv.Eventually(t, "an answer", func() bool { _, err := deaf.Sessions.Load(r); return err == nil })
		warm(t, deaf, r, server)
		restore := fail()
		must(t, other.Sessions.End(ctx, s, "logout"))
		if _, err := deaf.Sessions.Load(r); err == nil {
			t.Error("an instance that hears nothing still answers from before the logout")
		}
		restore()
		testenv.Eventually(
			t,
			"the store is asked again",
			func() bool { _, err := deaf.Sessions.Load(r); return errors.Is(err, vault.ErrNotFound) },
		)
	}
}

// An unlinked connection is gone everywhere when the unlinking answers.
func TestUnlinkWinsAgainstTheCache(t *testing.T) {
	server := testenv.Redis(t)
	ctx := context.Background()
	a, b := pair(t, server.URL, cached)
	r := kinds(t, a)
	for want := 1; want >= 0; want-- {
		warm(t, b, r, server)
		s := load(t, a, r)
		must(t, a.Connections.Unlink(ctx, s, s.Connections[0].ID, func(vault.Connection) []byte { return nil }))
		for _, v := range []*vault.Vault{a, b} {
			if got := load(t, v, r); len(got.Connections) != want {
				t.Errorf("%d connections, want %d", len(got.Connections), want)
			}
		}
	}
}

// A read that a write overtook is not kept: it may have brought what was there before.
func TestAFillThatWasOvertakenIsRefused(t *testing.T) {
	server := testenv.Redis(t)
	clock := newClock()
	a, b := pair(t, server.URL, cached, clock.set)
	ctx := context.Background()
	r := kinds(t, a)
	warm(t, a, r, server)
	before := load(t, a, r)
	keep := a.Reading(before)
	clock.advance(2 * time.Minute)
	now := load(t, a, r)
	must(t, a.Sessions.Touch(ctx, now))
	keep(before)
	if got := load(t, a, r); !got.SeenAt.Equal(now.SeenAt) {
		t.Error("overtaken by a write of this instance, and kept")
	}
	for n := range 10 { // by another instance's, of which the store reports
		warm(t, a, r, server)
		before, keep = load(t, a, r), a.Reading(before)
		clock.advance(2 * time.Minute)
		now = load(t, b, r)
		must(t, b.Sessions.Touch(ctx, now))
		testenv.Eventually(t, "the report", func() bool { return load(t, a, r).SeenAt.Equal(now.SeenAt) })
		keep(before)
		if got := load(t, a, r); !got.SeenAt.Equal(now.SeenAt) {
			t.Fatalf("round %d: overtaken by a write elsewhere, and kept", n)
		}
	}
}

func TestTheCacheHoldsNothingOfThoseWhoLeft(t *testing.T) {
	v := open(t, testenv.Redis(t).URL, cached, func(c *vault.Config) { c.Idle = 2 * time.Second })
	for n := range 20 {
		_, r := signIn(t, v, vault.NewSession{User: userN(n)})
		load(t, v, r)
	}
	if v.Cached() == 0 {
		t.Error("nobody is remembered who just called")
	}
	testenv.Eventually(t, "they are forgotten", func() bool { return v.Cached() == 0 })
}

// An entry answers for as long as nothing changes, and no longer than the session has to live: the store ends an idle
// one, whose instance's clock stands still, and nothing but the store says so.
func TestTheCacheAnswersNoLongerThanTheSessionLives(t *testing.T) {
	server := testenv.Redis(t)
	frozen := time.Now()
	v := open(t, server.URL, cached, func(c *vault.Config) {
		c.Idle, c.Now = 3*time.Second, func() time.Time { return frozen }
	})
	_, r := signIn(t, v, vault.NewSession{})
	warm(t, v, r, server)
	server.Client().ConfigSet(context.Background(), "active-expire-effort", "1")
	must(t, server.Client().Do(context.Background(), "DEBUG", "SET-ACTIVE-EXPIRE", "0").Err())
	testenv.Eventually(t, "the session ends", func() bool {
		_, err := v.Sessions.Load(r)
		return errors.Is(err, vault.ErrNotFound)
	})
}

// The cache holds as many bytes as it may, and who is not in it is asked for.
func TestTheCacheIsBoundedByBytes(t *testing.T) {
	v := open(t, testenv.Redis(t).URL, cached, func(c *vault.Config) { c.CacheBytes = 20_000 })
	requests := make([]*http.Request, 100)
	for n := range requests {
		_, requests[n] = signIn(t, v, vault.NewSession{User: userN(n), Connection: google(vault.KeepSession)})
	}
	for range 3 {
		for n, r := range requests {
			if s := load(t, v, r); s.User.ID != userN(n).ID || len(s.Connections) != 1 {
				t.Fatalf("%d: %+v", n, s.User)
			}
		}
	}
	testenv.Eventually(t, "at most 20,000 bytes", func() bool { n := v.Cached(); return 0 < n && n <= 20 })
}
