package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"bff/internal/vault"
)

// SecurityKind is what a security event says.
type SecurityKind int

// The kinds of security events. What a provider means by an event is told by its URI.
const (
	Other            SecurityKind = iota // known or not, it asks for nothing
	SessionsRevoked                      // end the account's sessions
	TokensRevoked                        // the account's grant is dead
	AccountDisabled                      // end its sessions
	AccountPurged                        // the account does not exist any more
	CredentialChange                     // end its sessions: somebody else may know the password
	Verification                         // a test
)

// A SecurityEvent is one event of a security event token (RFC 8417).
type SecurityEvent struct {
	Kind    SecurityKind
	UserID  string // "" when it is about nobody
	Subject string // at the provider
}

// securityKind reads an event's URI. tokens-revoked belongs to oauth; some put it under risc.
func securityKind(uri string) SecurityKind {
	const risc, oauth = "https://schemas.openid.net/secevent/risc/event-type/", "https://schemas.openid.net/secevent/oauth/event-type/"
	switch strings.TrimSuffix(uri, "/") {
	case risc + "sessions-revoked":
		return SessionsRevoked
	case oauth + "tokens-revoked", risc + "tokens-revoked":
		return TokensRevoked
	case risc + "account-disabled":
		return AccountDisabled
	case risc + "account-purged":
		return AccountPurged
	case risc + "account-credential-change-required":
		return CredentialChange
	case risc + "verification":
		return Verification
	}
	return Other
}

const (
	securityFresh = 7 * 24 * time.Hour // how old an event may be when it comes
	maxEvents     = 16
)

type securityClaims struct {
	Issuer   string                     `json:"iss"`
	Audience audience                   `json:"aud"`
	IssuedAt float64                    `json:"iat"`
	ID       string                     `json:"jti"`
	Subject  securitySubject            `json:"sub_id"` // of all events (RFC 9493 section 4)
	Events   map[string]json.RawMessage `json:"events"`
}

// A securitySubject is who an event is about.
type securitySubject struct {
	Type    string `json:"subject_type"`
	Format  string `json:"format"`
	Issuer  string `json:"iss"`
	Subject string `json:"sub"`
}

// SecurityEvents validates a security event token. It has no end of its own: `exp` is not looked at (RFC 8417 section 2.2). One that was seen before brings
// no events and no error (RFC 8935 section 2.2); without the store none is accepted.
func (b *Broker) SecurityEvents(ctx context.Context, name, raw string) ([]SecurityEvent, error) {
	const op = "verify the security event token of"
	p, err := b.provider(op, name)
	if err != nil {
		return nil, err
	}
	fail := func(text string) ([]SecurityEvent, error) { return nil, p.fail(KindFailed, op, errors.New(text)) }
	if p.Issuer == "" {
		return fail("the provider makes none")
	}
	issuer, keys, err := p.securityKeys(ctx)
	if err != nil {
		return nil, err
	}
	token, err := keys.verify(ctx, strings.TrimSpace(raw))
	if errors.Is(err, errKeys) {
		return nil, &Error{Kind: KindUnavailable, Op: op, Provider: p.Name, RetryAfter: time.Second, Err: err}
	}
	if err != nil {
		return fail("it does not verify")
	}
	var c securityClaims
	if json.Unmarshal(token.payload, &c) != nil {
		return fail("its claims do not parse")
	}
	if fault := p.checkSecurity(token.typ, issuer, &c); fault != "" {
		return fail(fault)
	}
	first, err := b.vault.Once(ctx, "security/"+p.Name, c.ID, securityFresh+time.Hour)
	if err != nil {
		return nil, &Error{Kind: KindStore, Op: op, Provider: p.Name, RetryAfter: time.Second, Err: err}
	}
	if !first {
		return nil, nil
	}
	var out []SecurityEvent
	for uri, body := range c.Events {
		out = append(out, p.securityEvent(uri, body, c.Subject))
	}
	return out, nil
}

