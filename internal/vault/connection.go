package vault

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"bff/internal/secret"
)

// Keep says who owns a connection.
type Keep string

// A connection kept by the session dies with it; one kept by the user is found again at the next sign-in.
const (
	KeepSession Keep = "session"
	KeepUser    Keep = "user"
)

// The status of a connection.
const (
	StatusActive      = "active"
	StatusNeedsReauth = "needs_reauth"
)

// Account is whose account at the provider it is.
type Account struct{ Subject, Email, Name string }

// Tokens are what the provider granted.
type Tokens struct {
	Access        secret.Text
	ObtainedAt    time.Time
	Expiry        time.Time   // zero: the provider gave none
	Refresh       secret.Text // zero: none
	RefreshExpiry time.Time   // zero: unknown
}

// A Connection is one account at one provider with its tokens, as of one read.
type Connection struct {
	ID          string // "c_…"
	Provider    string
	Keep        Keep
	Account     Account
	Status      string
	Reason      string   // of StatusNeedsReauth: revoked, expired, session_policy, rotated_away, unknown
	Scopes      []string // granted
	ConnectedAt time.Time
	UsedAt      time.Time // when a token was last granted; no call writes it
	Tokens      Tokens

	ref     ref
	version string
	current bool // sealed under the ring's first key
}

// A ref says where a connection is kept and what opens it.
type ref struct {
	place   place
	owner   string                // of the sealed binding
	opener  secret.Hidden[opener] // none for KeepUser
	session string                // session id, "" for KeepUser
	user    string                // user id
}

// Key names the record in the store: equal for one connection read twice, on any instance; different for any other.
func (c *Connection) Key() string { return c.ref.owner + "/" + c.ID }

// Version changes with every write.
func (c *Connection) Version() string { return c.version }

func (v *Vault) refOf(s *Session, keep Keep) ref {
	if keep == KeepUser {
		return ref{place: s.place, owner: "u." + s.User.ID, user: s.User.ID}
	}
	return ref{place: s.place, owner: s.ticket.Reveal().owner(), opener: secret.Hide(s.ticket.Reveal().opener()), session: s.ID, user: s.User.ID}
}

func (r ref) seat(id string) seat { return seat{"connection", r.owner + "/" + id, r.opener.Reveal()} }

func (v *Vault) sealConnection(c *Connection) []byte {
	rec := c.record()
	return v.seal(c.ref.seat(c.ID), encode(&rec))
}

func (v *Vault) openConnection(r ref, id, value string) (Connection, error) {
	at := r.seat(id)
	c, ok := v.memo.find(at, value).(Connection)
	if !ok {
		plain, err := v.open(at, []byte(value))
		var rec connectionRecord
		if err == nil {
			err = decode(plain, &rec)
		}
		if err != nil {
			return Connection{}, err
		}
		c = rec.connection()
		v.memo.keep(at, value, c)
	}
	c.ID, c.ref, c.version, c.current = id, r, value[:versionSize], v.current(value)
	return c, nil
}

// openConnections opens all of a reading. One that does not open is left out: it takes nothing else down.
func (v *Vault) openConnections(s *Session, got *reading) []Connection {
	out := make([]Connection, 0, len(got.own)+len(got.kept))
	for _, from := range [...]struct {
		keep   Keep
		values map[string]string
	}{{KeepSession, got.own}, {KeepUser, got.kept}} {
		if len(from.values) == 0 {
			continue
		}
		out = v.openHash(out, v.refOf(s, from.keep), from.values)
	}
	sortConnections(out)
	return out
}

func (v *Vault) openHash(out []Connection, r ref, values map[string]string) []Connection {
	for id, value := range values {
		c, err := v.openConnection(r, id, value)
		if err != nil {
			v.warn("a connection record does not open: its key was removed from the ring, or it was tampered with")
			continue
		}
		out = append(out, c)
	}
	return out
}

