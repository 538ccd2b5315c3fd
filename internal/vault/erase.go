package vault

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"bff/internal/audit"
	"bff/internal/vault/seal"
	"bff/internal/vault/store"
)

// Erased says what an erasing deleted.
type Erased struct {
	Sessions, Connections, Revocations int
	Waiting                            []string // providers that have not confirmed a revocation yet
	CreatedAt                          time.Time
}

// EraseUser ends every session of a user, has the grants that are kept for the user revoked through the outbox, and
// deletes all that is kept: record, connections, preferences, data of services. ErrNotFound when there is no such user.
// Broken off, it is taken up by the next call.
func (v *users) EraseUser(ctx context.Context, userID string, revocation func(Connection) []byte) (Erased, error) {
	return v.eraseUser(ctx, userID, "", revocation)
}

// eraseUser is EraseUser, recorded with a reason.
func (v *users) eraseUser(ctx context.Context, userID, reason string, revocation func(Connection) []byte) (out Erased,
	err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	rec, err := v.GetUser(ctx, userID)
	if err != nil {
		return out, err
	}
	lines, err := v.called.linesOf(ctx, rec.Identities...)
	if err != nil {
		return out, err
	}
	out.CreatedAt, out.Waiting = rec.CreatedAt, []string{}
	// The sessions first: without one nothing is linked any more.
	ended, err := v.index.end(ctx, tag(userID), userID, "all", erased, "")
	if out.Sessions = len(ended); err != nil {
		return out, err
	}
	for {
		if err := v.unlinkAll(ctx, userID, revocation, &out); err != nil {
			return out, err
		}
		n, err := v.eraseRecords(ctx, userID, reason)
		if out.Sessions += n; !errors.Is(err, ErrConflict) { // a sign-in linked something meanwhile
			if err != nil {
				return out, err
			}
			break
		}
	}
	for _, i := range rec.Identities {
		v.forgetEntry(ctx, i, userID)
	}
	v.called.forget(ctx, lines)
	_ = v.db.Delist(ctx, v.roll(), userID) // one that stays leads nowhere
	return out, v.settled(nil)
}

func (v *users) unlinkAll(ctx context.Context, userID string, revocation func(Connection) []byte, out *Erased) error {
	kept, err := v.connections.Kept(ctx, userID)
	if err != nil {
		return err
	}
	for i := range kept {
		waits := false
		err := v.connections.unlink(ctx, &kept[i], "user", func(c Connection) []byte {
			payload := revocation(c)
			waits = payload != nil
			return payload
		})
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		out.Connections++
		if waits {
			out.Revocations++
			out.Waiting = union(out.Waiting, []string{kept[i].Provider})
		}
	}
	return nil
}

// eraseRecords deletes what is kept in one step, and says how many sessions it ended. ErrConflict: there is a
// connection.
func (v *users) eraseRecords(ctx context.Context, userID, reason string) (int, error) {
	t := tag(userID)
	told := v.events.about("user.erased", queued{User: userID})
	if err := v.events.ahead(ctx, t, told); err != nil {
		return 0, err
	}
	event := Event{Kind: EventSession, Session: "%", User: userID, Reason: erased}
	head, tail, _ := strings.Cut(event.encode(), `"%"`)
	done, err := v.db.IDsDurably(ctx, store.Call{Script: "erase",
		Keys: store.Keys{"user": v.userKey(t, "u"), "hook": v.userKey(t, "g"), "kept": v.userKey(t, "k"),
			"preferences": v.userKey(t, "p"), "data": v.userKey(t, "d"), "index": v.userKey(t, "i"),
			"seen": v.userKey(t, "t")},
		Args: store.Args{"run": seal.Nonce(), "prefix": v.userKey(t, ""), "life": v.tombstoneLife(),
			"erased_for": millisOf(erasedFor), "channel": v.db.Channel(), "head": head + `"`, "tail": `"` + tail,
			"message":  Event{Kind: EventUser, User: userID}.encode(),
			"programs": told.programs, "item": told.item}})
	if slices.Equal(done, []string{"kept"}) {
		return 0, ErrConflict
	}
	v.events.point(ctx, t, told)
	if len(done) > 0 && done[0] == erased {
		done = done[1:]
		v.record(ctx, audit.Event{Kind: audit.UserErased, User: userID, Reason: reason})
	}
	v.recordEnds(ctx, userID, erased, done)
	return len(done), err
}

// Maintained is what one page of MaintainUsers did.
type Maintained struct {
	Seen, Resealed, Forgotten int
	Next                      string // to go on after, "" at the end
}

// MaintainUsers looks at a page of users: it sees which of their sessions ended by their time, seals under the ring's
// first key what another one sealed, so that an old key may go after a whole round, and erases who was not seen for
// unused (0: nobody) and has no session.
func (v *users) MaintainUsers(
	ctx context.Context,
	after string,
	unused time.Duration,
	revocation func(Connection) []byte,
) (
	m Maintained, err error) {
	if after == "" {
		if err := (names{v.core}).reseal(ctx); err != nil {
			return m, err
		}
	}
	ids, err := v.db.Listed(ctx, v.roll(), after, scanned)
	if err != nil || len(ids) == 0 {
		return m, err
	}
	all, err := v.readUsers(ctx, ids)
	if err != nil {
		return m, err
	}
	now := v.now()
	if unused > 0 { // an instance whose clock is ahead erases nobody for it
		at, err := v.db.Time(ctx)
		if err != nil {
			return m, err
		}
		now = earlier(now, at)
	}
	for i := range all {
		if all[i].ID == "" {
			continue
		}
		m.Seen++
		forgotten, err := v.forget(ctx, &all[i], now, unused, revocation)
		if err != nil {
			return m, err
		}
		if forgotten {
			m.Forgotten++
			continue
		}
		resealed, err := v.reseal(ctx, &all[i])
		if err != nil {
			return m, err
		}
		if resealed {
			m.Resealed++
		}
	}
	if len(ids) == scanned {
		m.Next = ids[len(ids)-1]
	}
	return m, nil
}

func (v *users) forget(
	ctx context.Context,
	r *UserRecord,
	now time.Time,
	unused time.Duration,
	revocation func(Connection) []byte,
) (bool,
	error) {
	away := now.Sub(r.LastSeenAt)
	if away < 2*v.cfg.Lifetime+seenWithin { // there may be sessions that ended by their time since
		if _, err := v.index.SessionsOf(ctx, r.ID); err != nil {
			return false, err
		}
	}
	if unused <= 0 || away < unused {
		return false, nil
	}
	if open, err := v.index.SessionsOf(ctx, r.ID); err != nil || len(open) > 0 {
		return false, err
	}
	_, err := v.eraseUser(ctx, r.ID, "unused", revocation)
	return err == nil, unlessNone(err)
}
