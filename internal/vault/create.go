package vault

import (
	"context"
	"errors"
	"net/http"
	"time"

	"bff/internal/audit"
	"bff/internal/secret"
	"bff/internal/vault/seal"
	"bff/internal/vault/store"
)

// NewSession is what Create needs.
type NewSession struct {
	User       User          // required
	Device     string        // the User-Agent in words
	Front      Front         // that the session belongs to; the zero Front is the first
	Connection *Connection   // the account that signs in, if it is kept; linked at the same time
	Previous   []secret.Text // the tickets of the sessions this sign-in replaces: they end
	Handle     string        // a name under which EndHandle finds the session again, or none
	AuthAt     time.Time     // when the person authenticated; now when zero
	Reason     string        // of the audit event: "sso" where another front's session led to this one
}

// sweepAt is at every how many sessions of a user it is seen which ended by their time.
const sweepAt = 32

// Create makes a session with a new ticket and sets the cookie on w, in that order: nothing reaches the browser that is
// not stored. The sessions that it replaces end last, so that a store that fails in between logs nobody out.
func (v *Sessions) Create(w http.ResponseWriter, r *http.Request, in NewSession) (*Session, error) {
	ctx, cancel := detached(r.Context())
	defer cancel()
	now := v.now().Truncate(time.Millisecond)
	t := seal.NewTicket(tagBytes(in.User.ID))
	s := &Session{ID: newID("s_"), User: in.User, Device: in.Device, Front: in.Front.Name, CreatedAt: now, SeenAt: now,
		AuthAt: now, Handle: in.Handle, idle: v.cfg.Idle, lifetime: v.cfg.Lifetime, ticket: secret.Hide(t), location: v.locate(t), current: true}
	if !in.AuthAt.IsZero() {
		s.AuthAt = in.AuthAt.Truncate(time.Millisecond)
	}
	if err := v.index.rememberAt(ctx, s, s.ID, v.idKeys(s.ID)[0]); err != nil {
		return nil, err
	}
	if in.Handle != "" {
		if err := v.index.remember(ctx, s, in.Handle); err != nil {
			return nil, err
		}
	}
	count, err := v.saveNew(ctx, s, in.Connection)
	if err != nil {
		return nil, err
	}
	if in.Connection != nil && in.Connection.Keep == KeepUser { // merged with what the user has
		if _, err := v.connections.link(ctx, s, *in.Connection); err != nil && !errors.Is(err, ErrFull) {
			return nil, err
		}
	}
	made, err := v.LoadTicket(ctx, s.Ticket())
	if err != nil {
		return nil, err
	}
	v.setCookie(w, in.Front, t.Encode(), int(v.cfg.Lifetime/time.Second))
	v.recorder.did(ctx, audit.Event{Kind: audit.SignIn, User: in.User.ID, Session: s.ID, Provider: in.User.Provider,
		Rights: in.User.Rights, Reason: in.Reason})
	for _, ticket := range in.Previous {
		v.replace(ctx, ticket)
	}
	if count%sweepAt == 0 { // what ended by its time leaves the index
		_, _ = v.index.SessionsOf(ctx, in.User.ID)
	}
	if count-len(in.Previous) > maxSessions {
		if err := v.index.endOldest(ctx, made); err != nil {
			v.cfg.Log.Warn("a user has more sessions than one may have, and the oldest could not be ended")
		}
	}
	return made, nil
}

// saveNew writes s, with the connection that it keeps itself, and says how many sessions its user has now.
func (v *Sessions) saveNew(ctx context.Context, s *Session, first *Connection) (count int, err error) {
	ttl := v.timeToLive(s, s.SeenAt)
	if ttl <= 0 {
		return 0, ErrNotFound
	}
	var id string
	var sealedFirst []byte
	if first != nil && first.Keep == KeepSession {
		next := v.connections.fresh(s, *first)
		id, sealedFirst = next.ID, v.connections.seal(&next)
	}
	notice := v.index.events.about("session.created", queued{User: s.User.ID, Session: s.ID, Extra: sessionMessage(s)})
	if err := v.index.events.ahead(ctx, s.location.tag, notice); err != nil {
		return 0, err
	}
	defer v.index.events.point(ctx, s.location.tag, notice)
	write := func(ctx context.Context, value []byte) (err error) {
		count, err = v.db.RunDurably(ctx, onSession("create", s.location,
			store.Keys{"index": v.userKey(s.location.tag, "i")}, store.Args{
				"value": value, "ttl": millisOf(ttl), "index_life": millisOf(v.indexLife()), "id": s.ID,
				"info": v.index.info(s, s.SeenAt), "connection": id, "connection_value": sealedFirst,
				"prefix": v.userKey(s.location.tag, ""), "programs": notice.programs, "item": notice.item}))
		return err
	}
	return count, v.save(ctx, s, s.SeenAt, write)
}

// replace ends a session that a sign-in replaces. It is tried until it is done, within a bound, behind the sign-in's
// answer if need be.
func (v *Sessions) replace(ctx context.Context, previous secret.Text) {
	end := func(ctx context.Context) error {
		old, err := v.LoadTicket(ctx, previous)
		if err == nil {
			err = v.end(ctx, old, endedReplaced)
		}
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		return err
	}
	if end(ctx) == nil {
		return
	}
	v.work.Go(func() {
		for range 20 {
			ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
			err := end(ctx)
			cancel()
			if err == nil {
				return
			}
			select {
			case <-time.After(500 * time.Millisecond): // the store is down; bounded by the loop
			case <-v.closing:
				return
			}
		}
		v.db.Warn("a replaced session could not be ended; it ends by its idle time")
	})
}