// Kept lists the connections that are kept by a user, the one linked first in front. It needs no session.
func (v *Vault) Kept(ctx context.Context, userID string) ([]Connection, error) {
	user := partition(userID)
	values, err := v.client.HGetAll(ctx, v.userKey(user, "k")).Result()
	if err != nil {
		return nil, v.fault(ctx, err)
	}
	out := v.openHash(nil, ref{place: place{user: user}, owner: "u." + userID, user: userID}, values)
	sortConnections(out)
	return out, nil
}

// maxConnections bounds what one read brings.
const maxConnections = 100

// fresh prepares a connection that is not stored yet. Its id says whose account it is: two sign-ins with it at once make one connection.
func (v *Vault) fresh(s *Session, c Connection) Connection {
	c.ref, c.version = v.refOf(s, c.Keep), ""
	owner := c.ref.session
	if c.Keep == KeepUser {
		owner = c.ref.user
	}
	c.ID = "c_" + b64.EncodeToString(digest("bff connection v1", owner, c.Provider, c.Account.Subject)[:12])
	if c.ConnectedAt.IsZero() {
		c.ConnectedAt = v.now()
	}
	if c.Status == "" {
		c.Status = StatusActive
	}
	return c
}

// Link adds c to s, or puts it in the place of the connection of the same provider and subject: same id, and the refresh token that is there stays
// when c brings none and it is not dead. What the session keeps and what the user keeps are two connections. ErrNotFound when s ended meanwhile, ErrFull
// when it has a hundred.
func (v *Vault) Link(ctx context.Context, s *Session, c Connection) (Connection, error) {
	ctx, cancel := detached(ctx)
	defer cancel()
	for range 8 {
		now, got, err := v.loadTicket(ctx, s.Ticket())
		if err != nil {
			return Connection{}, err
		}
		next, refreshStays := v.fresh(now, c), false
		if old, ok := now.Connection(next.ID); ok {
			next = merge(old, next)
			refreshStays = next.Tokens.Refresh.Equal(old.Tokens.Refresh)
		} else if dead := got.own[next.ID] + got.kept[next.ID]; dead != "" {
			next.version = dead[:min(len(dead), versionSize)] // its key was removed from the ring: nobody misses what nobody can open
		} else if len(now.Connections) >= maxConnections {
			return Connection{}, ErrFull
		}
		linked, err := v.writeConnection(ctx, &next, true, refreshStays)
		if !errors.Is(err, ErrConflict) {
			return linked, err
		}
	}
	return Connection{}, ErrConflict
}

func merge(old *Connection, next Connection) Connection {
	next.ConnectedAt, next.version = old.ConnectedAt, old.version
	if next.Tokens.Refresh.IsZero() && old.Status == StatusActive {
		next.Tokens.Refresh, next.Tokens.RefreshExpiry = old.Tokens.Refresh, old.Tokens.RefreshExpiry
	}
	return next
}

// Reload reads one connection again. ErrNotFound when it was unlinked or its session ended.
func (v *Vault) Reload(ctx context.Context, c *Connection) (Connection, error) {
	var hashes []string
	if p := c.ref.place; c.Keep == KeepUser {
		hashes = []string{v.userKey(p.user, "k")}
	} else {
		for i := len(p.keys) - 1; i > 0; i -= 2 { // the oldest first: what moves to the first pair meanwhile is met there
			hashes = append(hashes, p.keys[i])
		}
	}
	var value string
	err := v.ask(ctx, v.userKey(c.ref.place.user, "w"), func(pipe redis.Pipeliner) func() error {
		gets := make([]*redis.StringCmd, len(hashes))
		for i, hash := range hashes {
			gets[i] = pipe.HGet(ctx, hash, c.ID)
		}
		return func() error {
			for _, get := range slices.Backward(gets) {
				if err := v.fault(ctx, get.Err()); !errors.Is(err, ErrNotFound) {
					value = get.Val()
					return err
				}
			}
			return ErrNotFound
		}
	})
	if err != nil {
		return Connection{}, err
	}
	return v.reopened(c, value)
}

func (v *Vault) reopened(c *Connection, value string) (Connection, error) {
	again, err := v.openConnection(c.ref, c.ID, value)
	if err != nil {
		return Connection{}, ErrNotFound
	}
	return again, nil
}

