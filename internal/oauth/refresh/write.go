package refresh

import (
	"context"
	"errors"
	"maps"
	"time"

	"bff/internal/oauth/claims"
	"bff/internal/oauth/client"
	"bff/internal/secret"
	"bff/internal/vault"
)

// A change is what a refresh brought. It belongs in the place of one refresh token: whatever else is written over the
// record meanwhile, it is laid over that while this token is the stored one, and dropped when it is not.
type change struct {
	sent  secret.Text
	apply func(vault.Connection) vault.Connection
}

var errSuperseded = errors.New("another token is stored by now")

// renewed is what a token answer changes. Without a new refresh token the old one stays (RFC 6749 section 6).
// Values that lead to another host than the one that the account was linked at are not taken: the person decides
// anew.
func (p *provider) renewed(ans *client.Answer, now time.Time) func(vault.Connection) vault.Connection {
	return func(c vault.Connection) vault.Connection {
		t := ans.Tokens
		if t.Refresh.IsZero() {
			t.Refresh = c.Tokens.Refresh
		}
		if t.RefreshExpiry.IsZero() && t.Refresh.Equal(c.Tokens.Refresh) {
			t.RefreshExpiry = c.Tokens.RefreshExpiry
		}
		c.Tokens, c.UsedAt, c.Status, c.Reason = t, now, vault.StatusActive, ""
		c.Scopes = p.GrantedScopes(ans.Scope, c.Scopes)
		values, moved := p.values(&c, ans)
		if moved {
			return c.DeadRevocable(client.ReasonUnknown)
		}
		c.Values = values
		return c
	}
}

// values are those of c with what a token answer says anew. moved: they lead to another host.
func (p *provider) values(c *vault.Connection, ans *client.Answer) (_ map[string]string, moved bool) {
	values := maps.Clone(c.Values)
	if values == nil {
		values = map[string]string{}
	}
	if err := p.KeepToken(values, ans.Fields); err != nil {
		p.WarnOnce("renewed values", "a refresh brought a value that cannot be kept: the one before stays", "error",
			err.Error())
		return c.Values, false
	}
	if maps.Equal(values, c.Values) || len(values) == 0 {
		return c.Values, false
	}
	return values, p.Moved(c.Values, values)
}

// granted keeps new tokens. An ID token that came with them is shown to whoever decides by its claims.
func (r *refresh) granted(ctx context.Context, c vault.Connection, ans *client.Answer) (vault.Connection, error) {
	out, err := r.store(ctx, c, r.p.renewed(ans, r.b.cfg.Now()))
	if err == nil && out.Status == vault.StatusNeedsReauth {
		r.b.cfg.Log.Warn("a refresh brought another host for an account: it must be linked again", "provider", r.p.Name,
			"connection", c.ID)
		return vault.Connection{}, r.p.reauth(out.Reason)
	}
	if err == nil && !ans.IDToken.IsZero() {
		r.b.cfg.OnIDToken(ctx, out, ans)
	}
	return out, err
}

// store writes new tokens. When the store cannot take them they are held, and used.
func (r *refresh) store(
	ctx context.Context,
	c vault.Connection,
	apply func(vault.Connection) vault.Connection,
) (vault.Connection, error) {
	ch := change{sent: c.Tokens.Refresh, apply: apply}
	out, err := r.b.write(ctx, c, ch)
	switch {
	case err == nil:
		return out, nil
	case isGone(err):
		if c.Keep == vault.KeepUser || r.unlinked(ctx) {
			r.b.cfg.OnOrphan(apply(c))
		}
		return vault.Connection{}, r.p.storeError(err)
	case errors.Is(err, errSuperseded):
		return out, nil
	}
	return r.b.hold(c, ch), nil
}

// markDead marks the connection whose refresh token the provider calls dead, if it is still the stored one.
func (r *refresh) markDead(
	ctx context.Context,
	c vault.Connection,
	reason string,
	in intent,
) (vault.Connection, error) {
	if in.lost && reason == client.ReasonRevoked && r.p.Token.Rotates != "never" {
		reason = client.ReasonRotatedAway
	}
	ch := change{sent: c.Tokens.Refresh, apply: func(c vault.Connection) vault.Connection {
		if reason == client.ReasonSessionPolicy || reason == client.ReasonRotatedAway {
			// Those grants may live: a late answer can be written, unlinking has something to revoke.
			return c.DeadRevocable(reason)
		}
		return c.Dead(reason)
	}}
	out, err := r.b.write(ctx, c, ch)
	switch {
	case err == nil:
		return vault.Connection{}, r.p.reauth(reason)
	case errors.Is(err, errSuperseded):
		if out.Status == vault.StatusNeedsReauth {
			return vault.Connection{}, r.p.reauth(out.Reason)
		}
		return out, nil // somebody was faster, and has what the provider gave
	case isGone(err):
		return vault.Connection{}, r.p.storeError(err)
	}
	r.b.hold(c, ch)
	return vault.Connection{}, r.p.reauth(reason)
}

// expired is a connection that has no refresh token, at its end. It is written down only when no clock can doubt it.
func (r *refresh) expired(ctx context.Context, c vault.Connection) (vault.Connection, error) {
	if !r.refused.IsZero() {
		return c, nil
	}
	if end := c.Tokens.Expiry; r.b.cfg.Now().After(end.Add(claims.Skew)) {
		if _, err := r.b.vault.Connections.Update(ctx, &c, c.Dead(client.ReasonExpired)); errors.Is(err, vault.ErrConflict) {
			return vault.Connection{}, errLockLost // written meanwhile: look again
		}
	}
	return vault.Connection{}, r.p.reauth(client.ReasonExpired)
}

// write lays a change over c by compare-and-set, and over what others made of c meanwhile. errSuperseded comes with
// what is stored instead.
func (b *Refresher) write(ctx context.Context, c vault.Connection, ch change) (vault.Connection, error) {
	for range 16 {
		out, err := b.vault.Connections.Update(ctx, &c, ch.apply(c))
		if !errors.Is(err, vault.ErrConflict) {
			return out, err
		}
		now, err := b.vault.Connections.Reload(ctx, &c)
		if err != nil {
			return vault.Connection{}, err
		}
		if !now.Tokens.Refresh.Equal(ch.sent) {
			return now, errSuperseded
		}
		c = now
	}
	return vault.Connection{}, vault.ErrUnavailable
}

// hold keeps a change, lets this instance use it, and writes it as soon as the store is back.
func (b *Refresher) hold(c vault.Connection, ch change) vault.Connection {
	key := c.Key()
	b.held.put(key, ch)
	b.cfg.Log.Warn("the store could not take a refreshed token: it is held", "provider", c.Provider)
	b.cfg.Background.Go(func() {
		defer b.held.drop(key)
		for {
			select {
			case <-b.cfg.Base.Done():
				b.cfg.Log.Error("a refreshed token was given up: the store did not come back in time", "provider", c.Provider)
				return
			case <-time.After(heldRetry + Jitter(heldRetry)):
			}
			if _, err := b.write(b.cfg.Base, c, ch); err == nil || errors.Is(err, errSuperseded) || isGone(err) {
				return
			}
		}
	})
	return ch.apply(c)
}
