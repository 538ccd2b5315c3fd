package refresh

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/trace"

	"bff/internal/oauth/client"
	"bff/internal/secret"
	"bff/internal/vault"
)

const (
	marginMost  = time.Minute
	lastMoments = time.Second     // at most a fifth of a token's life: a provider that counts in whole seconds may end it so much earlier
	skewSeen    = 2 * time.Second // a token from further in the future was written by another clock
)

// phase is where an access token stands in its life.
type phase int

const (
	fresh  phase = iota // use it
	ageing              // use it, and refresh behind the caller's back
	spent               // refresh first
)

// phase looks at the clock. A token without a known end is never refreshed ahead; one that cannot be refreshed serves
// to its last second.
func (b *Refresher) phase(c *vault.Connection) phase {
	t := &c.Tokens
	if t.Access.IsZero() {
		return spent
	}
	if t.Expiry.IsZero() {
		return fresh
	}
	now := b.cfg.Now()
	left := b.expiry(c, now).Sub(now)
	switch {
	case left <= 0:
		return spent
	case t.Refresh.IsZero() || left > b.ahead(c, left):
		return fresh
	}
	return ageing
}

// ahead is how long before its end c's access token is refreshed: the margin, or what its provider needs, but never
// more than a quarter of its life.
func (b *Refresher) ahead(c *vault.Connection, left time.Duration) time.Duration {
	t := &c.Tokens
	p := b.providers[c.Provider]
	switch usual := p == nil || p.Shapes.RefreshAhead <= marginMost || t.ObtainedAt.IsZero(); {
	case usual && left > marginMost:
		return marginMost // the usual case costs no hash
	case usual:
		return b.margin(t)
	}
	return min(t.Expiry.Sub(t.ObtainedAt)/4, p.Shapes.RefreshAhead)
}

// margin is how long before its end a token is refreshed: a quarter of its life, at most a minute, less up to a fifth
// that differs between instances.
func (b *Refresher) margin(t *vault.Tokens) time.Duration {
	m := marginMost
	if !t.ObtainedAt.IsZero() {
		m = min(t.Expiry.Sub(t.ObtainedAt)/4, marginMost)
	}
	part := time.Duration(b.history.hash(t.Access) % 200)
	return m - m*part/1000
}

// expiry is when c's access token ends on this instance's clock. The times in the record are of the clock of whoever
// obtained it, which may be a minute off: a token from the future, or one that we saw appear, counts from when we saw
// it.
func (b *Refresher) expiry(c *vault.Connection, now time.Time) time.Time {
	t := &c.Tokens
	if t.ObtainedAt.IsZero() {
		return t.Expiry
	}
	if t.ObtainedAt.After(now.Add(skewSeen)) {
		b.sight(c)
	}
	var key [128]byte
	if at, seen := b.history.sighting(c.AppendKey(key[:0]), t.Access); seen {
		return at.Add(t.Expiry.Sub(t.ObtainedAt))
	}
	return t.Expiry
}

// sight notes that c's access token was obtained just now, whatever its record says.
func (b *Refresher) sight(c *vault.Connection) {
	now := b.cfg.Now()
	b.history.with(c.Key(), now, true, func(m *history) {
		if hash := b.history.hash(c.Tokens.Access); m.sighted != hash {
			m.sighted, m.sightedAt = hash, now
		}
	})
}

// Token returns c with an access token that is good now: c itself, or as it is after a refresh. It waits for one only
// when the token is spent. c must have been read a moment ago. Errors are *client.Error.
func (b *Refresher) Token(ctx context.Context, c vault.Connection) (vault.Connection, error) {
	p, err := b.provider(&c)
	if err != nil {
		return vault.Connection{}, err
	}
	if p.Operated() {
		return b.operatedToken(ctx, p, secret.Text{})
	}
	c = b.held.over(c)
	if c.Status == vault.StatusNeedsReauth {
		return vault.Connection{}, p.reauth(c.Reason)
	}
	switch b.phase(&c) {
	case fresh:
		return c, nil
	case ageing:
		b.refreshBehind(ctx, p, c)
		if c = b.inTime(ctx, p, c); b.phase(&c) != spent {
			return c, nil
		}
	}
	return b.wait(ctx, p, c, secret.Text{})
}

// inTime waits with a token in its last moments for the one that replaces it: it could end on its way to the API, or
// has by the provider's clock, which began to count when the answer left. When there is no better one to be had, it
// serves.
func (b *Refresher) inTime(ctx context.Context, p *provider, c vault.Connection) vault.Connection {
	now, t := b.cfg.Now(), &c.Tokens
	last := lastMoments
	if !t.ObtainedAt.IsZero() {
		last = min(last, t.Expiry.Sub(t.ObtainedAt)/5)
	}
	left := b.expiry(&c, now).Sub(now)
	if left > last {
		return c
	}
	ctx, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	if better, err := b.wait(ctx, p, c, secret.Text{}); err == nil {
		return better
	}
	return c
}

