package refresh

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"bff/internal/audit"
	"bff/internal/oauth/client"
	"bff/internal/secret"
	"bff/internal/vault"
)

// Operated is the connection that calls of every user go through, with the token there is now, if there is one.
func (b *Refresher) Operated(provider string) vault.Connection {
	p := b.providers[provider]
	if p == nil {
		return vault.Connection{}
	}
	p.operated.mu.Lock()
	defer p.operated.mu.Unlock()
	return p.current()
}

// current needs the lock.
func (p *provider) current() vault.Connection {
	c := p.operated.now
	c.Provider, c.Status, c.Scopes = p.Name, vault.StatusActive, p.Scopes
	if key := p.OperatorKey(); !key.IsZero() {
		c.Tokens.Access = key
	}
	return c
}

// operatedToken is Token for an operator's connection. refused is a token that an API refused, or none.
func (b *Refresher) operatedToken(ctx context.Context, p *provider, refused secret.Text) (vault.Connection, error) {
	p.operated.mu.Lock()
	c, t := p.current(), p.operated.now.Tokens
	now := b.cfg.Now()
	state := fresh
	switch {
	case p.Keyed(): // there is no other
	case t.Access.IsZero(), !t.Expiry.IsZero() && !now.Before(t.Expiry):
		state = spent
	case refused.Equal(t.Access):
		b.history.with("operated\x00"+p.Name, now, true, func(m *history) {
			if m.mayRenew(now) {
				state = spent
			}
		})
	case !t.Expiry.IsZero() && t.Expiry.Sub(now) < b.margin(&t) && !p.operated.behind:
		state, p.operated.behind = ageing, true
	}
	p.operated.mu.Unlock()
	switch state {
	case fresh:
		return c, nil
	case ageing:
		b.cfg.Background.Go(func() {
			<-b.obtaining(p, t.Access)
			p.operated.mu.Lock()
			defer p.operated.mu.Unlock()
			p.operated.behind = false
		})
		return c, nil
	}
	patience := time.NewTimer(b.cfg.Patience)
	defer patience.Stop()
	e := &client.Error{Kind: client.KindUnavailable, Op: "wait for a token of", Provider: p.Name, RetryAfter: time.Second}
	select {
	case err := <-b.obtaining(p, t.Access):
		if err != nil {
			return vault.Connection{}, err
		}
		return b.Operated(p.Name), nil
	case <-patience.C:
	case <-ctx.Done():
		e.Err = ctx.Err()
	}
	return vault.Connection{}, e
}

// obtaining starts to obtain a token in place of one that was seen, or joins whoever does. Who saw it before a flight that
// has ended by now has the token of that flight.
func (b *Refresher) obtaining(p *provider, seen secret.Text) <-chan error {
	done := make(chan error, 1)
	flight := b.flight.DoChan("operated\x00"+p.Name, func() (any, error) {
		p.operated.mu.Lock()
		now := p.operated.now.Tokens.Access
		p.operated.mu.Unlock()
		if !now.IsZero() && !now.Equal(seen) {
			return nil, nil
		}
		return nil, b.obtain(p)
	})
	go func() { done <- (<-flight).Err }()
	return done
}

// obtain obtains a token, for whoever waits.
func (b *Refresher) obtain(p *provider) error {
	b.cfg.Background.Begin()
	defer b.cfg.Background.End()
	ctx, cancel := context.WithTimeout(b.cfg.Base, b.cfg.TokenTimeout)
	defer cancel()
	m, err := p.Discovery.Metadata(ctx)
	if err != nil {
		return err
	}
	if ok, err := p.enter(b.cfg.Now()); !ok {
		return err
	}
	ctx, span := b.cfg.Tracer.Start(ctx, "refresh", trace.WithAttributes(attribute.String("bff.provider", p.Name)))
	defer span.End()
	started := time.Now()
	ans := p.TokenEndpoint.Obtain(ctx, m)
	b.cfg.OnRefresh(ctx, p.Name, ans.Verdict().String(), time.Since(started))
	now := b.cfg.Now()
	switch {
	case ans.Verdict() == client.Granted:
		p.breaker.succeed()
		p.operated.mu.Lock()
		p.operated.now = vault.Connection{Tokens: ans.Tokens}
		p.operated.mu.Unlock()
		b.cfg.Audit.Record(ctx, audit.Event{Kind: audit.Refreshed, At: now, Provider: p.Name})
		return nil
	case errors.Is(ctx.Err(), context.Canceled):
		p.breaker.abandon()
	case ans.AboutOperator():
		p.breaker.refuse(now)
		if p.AlarmDue() {
			b.cfg.Log.Error("the provider refuses the operator's credential", "provider", p.Name, "status", ans.Status,
				"code", ans.KnownCode())
		}
		span.SetStatus(codes.Error, "")
		return &client.Error{Kind: client.KindMisconfigured, Op: "obtain a token of", Provider: p.Name}
	default:
		p.breaker.fail(now, ans.RetryAfter)
	}
	span.SetStatus(codes.Error, "")
	return &client.Error{Kind: client.KindUnavailable, Op: "obtain a token of", Provider: p.Name,
		RetryAfter: max(time.Second, ans.RetryAfter)}
}