func (p *provider) checkSecurity(typ, issuer string, c *securityClaims) (fault string) {
	now, issued := p.now(), fromSeconds(c.IssuedAt)
	switch {
	case typ != "" && !typed(typ, "secevent+jwt") && !typed(typ, "JWT"):
		return "it is a token of another type" // an ID token, which may have no type either, has no events (RFC 8417 section 4.5)
	case !sameIssuer(c.Issuer, issuer) && !sameIssuer(c.Issuer, p.Issuer):
		return "another issuer made it"
	case !slices.Contains(c.Audience, p.Client.ID):
		return "it is for another client"
	case c.IssuedAt <= 0 || issued.After(now.Add(clockSkew)) || issued.Before(now.Add(-securityFresh)):
		return "it was not issued lately"
	case c.ID == "" || len(c.ID) > maxJTI:
		return "it has no usable id"
	case len(c.Events) == 0 || len(c.Events) > maxEvents:
		return "it has no events, or too many"
	}
	return ""
}

// securityEvent reads one event; where it names no subject, the token's own counts. A subject of another issuer, or one that is a token, is about nobody we
// can name.
func (p *provider) securityEvent(uri string, body json.RawMessage, of securitySubject) SecurityEvent {
	var in struct {
		Subject *securitySubject `json:"subject"`
	}
	e := SecurityEvent{Kind: securityKind(uri)}
	if json.Unmarshal(body, &in) != nil {
		return e
	}
	s := of
	if in.Subject != nil {
		s = *in.Subject
	}
	byIssuer := s.Type == "" && s.Format == "" || sameKind(s.Type) || sameKind(s.Format)
	if byIssuer && sameIssuer(s.Issuer, p.Issuer) && s.Subject != "" && len(s.Subject) <= maxSubject {
		e.Subject, e.UserID = s.Subject, vault.UserID(p.Name, p.Issuer, s.Subject)
	}
	return e
}

// sameKind: "iss-sub" of the draft Google speaks, "iss_sub" of RFC 9493, "id_token_claims" of Google's documentation.
func sameKind(s string) bool {
	return s == "iss-sub" || s == "iss_sub" || s == "id_token_claims" || s == "id-token-claims"
}

// sameIssuer compares but for one slash at the end, which Google's event tokens have and its configuration has not.
func sameIssuer(a, b string) bool {
	return a != "" && strings.TrimSuffix(a, "/") == strings.TrimSuffix(b, "/")
}

// securityKeys are who signs security events: what the provider publishes for them, else who signs its ID tokens.
func (p *provider) securityKeys(ctx context.Context) (issuer string, _ *keys, err error) {
	if p.RISCURL == "" {
		m, err := p.metadata(ctx)
		if err != nil {
			return "", nil, err
		}
		return p.Issuer, m.keys, nil
	}
	p.risc.mu.Lock()
	defer p.risc.mu.Unlock()
	r := &p.risc
	now := time.Now()
	if r.keys != nil && now.Sub(r.fetched) < metadataFresh {
		return r.issuer, r.keys, nil
	}
	failed := &Error{Kind: KindUnavailable, Op: "discover the security events of", Provider: p.Name, RetryAfter: time.Second}
	if now.Before(r.pause) {
		if r.keys != nil {
			return r.issuer, r.keys, nil
		}
		return "", nil, failed
	}
	found, err := p.discoverRISC(ctx)
	if err != nil {
		r.pause = now.Add(metadataPause)
		if r.keys != nil {
			return r.issuer, r.keys, nil
		}
		failed.Err = err
		return "", nil, failed
	}
	r.issuer, r.keys, r.fetched = found.Issuer, p.newKeys(found.JWKSURL, nil), now
	return r.issuer, r.keys, nil
}

type riscMetadata struct {
	Issuer  string `json:"issuer"`
	JWKSURL string `json:"jwks_uri"`
}

// discoverRISC reads the transmitter's metadata (OpenID RISC Profile). It must be the provider's own issuer.
func (p *provider) discoverRISC(ctx context.Context) (riscMetadata, error) {
	var m riscMetadata
	if err := checkEndpoint(p.RISCURL, ""); err != nil { // the operator's own word, or a built-in's
		return m, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), metadataTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.RISCURL, nil)
	if err != nil {
		return m, errors.New("the address does not parse")
	}
	resp, err := p.client.Do(r)
	if err != nil {
		return m, errors.New("no answer")
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&m) != nil {
		return m, errors.New("the metadata document could not be read")
	}
	if !sameIssuer(m.Issuer, p.Issuer) {
		return m, errors.New("the metadata document names another issuer than the configured one")
	}
	return m, checkEndpoint(m.JWKSURL, p.RISCURL)
}
