package oauth

import (
	"context"
	"errors"
	"time"

	"golang.org/x/oauth2"

	"bff/internal/secret"
	"bff/internal/vault"
)

const (
	lockPatience = 15 * time.Second        // for others' refreshes, beyond the time of one's own call
	recheck      = 500 * time.Millisecond  // of a lock, in case a message was missed or its holder died
	lostGrace    = 2500 * time.Millisecond // for the holder of an answer to write it, or to take its lock again: two of its keeper's ticks
)

// A refresh is one attempt of this instance to have c's tokens renewed, by itself or by whoever is faster.
type refresh struct {
	b       *Broker
	p       *provider
	had     vault.Connection // as of the caller's read
	refused secret.Text      // an access token that an API refused, or none
	events  <-chan vault.Event
	removed bool // the connection was unlinked
	waited  bool // for the holder of a lost answer, and the lock was free then
}

// refresh runs detached from every caller. It returns the connection as it is then, which may be unchanged.
func (b *Broker) refresh(p *provider, c vault.Connection, refused secret.Text) (vault.Connection, error) {
	b.errands.begin()
	defer b.errands.end()
	ctx, cancel := context.WithTimeout(b.base, b.cfg.TokenTimeout+lockPatience)
	defer cancel()
	if err := p.open(b.cfg.Now()); err != nil {
		return vault.Connection{}, err
	}
	// Before the lock is tried: what its holder has to say must not fall between.
	key := c.Key()
	events, stop := b.vault.Subscribe(func(e vault.Event) bool { return e.Key == key })
	defer stop()
	r := &refresh{b: b, p: p, had: c, refused: refused, events: events}
	return r.run(ctx)
}

// run goes on until the tokens are new, by whomever, or an error says why not.
func (r *refresh) run(ctx context.Context) (vault.Connection, error) {
	for {
		lock, ok, err := r.b.vault.Lock(ctx, &r.had)
		if err != nil {
			return vault.Connection{}, r.p.storeError(err)
		}
		var now vault.Connection
		done := false
		if ok {
			now, err = r.locked(ctx, lock)
			switch {
			case errors.Is(err, errAnswerLost):
				now, done, err = r.grace(ctx)
			case errors.Is(err, errLockLost):
				err = nil
			default:
				return now, err
			}
		} else {
			r.waited = false // somebody lives, and works on it
			now, done, err = r.other(ctx)
		}
		if done || err != nil {
			return now, err
		}
	}
}

// other waits for whoever holds the lock, or for its lease to end.
func (r *refresh) other(ctx context.Context) (now vault.Connection, done bool, err error) {
	if now, done, err = r.look(ctx); done || err != nil {
		return now, done, err
	}
	if err = r.sleep(ctx, recheck+jitter(recheck/4)); err != nil {
		return now, false, err
	}
	return r.look(ctx)
}

// look reads the connection again. done says that nothing is left to do.
func (r *refresh) look(ctx context.Context) (now vault.Connection, done bool, err error) {
	now, err = r.b.vault.Reload(ctx, &r.had)
	if err != nil {
		return vault.Connection{}, false, r.p.storeError(err)
	}
	now = r.b.held.over(now)
	switch {
	case now.Status == vault.StatusNeedsReauth:
		return vault.Connection{}, false, r.p.reauth(now.Reason)
	case r.refused.Equal(now.Tokens.Access):
		return now, false, nil
	case now.Tokens.Access.Equal(r.had.Tokens.Access):
		return now, r.b.stage(&now) == fresh, nil
	case r.refused.IsZero() && r.b.stage(&now) == spent:
		r.b.sight(&now) // it appeared since the caller's read, so it is new: the clock that wrote it is behind ours
	}
	return now, r.b.stage(&now) != spent, nil
}

// sleep waits for a message about the connection, at most d.
func (r *refresh) sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case e := <-r.events:
		r.removed = r.removed || e.Removed
	case <-t.C:
	case <-ctx.Done():
		return &Error{Kind: KindUnavailable, Op: "wait for a refresh at", Provider: r.p.Name, RetryAfter: time.Second}
	}
	return nil
}

// unlinked says whether the connection is gone because it was unlinked, which the bus tells, and not because its session ended.
func (r *refresh) unlinked(ctx context.Context) bool {
	for end := time.Now().Add(recheck); !r.removed && time.Now().Before(end); {
		if r.sleep(ctx, time.Until(end)) != nil {
			return false
		}
	}
	return r.removed
}

