package store

import (
	"context"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// What exists once must not be lost to a failover: a rotated token would log somebody out, a lost tombstone would let
// somebody in. So these writes wait for one replica, where there are any.
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

// evalDurably runs a script and WAIT in one pipeline, since WAIT speaks of its own connection's writes. That no replica
// answered in time is logged, not returned: the write is done.
func (s *Store) evalDurably(ctx context.Context, c Call) *redis.Cmd {
	script, keys, args := s.resolve(&c)
	defer s.written(s.TagOf(keys[0]))
	node := s.node(ctx, keys[0])
	if node == nil || s.replicas.count(ctx, node) == 0 {
		return script.Run(ctx, s.client, keys, args...)
	}
	cmd, waited := awaited(ctx, node, script.EvalSha, keys, args)
	if redis.HasErrorPrefix(cmd.Err(), "NOSCRIPT") {
		cmd, waited = awaited(ctx, node, script.Eval, keys, args)
	}
	for _, elsewhere := range [...]string{"MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN"} {
		if redis.HasErrorPrefix(cmd.Err(), elsewhere) { // the slot moved: the client as a whole follows it
			return script.Run(ctx, s.client, keys, args...)
		}
	}
	if cmd.Err() == nil && waited < 1 {
		s.Warn("no replica confirmed a write in time")
	}
	return cmd
}

type evaluate func(ctx context.Context, on redis.Scripter, keys []string, args ...any) *redis.Cmd

func awaited(
	ctx context.Context,
	node *redis.Client,
	eval evaluate,
	keys []string,
	args []any,
) (cmd *redis.Cmd, n int) {
	pipe := node.Pipeline()
	cmd = eval(ctx, pipe, keys, args...)
	wait := pipe.Do(ctx, "WAIT", 1, replicaWait.Milliseconds())
	exec(ctx, pipe)
	n, _ = wait.Int()
	return cmd, n
}

// node is the server that holds key, or nil where that cannot be said.
func (s *Store) node(ctx context.Context, key string) *redis.Client {
	switch c := s.client.(type) {
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
