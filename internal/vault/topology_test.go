package vault_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"bff/internal/secret"
	"bff/internal/testenv"
	"bff/internal/vault"
)

// user n, for tests that need many.
func userN(n int) vault.User {
	return vault.User{ID: vault.UserID("google", "https://i", fmt.Sprint(n)), Provider: "google", Subject: fmt.Sprint(n)}
}

// eventually does f until it succeeds. On the way it may meet ErrUnavailable and nothing else.
func eventually(t *testing.T, what string, f func() error) {
	t.Helper()
	testenv.Eventually(t, what, func() bool {
		err := f()
		if err != nil && !errors.Is(err, vault.ErrUnavailable) {
			t.Fatalf("%s: %v", what, err)
		}
		return err == nil
	})
}

// callAllTheWhile has six callers, of two vaults, do f again and again until stop is called, which waits for them. f may
// meet ErrUnavailable and nothing else.
func callAllTheWhile(t *testing.T, what string, a, b *vault.Vault, f func(v *vault.Vault) error) (stop func()) {
	t.Helper()
	enough := make(chan struct{})
	var all sync.WaitGroup
	for i := range 6 {
		v := []*vault.Vault{a, b}[i%2]
		all.Go(func() {
			for {
				select {
				case <-enough:
					return
				default:
				}
				if err := f(v); err != nil && !errors.Is(err, vault.ErrUnavailable) {
					t.Errorf("%s: %v", what, err)
				}
			}
		})
	}
	return func() {
		t.Helper()
		close(enough)
		testenv.Finished(t, "all of them", all.Wait)
	}
}

// Guarantee 4 under Sentinel: the master dies at any moment, and what was acknowledged is there: sign-ins, rotated
// tokens, logouts. They wait for a replica.
func TestAFailoverLosesNothingThatWasAcknowledged(t *testing.T) {
	t.Parallel()
	s := testenv.Sentinel(t, 1)
	v := open(t, s.URL)
	ctx := context.Background()
	type live struct {
		r      *http.Request
		token  string
		logout bool
	}
	var sessions []live
	for n := range 20 {
		made, r := signIn(t, v, vault.NewSession{User: userN(n), Connection: google(vault.KeepSession)})
		l := live{r: r, token: fmt.Sprint("rt-", n), logout: n%4 == 0}
		next := made.Connections[0]
		next.Tokens.Refresh = secret.New(l.token)
		if _, err := v.Connections.Update(ctx, &made.Connections[0], next); err != nil {
			t.Fatal(err)
		}
		if l.logout {
			must(t, v.Sessions.End(ctx, made, "logout"))
		}
		sessions = append(sessions, l)
	}
	old := s.Master()
	if stats := old.Client().Info(ctx, "commandstats").Val(); !regexp.MustCompile(`cmdstat_wait:calls=4[5-9]`).
		MatchString(stats) {
		t.Errorf("not every sign-in, token and logout waited for a replica:\n%s", stats)
	}
	old.Kill()
	check := func() {
		t.Helper()
		for n, l := range sessions {
			got, err := v.Sessions.Load(l.r)
			if l.logout {
				is(t, "a session that was logged out", err, vault.ErrNotFound)
			} else if err != nil || got.Connections[0].Tokens.Refresh.Reveal() != l.token {
				t.Fatalf("session %d after the failover: %v", n, err)
			}
		}
	}
	eventually(t, "the new master answers", func() error { _, err := v.Sessions.Load(sessions[1].r); return err })
	check()
	var made *vault.Session
	eventually(t, "the new master takes writes", func() (err error) {
		made, err = v.Sessions.Create(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil),
			vault.NewSession{User: userN(99)})
		return err
	})
	old.Start() // and comes back as a replica, or as the master it was for a moment
	testenv.Eventually(t, "the old master follows", func() bool {
		role, err := old.Client().Do(ctx, "ROLE").Slice()
		return err == nil && role[0] == "slave"
	})
	check()
	eventually(
		t,
		"a session that the old master has never seen",
		func() error { _, err := v.Sessions.LoadTicket(ctx, made.Ticket()); return err },
	)
}

// Calls run all the while that the sentinels change the master in good order. No call hears that its session is gone.
func TestNoCallDuringAFailoverFindsItsSessionGone(t *testing.T) {
	t.Parallel()
	s := testenv.Sentinel(t, 1)
	a, b := pair(t, s.URL, cached)
	ctx := context.Background()
	_, r := signIn(t, a, vault.NewSession{Connection: google(vault.KeepSession)})
	stop := callAllTheWhile(t, "a call during the failover", a, b, func(v *vault.Vault) error {
		session, err := v.Sessions.Load(r)
		if err == nil {
			c := session.Connections[0]
			if _, err = v.Connections.Update(ctx, &c, c); errors.Is(err, vault.ErrConflict) {
				err = nil
			}
		}
		return err
	})
	s.Failover()
	eventually(t, "calls work again", func() error { _, err := a.Sessions.Load(r); return err })
	stop()
	for _, v := range []*vault.Vault{a, b} {
		eventually(t, "at last", func() error { _, err := v.Sessions.Load(r); return err })
	}

	warm(t, a, r, s.Master()) // the new master reports
	warm(t, b, r, s.Master())
	must(t, a.Sessions.End(ctx, load(t, a, r), "logout"))
	_, err := b.Sessions.Load(r)
	is(t, "after a logout at the new master", err, vault.ErrNotFound)
}

