package refresh

import (
	"context"
	"errors"
	"time"

	"bff/internal/audit"
	"bff/internal/oauth/client"
	"bff/internal/secret"
	request "bff/internal/trace"
	"bff/internal/vault"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// refresh runs detached from every caller; its span is below the one of the caller that began it, and it names that
// caller's request. It returns the connection as it is then, which may be unchanged.
func (b *Refresher) refresh(
	began context.Context, p *provider, c vault.Connection, refused secret.Text,
) (outcome, error) {
	b.cfg.Background.Begin()
	defer b.cfg.Background.End()
	base := trace.ContextWithSpanContext(b.cfg.Base, trace.SpanContextFromContext(began))
	base = request.With(base, request.Request{ID: request.From(began).ID})
	ctx, cancel := context.WithTimeout(base, b.cfg.TokenTimeout+lockPatience)
	defer cancel()
	if err := p.open(b.cfg.Now()); err != nil {
		return outcome{}, err
	}
	// Before the lock is tried, or the announcement of its holder could be missed.
	key := c.Key()
	events, stop := b.vault.Subscribe(func(e vault.Event) bool { return e.Key == key })
	defer stop()
	r := &refresh{b: b, p: p, had: c, refused: refused, events: events}
	ctx, span := b.cfg.Tracer.Start(ctx, "refresh", trace.WithAttributes(attribute.String("bff.provider", p.Name)))
	defer span.End()
	now, err := r.run(ctx)
	if err != nil {
		span.SetStatus(codes.Error, "")
	}
	return outcome{now, span.SpanContext()}, err
}

// run goes on until the tokens are new, by whomever, or an error says why not.
func (r *refresh) run(ctx context.Context) (vault.Connection, error) {
	for {
		lock, ok, err := r.b.vault.Locks.Lock(ctx, &r.had)
		if err != nil {
			return vault.Connection{}, r.p.storeError(err)
		}
		var now vault.Connection
		done := false
		if ok {
			now, err = r.underLock(ctx, lock)
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
			now, done, err = r.other(ctx, lock)
		}
		if done || err != nil {
			return now, err
		}
	}
}

// underLock is locked with a span of its own.
func (r *refresh) underLock(ctx context.Context, lock *vault.Lock) (vault.Connection, error) {
	ctx, span := r.b.cfg.Tracer.Start(ctx, "refresh under the lock")
	defer span.End()
	return r.locked(ctx, lock)
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
		if r.b.phase(&now) != spent {
			return now, nil
		}
		return vault.Connection{}, r.p.storeError(vault.ErrUnavailable)
	}
	if now.Tokens.Refresh.IsZero() {
		return r.expired(ctx, now)
	}
	m, err := r.p.Discovery.Metadata(ctx)
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
	var kind client.Kind
	r.b.history.with(c.Key(), now, true, func(m *history) {
		kind = m.kind // a call that waits is answered as the one that failed was
		if wait = m.until.Sub(now); wait > 0 || r.refused.IsZero() {
			return
		}
		tired = m.failures == 0 &&
			!m.mayRenew(now) // one that failed was no renewal: it is an outage, not an API that refuses everything
	})
	if wait > 0 {
		return false, &client.Error{Kind: kind, Op: "refresh at", Provider: r.p.Name, RetryAfter: wait}
	}
	return !tired, nil
}