// Update writes next in place of c if c is still what is stored: ErrConflict if not, ErrNotFound if it was unlinked or its session ended.
// It waits, within a bound, for one replica where there are any, and announces the change on the bus.
func (v *Vault) Update(ctx context.Context, c *Connection, next Connection) (Connection, error) {
	next.ID, next.ref, next.version = c.ID, c.ref, c.version
	next.Provider, next.Keep = c.Provider, c.Keep
	return v.writeConnection(ctx, &next, false, false)
}

// where is what the scripts call the hash that c is in.
func (c *Connection) where() string {
	if c.Keep == KeepUser {
		return "kept"
	}
	return "own"
}

// keysOf are c's keys, with more of its user's behind them.
func (v *Vault) keysOf(c *Connection, more ...string) (keys []string, pairs int) {
	p := c.ref.place
	keys = append(make([]string, 0, len(p.keys)+1+len(more)), p.keys...)
	keys = append(keys, v.userKey(p.user, "k"))
	for _, what := range more {
		keys = append(keys, v.userKey(p.user, what))
	}
	return keys, len(p.keys) / 2
}

// writeConnection writes c over its own version; linking says that a session is doing it, which must live; pending that an intent stays: what is written
// tells nothing of the refresh token's fate.
func (v *Vault) writeConnection(ctx context.Context, c *Connection, linking, pending bool) (Connection, error) {
	r, where := c.ref, c.where()
	if linking && where == "kept" {
		where = "linked"
	}
	keys, pairs := v.keysOf(c, "n:"+c.ID)
	value := v.sealConnection(c)
	event := Event{Kind: EventConnection, Session: r.session, User: r.user, Connection: c.ID, Key: c.Key()}
	err := v.runDurably(ctx, scriptConnection, keys, pairs, where, c.ID, c.version, value, v.channel(), event.encode(), pending)
	if err != nil {
		return Connection{}, err
	}
	out := *c
	out.version, out.current = string(value[:versionSize]), true
	return out, nil
}

// reseal seals c under the ring's first key, if it is not. It gives way to whoever else writes.
func (v *Vault) reseal(ctx context.Context, c *Connection) error {
	if c.current {
		return nil
	}
	keys, pairs := v.keysOf(c, "n:"+c.ID, "l:"+c.ID)
	err := v.run(ctx, scriptReseal, keys, pairs, c.where(), c.ID, c.version, v.sealConnection(c))
	if errors.Is(err, ErrConflict) || errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// Unlink removes the connection and, in the same atomic write, puts its revocation into the outbox: what revocation makes of it as it is then, or
// nothing for nil. ErrNotFound when it is not one of s's, or s ended.
func (v *Vault) Unlink(ctx context.Context, s *Session, id string, revocation func(Connection) []byte) error {
	c, ok := s.Connection(id)
	if !ok {
		return ErrNotFound
	}
	ctx, cancel := detached(ctx)
	defer cancel()
	for range 8 {
		now, err := v.Reload(ctx, c)
		if err != nil {
			return err
		}
		if err = v.unlink(ctx, &now, revocation(now)); !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return ErrConflict
}

func (v *Vault) unlink(ctx context.Context, c *Connection, payload []byte) error {
	user := c.ref.place.user
	j := Job{id: newID("j_"), user: user, Payload: payload, Created: v.now()}
	var sealed []byte
	if payload != nil {
		if err := v.pointAhead(ctx, user); err != nil {
			return err
		}
		sealed = v.sealJob(&j)
	}
	event := Event{Kind: EventConnection, Session: c.ref.session, User: c.ref.user, Connection: c.ID, Key: c.Key(), Removed: true}
	keys, pairs := v.keysOf(c, "n:"+c.ID, "o")
	err := v.runDurably(ctx, scriptUnlink, keys, pairs, c.where(), c.ID, c.version, j.id, sealed, v.channel(), event.encode())
	if err == nil && payload != nil {
		_ = v.point(ctx, user, v.now()) // else the first pointer finds it a little later
	}
	return v.settled(err)
}
