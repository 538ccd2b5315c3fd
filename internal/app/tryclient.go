package app

import (
	"context"
	"crypto/rand"
	"errors"
	"net/url"

	"bff/internal/oauth"
	"bff/internal/oauth/providers"
)

// RefusedClient says what to do about a client that the provider refuses.
const RefusedClient = "the provider does not know this id with this secret; compare both, and `client_auth`, with its console"

// TryClient has a broker redeem a code that nobody issued. The error is oauth.ErrCodeRefused where the provider knows
// the client and refuses the code.
func TryClient(ctx context.Context, broker *oauth.Broker, p providers.Config) error {
	attempt, err := broker.Begin(ctx, oauth.Begin{Provider: p.Name})
	if err != nil {
		return err
	}
	p, err = p.Filled(p.Fixed())
	if err != nil {
		return err
	}
	issuer := p.CallbackIssuer
	if issuer == "" {
		issuer = p.Issuer
	}
	_, err = broker.Finish(ctx, attempt, url.Values{"code": {"bff-check-" + rand.Text()}, "iss": {issuer}})
	return err
}

// clientRefused reports whether a provider refused the client and not the code.
func clientRefused(err error) bool {
	return oauth.KindOf(err) == oauth.KindMisconfigured || errors.Is(err, oauth.ErrClientRefused)
}