// Renew is Token after an API refused c's access token: one forced refresh, unless another token is stored by now.
// Where it is not possible, or was done several times just now, it returns the token there is.
func (b *Refresher) Renew(ctx context.Context, c vault.Connection) (vault.Connection, error) {
	p, err := b.provider(&c)
	if err != nil {
		return vault.Connection{}, err
	}
	if p.Operated() {
		return b.operatedToken(ctx, p, c.Tokens.Access)
	}
	now, err := b.vault.Connections.Reload(ctx, &c)
	if err != nil {
		return vault.Connection{}, p.storeError(err)
	}
	now = b.held.over(now)
	if now.Status == vault.StatusNeedsReauth || !now.Tokens.Access.Equal(c.Tokens.Access) {
		return b.Token(ctx, now)
	}
	if p.Typed() {
		return b.tryAgain(ctx, p, now)
	}
	if now.Tokens.Refresh.IsZero() {
		return now, nil // an API's word is no proof that the grant is dead
	}
	return b.wait(ctx, p, now, now.Tokens.Access)
}

// tryAgain asks the provider about a typed credential that an API refused. Where the provider refuses it too, the
// connection is dead; where it cannot be asked, or says anything else, the API's own answer stands. A connection is
// asked about as often as another is renewed by force.
func (b *Refresher) tryAgain(ctx context.Context, p *provider, c vault.Connection) (vault.Connection, error) {
	may := false
	b.history.with(c.Key(), b.cfg.Now(), true, func(m *history) { may = m.mayRenew(b.cfg.Now()) })
	if !may {
		return c, nil
	}
	ctx, cancel := context.WithTimeout(ctx, b.cfg.TokenTimeout)
	defer cancel()
	if !p.UserinfoEndpoint.Refuses(ctx, c.Tokens.Access) {
		return c, nil
	}
	out, err := b.vault.Connections.Update(ctx, &c, c.Dead(client.ReasonRevoked))
	switch {
	case errors.Is(err, vault.ErrConflict): // repaired meanwhile: the next call has the new one
		return c, nil
	case err != nil:
		return vault.Connection{}, p.storeError(err)
	}
	return vault.Connection{}, p.reauth(out.Reason)
}

// wait waits for a refresh as long as Patience and ctx last. The refresh itself is everybody's and goes on.
func (b *Refresher) wait(
	ctx context.Context,
	p *provider,
	c vault.Connection,
	refused secret.Text,
) (vault.Connection, error) {
	patience := time.NewTimer(b.cfg.Patience)
	defer patience.Stop()
	for range 3 { // a flight that was under way may have had less to do than is wanted here
		start := c
		span := trace.SpanFromContext(ctx)
		flight := b.flight.DoChan(c.Key(), func() (any, error) { return b.refresh(ctx, p, start, refused) })
		select {
		case r := <-flight:
			o, _ := r.Val.(outcome)
			linkTo(span, o.span)
			if r.Err != nil {
				return vault.Connection{}, r.Err
			}
			c = o.Connection
			if b.phase(&c) != spent && !refused.Equal(c.Tokens.Access) {
				return c, nil
			}
		case <-patience.C:
			return vault.Connection{}, &client.Error{
				Kind:       client.KindUnavailable,
				Op:         "wait for a refresh at",
				Provider:   p.Name,
				RetryAfter: time.Second,
			}
		case <-ctx.Done():
			return vault.Connection{}, &client.Error{
				Kind:       client.KindUnavailable,
				Op:         "wait for a refresh at",
				Provider:   p.Name,
				RetryAfter: time.Second,
				Err:        ctx.Err(),
			}
		}
	}
	if !refused.IsZero() && b.phase(&c) != spent {
		return c, nil
	}
	return vault.Connection{}, &client.Error{
		Kind:       client.KindUnavailable,
		Op:         "refresh at",
		Provider:   p.Name,
		RetryAfter: time.Second,
	}
}

// linkTo links the span of a call to the refresh that it waited for, unless that is below it anyway.
func linkTo(call trace.Span, refresh trace.SpanContext) {
	if call.IsRecording() && refresh.IsValid() && refresh.TraceID() != call.SpanContext().TraceID() {
		call.AddLink(trace.Link{SpanContext: refresh})
	}
}

// refreshBehind starts a refresh that nobody waits for, unless one is under way, too many are, or the last one failed
// just now.
func (b *Refresher) refreshBehind(ctx context.Context, p *provider, c vault.Connection) {
	now, start := b.cfg.Now(), false
	b.history.with(c.Key(), now, true, func(m *history) {
		start = !m.behind && !now.Before(m.until) && m.postponed != b.history.hash(c.Tokens.Access)
		if !start {
			return
		}
		select {
		case b.behind <- struct{}{}:
			m.behind = true
		default:
			start = false
		}
	})
	if !start {
		return
	}
	b.cfg.Background.Go(func() {
		<-b.flight.DoChan(c.Key(), func() (any, error) { return b.refresh(ctx, p, c, secret.Text{}) })
		<-b.behind
		b.history.with(c.Key(), b.cfg.Now(), false, func(m *history) { m.behind = false })
	})
}
