package oauth

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"bff/internal/vault"
)

// An intent is what was noted in the store before a refresh token is sent.
type intent struct {
	version  string
	from, to time.Time // it was written between
	lost     bool      // another one stood there for this very version: its answer is lost
}

// intend notes the intent, and deals with one that stands there: the answer to that is lost, or somebody who lost the lock still waits for it or holds it. ok
// says that the refresh token may be sent now.
func (r *refresh) intend(ctx context.Context, k *keeper, c vault.Connection) (in intent, _ vault.Connection, ok bool, _ error) {
	lost := false
	for {
		in = intent{version: c.Version(), from: r.b.cfg.Now().Truncate(time.Millisecond), lost: lost}
		before, err := r.b.vault.SetIntent(ctx, k.lock(), &c)
		in.to = r.b.cfg.Now()
		if errors.Is(err, vault.ErrNotFound) {
			return in, vault.Connection{}, false, errLockLost
		}
		if err != nil {
			return in, vault.Connection{}, false, r.p.storeError(err)
		}
		if before == nil || before.Version != c.Version() {
			return in, c, true, nil
		}
		lost, in.lost = true, true
		if r.p.keepsOld() {
			return in, c, true, nil
		}
		mine, silent := r.b.memory.mine(c.Key(), before)
		if !mine {
			now, done, err := r.await(ctx)
			if done || err != nil {
				return in, now, false, err
			}
			c = now
		}
		if silent && r.refused.IsZero() && r.b.stage(&c) != spent {
			// To try a token that may be spent can end the grant, and with it the access token that still serves.
			r.b.memory.with(c.Key(), r.b.cfg.Now(), true, func(m *memory) { m.postponed = r.b.memory.hash(c.Tokens.Access) })
			return in, c, false, nil
		}
		if c.Version() == in.version {
			return in, c, true, nil
		}
		// Somebody wrote it anew with the same tokens, and the intent went with that.
	}
}

// await gives the holder of an answer a moment to write it. Every sign of life, which is a write that changes no token, is another moment.
func (r *refresh) await(ctx context.Context) (now vault.Connection, done bool, err error) {
	version, end := "", time.Time{}
	for {
		if now, done, err = r.look(ctx); done || err != nil {
			return now, done, err
		}
		if now.Version() != version {
			version, end = now.Version(), time.Now().Add(lostGrace)
		}
		left := time.Until(end)
		if left <= 0 {
			return now, false, nil
		}
		if err := r.sleep(ctx, left); err != nil {
			return now, false, err
		}
	}
}

// A keeper renews a lock while its holder works, and takes it again when it ran out, which a store that was away does. When somebody else has it by then, it
// gives a sign of life as long as the refresh token is on its way, so that nobody takes the answer for lost.
type keeper struct {
	r    *refresh
	sent atomic.Pointer[vault.Connection] // whose refresh token is on its way
	mu   sync.Mutex
	l    *vault.Lock
	stop context.CancelFunc
	done chan struct{}
}

func (r *refresh) keepLock(l *vault.Lock) *keeper {
	ctx, stop := context.WithCancel(r.b.base)
	k := &keeper{r: r, l: l, stop: stop, done: make(chan struct{})}
	go k.run(ctx)
	return k
}

func (k *keeper) run(ctx context.Context) {
	defer close(k.done)
	tick := time.NewTicker(vault.LockLease / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			k.renew(ctx)
		}
	}
}

func (k *keeper) renew(ctx context.Context) {
	if !errors.Is(k.lock().Renew(ctx), vault.ErrNotFound) {
		return
	}
	l, ok, err := k.r.b.vault.Lock(ctx, &k.r.had)
	switch {
	case err != nil:
	case ok:
		k.mu.Lock()
		defer k.mu.Unlock()
		k.l = l
	default:
		k.live(ctx)
	}
}

// live writes the connection as it is, if its refresh token is still the one that was sent.
func (k *keeper) live(ctx context.Context) {
	sent := k.sent.Load()
	if sent == nil {
		return
	}
	if now, err := k.r.b.vault.Reload(ctx, sent); err == nil && now.Tokens.Refresh.Equal(sent.Tokens.Refresh) {
		_, _ = k.r.b.vault.Update(ctx, &now, now)
	}
}

func (k *keeper) lock() *vault.Lock {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.l
}

// holds says whether the lock is still held.
func (k *keeper) holds(ctx context.Context) bool { return k.lock().Renew(ctx) == nil }

// release stops renewing, and lets go behind the caller's back: a store that is away must not keep the result from it.
func (k *keeper) release() {
	k.stop()
	k.r.b.errands.run(func() {
		<-k.done
		_ = k.lock().Release(context.Background())
	})
}

func isGone(err error) bool { return errors.Is(err, vault.ErrNotFound) }
