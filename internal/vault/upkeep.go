package vault

import (
	"context"
	"time"
)

// Upkeep goes through all users, again and again.
type Upkeep struct {
	*core
	connections *Connections
	index       *Index
	users       *Users
}

// Maintained is what one page of MaintainUsers did.
type Maintained struct {
	Seen, Resealed, Forgotten int
	Next                      string // to go on after, "" at the end
}

// MaintainUsers looks at a page of users: it sees which of their sessions ended by their time, seals under the ring's
// first key what another one sealed, so that an old key may go after a whole round, and erases who was not seen for
// unused (0: nobody) and has no session.
func (v *Upkeep) MaintainUsers(
	ctx context.Context,
	after string,
	unused time.Duration,
	revocation func(Connection) []byte,
) (
	m Maintained, err error) {
	if after == "" {
		if err := (&Names{v.core}).reseal(ctx); err != nil {
			return m, err
		}
	}
	ids, err := v.db.Listed(ctx, v.users.roll(), after, scanned)
	if err != nil || len(ids) == 0 {
		return m, err
	}
	all, err := v.users.readUsers(ctx, ids)
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

func (v *Upkeep) forget(
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
	_, err := v.users.eraseUser(ctx, r.ID, "unused", revocation)
	return err == nil, unlessNone(err)
}
