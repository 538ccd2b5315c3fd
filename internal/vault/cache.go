package vault

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/push"
)

// The cache lets Load answer without the store, and a logout still win. The rules are:
//
//  1. It is filled by reads, and emptied by the store: one connection of this process has the store report every key of the product that changes, expires
//     or is evicted (CLIENT TRACKING … BCAST). A fill that was overtaken by such a report is refused.
//  2. Reports come when they come. So that connection is asked for a sign of life all the time. A PONG comes behind all reports of what was written before
//     the PING before it was sent; only until cacheLag after that moment may anything be answered from here. A connection that is slow, cut or frozen, a
//     process that was: the time passes, and the store is asked. The PING is a write that changes nothing, which a server refuses that is no longer
//     the master; and now and then one that changes something, to see that it is reported.
//  3. What ends a session, or takes a connection away, answers its caller cacheLag after it was written. Then no instance answers from before it.
//  4. This instance's own writes empty the cache before they answer.
//  5. When the connection is made anew, everything goes.
const (
	cacheLag    = 100 * time.Millisecond // how far behind the store an answer may be
	cacheBeat   = 20 * time.Millisecond  // between two signs of life, while somebody reads
	cacheIdle   = 250 * time.Millisecond // and while nobody does: reports do not pile up in the store
	cacheProbe  = 50                     // signs of life between two that are reported
	cacheSweep  = 10                     // and between two looks for what nobody may use any more
	cacheLife   = time.Second            // of an entry: how long a session may be used beyond its idle time
	cacheUsers  = 10_000
	cacheSpread = 16 // sessions of one user
)

type cache struct {
	v       *Vault
	client  *redis.Client
	until   atomic.Int64 // when answers from here end, on the clock of since
	used    atomic.Int64 // when somebody last asked
	started time.Time
	stop    context.CancelFunc
	done    chan struct{}

	probe    string      // stands in the place of a user
	reported atomic.Bool // the probe was

	mu    sync.Mutex
	users map[string]map[ticket]entry // by partition
	fills map[string]*fill            // under way, by partition
}

type entry struct {
	session *Session
	end     int64 // on the clock of since
}

// A fill is what reads of one user share that are under way.
type fill struct {
	readers   int
	overtaken int // how many reports came meanwhile
}

// newCache starts listening on a client of its own. The vault needs no store to start, nor does this.
func newCache(v *Vault, o *redis.UniversalOptions, kind storeKind) *cache {
	c := &cache{v: v, probe: nonce(), started: time.Now(), done: make(chan struct{}), users: map[string]map[ticket]entry{}, fills: map[string]*fill{}}
	own := *o
	own.Protocol, own.PoolSize, own.MaxRetries = 3, 1, -1
	own.ReadTimeout, own.WriteTimeout = cacheLag, cacheLag
	own.OnConnect = func(ctx context.Context, cn *redis.Conn) error {
		err := cn.Process(ctx, redis.NewStatusCmd(ctx, "CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", v.cfg.Prefix+":{"))
		c.dropAll()
		return err
	}
	if kind == sentinel {
		c.client = redis.NewFailoverClient(own.Failover())
	} else {
		c.client = redis.NewClient(own.Simple())
	}
	ctx, stop := context.WithCancel(context.Background())
	c.stop = stop
	go c.listen(ctx)
	return c
}

func (c *cache) close() {
	c.stop()
	<-c.done
	c.dropAll()
	_ = c.client.Close()
}

func (c *cache) since() int64 { return int64(time.Since(c.started)) }

// listen keeps a connection, and makes it anew when it fails.
func (c *cache) listen(ctx context.Context) {
	defer close(c.done)
	for ctx.Err() == nil {
		conn := c.client.Conn()
		_ = conn.RegisterPushNotificationHandler("invalidate", c, false) // that there is one is fine; beat sees whether it works
		c.beat(ctx, conn)
		c.until.Store(0)
		_ = conn.Close()
		c.dropAll()
		pause(ctx, cacheIdle)
	}
}

