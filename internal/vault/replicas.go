package vault

import (
	"context"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// A rotated token exists once: losing it to a failover logs somebody out. So its write waits for one replica, where there are any.
const (
	replicaWait  = 200 * time.Millisecond
	replicaFresh = 10 * time.Second // how long an answer of ROLE counts
)

type replicas struct {
	mu sync.Mutex
	at map[string]replicaCount // by the node's address
}

type replicaCount struct {
	n     int
	until time.Time
}

type runner func(s *redis.Script, keys []string, args ...any) error

// durably runs a script, and then waits for a replica on the same connection, since WAIT speaks of a connection's own writes. That no replica
// answered in time is logged, not returned: the write is done.
func (v *Vault) durably(ctx context.Context, key string, f func(context.Context, runner) error) error {
	node := v.node(ctx, key)
	if node == nil || v.replicas.count(ctx, node) == 0 {
		return f(ctx, func(s *redis.Script, keys []string, args ...any) error { return v.run(ctx, s, keys, args...) })
	}
	conn := node.Conn()
	defer conn.Close()
	err := f(ctx, func(s *redis.Script, keys []string, args ...any) error { return v.runOn(ctx, conn, s, keys, args...) })
	if err == nil {
		if n, werr := conn.Wait(ctx, 1, replicaWait).Result(); werr != nil || n < 1 {
			v.cfg.Log.Warn("no replica confirmed a token's write in time")
		}
	}
	return err
}

// node is the server that holds key, or nil where that cannot be said.
func (v *Vault) node(ctx context.Context, key string) *redis.Client {
	switch c := v.client.(type) {
	case *redis.Client:
		return c
	case *redis.ClusterClient:
		if n, err := c.MasterForKey(ctx, key); err == nil {
			return n
		}
	}
	return nil
}

// count is how many replicas the node reports, asked at most every few seconds. A server without ROLE has none.
func (r *replicas) count(ctx context.Context, node *redis.Client) int {
	addr := node.Options().Addr
	r.mu.Lock()
	known, ok := r.at[addr]
	r.mu.Unlock()
	if ok && time.Now().Before(known.until) {
		return known.n
	}
	n := 0
	if role, err := node.Do(ctx, "ROLE").Slice(); err == nil && len(role) >= 3 {
		if list, ok := role[2].([]any); ok {
			n = len(list)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.at == nil {
		r.at = map[string]replicaCount{}
	}
	r.at[addr] = replicaCount{n: n, until: time.Now().Add(replicaFresh)}
	return n
}