// Under Cluster everything of one user is in one slot, so that every script is atomic; that slot moves under running
// calls.
func TestASlotMovesUnderRunningCalls(t *testing.T) {
	t.Parallel()
	cluster := testenv.Cluster(t)
	a, b := pair(t, cluster.URL, cached)
	ctx := context.Background()
	_, r := signIn(t, a, vault.NewSession{Connection: google(vault.KeepSession), Handle: "google/sid"})
	if _, err := a.Connections.Link(ctx, load(t, a, r), *google(vault.KeepUser)); err != nil {
		t.Fatal(err)
	}
	must(t, a.WritePreferences(ctx, load(t, a, r), []byte(`{}`), ""))
	slot := -1
	for _, key := range cluster.Keys() {
		if key[:5] == "bff:{" && !strings.HasSuffix(key, "}:w") { // the cache's probe
			if at := cluster.Slot(key); slot >= 0 && at != slot {
				t.Fatalf("%s is in another slot", key)
			} else {
				slot = at
			}
		}
	}
	stop := callAllTheWhile(t, "a call while the slot moves", a, b, func(v *vault.Vault) error {
		session, err := v.Sessions.Load(r)
		if err == nil && len(session.Connections) != 2 {
			t.Errorf("%d connections", len(session.Connections))
		}
		if err == nil {
			c := session.Connections[0]
			if _, err = v.Connections.Update(ctx, &c, c); errors.Is(err, vault.ErrConflict) {
				err = v.Sessions.Touch(ctx, session)
			}
		}
		return err
	})
	for range 3 {
		cluster.Move(slot, (cluster.Owner(slot)+1)%3)
	}
	eventually(t, "calls work again", func() error { _, err := a.Sessions.Load(r); return err })
	stop()
	eventually(t, "every kind of write works", func() error { return allWrites(ctx, b, r) })
	if n, err := b.Index.EndHandle(ctx, "google/sid", "provider"); n != 1 || err != nil {
		t.Errorf("ended %d %v", n, err)
	}
	_, err := a.Sessions.Load(r)
	is(t, "after its end", err, vault.ErrNotFound)
}

func allWrites(ctx context.Context, v *vault.Vault, r *http.Request) error {
	s, err := v.Sessions.Load(r)
	if err != nil {
		return err
	}
	c := s.Connections[0]
	lock, _, err := v.Locks.Lock(ctx, &c)
	if err == nil {
		_, err = v.Locks.SetIntent(ctx, lock, &c)
	}
	if err == nil {
		c, err = v.Connections.Update(ctx, &c, c)
	}
	if err == nil {
		err = lock.Release(ctx)
	}
	if err == nil {
		err = v.Connections.Unlink(ctx, s, c.ID, func(vault.Connection) []byte { return []byte("job") })
	}
	if err == nil {
		_, err = v.Outbox.Due(ctx, 10, time.Second)
	}
	if err == nil {
		_, err = v.Connections.Link(ctx, s, c)
	}
	if err == nil {
		_, err = v.Index.Sessions(ctx, s)
	}
	if err == nil {
		err = v.Index.EndOthers(ctx, s, "logout")
	}
	return err
}

// Guarantee 7, the store's side: a store that writes its log before it answers, killed at any moment, has what was
// acknowledged.
func TestAStoreThatIsKilledHasWhatItAcknowledged(t *testing.T) {
	server := testenv.Redis(t, "--appendonly", "yes", "--appendfsync", "always")
	v := open(t, server.URL)
	ctx := context.Background()
	_, r := signIn(t, v, vault.NewSession{Connection: google(vault.KeepSession)})
	for round := range 3 {
		s := load(t, v, r)
		acknowledged := make(chan string, 1)
		go func() {
			c, last := s.Connections[0], s.Connections[0].Tokens.Refresh.Reveal()
			for n := 0; ; n++ {
				next := c
				next.Tokens.Refresh = secret.New(fmt.Sprint("rt-", round, "-", n))
				written, err := v.Connections.Update(ctx, &c, next)
				if err != nil {
					acknowledged <- last
					return
				}
				if c, last = written, next.Tokens.Refresh.Reveal(); n == 50 {
					go server.Kill()
				}
			}
		}()
		last := testenv.Receive(t, "the last acknowledged write", acknowledged)
		server.Kill()
		server.Start()
		eventually(t, "the store is back", func() error { return v.Ping(ctx) })
		c := load(t, v, r).Connections[0]
		got := c.Tokens.Refresh.Reveal()
		var n, m int
		_, _ = fmt.Sscanf(last, fmt.Sprint("rt-", round, "-%d"), &n)
		if _, err := fmt.Sscanf(got, fmt.Sprint("rt-", round, "-%d"), &m); err != nil ||
			m != n && m != n+1 { // the last one may be written and not acknowledged
			t.Fatalf("acknowledged %q, found %q", last, got)
		}
	}
}
