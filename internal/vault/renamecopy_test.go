package vault_test

import (
	"context"
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
