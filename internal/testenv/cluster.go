package testenv

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

const slots = 16384

// Clustered is a Redis Cluster of three masters.
type Clustered struct {
	URL     string // redis+cluster://h1,h2,h3
	Servers []*RedisServer

	tb  testing.TB
	ids []string // of the nodes, as the servers
}

// Cluster starts three masters that share the slots.
func Cluster(tb testing.TB) *Clustered {
	tb.Helper()
	ctx := context.Background()
	c := &Clustered{tb: tb}
	var addrs []string
	for i := range 3 {
		s := Redis(
			tb,
			"--cluster-enabled",
			"yes",
			"--cluster-node-timeout",
			"2000",
			"--cluster-port",
			strconv.Itoa(FreePort(tb)),
		)
		client := s.Client()
		if err := client.ClusterAddSlotsRange(ctx, i*slots/3, (i+1)*slots/3-1).Err(); err != nil {
			tb.Fatal(err)
		}
		id, err := client.Do(ctx, "CLUSTER", "MYID").Text()
		if err != nil {
			tb.Fatal(err)
		}
		c.Servers, c.ids, addrs = append(c.Servers, s), append(c.ids, id), append(addrs, s.Addr)
	}
	for _, s := range c.Servers[1:] {
		c.meet(s)
	}
	for _, s := range c.Servers {
		client := s.Client()
		Eventually(tb, "the cluster is whole", func() bool {
			info, err := client.ClusterInfo(ctx).Result()
			return err == nil && strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_known_nodes:3")
		})
	}
	c.URL = "redis+cluster://" + strings.Join(addrs, ",")
	return c
}

func (c *Clustered) meet(s *RedisServer) {
	c.tb.Helper()
	host, port, _ := strings.Cut(s.Addr, ":")
	bus := s.args[indexOf(s.args, "--cluster-port")+1]
	if err := c.Servers[0].Client().Do(context.Background(), "CLUSTER", "MEET", host, port, bus).Err(); err != nil {
		c.tb.Fatal(err)
	}
}

func indexOf(all []string, want string) int {
	for i, s := range all {
		if s == want {
			return i
		}
	}
	return -1
}

// Owner is the index of the server that has a slot. Slot is the slot of a key.
func (c *Clustered) Owner(slot int) int {
	c.tb.Helper()
	shards, err := c.Servers[0].Client().ClusterShards(context.Background()).Result()
	if err != nil {
		c.tb.Fatal(err)
	}
	for _, s := range shards {
		for _, r := range s.Slots {
			if int(r.Start) <= slot && slot <= int(r.End) {
				return indexOf(c.ids, s.Nodes[0].ID)
			}
		}
	}
	c.tb.Fatalf("nobody has slot %d", slot)
	return 0
}

func (c *Clustered) Slot(key string) int {
	c.tb.Helper()
	slot, err := c.Servers[0].Client().ClusterKeySlot(context.Background(), key).Result()
	if err != nil {
		c.tb.Fatal(err)
	}
	return int(slot)
}

// Keys is every key of the cluster.
func (c *Clustered) Keys() []string {
	c.tb.Helper()
	var all []string
	for _, s := range c.Servers {
		keys, err := s.Client().Keys(context.Background(), "*").Result()
		if err != nil {
			c.tb.Fatal(err)
		}
		all = append(all, keys...)
	}
	return all
}

// Move moves a slot with its keys to another server, one key at a time: clients meet MOVED, ASK and TRYAGAIN meanwhile.
func (c *Clustered) Move(slot, to int) {
	c.tb.Helper()
	ctx := context.Background()
	from := c.Owner(slot)
	if from == to {
		return
	}
	src, dst := c.Servers[from].Client(), c.Servers[to].Client()
	c.must(dst.Do(ctx, "CLUSTER", "SETSLOT", slot, "IMPORTING", c.ids[from]))
	c.must(src.Do(ctx, "CLUSTER", "SETSLOT", slot, "MIGRATING", c.ids[to]))
	host, port, _ := strings.Cut(c.Servers[to].Addr, ":")
	for {
		keys, err := src.ClusterGetKeysInSlot(ctx, slot, 10).Result()
		if err != nil {
			c.tb.Fatal(err)
		}
		if len(keys) == 0 {
			break
		}
		for _, key := range keys {
			c.must(src.Do(ctx, "MIGRATE", host, port, key, 0, 5000))
		}
	}
	for _, s := range []*redis.Client{dst, src, c.Servers[3-from-to].Client()} {
		c.must(s.Do(ctx, "CLUSTER", "SETSLOT", slot, "NODE", c.ids[to]))
	}
}

func (c *Clustered) must(cmd *redis.Cmd) {
	c.tb.Helper()
	if err := cmd.Err(); err != nil {
		c.tb.Fatal(err)
	}
}
