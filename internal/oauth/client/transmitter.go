package client

import (
	"context"
	"errors"
	"sync"
	"time"

	"bff/internal/oauth/claims"
	"bff/internal/oauth/providers"
)

// A Transmitter sends the security events of one provider. Safe for concurrent use.
type Transmitter struct {
	*caller
	cfg       *providers.Config
	discovery *Discovery

	mu      sync.Mutex
	issuer  string
	keys    *Keys
	fetched time.Time
	pause   time.Time
}

// Keys are who signs security events: what the provider publishes for them, else who signs its ID tokens.
func (t *Transmitter) Keys(ctx context.Context) (issuer string, _ *Keys, err error) {
	if t.cfg.RISCURL == "" {
		m, err := t.discovery.Metadata(ctx)
		if err != nil {
			return "", nil, err
		}
		return t.cfg.Issuer, m.Keys, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	if t.keys != nil && now.Sub(t.fetched) < metadataFresh {
		return t.issuer, t.keys, nil
	}
	if !now.Before(t.pause) {
		issuer, address, err := t.published(ctx)
		if err == nil {
			t.issuer, t.keys, t.fetched = issuer, newKeys(t.caller, address, nil), now
			return t.issuer, t.keys, nil
		}
		t.pause = now.Add(metadataPause)
		if t.keys == nil {
			return "", nil, t.Unavailable("discover the security events of", err)
		}
	}
	if t.keys == nil {
		return "", nil, t.Unavailable("discover the security events of", nil)
	}
	return t.issuer, t.keys, nil
}

// published reads the transmitter's metadata (OpenID RISC Profile). It must be the provider's own issuer.
func (t *Transmitter) published(ctx context.Context) (issuer, keys string, _ error) {
	if err := CheckEndpoint(t.cfg.RISCURL, ""); err != nil { // the operator's own word, or a built-in's
		return "", "", err
	}
	o, err := t.document(context.WithoutCancel(ctx), t.cfg.RISCURL)
	if err != nil {
		return "", "", err
	}
	issuer, keys = o.Text("issuer"), o.Text("jwks_uri")
	if !claims.SameIssuer(issuer, t.cfg.Issuer) {
		return "", "", errors.New("the metadata document names another issuer than the configured one")
	}
	return issuer, keys, CheckEndpoint(keys, t.cfg.RISCURL)
}
