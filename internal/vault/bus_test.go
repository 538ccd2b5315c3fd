package vault_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"bff/internal/testenv"
	"bff/internal/vault"
)

// subscribed listens to everything, from the moment on at which the store knows it.
func subscribed(t testing.TB, v *vault.Vault, match func(vault.Event) bool) <-chan vault.Event {
	t.Helper()
	events, cancel := v.Subscribe(match)
	t.Cleanup(cancel)
	if e := testenv.Receive(t, "an event", events); e.Kind != vault.EventResync {
		t.Fatalf("the first event: %+v", e)
	}
	return events
}

func everything(vault.Event) bool { return true }

func TestEveryInstanceHearsWhatChanges(t *testing.T) {
	a, b := pair(t, testenv.Redis(t).URL)
	ctx := context.Background()
	s, _ := signIn(t, a, vault.NewSession{Connection: google(vault.KeepSession)})
	c := s.Connections[0]
	events := subscribed(t, b, everything)
	want := func(what string, want vault.Event) {
		t.Helper()
		if e := testenv.Receive(t, "an event", events); e != want {
			t.Errorf("%s: %+v, want %+v", what, e, want)
		}
	}
	connection := vault.Event{Kind: vault.EventConnection, Session: s.ID, User: s.User.ID, Connection: c.ID, Key: c.Key()}
	c, err := a.Connections.Update(ctx, &c, c)
	must(t, err)
	want("a write", connection)
	lock, _, err := a.Locks.Lock(ctx, &c)
	must(t, err)
	must(t, lock.Release(ctx))
	released := connection
	released.Kind = vault.EventLock
	want("a lock", released)
	must(t, a.Connections.Unlink(ctx, s, c.ID, func(vault.Connection) []byte { return nil }))
	connection.Removed = true
	want("a removal", connection)
	kept, err := a.Connections.Link(ctx, s, *google(vault.KeepUser))
	must(t, err)
	want(
		"what the user keeps",
		vault.Event{Kind: vault.EventConnection, User: s.User.ID, Connection: kept.ID, Key: kept.Key()},
	)
	other, _ := signIn(t, b, vault.NewSession{})
	must(t, a.Index.EndOne(ctx, s, other.ID, "ended_elsewhere"))
	want(
		"an end elsewhere",
		vault.Event{Kind: vault.EventSession, Session: other.ID, User: s.User.ID, Reason: "ended_elsewhere"},
	)
	must(t, a.Sessions.Touch(ctx, s))
	must(t, a.Sessions.End(ctx, s, "logout"))
	want("a logout", vault.Event{Kind: vault.EventSession, Session: s.ID, User: s.User.ID, Reason: "logout"})
	must(t, a.Sessions.End(ctx, s, "logout"))
	third, _ := signIn(t, a, vault.NewSession{})
	must(t, a.Index.Erase(ctx, s.User.ID))
	want(
		"an erased user, after an end that ended nothing",
		vault.Event{Kind: vault.EventSession, Session: third.ID, User: s.User.ID, Reason: "erased"},
	)
}

// A subscriber that does not keep up learns that it missed something, though nothing may ever happen again.
func TestASlowSubscriberLearnsThatItMissedSomething(t *testing.T) {
	v := open(t, testenv.Redis(t).URL)
	ctx := context.Background()
	slow := subscribed(t, v, func(e vault.Event) bool { return e.Connection == "" })
	quick := subscribedLater(t, v, func(e vault.Event) bool { return e.Reason == "last" })
	for n := range 100 {
		reason := "logout"
		if n == 99 {
			reason = "last"
		}
		s, _ := signIn(t, v, vault.NewSession{User: vault.User{ID: fmt.Sprint("u_", n)}})
		must(t, v.Sessions.End(ctx, s, reason))
	}
	testenv.Receive(t, "the quick subscriber", quick)
	resync, n := false, 0
	for {
		select {
		case e := <-slow:
			n++
			resync = resync || e.Kind == vault.EventResync
			continue
		default:
		}
		break
	}
	if !resync || n > 16 {
		t.Fatalf("%d events, and no word of those that were missed", n)
	}
}

// subscribedLater is for a vault that already listens.
func subscribedLater(t testing.TB, v *vault.Vault, match func(vault.Event) bool) <-chan vault.Event {
	events, cancel := v.Subscribe(match)
	t.Cleanup(cancel)
	return events
}

// Whatever cut the subscription, everybody looks again when it is back: a store that restarts, and one that is frozen
// with its connections open.
func TestASubscriptionThatWasCutResyncs(t *testing.T) {
	server := testenv.Redis(t)
	v := open(t, server.URL)
	events := subscribed(t, v, everything)
	server.Stop()
	server.Start()
	if e := testenv.Receive(t, "an event", events); e.Kind != vault.EventResync {
		t.Fatalf("after a restart: %+v", e)
	}
	s, _ := signIn(t, v, vault.NewSession{})
	must(t, v.Sessions.End(context.Background(), s, "logout"))
	if e := testenv.Receive(t, "an event", events); e.Session != s.ID {
		t.Fatalf("after the resync: %+v", e)
	}
}

func TestAHalfOpenSubscriptionIsNoticed(t *testing.T) {
	server := testenv.Redis(t)
	wire := testenv.Toxi(t, server.Addr)
	v := open(t, "redis://"+wire.Addr)
	events := subscribed(t, v, everything)
	silent := wire.Starve()
	other := open(t, server.URL)
	s, _ := signIn(t, other, vault.NewSession{})
	must(t, other.Sessions.End(context.Background(), s, "logout")) // which v does not hear
	silent.End()
	for {
		select {
		case e := <-events:
			if e.Kind == vault.EventResync || e.Session == s.ID {
				return
			}
		case <-time.After(time.Minute):
			t.Fatal("never noticed")
		}
	}
}

func TestSubscribingToAClosedVaultHearsNothingAndLeaksNothing(t *testing.T) {
	v, err := vault.Open(
		vault.Config{
			Store:    testenv.Redis(t).URL,
			Keys:     []vault.Key{vault.NewKey()},
			Prefix:   "bff",
			Cookie:   "bff",
			Idle:     time.Minute,
			Lifetime: time.Hour,
		},
	)
	must(t, err)
	subscribed(t, v, everything)
	must(t, v.Close())
	events, cancel := v.Subscribe(everything)
	defer cancel()
	select {
	case e := <-events:
		t.Fatalf("%+v", e)
	default:
	}
}
