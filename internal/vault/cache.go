package vault

import (
	"context"
	"math"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"bff/internal/vault/seal"
	"bff/internal/vault/store"
)

// The cache remembers sessions that were read. What it remembers serves in two ways: what the store brings again, byte
// for byte, is not derived, opened and decoded again; and with Config.Cache, Load answers without the store, and a
// logout still wins. The rules of the second are:
//
//  1. It is filled by reads, and emptied by the store, which reports every key of the product that changes, expires
//     or is evicted. A fill that was overtaken by such a report is not answered from.
//  2. It answers only while the reports are known to be at most store.Lag behind: see store.Tracker.
//  3. What ends a session, or takes a connection away, answers its caller store.Lag after it was written. Then no
//     instance answers from before it.
//  4. This instance's own writes empty the cache before they answer.
//  5. When the connection that brings the reports is made anew, nothing from before is answered.
//  6. No entry answers longer than the store said that the session's key has to live when it was read.
//
// Entries are bounded by bytes, and go when nobody has used them for a while: tokens are not held for those who left.
type cache struct {
	c       *core
	tracker *store.Tracker // nil: every read asks the store
	held    *otter.Cache[userTag, []*entry]

	mu    sync.Mutex // of writes to held
	fills map[userTag]*fill
}

type userTag [seal.TagSize]byte

const (
	cacheLife   = 2 * time.Minute // of an entry at most, and of one that nobody uses
	cacheBytes  = 256 << 20       // unless GOMEMLIMIT is set: then a quarter of that
	cacheSpread = 16              // sessions of one user
	cacheEntry  = 300             // bytes of an entry beside its session
)

// An entry is one session. Of one user's, the slice is never changed, nor is a session.
type entry struct {
	session *Session
	until   atomic.Int64 // it may answer, on the clock of the tracker; 0: it may not
	at      atomic.Pointer[reading]
}

// A reading is whom an entry was read of.
type reading struct {
	watch *store.Watch
	lost  int64 // what Lost said before
}

// A fill is what reads of one user share that are under way.
type fill struct {
	readers   int
	overtaken int // how many reports came meanwhile
}

func newCache(c *core) *cache {
	k := &cache{c: c, fills: map[userTag]*fill{}}
	k.held = otter.Must(&otter.Options[userTag, []*entry]{
		MaximumWeight:    maximumBytes(c.cfg.CacheBytes),
		Weigher:          weight,
		ExpiryCalculator: otter.ExpiryAccessing[userTag, []*entry](min(cacheLife, c.cfg.Idle)),
	})
	if c.cfg.Cache && c.db.Trackable() {
		c.db.OnWrite(k.drop)
		k.tracker = c.db.Track(store.Reports{Changed: k.drop})
	}
	return k
}

func maximumBytes(configured int64) uint64 {
	if configured > 0 {
		return uint64(configured)
	}
	if limit := debug.SetMemoryLimit(-1); limit != math.MaxInt64 {
		return max(uint64(limit)/4, 1<<20)
	}
	return cacheBytes
}

func weight(_ userTag, of []*entry) uint32 {
	n := 0
	for _, e := range of {
		n += cacheEntry + e.session.size()
	}
	return uint32(min(n, math.MaxUint32))
}

func (k *cache) close() {
	if k.tracker != nil {
		k.tracker.Close()
	}
	k.held.InvalidateAll()
	k.held.StopAllGoroutines()
}

// drop has nothing answered that is known of a user, nor what is just being read.
func (k *cache) drop(tag string) {
	raw, ok := seal.DecodeExactly(tag, seal.TagSize)
	if !ok {
		return
	}
	t := userTag(raw)
	k.mu.Lock()
	defer k.mu.Unlock()
	if of, ok := k.held.GetEntryQuietly(t); ok {
		for _, e := range of.Value {
			e.until.Store(0)
		}
	}
	if f := k.fills[t]; f != nil {
		f.overtaken++
	}
}

// forget lets go of a session that is no more.
func (k *cache) forget(t *seal.Ticket) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.entry(t) != nil {
		k.held.Invalidate(userTag(t[:seal.TagSize]))
	}
}

func (k *cache) entry(t *seal.Ticket) *entry {
	of, _ := k.held.GetIfPresent(userTag(t[:seal.TagSize]))
	for _, e := range of {
		if e.session.ticket.Reveal().Equal(t) {
			return e
		}
	}
	return nil
}

// find answers from here, or nil. What it gives is shared: nobody changes it.
func (k *cache) find(t *seal.Ticket) *Session {
	if k.tracker == nil {
		return nil
	}
	e := k.entry(t)
	if e == nil {
		return nil
	}
	now, at := k.tracker.Since(), e.at.Load()
	if at == nil || !at.watch.Complete(now) || at.watch.Lost() != at.lost || now >= e.until.Load() ||
		k.c.expired(e.session.AuthAt, e.session.SeenAt) {
		return nil
	}
	return e.session
}

// prior is the session as it was read before, or nil: good for comparing with what the store brings.
func (k *cache) prior(t *seal.Ticket) *Session {
	if e := k.entry(t); e != nil {
		return e.session
	}
	return nil
}

// begin says that a user's session is about to be read; keep puts it here, to be answered from for as long as the store
// says that it lives, unless a report came in between, or another server answered than the one that reports. keep is
// called in any case, with nil if there is nothing to keep.
func (k *cache) begin(ctx context.Context, t *seal.Ticket) (keep func(s *Session, from *sealed)) {
	var at *reading
	if k.tracker != nil {
		if w := k.tracker.At(ctx, t.Tag()); w != nil {
			at = &reading{w, w.Lost()}
		}
	}
	if at == nil {
		return func(s *Session, _ *sealed) {
			if s != nil {
				k.put(t, s)
			}
		}
	}
	tag, began := userTag(t[:seal.TagSize]), k.tracker.Since()
	k.mu.Lock()
	defer k.mu.Unlock()
	f := k.fills[tag]
	if f == nil {
		f = &fill{}
		k.fills[tag] = f
	}
	f.readers++
	was := f.overtaken
	return func(s *Session, from *sealed) {
		k.mu.Lock()
		defer k.mu.Unlock()
		if f.readers--; f.readers == 0 {
			delete(k.fills, tag)
		}
		if s == nil {
			return
		}
		e := k.putLocked(t, s)
		if f.overtaken == was && at.watch.Answered(from.batch) {
			e.until.Store(0) // before it is of another reading
			e.at.Store(at)
			e.until.Store(began + int64(min(from.life, cacheLife)))
		}
	}
}

func (k *cache) put(t *seal.Ticket, s *Session) {
	if k.prior(t) == s {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.putLocked(t, s)
}

// putLocked remembers s in place of what was read before. Another
// session may have to make room; its next read asks the store.
func (k *cache) putLocked(t *seal.Ticket, s *Session) *entry {
	tag := userTag(t[:seal.TagSize])
	made := &entry{session: s}
	of := []*entry{made}
	old, _ := k.held.GetEntryQuietly(tag)
	for _, e := range old.Value {
		switch {
		case e.session == s:
			return e
		case !e.session.ticket.Reveal().Equal(t) && len(of) < cacheSpread:
			of = append(of, e)
		}
	}
	k.held.Set(tag, of)
	return made
}

// settled is called when something was taken away: it comes back when no instance answers from before.
func (c *core) settled(err error) error {
	if c.cache.tracker != nil && err == nil {
		time.Sleep(store.Lag) // rule 3: the write is done, and its caller must not be answered before
	}
	return err
}
