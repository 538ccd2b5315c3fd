package vault

import (
	"context"
	"errors"
	"slices"
	"time"

	"bff/internal/audit"
	"bff/internal/secret"
	"bff/internal/vault/seal"
	"bff/internal/vault/store"
)

// Connections links, changes and unlinks connections. Every change of one that exists goes through change: it is
// compare-and-set on the version.
type Connections struct {
	*core
	reader *reader
	outbox *Outbox
	events *Events
}

// maxConnections bounds what one read brings.
const maxConnections = 100

// attemptsToChange is how often a change is tried again after somebody else wrote.
const attemptsToChange = 8

func (v *Connections) seal(c *Connection) []byte {
	rec := c.record()
	return v.ring().Seal(c.owner.binding(c.ID), encode(&rec))
}

// Kept lists the connections that are kept by a user, the one linked first in front. It needs no session.
func (v *Connections) Kept(ctx context.Context, userID string) ([]Connection, error) {
	t := tag(userID)
	values, err := v.db.All(ctx, v.userKey(t, "k"))
	if err != nil {
		return nil, err
	}
	out := v.reader.openHash(nil, userOwner(t, userID), values, nil)
	sortConnections(out)
	return out, nil
}

// fresh prepares a connection that is not stored yet. Its id says whose account it is: two sign-ins with it at once
// make one connection.
func (v *Connections) fresh(s *Session, c Connection) Connection {
	c.owner, c.version = ownerOf(s, c.Keep), ""
	by := c.owner.session
	if c.Keep == KeepUser {
		by = c.owner.user
	}
	c.ID = "c_" + seal.Encode(seal.Digest("bff connection v1", by, c.Provider, c.Account.Subject)[:12])
	if c.ConnectedAt.IsZero() {
		c.ConnectedAt = v.now()
	}
	if c.Status == "" {
		c.Status = StatusActive
	}
	return c
}

// Link adds c to s, or replaces the connection of the same provider and subject: same id, and the refresh token that
// is there stays when c brings none and it is not dead. What the session keeps and what the user keeps are two
// connections. ErrNotFound when s ended meanwhile, ErrFull when it has a hundred.
func (v *Connections) Link(ctx context.Context, s *Session, c Connection) (Connection, error) {
	linked, err := v.link(ctx, s, c)
	if err == nil {
		v.recorder.did(ctx, audit.Event{Kind: audit.Linked, User: s.User.ID, Session: s.ID, Connection: linked.ID,
			Provider: linked.Provider})
	}
	return linked, err
}

func (v *Connections) link(ctx context.Context, s *Session, c Connection) (linked Connection, err error) {
	ctx, cancel := detached(ctx)
	defer cancel()
	err = change(func() error {
		now, got, err := v.reader.loadTicket(ctx, s.Ticket())
		if err != nil {
			return err
		}
		next, refreshStays := v.fresh(now, c), false
		if old, ok := now.Connection(next.ID); ok {
			next = merge(old, next)
			refreshStays = next.Tokens.Refresh.Equal(old.Tokens.Refresh)
		} else if dead := got.own[next.ID] + got.kept[next.ID]; dead != "" {
			next.version = seal.Version(dead) // its key was removed from the ring: nobody misses what nobody can open
		} else if len(now.Connections) >= maxConnections {
			return ErrFull
		}
		occasion := "connection.linked"
		if next.version != "" {
			occasion = "connection.changed"
		}
		linked, err = v.write(ctx, &next, occasion, true, refreshStays)
		return err
	})
	return linked, err
}

func merge(old *Connection, next Connection) Connection {
	next.ConnectedAt, next.version = old.ConnectedAt, old.version
	if next.Tokens.Refresh.IsZero() && old.Status == StatusActive {
		next.Tokens.Refresh, next.Tokens.RefreshExpiry = old.Tokens.Refresh, old.Tokens.RefreshExpiry
	}
	return next
}

