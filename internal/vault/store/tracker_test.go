package store_test

import (
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"bff/internal/testenv"
	"bff/internal/vault/store"
)

// Whoever asks again after a while does not wait for the next sign of life: it comes because she asks.
func TestReportsAreCompleteSoonAfterAnIdleTime(t *testing.T) {
	s, err := store.Open(store.Config{URL: testenv.Redis(t).URL, Prefix: "bff", Now: time.Now,
		Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	tr := s.TrackIdly(store.Reports{Changed: func(string) {}}, time.Hour)
	t.Cleanup(tr.Close)
	w := tr.At(t.Context(), "any")
	for range 2 {
		testenv.Eventually(t, "complete reports", func() bool { return w.Complete(tr.Since()) })
		testenv.Eventually(t, "an idle watch", w.Behind)
	}
}

// A machine that was suspended, or whose clock was set, does not answer from what it knew before, though its other
// clock stood still.
func TestReportsAreNotCompleteAfterTheClockJumped(t *testing.T) {
	var ahead atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	s, err := store.Open(store.Config{URL: testenv.Redis(t).URL, Prefix: "bff", Now: now,
		Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	tr := s.Track(store.Reports{Changed: func(string) {}})
	t.Cleanup(tr.Close)
	w := tr.At(t.Context(), "any")
	jumps, answered := 0, 0
	testenv.Eventually(t, "fifty jumps", func() bool {
		if w.Complete(tr.Since()) {
			jumps++
			ahead.Add(int64(time.Minute))
			if w.Complete(tr.Since()) { // a sign of life may have come in between
				answered++
			}
		}
		return jumps == 50
	})
	if answered > 5 {
		t.Errorf("answered after %d of 50 jumps", answered)
	}
	testenv.Eventually(t, "everything is forgotten", func() bool { return w.Lost() > 25 })
}
