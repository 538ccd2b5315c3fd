package vault

import (
	"context"
	"encoding/binary"
	"time"
)

// LockLease is how long a refresh lock outlives a holder that died. A living one renews it.
const LockLease = 3 * time.Second

// A Lock is held by one refresh of one connection over all instances. It guards effort, not truth: that is the compare-and-set's.
type Lock struct {
	v     *Vault
	key   string
	owner string
	event string
}

// Lock tries once. ok is false when somebody else holds it.
func (v *Vault) Lock(ctx context.Context, c *Connection) (l *Lock, ok bool, err error) {
	l = &Lock{v: v, key: v.userKey(c.ref.place.user, "l:"+c.ID), owner: nonce(),
		event: Event{Kind: EventLock, Session: c.ref.session, User: c.ref.user, Connection: c.ID, Key: c.Key()}.encode()}
	if ok, err = v.claim(ctx, l.key, l.owner, LockLease); !ok {
		return nil, false, err
	}
	return l, true, nil
}

// Renew gives the lock another lease. ErrNotFound when it is no longer ours.
func (l *Lock) Renew(ctx context.Context) error {
	return l.v.run(ctx, scriptRenew, []string{l.key}, l.owner, LockLease.Milliseconds())
}

// Release deletes the lock if it is ours, and says so on the bus.
func (l *Lock) Release(ctx context.Context) error {
	ctx, cancel := detached(ctx)
	defer cancel()
	return l.v.run(ctx, scriptRelease, []string{l.key}, l.owner, l.v.channel(), l.event)
}

// An Intent is what an instance wrote before it sent a refresh token away and nobody has cleared: the answer may be lost.
type Intent struct {
	Version string // of the connection whose refresh token was sent
	At      time.Time
}

const intentSize = versionSize + 8 + 8 // a version, a time, and what makes it one writing

// SetIntent records, under the lock, that c's refresh token is about to be spent. It returns the intent that stood there, nil when there was none.
// The next write of the connection clears it.
func (v *Vault) SetIntent(ctx context.Context, l *Lock, c *Connection) (previous *Intent, err error) {
	key := v.userKey(c.ref.place.user, "n:"+c.ID)
	value := binary.BigEndian.AppendUint64([]byte(c.version), uint64(v.now().UnixMilli()))
	value = append(value, random(intentSize-len(value))...)
	was, err := scriptIntent.Run(ctx, v.client, []string{key, l.key}, l.owner, value).Text()
	if err != nil {
		return nil, v.fault(ctx, err) // not ours any more: ErrNotFound
	}
	if len(was) != intentSize {
		return nil, nil
	}
	at := int64(binary.BigEndian.Uint64([]byte(was[versionSize:])))
	return &Intent{Version: was[:versionSize], At: fromMillis(at)}, nil
}

// ClearIntent says that the refresh token's fate is known: it was not spent.
func (v *Vault) ClearIntent(ctx context.Context, c *Connection) error {
	return v.fault(ctx, v.client.Del(ctx, v.userKey(c.ref.place.user, "n:"+c.ID)).Err())
}
