package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptrace"
	"strings"
	"time"

	"bff/internal/oauth/claims"
)

const (
	metadataFresh = 24 * time.Hour
	metadataPause = 500 * time.Millisecond
	metadataAgain = time.Minute // between attempts to read again what is known

	// WellKnown is where an issuer publishes its metadata, below itself.
	WellKnown = "/.well-known/openid-configuration"
)

// Metadata is what a provider publishes of itself (OpenID Connect Discovery 1.0, RFC 8414), with the operator's
// fields laid over it.
type Metadata struct {
	Issuer           string   `json:"issuer"`
	AuthorizationURL string   `json:"authorization_endpoint"`
	TokenURL         string   `json:"token_endpoint"`
	UserinfoURL      string   `json:"userinfo_endpoint"`
	RevocationURL    string   `json:"revocation_endpoint"`
	JWKSURL          string   `json:"jwks_uri"`
	EndSessionURL    string   `json:"end_session_endpoint"`
	AuthMethods      []string `json:"token_endpoint_auth_methods_supported"`
	Algorithms       []string `json:"id_token_signing_alg_values_supported"`
	IssParameter     bool     `json:"authorization_response_iss_parameter_supported"`
	RequirePAR       bool     `json:"require_pushed_authorization_requests"`
	PARURL           string   `json:"pushed_authorization_request_endpoint"`

	Keys  *Keys  `json:"-"` // nil for a plain OAuth 2.0 provider
	style string // of client authentication
}

// Metadata returns the endpoints, discovering them when first needed. What was known serves while it is read again,
// and longer when that fails.
func (p *Provider) Metadata(ctx context.Context) (*Metadata, error) {
	if err := ctx.Err(); err != nil {
		return nil, p.Unavailable("discover", nil)
	}
	type result struct {
		m   *Metadata
		err error
	}
	got := make(chan result, 1)
	if m, ok := p.known(); ok {
		return m, nil
	}
	go func() {
		m, err := p.discovered(context.WithoutCancel(ctx))
		got <- result{m, err}
	}()
	select {
	case r := <-got:
		return r.m, r.err
	case <-ctx.Done(): // whoever else waits has the result of the same request
		return nil, p.Unavailable("discover", errors.New("no answer in time"))
	}
}

// known returns metadata that is there, without waiting for a discovery that is under way.
func (p *Provider) known() (*Metadata, bool) {
	if !p.mu.TryLock() {
		return nil, false
	}
	defer p.mu.Unlock()
	now := time.Now()
	if p.meta != nil && (now.Sub(p.fetched) < metadataFresh || now.Before(p.pause)) {
		return p.meta, true
	}
	return nil, false
}

// discovered takes at most the time of one discovery for each caller before this one.
func (p *Provider) discovered(ctx context.Context) (*Metadata, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	switch {
	case p.meta != nil && (now.Sub(p.fetched) < metadataFresh || now.Before(p.pause)):
		return p.meta, nil
	case p.meta != nil:
		p.pause = now.Add(metadataAgain)
		go p.rediscover(ctx)
		return p.meta, nil
	case now.Before(p.pause):
		return nil, p.failed
	}
	m, err := p.discover(ctx)
	if err != nil {
		p.pause = time.Now().Add(metadataPause) // for those who waited for this one too
		p.failed = p.Unavailable("discover", err)
		return nil, p.failed
	}
	p.meta, p.fetched = m, time.Now()
	return m, nil
}

func (p *Provider) rediscover(ctx context.Context) {
	m, err := p.discover(ctx)
	if err != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.meta, p.fetched = m, time.Now()
}

// discover reads the metadata document unless the configuration says all there is to know.
func (p *Provider) discover(ctx context.Context) (*Metadata, error) {
	m := &Metadata{}
	if p.Keyed() {
		m.UserinfoURL = p.Userinfo.URL
		return m, nil
	}
	if p.Issuer != "" && (p.Token.URL == "" || p.Auth == "" && (p.Authorization.URL == "" || p.JWKSURL == "")) {
		found, err := p.Published(ctx)
		if err != nil {
			return nil, err
		}
		m = found
	}
	if err := p.overlay(m); err != nil {
		return nil, err
	}
	m.style = p.chooseStyle(m.AuthMethods)
	if p.Issuer != "" && p.Auth == "" {
		m.Keys = p.newKeys(m.JWKSURL, m.Algorithms)
	}
	return m, nil
}

// Published reads the metadata document of the issuer, which must be its own.
func (p *Provider) Published(ctx context.Context) (*Metadata, error) {
	ctx = httptrace.WithClientTrace(ctx, p.watchAddress())
	o, err := p.document(ctx, strings.TrimSuffix(p.Issuer, "/")+WellKnown)
	if err != nil && strings.Contains(p.Issuer, "/.well-known/") {
		return nil, errors.New("the issuer is written with `/.well-known/…` at its end: write what stands before that")
	}
	if err != nil {
		return nil, fmt.Errorf("the metadata document could not be read: %w", err)
	}
	var m Metadata
	if convert(o, &m) != nil {
		return nil, errors.New("the metadata document could not be read: a field has another type than it should")
	}
	if m.Issuer != p.Issuer {
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

func convert(o claims.Object, to any) error {
	b, err := json.Marshal(o)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, to)
}

// overlay lays the operator's endpoints over m and checks all of them.
func (p *Provider) overlay(m *Metadata) error {
	for _, f := range []struct {
		name      string
		to        *string
		given     string
		mandatory bool
	}{
		{"authorization_endpoint", &m.AuthorizationURL, p.Authorization.URL, p.Auth == ""},
		{"token_endpoint", &m.TokenURL, p.Token.URL, true},
		{"userinfo_endpoint", &m.UserinfoURL, p.Userinfo.URL, false},
		{"revocation_endpoint", &m.RevocationURL, p.Revocation.URL, false},
		{"jwks_uri", &m.JWKSURL, p.JWKSURL, p.Issuer != "" && p.Auth == ""},
		{"end_session_endpoint", &m.EndSessionURL, p.EndSessionURL, false},
		{"pushed_authorization_request_endpoint", &m.PARURL, "", false},
		{"refresh_url", new(string), p.Token.RefreshURL, false},
		{"long_lived_url", new(string), p.Shapes.LongLivedURL, false},
	} {
		from := p.Issuer
		if f.given != "" {
			*f.to, from = f.given, ""
		}
		if *f.to == "" && !f.mandatory {
			continue
		}
		if err := CheckEndpoint(*f.to, from); err != nil {
			return fmt.Errorf("%s %w", f.name, err)
		}
	}
	return nil
}
