package vault

import (
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"slices"
	"time"

	"bff/internal/vault/seal"
	"bff/internal/vault/store"
)

// A Vault keeps sessions, connections and attempts. It is safe for concurrent use. Its methods are those of its parts,
// each of which has a file of its own.
type Vault struct {
	*core
	*reader
	*connections
	*index
	*sessions
	*locks
	*outbox
	*attempts
	*users
	*called
	*documents
	*upkeep
	*handed
	*events
	names
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
	db, err := store.Open(store.Config{URL: cfg.Store, Prefix: cfg.Prefix, Now: cfg.Now, Log: cfg.Log, Spans: cfg.Spans})
	if err != nil {
		return nil, fmt.Errorf("open vault: %w", err)
	}
	cfg.Store = "" // it may hold a password
	c := &core{cfg: cfg, recorder: recorder{cfg.Audit, cfg.Now}, seed: maphash.MakeSeed(), db: db, closing: make(chan struct{})}
	ring := seal.Ring(cfg.Keys)
	c.keyring.current.Store(&ring)
	db.OpenNames(names{c}.open)
	return assemble(c), nil
}

// AlsoOpen puts keys that the ring lacks behind its own: what another vault of this process seals from now on is found
// and opened by this one, too. What this vault seals, it seals as before. It is not called twice at a time.
func (v *Vault) AlsoOpen(keys []Key) {
	ring := slices.Clone(v.ring())
	for _, k := range keys {
		if !slices.ContainsFunc(ring, k.Equal) {
			ring = append(ring, k)
		}
	}
	v.keyring.current.Store(&ring)
}

// assemble puts the parts together: each knows those that stand before it.
func assemble(c *core) *Vault {
	c.bus = store.NewBus(c.db, c.cfg.Deaf, decodeEvent, Event{Kind: EventResync})
	c.cache = newCache(c)
	v := &Vault{core: c}
	v.outbox = &outbox{c}
	v.reader = &reader{c}
	v.connections = &connections{c, v.reader, v.outbox, &events{c}}
	v.events = &events{c}
	v.index = &index{c, v.events}
	v.sessions = &sessions{core: c, reader: v.reader, connections: v.connections, index: v.index}
	v.called = &called{c}
	v.users = &users{c, v.connections, v.index, v.events, v.called}
	v.documents = &documents{c, v.index}
	v.upkeep = &upkeep{c, v.connections, v.index, v.users}
	v.handed = &handed{c}
	v.sessions.gorilla = &gorilla{v.sessions}
	v.names = names{c}
	v.locks = &locks{c}
	v.attempts = &attempts{c}
	return v
}

// ParseStore says what is wrong with a store URL, without repeating it: it may hold a password.
func ParseStore(url string) error { return store.Parse(url) }

// Quiet keeps the store's client from printing to standard error by itself. For main.
func Quiet() { store.Quiet() }

// NewKey makes a fresh key.
func NewKey() Key { return seal.NewKey() }

// ParseKey reads what `bff keygen` printed. The only error is [ErrKey].
func ParseKey(s string) (Key, error) { return seal.ParseKey(s) }