// beat asks one connection for signs of life until it gives none.
func (c *cache) beat(ctx context.Context, conn *redis.Conn) {
	c.reported.Store(false)
	for n, before := 0, int64(0); ctx.Err() == nil; n++ {
		sent := c.since()
		var err error
		if n%cacheProbe == 0 {
			err = conn.Set(ctx, c.v.userKey(c.probe, "w"), 1, time.Minute).Err()
		} else {
			err = conn.Del(ctx, c.v.cfg.Prefix+":w").Err() // there is none
		}
		if err != nil || n%cacheProbe == 1 && !c.reported.Swap(false) {
			if ctx.Err() == nil {
				c.v.warn("the store reports no changes: every call asks it")
			}
			return
		}
		if n > 0 {
			c.until.Store(before + int64(cacheLag))
		}
		before = sent
		if n%cacheSweep == 0 {
			c.sweep(sent)
		}
		wait := cacheIdle
		if sent-c.used.Load() < int64(time.Second) {
			wait = cacheBeat
		}
		pause(ctx, wait)
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// HandlePushNotification takes a report: the names of keys that are no longer what they were, or nothing, which means all of them.
func (c *cache) HandlePushNotification(_ context.Context, _ push.NotificationHandlerContext, told []any) error {
	var keys []any
	if len(told) > 1 {
		keys, _ = told[1].([]any)
	}
	if keys == nil {
		c.dropAll()
	}
	for _, key := range keys {
		name, _ := key.(string)
		user := c.v.userOf(name)
		if user == c.probe {
			c.reported.Store(true)
		}
		c.drop(user)
	}
	return nil
}

// drop forgets what is known of a user, and refuses what is just being read.
func (c *cache) drop(user string) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.users, user)
	if f := c.fills[user]; f != nil {
		f.overtaken++
	}
}

func (c *cache) dropAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.users)
	for _, f := range c.fills {
		f.overtaken++
	}
}

// sweep lets go of entries that are too old: tokens are not held for those who have left.
func (c *cache) sweep(now int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for user, of := range c.users {
		maps.DeleteFunc(of, func(_ ticket, e entry) bool { return now >= e.end })
		if len(of) == 0 {
			delete(c.users, user)
		}
	}
}

// find answers from here, or nil. What it gives is the caller's own.
func (c *cache) find(t *ticket) *Session {
	now := c.since()
	c.used.Store(now)
	if now >= c.until.Load() {
		return nil
	}
	c.mu.Lock()
	e, ok := c.users[t.user()][*t]
	c.mu.Unlock()
	if !ok || now >= e.end || c.v.expired(e.session.CreatedAt, e.session.SeenAt) {
		return nil
	}
	return e.session.clone()
}

// begin says that a user's session is about to be read; keep puts it here, unless a report came in between. keep is called in any case, with nil if
// there is nothing to keep.
func (c *cache) begin(t *ticket) (keep func(*Session)) {
	user := t.user()
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.fills[user]
	if f == nil {
		f = &fill{}
		c.fills[user] = f
	}
	f.readers++
	was, end := f.overtaken, c.since()+int64(cacheLife)
	return func(s *Session) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if f.readers--; f.readers == 0 {
			delete(c.fills, user)
		}
		if s != nil && f.overtaken == was {
			c.put(user, *t, entry{s.clone(), end})
		}
	}
}

// put makes room by forgetting somebody, whom the store will remember.
func (c *cache) put(user string, t ticket, e entry) {
	of := c.users[user]
	if of == nil || len(of) >= cacheSpread {
		if len(c.users) >= cacheUsers {
			for other := range c.users {
				delete(c.users, other)
				break
			}
		}
		of = map[ticket]entry{}
		c.users[user] = of
	}
	of[t] = e
}

// settled is called when something was taken away: it comes back when no instance answers from before.
func (v *Vault) settled(err error) error {
	if v.cache != nil && err == nil {
		time.Sleep(cacheLag) // the promise itself, rule 3: the write is done, and no caller is to be told before its time
	}
	return err
}

// clone gives a session whose holder may do with it what they like.
func (s *Session) clone() *Session {
	own := *s
	own.Connections = slices.Clone(s.Connections)
	return &own
}
