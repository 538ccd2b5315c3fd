package vault

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Errors every method may return, tested with errors.Is. A caller's own cancellation comes back as ctx.Err().
var (
	// ErrUnavailable: the store did not answer, so nothing is known. The caller answers 503 and changes nothing.
	ErrUnavailable = errors.New("store unavailable")
	// ErrNotFound is a definite answer: no such session, attempt or connection (unknown, expired, ended or used).
	ErrNotFound = errors.New("not found")
	// ErrConflict: the record is no longer the version that was read.
	ErrConflict = errors.New("changed meanwhile")
	// ErrFull: the session has as many connections as one may have.
	ErrFull = errors.New("too many connections")
)

// Config is what a Vault needs.
type Config struct {
	Store    string           // required: redis://, rediss://, unix://, redis+sentinel://, redis+cluster:// or memory:
	Keys     []Key            // required: the first seals, all open
	Prefix   string           // required: of every key in the store
	Cookie   string           // required: the session cookie's whole name, "__Host-" included
	Secure   bool             // the cookie's Secure attribute
	Idle     time.Duration    // required: sliding
	Lifetime time.Duration    // required: absolute
	Now      func() time.Time // time.Now when nil
	Log      *slog.Logger     // discarded when nil
	Cache    bool             // Load may answer without the store; all instances alike. Not with redis+cluster: or memory:, which have the store asked
}

// A Vault keeps sessions, connections and attempts. It is safe for concurrent use.
type Vault struct {
	cfg      Config
	keys     []Key
	client   redis.UniversalClient
	close    func() error
	kind     storeKind
	tls      bool // of the store
	sessions *store
	bus      *bus
	replicas replicas
	memo     *memo
	cache    *cache         // nil: none
	work     sync.WaitGroup // writes that outlive the call that caused them
	closing  chan struct{}
	warned   sync.Map // message -> when, in Unix seconds
}

// Open prepares a vault. It does not need the store to be up; its errors are the configuration's.
func Open(cfg Config) (*Vault, error) {
	switch {
	case len(cfg.Keys) == 0 || slices.Contains(cfg.Keys, Key{}):
		return nil, errors.New("open vault: at least one key is needed, and none that is empty")
	case cfg.Prefix == "" || cfg.Cookie == "":
		return nil, errors.New("open vault: a prefix and a cookie name are needed")
	case cfg.Idle <= 0 || cfg.Lifetime < cfg.Idle:
		return nil, errors.New("open vault: idle must be positive and at most lifetime")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	client, closer, err := dial(cfg.Store)
	if err != nil {
		return nil, fmt.Errorf("open vault: %w", err)
	}
	v := &Vault{cfg: cfg, keys: cfg.Keys, client: client, close: closer, closing: make(chan struct{}), memo: newMemo()}
	v.cfg.Store = "" // it may hold a password
	v.bus = newBus(v)
	v.sessions = newStore(v)
	if o, kind, err := parseStore(cfg.Store); err == nil {
		v.kind, v.tls = kind, o != nil && o.TLSConfig != nil
		if cfg.Cache && (kind == single || kind == sentinel) {
			budget(o)
			v.cache = newCache(v, o, kind)
		}
	}
	return v, nil
}

// Close waits for writes under way, then lets go of the store. It is called once.
func (v *Vault) Close() error {
	close(v.closing)
	v.bus.close()
	v.work.Wait()
	if v.cache != nil {
		v.cache.close()
	}
	v.memo.close()
	return v.close()
}

// Ping asks the store for a sign of life.
func (v *Vault) Ping(ctx context.Context) error {
	return v.fault(ctx, v.client.Ping(ctx).Err())
}

func (v *Vault) now() time.Time { return v.cfg.Now() }

// fault turns what go-redis returns into this package's errors. Everything the store did not definitely say is ErrUnavailable.
func (v *Vault) fault(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, redis.Nil):
		return ErrNotFound
	case ctx.Err() != nil && errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	}
	v.cfg.Log.Debug("store error", "error", err)
	return ErrUnavailable
}

// warn logs what may concern every call, at most once in a while.
func (v *Vault) warn(message string) {
	now := time.Now().Unix()
	if last, ok := v.warned.Load(message); ok && now-last.(int64) < warnEvery {
		return
	}
	v.warned.Store(message, now)
	v.cfg.Log.Warn(message)
}

const warnEvery = 10 // seconds

// detached is a context for a write that must not die with the request that caused it.
func detached(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
}
