package store_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bff/internal/testenv"
	"bff/internal/vault/store"
)

func openStore(t *testing.T, url string) *store.Store {
	t.Helper()
	s, err := store.Open(store.Config{URL: url, Prefix: "bff", Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// ask reads one key, as Load does.
func ask(ctx context.Context, s *store.Store, key string) (value string, err error) {
	err = s.Read(ctx, func(b *store.Batch) func() error {
		text := b.Get(key)
		return func() (err error) {
			value, err = text.Result()
			return err
		}
	})
	return value, err
}

// Reads of many callers share round trips: each has its own answer, also where there is nothing, and where a caller
// among them gives up.
func TestReadsThatShareARoundTripHaveTheirOwnAnswers(t *testing.T) {
	server := testenv.Redis(t)
	s := openStore(t, server.URL)
	ctx := context.Background()
	for n := range 50 {
		if err := s.Set(ctx, fmt.Sprint("bff:", n), fmt.Sprint("value ", n), time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	var all sync.WaitGroup
	var gaveUp atomic.Int64
	for n := range 64 {
		all.Go(func() {
			for round := range 100 {
				key := (n + round) % 100
				ctx, cancel := ctx, func() {}
				if round%10 == 0 {
					ctx, cancel = context.WithCancel(ctx)
					go cancel()
				}
				value, err := ask(ctx, s, fmt.Sprint("bff:", key))
				cancel()
				switch {
				case round%10 == 0 && errors.Is(err, context.Canceled):
					gaveUp.Add(1)
				case key < 50 && (err != nil || value != fmt.Sprint("value ", key)):
					t.Errorf("key %d: %q %v", key, value, err)
				case key >= 50 && !errors.Is(err, store.ErrNotFound):
					t.Errorf("key %d, which is not there: %q %v", key, value, err)
				}
			}
		})
	}
	testenv.Finished(t, "all of them", all.Wait)
	if gaveUp.Load() == 0 {
		t.Error("nobody gave up: the attack is none")
	}
}

// A store that does not answer fails every read that shares the round trip, each within its bound, and nothing is left
// behind: as soon as it answers, so do they.
func TestReadsThatShareARoundTripFailTogetherAndComeBack(t *testing.T) {
	server := testenv.Redis(t)
	wire := testenv.Toxi(t, server.Addr)
	s := openStore(t, "redis://"+wire.Addr)
	ctx := context.Background()
	if err := s.Set(ctx, "bff:k", "value", time.Hour); err != nil {
		t.Fatal(err)
	}
	for _, fail := range []func() (end func()){
		func() func() { return wire.Starve().End },
		func() func() { return wire.Swallow().End },
		func() func() { wire.Cut(); return wire.Restore },
		func() func() { return wire.BreakAfter(3).End },
	} {
		end := fail()
		var all sync.WaitGroup
		for range 40 {
			all.Go(func() {
				ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
				defer cancel()
				if value, err := ask(ctx, s, "bff:k"); err == nil {
					t.Errorf("an answer without a store: %q", value)
				} else if errors.Is(err, store.ErrNotFound) {
					t.Error("a store that does not answer says that there is nothing")
				}
			})
		}
		testenv.Finished(t, "all of them", all.Wait)
		end()
		testenv.Eventually(t, "an answer", func() bool { v, err := ask(ctx, s, "bff:k"); return err == nil && v == "value" })
	}
}

// Who waits for a round trip of others waits no longer than its own context says, however long theirs take.
func TestWhoWaitsForARoundTripOfOthersGivesUpByItself(t *testing.T) {
	s := openStore(t, testenv.Redis(t).URL)
	entered, leave := make(chan struct{}), make(chan struct{})
	var flights sync.WaitGroup
	defer testenv.Finished(t, "the two round trips", flights.Wait)
	defer close(leave)
	for range 2 { // as many as there may be
		flights.Go(func() {
			err := s.Read(context.Background(), func(b *store.Batch) func() error {
				entered <- struct{}{}
				testenv.Receive(t, "leave to go on", leave)
				text := b.Get("bff:none")
				return func() error { _, err := text.Result(); return err }
			})
			if err == nil {
				t.Error("an answer where there is none")
			}
		})
		testenv.Receive(t, "a round trip that is under way", entered)
	}
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	gaveUp := make(chan error, 1)
	go func() {
		_, err := ask(gone, s, "bff:none")
		gaveUp <- err
	}()
	select {
	case err := <-gaveUp:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("who gave up has %v", err)
		}
	case <-time.After(10 * time.Second): // by far
		t.Error("who gave up still waits for the others")
	}
}
