package vault

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"slices"
	"time"

	"bff/internal/vault/seal"
	"bff/internal/vault/store"
)

// A Vault is what it keeps, part by part. Each part has a file of its own and is safe for concurrent use.
type Vault struct {
	*core // the store behind all of them

	Sessions     *Sessions    // one session, by the cookie that opens it
	Index        *Index       // the sessions of a user, without their cookies
	Connections  *Connections // linked accounts, with their tokens
	Locks        *Locks       // one refresh at a time
	Outbox       *Outbox      // revocations that their provider has not confirmed
	Attempts     *Attempts    // sign-ins under way, ids that are accepted once
	Users        *Users       // who is registered
	Accounts     *Accounts    // by the names that providers call them
	Documents    *Documents   // what services keep beside users and sessions
	Events       *Events      // what programs are to hear
	AuditEvents  *AuditEvents // lines for the log of another process
	Upkeep       *Upkeep      // what goes through all users
	Names        *Names       // how the store spells its keys
	Explanations Explanations // what happened to an id
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
	db.OpenNames((&Names{c}).open)
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
	read, events, outbox, called := &reader{c}, &Events{c}, &Outbox{c}, &Accounts{c}
	connections, index := &Connections{c, read, outbox, events}, &Index{c, events}
	users := &Users{c, connections, index, events, called}
	v := &Vault{
		core:         c,
		Sessions:     &Sessions{core: c, reader: read, connections: connections, index: index},
		Index:        index,
		Connections:  connections,
		Locks:        &Locks{c},
		Outbox:       outbox,
		Attempts:     &Attempts{c},
		Users:        users,
		Accounts:     called,
		Documents:    &Documents{c, index},
		Events:       events,
		AuditEvents:  &AuditEvents{c},
		Upkeep:       &Upkeep{c, connections, index, users},
		Names:        &Names{c},
		Explanations: Explanations{c},
	}
	v.Sessions.gorilla = &gorilla{v.Sessions}
	return v
}

// Close waits for writes under way, then lets go of the store. It is called once.
func (v *Vault) Close() error {
	close(v.closing)
	v.bus.Close()
	v.work.Wait()
	v.cache.close()
	return v.db.Close()
}

// Ping asks the store for a sign of life.
func (v *Vault) Ping(ctx context.Context) error { return v.db.Ping(ctx) }

// Serves reports whether the store answers reads and takes writes. One that does not cannot serve: no call, no touch, no
// sign-in, no refresh.
func (v *Vault) Serves(ctx context.Context) error { return v.db.Serves(ctx) }

// A StoreReport is what an operator should know of a store that works.
type StoreReport = store.Report

// Examine tries everything that serving needs of the store, for an operator. Its errors say what is wrong, wrap
// ErrUnavailable, and hold nothing of the store's URL but the address.
func (v *Vault) Examine(ctx context.Context) (StoreReport, error) {
	report, err := v.db.Examine(ctx)
	if err != nil {
		return report, err
	}
	if _, err := v.readConfigured(ctx); errors.Is(err, ErrOtherKeys) {
		report.Warnings = append(report.Warnings, otherKeys)
	}
	return report, nil
}

// Subscribe delivers the events for which match is true, until cancel is called; the channel is never closed. match
// must not block. The first is an EventResync, as soon as the store is there: from then on nothing is missed. A
// subscriber that falls behind gets one for all it missed; so does everybody when the subscription to the store was
// made anew.
func (v *Vault) Subscribe(match func(Event) bool) (events <-chan Event, cancel func()) {
	return v.bus.Subscribe(match)
}

// ParseStore says what is wrong with a store URL, without repeating it: it may hold a password.
func ParseStore(url string) error { return store.Parse(url) }

// Quiet keeps the store's client from printing to standard error by itself. For main.
func Quiet() { store.Quiet() }

// NewKey makes a fresh key.
func NewKey() Key { return seal.NewKey() }

// ParseKey reads what `bff keygen` printed. The only error is [ErrKey].
func ParseKey(s string) (Key, error) { return seal.ParseKey(s) }
