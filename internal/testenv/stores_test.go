package testenv_test

import (
	"context"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"bff/internal/testenv"
)

func TestRedisComesBackWithWhatWasSaved(t *testing.T) {
	r := testenv.Redis(t)
	ctx := context.Background()
	if err := r.Client().Set(ctx, "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	r.Stop()
	r.Start()
	if got := r.Client().Get(ctx, "k").Val(); got != "v" {
		t.Fatalf("after a restart: %q", got)
	}
	r.Kill()
	if err := r.Client().Ping(ctx).Err(); err == nil {
		t.Fatal("a killed server answers")
	}
}

func TestSentinelPromotesAReplica(t *testing.T) {
	s := testenv.Sentinel(t, 1)
	first := s.Master()
	first.Kill()
	s.AwaitNewMaster(first)
	if err := s.Master().Client().Set(context.Background(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(s.URL, "redis+sentinel://") {
		t.Fatal(s.URL)
	}
}

func TestClusterMovesASlotWithItsKeys(t *testing.T) {
	c := testenv.Cluster(t)
	ctx := context.Background()
	client := redis.NewClusterClient(
		&redis.ClusterOptions{Addrs: strings.Split(strings.TrimPrefix(c.URL, "redis+cluster://"), ",")},
	)
	t.Cleanup(func() { _ = client.Close() })
	if err := client.Set(ctx, "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	slot := c.Slot("k")
	to := (c.Owner(slot) + 1) % 3
	c.Move(slot, to)
	if got := client.Get(ctx, "k").Val(); got != "v" || c.Owner(slot) != to {
		t.Fatalf("%q, owner %d, want %d", got, c.Owner(slot), to)
	}
}

func TestWireIsCutStarvedAndRestored(t *testing.T) {
	w := testenv.Toxi(t, testenv.Redis(t).Addr)
	c := redis.NewClient(&redis.Options{Addr: w.Addr, MaxRetries: -1, DialerRetries: 1, ReadTimeout: 300_000_000})
	t.Cleanup(func() { _ = c.Close() })
	ctx := context.Background()
	answers := func() bool { return c.Ping(ctx).Err() == nil }
	if !answers() {
		t.Fatal("no answer through a whole wire")
	}
	w.Cut()
	if answers() {
		t.Fatal("an answer through a cut wire")
	}
	w.Restore()
	testenv.Eventually(t, "an answer", answers)
	starved := w.Starve()
	if answers() {
		t.Fatal("an answer through a starved wire")
	}
	starved.End()
	testenv.Eventually(t, "an answer", answers)
}
