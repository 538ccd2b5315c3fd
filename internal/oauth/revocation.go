package oauth

import (
	"context"
	"encoding/json"
	"time"

	"bff/internal/oauth/client"
	"bff/internal/secret"
	"bff/internal/vault"
)

// Revocation is what has to be revoked when c is unlinked, for [vault.Vault.Unlink]; nil when there is nothing. The
// refresh token comes first: with it goes the access token, at Google the whole grant (RFC 7009 section 2.1).
func (o *Outbox) Revocation(c vault.Connection) []byte {
	p := o.providers[c.Provider]
	if p == nil {
		return nil
	}
	c = o.held(c)
	t := c.Tokens
	rec := revocationRecord{
		Provider: c.Provider,
		Token:    t.Refresh.Reveal(),
		Hint:     "refresh_token",
		Access:   t.Access.Reveal(),
		Subject:  p.Subject(c.Account.Subject, c.Values),
		Values:   c.Values,
	}
	if rec.Token == "" || p.Config.Revocation.Token == "access" {
		rec.Token, rec.Hint = rec.Access, "access_token"
	}
	if rec.Token == "" || p.Config.Revocation.URL == "" && !p.IsOpenID() {
		return nil
	}
	out, err := json.Marshal(rec)
	if err != nil {
		panic("oauth: a record of strings did not encode")
	}
	return out
}

// revoke makes one attempt. wait is how long the provider asked to wait before the next.
func (o *Outbox) revoke(ctx context.Context, payload []byte) (_ client.RevocationResult, wait time.Duration) {
	var rec revocationRecord
	if json.Unmarshal(payload, &rec) != nil {
		return client.Impossible, 0
	}
	p, err := o.providerFor("revoke at", rec.Provider, rec.Values)
	if err != nil {
		return client.Impossible, 0
	}
	ctx, cancel := context.WithTimeout(ctx, o.cfg.TokenTimeout)
	defer cancel()
	return p.RevocationEndpoint.Revoke(ctx, client.Spent{Token: secret.New(rec.Token), Hint: rec.Hint, Subject: rec.Subject})
}