// locked is the refresh under the lock: read again, note the intent, call, write.
func (r *refresh) locked(ctx context.Context, lock *vault.Lock) (vault.Connection, error) {
	k := r.keepLock(lock)
	defer k.release()
	now, done, err := r.look(ctx)
	if done || err != nil {
		return now, err
	}
	if r.b.held.has(now.Key()) { // what is held is written first
		if r.b.stage(&now) != spent {
			return now, nil
		}
		return vault.Connection{}, r.p.storeError(vault.ErrUnavailable)
	}
	if now.Tokens.Refresh.IsZero() {
		return r.expired(ctx, now)
	}
	m, err := r.p.metadata(ctx)
	if err != nil {
		return vault.Connection{}, err
	}
	if ok, err := r.admit(now); !ok {
		return now, err
	}
	if ok, err := r.p.enter(r.b.cfg.Now()); !ok {
		return vault.Connection{}, err
	}
	in, ok, err := r.intend(ctx, k, now)
	if !ok {
		r.p.breaker.abandon()
		return now, err
	}
	return r.call(ctx, k, m, now, in)
}

// admit holds back a refresh that failed a moment ago, and a forced one that was done several times just now.
func (r *refresh) admit(c vault.Connection) (bool, error) {
	now, wait, tired := r.b.cfg.Now(), time.Duration(0), false
	r.b.memory.with(c.Key(), now, true, func(m *memory) {
		if wait = m.until.Sub(now); wait > 0 || r.refused.IsZero() {
			return
		}
		tired = m.failures == 0 && !m.mayRenew(now) // one that failed was no renewal: it is an outage, not an API that refuses everything
	})
	if wait > 0 {
		return false, &Error{Kind: KindUnavailable, Op: "refresh at", Provider: r.p.Name, RetryAfter: wait}
	}
	return !tired, nil
}

// call spends the refresh token. What the answer means is decided in [answer.verdict]; what follows from it, here.
func (r *refresh) call(ctx context.Context, k *keeper, m *metadata, c vault.Connection, in intent) (vault.Connection, error) {
	call, cancel := context.WithTimeout(ctx, r.b.cfg.TokenTimeout)
	defer cancel()
	started := time.Now()
	var tok *oauth2.Token
	ans, err := r.p.ask(call, m, &answer{params: r.p.refreshParams(), address: r.p.Token.RefreshURL}, func(ctx context.Context) (err error) {
		tok, err = r.p.config(m).TokenSource(ctx, &oauth2.Token{RefreshToken: c.Tokens.Refresh.Reveal()}).Token()
		return err
	})
	took := time.Since(started)
	v := ans.verdict(err)
	r.b.cfg.OnRefresh(r.p.Name, v.String(), took)
	now := r.b.cfg.Now()
	switch v {
	case granted:
		r.p.breaker.succeed()
		r.b.memory.succeeded(c.Key(), now)
		return r.store(ctx, c, r.p.renewed(tok, ans, r.b.cfg.Now()))
	case deadGrant:
		r.p.breaker.succeed()
		return r.bury(ctx, c, ans.dead(), in)
	case misconfigured:
		if r.p.breaker.refuse(now) {
			r.b.cfg.Log.Error("the provider refuses this client", "provider", r.p.Name, "op", "refresh", "code", known(ans.code))
		}
		r.unspent(ctx, k, c, in)
		return vault.Connection{}, &Error{Kind: KindMisconfigured, Op: "refresh at", Provider: r.p.Name}
	}
	switch {
	case errors.Is(call.Err(), context.Canceled):
		r.p.breaker.abandon()
	case ans.status == tooManyRequests:
		r.p.breaker.succeed() // it is alive; this connection asked too often
	default:
		r.p.breaker.fail(now, ans.retryAfter)
	}
	if v == unspent {
		r.unspent(ctx, k, c, in)
	}
	wait := r.b.memory.failed(c.Key(), now, ans.retryAfter, in, v == unclear, ans.status == 0)
	return vault.Connection{}, &Error{Kind: KindUnavailable, Op: "refresh at", Provider: r.p.Name, RetryAfter: wait}
}

const tooManyRequests = 429

// unspent clears the intent of a refresh token that was certainly not spent, unless an earlier answer is lost too.
func (r *refresh) unspent(ctx context.Context, k *keeper, c vault.Connection, in intent) {
	if !in.lost && k.holds(ctx) {
		_ = r.b.vault.ClearIntent(ctx, &c) // else the next one waits a moment for nothing
	}
}
