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

// On a clock that stands still but for what the test adds: five seconds after the first attempt failed, the second
// comes, with the same id; and after three days of them no more.
func TestTheFirstRetryIsDueWithinFiveSecondsAndTheLastAfterThreeDays(t *testing.T) {
	begun, added := time.Now(), atomic.Int64{}
	now := func() time.Time { return begun.Add(time.Duration(added.Load())) }
	r := newReceiver(t)
	r.says(503)
	v, err := vault.Open(vault.Config{Store: testenv.Redis(t).URL, Keys: keys(t), Prefix: "bff", Cookie: "bff",
		Idle: time.Hour, Lifetime: time.Hour, Programs: []vault.Program{all("a")}, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Close() })
	dropped, noted := atomic.Int64{}, atomic.Int64{}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	d := deliver.New(deliver.Config{Vault: v, Programs: []deliver.Program{r.program("a")}, Now: now,
		Sender: webhook.NewSender(webhook.Transport(), nil), Log: slog.New(slog.DiscardHandler),
		OnDelivery: func(_, outcome string) {
			noted.Add(1)
			if outcome == "dropped" {
				dropped.Add(1)
			}
		}})
	go func() { d.Run(ctx); close(done) }()
	t.Cleanup(func() { cancel(); <-done })
	register(t, v, "1")
	first := r.awaits(1)[0]
	// The clock goes on when it is written down when the next attempt is due: that is reckoned from after the first.
	attempted := func(n int64) {
		testenv.Eventually(t, "the attempt is noted", func() bool { return noted.Load() >= n })
	}
	attempted(1)
	added.Add(int64(5 * time.Second))
	if again := r.awaits(2)[1]; again.ID != first.ID || again.Type != first.Type {
		t.Errorf("the second attempt: %+v after %+v", again, first)
	}
	for n := 3; dropped.Load() == 0; n++ {
		if n > 200 {
			t.Fatal("it is tried for ever")
		}
		attempted(int64(n - 1))
		if dropped.Load() > 0 {
			break
		}
		added.Add(int64(8 * time.Hour)) // no wait is longer than an hour
		attempted(int64(n))
	}
	if gone := time.Duration(added.Load()); gone < 72*time.Hour || gone > 84*time.Hour {
		t.Errorf("given up after %v", gone)
	}
}
