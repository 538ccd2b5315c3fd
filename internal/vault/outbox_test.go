package vault_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"bff/internal/testenv"
	"bff/internal/vault"
)

// queue unlinks n connections of a new session, and so puts n jobs into the outbox.
func queue(t testing.TB, v *vault.Vault, user vault.User, payloads ...string) {
	t.Helper()
	ctx := context.Background()
	s, r := signIn(t, v, vault.NewSession{User: user})
	for _, payload := range payloads {
		c := *google(vault.KeepSession)
		c.Account.Subject = payload
		linked, err := v.Connections.Link(ctx, s, c)
		must(t, err)
		must(t, v.Connections.Unlink(ctx, load(t, v, r), linked.ID, func(vault.Connection) []byte { return []byte(payload) }))
	}
}

func due(t testing.TB, v *vault.Vault, want ...string) []vault.Job {
	t.Helper()
	jobs, err := v.Outbox.Due(context.Background(), 100, time.Minute)
	must(t, err)
	got := map[string]bool{}
	for _, j := range jobs {
		got[string(j.Payload)] = true
	}
	if len(jobs) != len(want) {
		t.Fatalf("%d jobs (%v), want %q", len(jobs), got, want)
	}
	for _, payload := range want {
		if !got[payload] {
			t.Fatalf("%v, want %q", got, want)
		}
	}
	return jobs
}

func TestAJobIsLeasedUntilItIsDone(t *testing.T) {
	server := testenv.Redis(t)
	clock := newClock()
	a, b := pair(t, server.URL, clock.set)
	ctx := context.Background()
	queue(t, a, ada(), "one", "two")
	queue(t, b, grace(), "three")
	due(t, a, "one", "two", "three")
	due(t, b)                       // leased
	clock.advance(61 * time.Second) // its holder died
	jobs := due(t, b, "one", "two", "three")
	for _, j := range jobs {
		must(t, b.Outbox.Done(ctx, j))
	}
	clock.advance(61 * time.Second)
	due(t, a)
	if n := server.Client().Exists(ctx, "bff:o").Val(); n != 0 {
		t.Error("pointers to empty outboxes are left")
	}
	must(t, a.Outbox.Retry(ctx, jobs[0], clock.now())) // by one who had lost the lease
	clock.advance(time.Minute)
	due(t, a)
}

// Each job has a time of its own: one that waits for an hour does not make a new one wait.
func TestARetryHoldsUpNobodyElse(t *testing.T) {
	clock := newClock()
	v := open(t, testenv.Redis(t).URL, clock.set)
	ctx := context.Background()
	queue(t, v, ada(), "slow")
	slow := due(t, v, "slow")[0]
	queue(t, v, ada(), "quick")
	must(t, v.Outbox.Retry(ctx, slow, clock.now().Add(time.Hour)))
	quick := due(t, v, "quick")[0]
	must(t, v.Outbox.Done(ctx, quick))
	for range 50 {
		clock.advance(time.Minute)
		due(t, v)
	}
	clock.advance(11 * time.Minute)
	if slow = due(t, v, "slow")[0]; slow.Attempts != 1 || clock.now().Sub(slow.Created) < time.Hour {
		t.Errorf("%d attempts since %v", slow.Attempts, slow.Created)
	}
	must(t, v.Outbox.Retry(ctx, slow, clock.now().Add(time.Second))) // sooner than the lease
	clock.advance(2 * time.Second)
	due(t, v, "slow")
}

// A job whose key is gone from the ring stays, is looked at now and then, and is there when its key is back.
func TestAJobThatDoesNotOpenWaitsForItsKey(t *testing.T) {
	server := testenv.Redis(t)
	clock := newClock()
	key := vault.NewKey()
	v, other := open(t, server.URL, ring(key), clock.set), open(t, server.URL, clock.set)
	queue(t, v, ada(), "job")
	for range 5 {
		due(t, other)
		clock.advance(time.Minute)
	}
	clock.advance(time.Hour)
	due(t, v, "job")
}

// kill -9 between the pointer and the job leaves a pointer to nothing, which goes away; between job and second
// pointer, the first one leads to it.
func TestAPointerStandsBeforeItsJob(t *testing.T) {
	server := testenv.Redis(t)
	clock := newClock()
	v := open(t, server.URL, clock.set)
	ctx, c := context.Background(), server.Client()
	queue(t, v, ada(), "job")
	user := c.ZRange(ctx, "bff:o", 0, -1).Val()[0]
	c.ZAdd(ctx, "bff:o", at(user, clock.now().Add(10*time.Second)))
	due(t, v)
	clock.advance(11 * time.Second)
	due(t, v, "job")
	for n := range 3 {
		c.ZAdd(ctx, "bff:o", at(fmt.Sprint("nobody", n), clock.now()))
	}
	due(t, v)
	if left := c.ZRange(ctx, "bff:o", 0, -1).Val(); len(left) != 1 || left[0] != user {
		t.Errorf("pointers: %v", left)
	}
}

func at(user string, when time.Time) redis.Z {
	return redis.Z{Score: float64(when.UnixMilli()), Member: user}
}
