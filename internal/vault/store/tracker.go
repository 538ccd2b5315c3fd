package store

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"bff/internal/vault/seal"
)

// A Tracker has the store report every key below a tag that changes, expires or is evicted (CLIENT TRACKING … BCAST),
// by one Watch of each server that holds keys: the master, or the masters of a Cluster.
type Tracker struct {
	s       *server
	reports Reports
	idle    time.Duration // between two signs of life, while nobody asks
	started time.Time
	ctx     context.Context // of all watches
	stop    context.CancelFunc
	work    sync.WaitGroup

	mu      sync.Mutex
	watches map[string]*Watch // by address; "" where there is one master at a time
}

// Reports is called with what changed. Changed returns soon.
type Reports struct {
	Changed func(tag string) // something below the tag is no longer what it was
}

const (
	Lag          = 100 * time.Millisecond // how far behind the store reports may be
	trackerBeat  = 20 * time.Millisecond  // between two signs of life, while somebody asks
	trackerIdle  = 250 * time.Millisecond // and while nobody does, so that reports do not pile up in the store
	trackerProbe = 50                     // signs of life between two that are reported
	trackerQuits = time.Minute            // a server of a Cluster that nobody asks for is no longer watched
)

// Trackable says whether the store can report changes.
func (s *server) Trackable() bool { return s.kind != memory }

// Track begins on connections of its own. It needs no store to start.
func (s *server) Track(to Reports) *Tracker { return s.track(to, trackerIdle) }

func (s *server) track(to Reports, idle time.Duration) *Tracker {
	t := &Tracker{s: s, reports: to, idle: idle, started: time.Now(), watches: map[string]*Watch{}}
	t.ctx, t.stop = context.WithCancel(context.Background())
	if s.kind != cluster {
		t.watch("")
	}
	return t
}

// Close ends it.
func (t *Tracker) Close() {
	t.stop()
	t.work.Wait()
}

// Since is this tracker's clock.
func (t *Tracker) Since() int64 { return int64(time.Since(t.started)) }

// At is the watch of the server that holds what is below a tag, or nil where that cannot be said.
func (t *Tracker) At(ctx context.Context, tag string) *Watch {
	if t.s.kind != cluster {
		return t.watch("")
	}
	node := t.s.node(ctx, t.s.Tagged(tag, "w"))
	if node == nil {
		return nil
	}
	return t.watch(node.Options().Addr)
}

// watch begins one where there is none.
func (t *Tracker) watch(addr string) *Watch {
	t.mu.Lock()
	defer t.mu.Unlock()
	w := t.watches[addr]
	if w == nil && t.ctx.Err() == nil {
		w = &Watch{t: t, addr: addr, woken: make(chan struct{}, 1)}
		w.used.Store(t.Since())
		t.watches[addr] = w
		t.work.Go(w.listen)
	}
	return w
}

// dial makes a client whose connections have changes reported.
func (w *Watch) dial() *redis.Client {
	s := w.t.s
	own := *s.options
	own.Protocol, own.PoolSize, own.MaxRetries = 3, 1, -1
	own.ReadTimeout, own.WriteTimeout = Lag, Lag
	own.OnConnect = func(ctx context.Context, cn *redis.Conn) error {
		err := cn.Process(ctx, redis.NewStatusCmd(ctx, "CLIENT", "TRACKING", "ON", "BCAST",
			"PREFIX", s.prefix+":{", "PREFIX", s.prefix+":v:{"))
		w.lost.Add(1)
		return err
	}
	switch s.kind {
	case sentinel:
		return redis.NewFailoverClient(own.Failover())
	case cluster:
		own.Addrs = []string{w.addr}
	}
	return redis.NewClient(own.Simple())
}

// drop forgets a watch that nobody asked for, or that ended.
func (t *Tracker) drop(w *Watch) {
	t.mu.Lock()
	defer t.mu.Unlock()
	maps.DeleteFunc(t.watches, func(_ string, other *Watch) bool { return other == w })
}

// probe is a tag that the watched server holds, and nobody else uses.
func (w *Watch) newProbe(ctx context.Context) string {
	for range 1000 {
		tag := seal.Nonce()
		if w.addr == "" {
			return tag
		}
		if node := w.t.s.node(ctx, w.t.s.Tagged(tag, "w")); node != nil && node.Options().Addr == w.addr {
			return tag
		}
	}
	return "" // it holds nothing
}

// epoch is what a server of a Cluster says of who holds what.
func epoch(info string) string {
	lines := strings.FieldsFunc(info, func(r rune) bool { return r == '\r' || r == '\n' })
	return strings.Join(slices.DeleteFunc(lines, func(line string) bool {
		return !strings.HasPrefix(line, "cluster_current_epoch:") && !strings.HasPrefix(line, "cluster_my_epoch:") &&
			!strings.HasPrefix(line, "cluster_state:")
	}), " ")
}
