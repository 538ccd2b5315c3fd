package client

import (
	"context"
	"errors"
	"time"

	"bff/internal/oauth/claims"
)

// SecurityKeys are who signs security events: what the provider publishes for them, else who signs its ID tokens.
func (p *Provider) SecurityKeys(ctx context.Context) (issuer string, _ *Keys, err error) {
	if p.RISCURL == "" {
		m, err := p.Metadata(ctx)
		if err != nil {
			return "", nil, err
		}
		return p.Issuer, m.Keys, nil
	}
	s := &p.security
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if s.keys != nil && now.Sub(s.fetched) < metadataFresh {
		return s.issuer, s.keys, nil
	}
	if !now.Before(s.pause) {
		transmitter, address, err := p.transmitter(ctx)
		if err == nil {
			s.issuer, s.keys, s.fetched = transmitter, p.newKeys(address, nil), now
			return s.issuer, s.keys, nil
		}
		s.pause = now.Add(metadataPause)
		if s.keys == nil {
			return "", nil, p.Unavailable("discover the security events of", err)
		}
	}
	if s.keys == nil {
		return "", nil, p.Unavailable("discover the security events of", nil)
	}
	return s.issuer, s.keys, nil
}

// transmitter reads the transmitter's metadata (OpenID RISC Profile). It must be the provider's own issuer.
func (p *Provider) transmitter(ctx context.Context) (issuer, keys string, _ error) {
	if err := CheckEndpoint(p.RISCURL, ""); err != nil { // the operator's own word, or a built-in's
		return "", "", err
	}
	o, err := p.document(context.WithoutCancel(ctx), p.RISCURL)
	if err != nil {
		return "", "", err
	}
	issuer, keys = o.Text("issuer"), o.Text("jwks_uri")
	if !claims.SameIssuer(issuer, p.Issuer) {
		return "", "", errors.New("the metadata document names another issuer than the configured one")
	}
	return issuer, keys, CheckEndpoint(keys, p.RISCURL)
}
