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
