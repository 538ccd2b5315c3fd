package vault

import (
	"context"
	"errors"
	"hash/maphash"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"bff/internal/audit"
	"bff/internal/vault/seal"
	"bff/internal/vault/store"
)

// Errors every method may return, tested with errors.Is. A caller's own cancellation comes back as ctx.Err().
var (
	// ErrUnavailable: the store did not answer, so nothing is known. The caller answers 503 and changes nothing.
	ErrUnavailable = store.ErrUnavailable
	// ErrNotFound is a definite answer: no such session, attempt or connection (unknown, expired, ended or used).
	ErrNotFound = store.ErrNotFound
	// ErrConflict: the record is no longer the version that was read.
	ErrConflict = store.ErrConflict
	// ErrFull: the session has as many connections as one may have, or attempts under way fill their bound.
	ErrFull = errors.New("too many")
	// ErrTooLarge: more bytes than are kept of such a thing.
	ErrTooLarge = errors.New("too large")
)

// Config is what a Vault needs.
type Config struct {
	Store    string           // required: redis://, rediss://, unix://, redis+sentinel://, redis+cluster:// or memory:
	Keys     []Key            // required: the first seals, all open
	Prefix   string           // required: of every key in the store
	Cookie   string           // required: the session cookie's whole name on the first front, "__Host-" included
	Secure   bool             // the Secure attribute of that cookie
	Idle     time.Duration    // required: sliding
	Lifetime time.Duration    // required: absolute
	Now      func() time.Time // time.Now when nil
	Log      *slog.Logger     // discarded when nil
	Programs []Program        // that are to hear what happens
	Audit    audit.Recorder   // nil: nothing is recorded
	Spans    bool             // what is asked of the store within a recorded trace has spans
	Cache    bool             // Load may answer without the store; all alike. No effect with memory:
	Deaf     bool             // what other instances do is not heard of: for who serves nobody

	CacheBytes int64 // of sessions that are remembered; 0: a quarter of GOMEMLIMIT, or 256 MB without
}

// core is what all parts of a vault share.
type core struct {
	cfg Config
	keyring
	recorder recorder
	seed     maphash.Seed // of sum
	db       *store.Store
	bus      *store.Bus[Event]
	cache    *cache
	work     sync.WaitGroup // writes that outlive the call that caused them
	closing  chan struct{}
}

// A keyring is the ring of a vault, which may grow.
type keyring struct{ current atomic.Pointer[seal.Ring] }

// ring is the key ring: the first key seals, all open.
func (k *keyring) ring() seal.Ring { return *k.current.Load() }

func (c *core) now() time.Time { return c.cfg.Now() }

// hash reads the hash at a key. It counts as empty, which is ErrNotFound, only if a server says so that takes writes: an
// order to log out would be answered as done otherwise.
func (c *core) hash(ctx context.Context, key string) (all map[string]string, err error) {
	err = c.db.Ask(ctx, key+":w", func(b *store.Batch) func() error {
		hash := b.All(key)
		return func() (err error) {
			if all, err = hash.Result(); err == nil && len(all) == 0 {
				return ErrNotFound
			}
			return err
		}
	})
	return all, err
}

// A Key is one key of the ring: 32 random bytes. It prints as "[redacted]". The zero Key is none, and Open refuses it.
type Key = seal.Key

// ErrKey is what a malformed key gives. It says nothing of the key.
var ErrKey = seal.ErrKey

// detached is a context for a write that must not die with the request that caused it.
func detached(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
}

const (
	readTimeout  = time.Second
	writeTimeout = 3 * time.Second
)

// tombstoneLife is how long one stands, in milliseconds: as long as a late write could matter.
func (c *core) tombstoneLife() int64 { return millisOf(c.cfg.Lifetime + time.Minute) }
