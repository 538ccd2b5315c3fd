package client

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptrace"
	"strings"
	"sync"
	"time"

	"bff/internal/oauth/providers"
)

const (
	metadataFresh = 24 * time.Hour
	metadataPause = 500 * time.Millisecond
	metadataAgain = time.Minute // between attempts to read again what is known

	// WellKnown is where an issuer publishes its metadata, below itself.
	WellKnown = "/.well-known/openid-configuration"
)

// A Discovery finds the endpoints of one provider. Safe for concurrent use.
type Discovery struct {
	*caller
	cfg *providers.Config

	mu      sync.Mutex
	meta    *Metadata
	fetched time.Time
	pause   time.Time // no discovery before this
	failed  error
}

// Metadata returns the endpoints, discovering them when first needed. What was known serves while it is read again,
// and longer when that fails.
func (d *Discovery) Metadata(ctx context.Context) (*Metadata, error) {
	if err := ctx.Err(); err != nil {
		return nil, d.Unavailable("discover", nil)
	}
	type result struct {
		m   *Metadata
		err error
	}
	got := make(chan result, 1)
	if m, ok := d.known(); ok {
		return m, nil
	}
	go func() {
		m, err := d.discovered(context.WithoutCancel(ctx))
		got <- result{m, err}
	}()
	select {
	case r := <-got:
		return r.m, r.err
	case <-ctx.Done(): // whoever else waits has the result of the same request
		return nil, d.Unavailable("discover", errors.New("no answer in time"))
	}
}

// known returns metadata that is there, without waiting for a discovery that is under way.
func (d *Discovery) known() (*Metadata, bool) {
	if !d.mu.TryLock() {
		return nil, false
	}
	defer d.mu.Unlock()
	now := d.now()
	if d.meta != nil && (now.Sub(d.fetched) < metadataFresh || now.Before(d.pause)) {
		return d.meta, true
	}
	return nil, false
}

// discovered takes at most the time of one discovery for each caller before this one.
func (d *Discovery) discovered(ctx context.Context) (*Metadata, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	switch {
	case d.meta != nil && (now.Sub(d.fetched) < metadataFresh || now.Before(d.pause)):
		return d.meta, nil
	case d.meta != nil:
		d.pause = now.Add(metadataAgain)
		go d.rediscover(ctx)
		return d.meta, nil
	case now.Before(d.pause):
		return nil, d.failed
	}
	m, err := d.discover(ctx)
	if err != nil {
		d.pause = d.now().Add(metadataPause) // for those who waited for this one too
		d.failed = d.Unavailable("discover", err)
		return nil, d.failed
	}
	d.meta, d.fetched = m, d.now()
	return m, nil
}

func (d *Discovery) rediscover(ctx context.Context) {
	m, err := d.discover(ctx)
	if err != nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.meta, d.fetched = m, d.now()
}

// discover reads the metadata document unless the configuration says all there is to know.
func (d *Discovery) discover(ctx context.Context) (*Metadata, error) {
	m, pc := &Metadata{}, d.cfg
	if pc.Keyed() {
		m.UserinfoURL = pc.Userinfo.URL
		return m, nil
	}
	if pc.Issuer != "" && (pc.Token.URL == "" || pc.Auth == "" && (pc.Authorization.URL == "" || pc.JWKSURL == "")) {
		found, err := d.published(ctx)
		if err != nil {
			return nil, err
		}
		m = found
	}
	if err := m.overlay(pc); err != nil {
		return nil, err
	}
	if pc.Issuer != "" && pc.Auth == "" {
		m.Keys = newKeys(d.caller, m.JWKSURL, m.Algorithms)
	}
	return m, nil
}

// published reads the metadata document of the issuer, which must be its own.
func (d *Discovery) published(ctx context.Context) (*Metadata, error) {
	ctx = httptrace.WithClientTrace(ctx, d.wire.watchAddress(d.cfg.Issuer))
	o, err := d.document(ctx, strings.TrimSuffix(d.cfg.Issuer, "/")+WellKnown)
	if err != nil && strings.Contains(d.cfg.Issuer, "/.well-known/") {
		return nil, errors.New("the issuer is written with `/.well-known/…` at its end: write what stands before that")
	}
	if err != nil {
		return nil, fmt.Errorf("the metadata document could not be read: %w", err)
	}
	var m Metadata
	if convert(o, &m) != nil {
		return nil, errors.New("the metadata document could not be read: a field has another type than it should")
	}
	if m.Issuer != d.cfg.Issuer {
		return nil, fmt.Errorf("the metadata document names another issuer than the configured one: %s", printable(m.Issuer))
	}
	return &m, nil
}

// printable is an issuer as it may be shown to the operator.
func printable(s string) string {
	if s == "" {
		return "none"
	}
	if len(s) > 200 || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "one that cannot be shown"
	}
	return "`" + s + "`"
}