// call spends the refresh token. What the answer means is decided in [client.Answer.Verdict]; what follows from it, here.
func (r *refresh) call(
	ctx context.Context,
	k *keeper,
	m *client.Metadata,
	c vault.Connection,
	in intent,
) (vault.Connection, error) {
	call, cancel := context.WithTimeout(ctx, r.b.cfg.TokenTimeout)
	defer cancel()
	started := time.Now()
	ans := r.p.TokenEndpoint.Refresh(call, m, c.Tokens.Refresh)
	v := ans.Verdict()
	r.b.cfg.OnRefresh(ctx, r.p.Name, v.String(), time.Since(started))
	r.count(ans, v, call.Err())
	switch v {
	case client.Granted:
		r.b.cfg.Audit.Record(ctx, audit.Event{Kind: audit.Refreshed, At: r.b.cfg.Now(), Provider: r.p.Name, Connection: c.ID,
			User: c.UserID()})
		if err := r.b.cfg.SameSubject(c, ans); err != nil {
			r.b.cfg.Log.Error("a refresh brought another account's ID token: its tokens are not used", "provider", r.p.Name)
			return vault.Connection{}, r.failed(ctx, c, ans, client.Unclear, in)
		}
		r.b.history.succeeded(c.Key(), r.b.cfg.Now())
		return r.granted(ctx, c, ans)
	case client.DeadGrant:
		return r.markDead(ctx, c, ans.Dead(), in)
	}
	if v == client.Unspent || v == client.ClientRefused || v == client.GrantRefused {
		r.unspent(ctx, k, c, in)
	}
	if v == client.ClientRefused {
		if r.p.AlarmDue() {
			r.b.cfg.Log.Error("the provider refuses this client", "provider", r.p.Name, "op", "refresh", "code", ans.KnownCode())
		}
		return vault.Connection{}, &client.Error{Kind: client.KindMisconfigured, Op: "refresh at", Provider: r.p.Name}
	}
	return vault.Connection{}, r.failed(ctx, c, ans, v, in)
}

// count tells the provider's breaker what an answer says of the provider. An answer about one grant says that it is
// there, and moves no clock that others wait for.
func (r *refresh) count(ans *client.Answer, v client.Verdict, callErr error) {
	b, now := &r.p.breaker, r.b.cfg.Now()
	switch {
	case v == client.ClientRefused:
		b.refuse(now)
	case errors.Is(callErr, context.Canceled):
		b.abandon()
	case v == client.Granted || v == client.DeadGrant:
		b.succeed()
	case ans.AboutProvider():
		b.fail(now, ans.RetryAfter)
	default:
		b.answered()
	}
}

// failed notes a failure of this one connection, which waits longer after each. An answer in a form that nothing
// reads is named to the operator.
func (r *refresh) failed(
	ctx context.Context, c vault.Connection, ans *client.Answer, v client.Verdict, in intent,
) error {
	now := r.b.cfg.Now()
	kind := client.KindUnavailable
	if v == client.GrantRefused {
		kind = client.KindMisconfigured
	}
	wait, failures := r.b.history.failed(c.Key(), now, ans.RetryAfter, in, kind, v == client.Unclear, ans.Status == 0)
	if ans.AboutProvider() && r.p.OutageDue() { // of an outage one line, and a line a minute
		r.b.cfg.Log.Warn("the provider does not refresh tokens at the moment; nobody is signed out", "provider", r.p.Name,
			"status", ans.Status)
	}
	if ans.TooLarge {
		r.b.cfg.Log.Warn("the answer to a refresh is too large", "provider", r.p.Name)
	}
	if ans.Unreadable() || v == client.GrantRefused {
		advice := r.p.Unread(ans)
		if failures == unreadableAfter {
			r.b.cfg.Audit.Record(ctx, audit.Event{Kind: audit.RefreshFailed, At: now, Provider: r.p.Name, Connection: c.ID,
				User: c.UserID(), Reason: advice.Reason()})
		}
	}
	return &client.Error{Kind: kind, Op: "refresh at", Provider: r.p.Name, RetryAfter: wait}
}

const unreadableAfter = 3

// unspent clears the intent of a refresh token that was certainly not spent, unless an earlier answer is lost too.
func (r *refresh) unspent(ctx context.Context, k *keeper, c vault.Connection, in intent) {
	if !in.lost && k.holds(ctx) {
		_ = r.b.vault.Locks.ClearIntent(ctx, &c) // else the next one waits a moment for nothing
	}
}
