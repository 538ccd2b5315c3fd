package vault

import (
	"maps"
	"slices"
	"sync"
	"time"

	"bff/internal/vault/seal"
	"bff/internal/vault/store"
)

// The cache lets Load answer without the store, and a logout still win. The rules are:
//
//  1. It is filled by reads, and emptied by the store, which reports every key of the product that changes, expires
//     or is
//     evicted. A fill that was overtaken by such a report is refused.
//  2. It answers only while the reports are known to be at most store.Lag behind: see store.Tracker.
//  3. What ends a session, or takes a connection away, answers its caller store.Lag after it was written. Then no
//     instance answers from before it.
//  4. This instance's own writes empty the cache before they answer.
//  5. When the connection that brings the reports is made anew, everything goes.
type cache struct {
	c       *core
	tracker *store.Tracker

	mu    sync.Mutex
	users map[string]map[seal.Ticket]entry // by tag
	fills map[string]*fill                 // under way, by tag
}

const (
	cacheLife   = time.Second // of an entry: how long a session may be used beyond its idle time
	cacheUsers  = 10_000
	cacheSpread = 16 // sessions of one user
)

type entry struct {
	session *Session
	end     int64 // on the clock of the tracker
}

// A fill is what reads of one user share that are under way.
type fill struct {
	readers   int
	overtaken int // how many reports came meanwhile
}

func newCache(c *core) *cache {
	k := &cache{c: c, users: map[string]map[seal.Ticket]entry{}, fills: map[string]*fill{}}
	c.db.OnWrite(k.drop)
	k.tracker = c.db.Track(store.Reports{Changed: k.drop, Lost: k.dropAll, Sweep: k.sweep})
	return k
}

func (k *cache) close() {
	k.tracker.Close()
	k.dropAll()
}

// drop forgets what is known of a user, and refuses what is just being read.
func (k *cache) drop(tag string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.users, tag)
	if f := k.fills[tag]; f != nil {
		f.overtaken++
	}
}

func (k *cache) dropAll() {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.users)
	for _, f := range k.fills {
		f.overtaken++
	}
}

// sweep lets go of entries that are too old: tokens are not held for those who have left.
func (k *cache) sweep(now int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for tag, of := range k.users {
		maps.DeleteFunc(of, func(_ seal.Ticket, e entry) bool { return now >= e.end })
		if len(of) == 0 {
			delete(k.users, tag)
		}
	}
}

// find answers from here, or nil. What it gives is the caller's own.
func (k *cache) find(t *seal.Ticket) *Session {
	now := k.tracker.Since()
	if !k.tracker.Complete(now) {
		return nil
	}
	k.mu.Lock()
	e, ok := k.users[t.Tag()][*t]
	k.mu.Unlock()
	if !ok || now >= e.end || k.c.expired(e.session.AuthAt, e.session.SeenAt) {
		return nil
	}
	return e.session.clone()
}

// begin says that a user's session is about to be read; keep puts it here, unless a report came in between. keep is
// called in any case, with nil if there is nothing to keep.
func (k *cache) begin(t *seal.Ticket) (keep func(*Session)) {
	tag := t.Tag()
	k.mu.Lock()
	defer k.mu.Unlock()
	f := k.fills[tag]
	if f == nil {
		f = &fill{}
		k.fills[tag] = f
	}
	f.readers++
	was, end := f.overtaken, k.tracker.Since()+int64(cacheLife)
	return func(s *Session) {
		k.mu.Lock()
		defer k.mu.Unlock()
		if f.readers--; f.readers == 0 {
			delete(k.fills, tag)
		}
		if s != nil && f.overtaken == was {
			k.put(tag, *t, entry{s.clone(), end})
		}
	}
}

// put makes room by forgetting somebody, whom the store will remember.
func (k *cache) put(tag string, t seal.Ticket, e entry) {
	of := k.users[tag]
	if of == nil || len(of) >= cacheSpread {
		if len(k.users) >= cacheUsers {
			for other := range k.users {
				delete(k.users, other)
				break
			}
		}
		of = map[seal.Ticket]entry{}
		k.users[tag] = of
	}
	of[t] = e
}

// settled is called when something was taken away: it comes back when no instance answers from before.
func (c *core) settled(err error) error {
	if c.cache != nil && err == nil {
		time.Sleep(store.Lag) // rule 3: the write is done, and its caller must not be answered before
	}
	return err
}

// clone gives a session whose holder may do with it what they like.
func (s *Session) clone() *Session {
	own := *s
	own.Connections = slices.Clone(s.Connections)
	return &own
}
