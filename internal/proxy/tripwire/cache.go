package tripwire

import (
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"bff/internal/secret"
)

const (
	mostCached = 1024 // Sets in each half of a Cache; one takes about 7 KB
	halfLife   = 30 * time.Second
)

// A Cache keeps Sets that were used lately, so that the calls of a session make one once. What was not used for a
// minute is forgotten. The zero Cache is ready. It is safe for concurrent use.
type Cache struct {
	mu         sync.Mutex
	seed       maphash.Seed
	young, old map[uint64]*cached // old are those that were not used since the halves were turned
	turns      bool               // a timer runs
}

type cached struct {
	secrets []secret.Text
	set     *Set
}

// Get returns the Set of these secrets, nil when none is long enough to be looked for.
func (c *Cache) Get(secrets ...secret.Text) *Set {
	c.mu.Lock()
	if c.young == nil {
		c.seed, c.young = maphash.MakeSeed(), map[uint64]*cached{}
	}
	key := c.key(secrets)
	found := c.young[key]
	if found == nil {
		if found = c.old[key]; found != nil && found.is(secrets) {
			c.keep(key, found)
		}
	}
	c.mu.Unlock()
	if found != nil && found.is(secrets) {
		return found.set
	}
	made := &cached{slices.Clone(secrets), New(secrets...)}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keep(key, made)
	return made.set
}

func (c *Cache) key(secrets []secret.Text) uint64 {
	var h maphash.Hash
	h.SetSeed(c.seed)
	for _, s := range secrets {
		_, _ = h.WriteString(s.Reveal())
		_ = h.WriteByte(0)
	}
	return h.Sum64()
}

// is reports whether it is the Set of these secrets. Both sides are the process's own: the time it takes tells nobody
// anything.
func (k *cached) is(secrets []secret.Text) bool {
	return slices.EqualFunc(k.secrets, secrets, func(a, b secret.Text) bool { return a.Reveal() == b.Reveal() })
}

// keep puts k among the young. The lock is held.
func (c *Cache) keep(key uint64, k *cached) {
	if len(c.young) >= mostCached {
		c.young, c.old = map[uint64]*cached{}, c.young
	}
	delete(c.old, key)
	c.young[key] = k
	if !c.turns {
		c.turns = true
		time.AfterFunc(halfLife, c.turn)
	}
}

// turn forgets what was not used since the last turn.
func (c *Cache) turn() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.young, c.old = map[uint64]*cached{}, c.young
	if c.turns = len(c.old) > 0; c.turns {
		time.AfterFunc(halfLife, c.turn)
	}
}

// Len returns how many Sets are kept.
func (c *Cache) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.young) + len(c.old)
}
