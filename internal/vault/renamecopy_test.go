package vault_test

import (
	"context"
	"maps"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"bff/internal/testenv"
	"bff/internal/vault"
)

// What a Cluster's server refuses to take stays where it is: nothing is deleted before it was copied.
func TestAKeyThatCannotBeCopiedStays(t *testing.T) {
	c := testenv.Cluster(t)
	ctx := context.Background()
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{c.Servers[0].Addr}})
	t.Cleanup(func() { _ = client.Close() })
	b := newBefore(t, c.URL, client)
	cookie := b.lives(t)
	held := func() (n int) {
		for _, s := range c.Servers {
			n += len(s.Client().Keys(ctx, "bff:*").Val())
		}
		return n
	}
	allow := func(rule string) {
		for _, s := range c.Servers {
			must(t, s.Client().Do(ctx, "ACL", "SETUSER", "default", rule).Err())
		}
	}
	before := held()
	allow("-restore")
	for range 3 {
		_, err := b.open(t, deaf).Names.Rename(ctx, vault.Renaming{})
		is(t, "while no copy is taken", err, vault.ErrUnavailable)
		if now := held(); now != before+1 { // the names' own
			t.Fatalf("of %d keys %d are left", before, now-1)
		}
	}
	allow("+restore")
	rename(t, b.open(t, deaf), vault.Renaming{})
	b.whole(t, b.open(t, deaf), cookie)
}

// Nothing is moved before a replica has what keeps instances from serving meanwhile: else a failover would have them
// take the store for empty.
func TestNothingIsRenamedBeforeAReplicaKnowsOfIt(t *testing.T) {
	server := testenv.Redis(t)
	ctx := context.Background()
	b := newBefore(t, server.URL, server.Client())
	cookie := b.lives(t)
	host, port, _ := strings.Cut(server.Addr, ":")
	replica := testenv.Redis(t, "--replicaof", host+" "+port)
	testenv.Eventually(t, "there is a replica", func() bool {
		return strings.Contains(server.Client().Info(ctx, "replication").Val(), "state=online")
	})
	before := len(server.Client().Keys(ctx, "bff:*").Val())
	replica.Pause()
	for range 2 { // the second finds that a renaming began
		_, err := b.open(t, deaf).Names.Rename(ctx, vault.Renaming{})
		is(t, "while no replica confirms", err, vault.ErrUnavailable)
		if moved := server.Client().Keys(ctx, "bff:v:*").Val(); len(moved) != 0 {
			t.Fatalf("%q are moved", moved)
		}
	}
	replica.Resume()
	testenv.Eventually(t, "it is done", func() bool {
		_, err := b.open(t, deaf).Names.Rename(ctx, vault.Renaming{})
		return err == nil
	})
	b.whole(t, b.open(t, deaf), cookie)
	if now := len(server.Client().Keys(ctx, "bff:*").Val()); now < before {
		t.Errorf("%d keys, before %d", now, before)
	}
}

// What stands in both spellings with different values stays in both, is counted, and keeps the secret of the names. Of
// what waits in both, the earlier time counts. Keys of another product below the prefix are nobody's to rename.
func TestWhatStandsInBothSpellingsIsNotLost(t *testing.T) {
	server := testenv.Redis(t)
	ctx, c := context.Background(), server.Client()
	b := newBefore(t, server.URL, c)
	cookie := b.lives(t)
	theirs := []string{"bff:report", "bff:{short}:x", "bff:x:y:z", "bff:Q"}
	for _, key := range theirs {
		must(t, c.Set(ctx, key, "theirs", 0).Err())
	}
	due := c.ZRangeWithScores(ctx, "bff:o", 0, 0).Val()
	queues := c.Keys(ctx, "bff:{*}:q:a").Val()
	records := c.Keys(ctx, "bff:{*}:s:*").Val()
	if len(due) == 0 || len(queues) == 0 || len(records) == 0 {
		t.Fatalf("there is no job, queue or record: %q", c.Keys(ctx, "*").Val())
	}
	rename(t, b.open(t, deaf), vault.Renaming{})
	for _, key := range theirs {
		if c.Get(ctx, key).Val() != "theirs" {
			t.Errorf("%s was renamed", key)
		}
	}
	now := func(pattern string) map[string]string {
		all := map[string]string{}
		for _, key := range c.Keys(ctx, pattern).Val() {
			all[key] = c.Dump(ctx, key).Val()
		}
		return all
	}
	sessions, waiting := now("bff:v:{*}:s:*"), now("bff:v:{*}:q:a")
	must(t, c.Set(ctx, records[0], "another value", 0).Err())
	must(t, c.RPush(ctx, queues[0], `{"another":"event"}`).Err())
	waits := func(score float64) {
		t.Helper()
		if first := c.ZRangeWithScores(ctx, "bff:v:o", 0, 0).Val(); len(first) == 0 || first[0].Score != score {
			t.Errorf("the job waits until %v, and the earlier time is %v", first, score)
		}
	}
	must(t, c.ZAdd(ctx, "bff:o", redis.Z{Score: due[0].Score + 1000, Member: due[0].Member}).Err())
	rename(t, b.open(t, deaf), vault.Renaming{Unreadable: true})
	waits(due[0].Score)
	must(t, c.ZAdd(ctx, "bff:o", redis.Z{Score: due[0].Score - 1000, Member: due[0].Member}).Err())

	moved := rename(t, b.open(t, deaf), vault.Renaming{Unreadable: true})
	if moved.Twice != 2 {
		t.Errorf("moved %+v", moved)
	}
	if !maps.Equal(sessions, now("bff:v:{*}:s:*")) || !maps.Equal(waiting, now("bff:v:{*}:q:a")) {
		t.Error("what stood in the new spelling is another value's")
	}
	if c.Get(ctx, records[0]).Val() != "another value" || c.LLen(ctx, queues[0]).Val() != 1 {
		t.Error("what stood in the old spelling is gone")
	}
	waits(due[0].Score - 1000)
	b.whole(t, b.open(t, deaf), cookie)
	if back := rename(t, b.open(t, deaf), vault.Renaming{Back: true}); back.Twice != 2 || c.Exists(ctx, "bff:v").Val() != 1 {
		t.Errorf("back: %+v, and the secret of what stayed is gone", back)
	}
}
