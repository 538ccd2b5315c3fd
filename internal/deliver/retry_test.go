package deliver_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"bff/internal/deliver"
	"bff/internal/testenv"
	"bff/internal/vault"
	"bff/internal/webhook"
)

// still runs a deliverer on a clock that stands still but for what is added. It counts what is noted, by outcome.
func still(t *testing.T, r *receiver) (v *vault.Vault, added *atomic.Int64, noted func(outcome string) int64) {
	t.Helper()
	begun := time.Now()
	added = &atomic.Int64{}
	now := func() time.Time { return begun.Add(time.Duration(added.Load())) }
	v, err := vault.Open(vault.Config{Store: testenv.Redis(t).URL, Keys: keys(t), Prefix: "bff", Cookie: "bff",
		Idle: time.Hour, Lifetime: time.Hour, Programs: []vault.Program{all("a")}, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Close() })
	counts := map[string]*atomic.Int64{"delivered": {}, "retried": {}, "dropped": {}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	d := deliver.New(deliver.Config{Vault: v, Programs: []deliver.Program{r.program("a")}, Now: now,
		Sender: webhook.NewSender(webhook.Transport(), nil), Log: slog.New(slog.DiscardHandler),
		OnDelivery: func(_, outcome string) { counts[outcome].Add(1) }})
	go func() { d.Run(ctx); close(done) }()
	t.Cleanup(func() { cancel(); testenv.Receive(t, "the end of it", done) })
	return v, added, func(outcome string) int64 { return counts[outcome].Load() }
}

// Five seconds after the first attempt failed, the second comes, with the same id; and after three days of them no more.
func TestTheFirstRetryIsDueWithinFiveSecondsAndTheLastAfterThreeDays(t *testing.T) {
	r := newReceiver(t)
	r.says(503)
	v, added, noted := still(t, r)
	dropped := func() bool { return noted("dropped") > 0 }
	register(t, v, "1")
	first := r.awaits(1)[0]
	// The clock goes on when it is written down when the next attempt is due: that is reckoned from after the first.
	attempted := func(n int64) {
		testenv.Eventually(t, "the attempt is noted", func() bool { return noted("retried")+noted("dropped") >= n })
	}
	attempted(1)
	added.Add(int64(5 * time.Second))
	if again := r.awaits(2)[1]; again.ID != first.ID || again.Type != first.Type {
		t.Errorf("the second attempt: %+v after %+v", again, first)
	}
	for n := 3; !dropped(); n++ {
		if n > 200 {
			t.Fatal("it is tried for ever")
		}
		attempted(int64(n - 1))
		if dropped() {
			break
		}
		added.Add(int64(8 * time.Hour)) // no wait is longer than an hour
		attempted(int64(n))
	}
	if gone := time.Duration(added.Load()); gone < 72*time.Hour || gone > 84*time.Hour {
		t.Errorf("given up after %v", gone)
	}
}

// What is queued behind an event that waits for its next attempt neither brings that attempt forward nor makes the one
// after it later.
func TestLaterEventsLeaveAFailedOneItsWaits(t *testing.T) {
	r := newReceiver(t)
	r.says(503)
	v, added, noted := still(t, r)
	retried := func(n int64) {
		t.Helper()
		testenv.Eventually(t, "the attempt is noted", func() bool { return noted("retried") >= n })
	}
	rec := register(t, v, "1")
	retried(1)
	for _, right := range []string{"a", "b", "c", "d"} {
		setRights(t, v, rec.ID, right)
	}
	register(t, v, "2") // whoever got here has looked at the first user's queue again
	retried(2)
	added.Add(int64(5 * time.Second))
	retried(4)
	added.Add(int64(20 * time.Second))
	retried(6)
	r.says(200)
	added.Add(int64(90 * time.Second))
	testenv.Eventually(t, "all is delivered", func() bool { return noted("delivered") == 6 })
	if n := noted("retried"); n != 6 {
		t.Errorf("%d attempts failed, want three of each user's first", n)
	}
}
