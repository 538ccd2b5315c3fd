package refresh

import (
	"context"
	"errors"
	"time"

	"bff/internal/vault"
)

var (
	errLockLost   = errors.New("the lock was lost")
	errAnswerLost = errors.New("an answer is lost")
)

// intend notes the intent. Where one is in the store already, an earlier answer was lost, or an instance that lost the
// lock still waits for it or has it: errAnswerLost, unless that was waited for. ok says that the refresh token may be
// sent now.
func (r *refresh) intend(ctx context.Context, k *keeper, c vault.Connection) (in intent, ok bool, _ error) {
	in = intent{from: r.b.cfg.Now().Truncate(time.Millisecond)}
	before, err := r.b.vault.Locks.SetIntent(ctx, k.lock(), &c)
	in.to = r.b.cfg.Now()
	if errors.Is(err, vault.ErrNotFound) {
		return in, false, errLockLost
	}
	if err != nil {
		return in, false, r.p.storeError(err)
	}
	in.lost = before != nil
	if before == nil || r.p.Token.KeepsOld() {
		return in, true, nil
	}
	mine, silent := r.b.history.mine(c.Key(), before)
	if !mine && !r.waited {
		return in, false, errAnswerLost
	}
	if silent && r.refused.IsZero() && r.b.phase(&c) != spent {
		// To try a token that may be spent can end the grant, and with it the access token that still serves.
		r.b.history.with(c.Key(), r.b.cfg.Now(), true, func(m *history) { m.postponed = r.b.history.hash(c.Tokens.Access) })
		return in, false, nil
	}
	return in, true, nil
}

// grace gives the holder of an answer a moment to write it, or, if it still waits for the answer, to take the lock
// again. So the lock is free meanwhile, and the moment counts only for who finds it free afterwards.
func (r *refresh) grace(ctx context.Context) (now vault.Connection, done bool, err error) {
	for end := time.Now().Add(lostGrace); ; {
		if now, done, err = r.look(ctx); done || err != nil {
			return now, done, err
		}
		left := time.Until(end)
		if left <= 0 {
			r.waited = true
			return now, false, nil
		}
		if err := r.sleep(ctx, left); err != nil {
			return now, false, err
		}
	}
}