// change tries f again while somebody else writes.
func change(f func() error) (err error) {
	for range attemptsToChange {
		if err = f(); !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return err
}

// Reload reads one connection again. ErrNotFound when it was unlinked or its session ended.
func (v *Connections) Reload(ctx context.Context, c *Connection) (Connection, error) {
	var hashes []string
	if l := c.owner.location; c.Keep == KeepUser {
		hashes = []string{v.userKey(l.tag, "k")}
	} else {
		for i := len(l.pairs) - 1; i > 0; i -= 2 { // the oldest first: what moves to the first pair meanwhile is met there
			hashes = append(hashes, l.pairs[i])
		}
	}
	var value string
	err := v.db.Ask(ctx, v.absent(c.owner.location.tag), func(b *store.Batch) func() error {
		texts := make([]store.Text, len(hashes))
		for i, hash := range hashes {
			texts[i] = b.Field(hash, c.ID)
		}
		return func() (err error) {
			for _, text := range slices.Backward(texts) {
				if value, err = text.Result(); !errors.Is(err, ErrNotFound) {
					return err
				}
			}
			return ErrNotFound
		}
	})
	if err != nil {
		return Connection{}, err
	}
	again, err := v.reader.openConnection(c.owner, c.ID, value)
	if err != nil {
		return Connection{}, ErrNotFound
	}
	return again, nil
}

// Update writes next over c if c is still what is stored: ErrConflict if not, ErrNotFound if it was unlinked or its
// session ended. It waits, within a bound, for one replica where there are any, and announces the change on the bus.
func (v *Connections) Update(ctx context.Context, c *Connection, next Connection) (Connection, error) {
	next.ID, next.owner, next.version = c.ID, c.owner, c.version
	next.Provider, next.Keep = c.Provider, c.Keep
	occasion := "" // that tokens were renewed is nobody's news
	if next.Status != c.Status || !slices.Equal(next.Scopes, c.Scopes) {
		occasion = "connection.changed"
	}
	out, err := v.write(ctx, &next, occasion, false, false)
	if err == nil {
		v.recorder.grantEnd(ctx, c, &out)
	}
	return out, err
}

// Dead is c as it is when its grant ended: it needs_reauth for this reason, and its tokens are gone. No other code sets
// this status; what holds a version writes the result by Update, anybody else calls Kill.
func (c Connection) Dead(reason string) Connection {
	dead := c.DeadRevocable(reason)
	dead.Tokens = Tokens{}
	return dead
}

// DeadRevocable is Dead for a grant that may still live at the provider: the refresh token stays, to be revoked.
func (c Connection) DeadRevocable(reason string) Connection {
	c.Status, c.Reason = StatusNeedsReauth, reason
	c.Tokens.Access, c.Tokens.Expiry = secret.Text{}, time.Time{}
	return c
}

// Kill marks c as dead whoever else writes it at the moment. It is no error if c is gone meanwhile.
func (v *Connections) Kill(ctx context.Context, c *Connection, reason string) error {
	now := *c
	err := change(func() error {
		_, err := v.Update(ctx, &now, now.Dead(reason))
		if errors.Is(err, ErrConflict) {
			again, read := v.Reload(ctx, &now)
			if read != nil {
				return read
			}
			now = again
		}
		return err
	})
	if errors.Is(err, ErrNotFound) {
		return nil // unlinked meanwhile
	}
	if errors.Is(err, ErrConflict) {
		return ErrUnavailable
	}
	return err
}

func (v *Connections) keys(c *Connection, more store.Keys) store.Keys {
	t := c.owner.location.tag
	more["kept"], more["intent"] = v.userKey(t, "k"), v.userKey(t, "n:"+c.ID)
	return more
}

// write writes c over its own version; linking says that a session is doing it, which must live; pending that an intent
// stays: what is written says nothing of the refresh token's fate.
func (v *Connections) write(ctx context.Context, c *Connection, occasion string, linking, pending bool) (Connection,
	error) {
	by := c.hash()
	if linking && by == "kept" {
		by = "linked"
	}
	value := v.seal(c)
	event := Event{Kind: EventConnection, Session: c.owner.session, User: c.owner.user, Connection: c.ID, Key: c.Key()}
	t := c.owner.location.tag
	notice := v.events.about(
		occasion,
		queued{User: c.owner.user, Session: c.owner.session, Extra: connectionMessage(c, c.Status)},
	)
	if err := v.events.ahead(ctx, t, notice); err != nil {
		return Connection{}, err
	}
	_, err := v.db.RunDurably(ctx, onSession("connection", c.owner.location, v.keys(c, store.Keys{}), store.Args{
		"owner": by, "id": c.ID, "expected": c.version, "value": value,
		"channel": v.db.Channel(), "message": event.encode(), "pending": pending,
		"prefix": v.userKey(t, ""), "programs": notice.programs, "item": notice.item}))
	if err != nil {
		return Connection{}, err
	}
	v.events.point(ctx, t, notice)
	out := *c
	out.version, out.current = string(value[:seal.VersionSize]), true
	return out, nil
}

// reseal seals c under the ring's first key, if it is not. It gives way to whoever else writes.
func (v *Connections) reseal(ctx context.Context, c *Connection) error {
	return v.resealBy(ctx, c, c.hash())
}

// resealBy is reseal; by is what the script calls who does it.
func (v *Connections) resealBy(ctx context.Context, c *Connection, by string) error {
	if c.current {
		return nil
	}
	keys := v.keys(c, store.Keys{"lock": v.userKey(c.owner.location.tag, "l:"+c.ID)})
	_, err := v.db.Run(ctx, onSession("reseal", c.owner.location, keys,
		store.Args{"owner": by, "id": c.ID, "expected": c.version, "value": v.seal(c)}))
	if errors.Is(err, ErrConflict) || errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// Unlink removes the connection and, in the same atomic write, puts its revocation into the outbox: what revocation
// makes of it as it is then, or nothing for nil. ErrNotFound when it is not one of s's, or s ended.
func (v *Connections) Unlink(ctx context.Context, s *Session, id string, revocation func(Connection) []byte) error {
	c, ok := s.Connection(id)
	if !ok {
		return ErrNotFound
	}
	return v.unlink(ctx, c, c.hash(), revocation)
}

// UnlinkKept is Unlink of a connection that is kept by a user, without a session.
func (v *Connections) UnlinkKept(ctx context.Context, userID, id string, revocation func(Connection) []byte) error {
	kept, err := v.Kept(ctx, userID)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(kept, func(c Connection) bool { return c.ID == id })
	if i < 0 {
		return ErrNotFound
	}
	return v.unlink(ctx, &kept[i], "user", revocation)
}

// unlink removes c. by is what the script calls who does it.
func (v *Connections) unlink(ctx context.Context, c *Connection, by string, revocation func(Connection) []byte) error {
	ctx, cancel := detached(ctx)
	defer cancel()
	err := change(func() error {
		now, err := v.Reload(ctx, c)
		if err != nil {
			return err
		}
		return v.remove(ctx, &now, by, revocation(now))
	})
	if err == nil {
		v.recorder.did(ctx, audit.Event{Kind: audit.Unlinked, User: c.owner.user, Session: c.owner.session, Connection: c.ID,
			Provider: c.Provider})
	}
	return v.settled(err)
}

func (v *Connections) remove(ctx context.Context, c *Connection, by string, payload []byte) error {
	t := c.owner.location.tag
	j := Job{id: newID("j_"), tag: t, Payload: payload, Created: v.now()}
	var sealedJob []byte
	if payload != nil {
		if err := v.outbox.pointAhead(ctx, t); err != nil {
			return err
		}
		sealedJob = v.outbox.seal(&j)
	}
	event := Event{Kind: EventConnection, Session: c.owner.session, User: c.owner.user, Connection: c.ID, Key: c.Key(),
		Removed: true}
	notice := v.events.about("connection.removed",
		queued{User: c.owner.user, Session: c.owner.session, Extra: connectionMessage(c, "removed")})
	if err := v.events.ahead(ctx, t, notice); err != nil {
		return err
	}
	defer v.events.point(ctx, t, notice)
	_, err := v.db.RunDurably(ctx, onSession("unlink", c.owner.location,
		v.keys(c, store.Keys{"outbox": v.userKey(t, "o")}), store.Args{
			"owner": by, "id": c.ID, "expected": c.version, "job": j.id, "job_value": sealedJob,
			"channel": v.db.Channel(), "message": event.encode(), "prefix": v.userKey(t, ""), "programs": notice.programs,
			"item": notice.item}))
	if err == nil && payload != nil {
		_ = v.outbox.point(ctx, t, v.now()) // else the first pointer finds it a little later
	}
	return err
}
