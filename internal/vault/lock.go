package vault

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	oteltrace "go.opentelemetry.io/otel/trace"

	"bff/internal/vault/seal"
	"bff/internal/vault/store"
)

// Locks keeps one refresh of a connection at a time, over all instances.
type Locks struct{ *core }

// LockLease is how long a refresh lock outlives a holder that died. A living one renews it.
const LockLease = 3 * time.Second

// A Lock is held by one refresh of one connection over all instances. It guards effort, not truth: that is the
// compare-and-set's.
type Lock struct {
	v     *Locks
	key   string
	owner string
	event string
}

// Holder is the span in which the lock was taken, the zero SpanContext where nobody records it.
func (l *Lock) Holder() oteltrace.SpanContext { return spanOf(l.owner) }

// Lock tries once. ok is false when somebody else holds it: l then says only who.
func (v *Locks) Lock(ctx context.Context, c *Connection) (l *Lock, ok bool, err error) {
	event := Event{Kind: EventLock, Session: c.owner.session, User: c.owner.user, Connection: c.ID, Key: c.Key()}
	l = &Lock{v: v, key: v.userKey(c.owner.location.tag, "l:"+c.ID), owner: newOwner(ctx), event: event.encode()}
	holder, err := v.db.Claim(ctx, l.key, l.owner, LockLease)
	if err != nil {
		return nil, false, err
	}
	if holder != l.owner {
		return &Lock{owner: holder}, false, nil
	}
	return l, true, nil
}

// Renew gives the lock another lease. ErrNotFound when it is no longer ours.
func (l *Lock) Renew(ctx context.Context) error {
	_, err := l.v.db.Run(ctx, store.Call{Script: "renew", Keys: store.Keys{"lock": l.key},
		Args: store.Args{"owner": l.owner, "lease": LockLease.Milliseconds()}})
	return err
}

// Release deletes the lock if it is ours, and says so on the bus.
func (l *Lock) Release(ctx context.Context) error {
	ctx, cancel := detached(ctx)
	defer cancel()
	_, err := l.v.db.Run(ctx, store.Call{Script: "release", Keys: store.Keys{"lock": l.key},
		Args: store.Args{"owner": l.owner, "channel": l.v.db.Channel(), "message": l.event}})
	return err
}

// An Intent is what an instance wrote before it sent a refresh token away and nobody has cleared: the answer may be
// lost.
type Intent struct {
	Version string // of the connection whose refresh token was sent
	At      time.Time
}

const intentSize = seal.VersionSize + 8 + 8 // a version, a time, and what makes it one writing

// SetIntent records, under the lock, that c's refresh token is about to be spent. It returns the intent that stood
// there, nil when there was none. The next write of the connection clears it. ErrNotFound when the lock is no longer
// ours.
func (v *Locks) SetIntent(ctx context.Context, l *Lock, c *Connection) (previous *Intent, err error) {
	value := binary.BigEndian.AppendUint64([]byte(c.version), uint64(v.now().UnixMilli()))
	value = append(value, seal.Random(intentSize-len(value))...)
	was, err := v.db.RunText(ctx, store.Call{Script: "intent",
		Keys: store.Keys{"intent": v.intentKey(c), "lock": l.key}, Args: store.Args{"owner": l.owner, "value": value}})
	if err != nil {
		return nil, err
	}
	if len(was) != intentSize {
		return nil, nil
	}
	at := int64(binary.BigEndian.Uint64([]byte(was[seal.VersionSize:])))
	return &Intent{Version: was[:seal.VersionSize], At: fromMillis(at)}, nil
}

func (v *Locks) intentKey(c *Connection) string { return v.userKey(c.owner.location.tag, "n:"+c.ID) }

// ClearIntent says that the refresh token's fate is known: it was not spent.
func (v *Locks) ClearIntent(ctx context.Context, c *Connection) error {
	err := v.db.Delete(ctx, v.intentKey(c))
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}
