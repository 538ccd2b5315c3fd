package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"bff/internal/vault"
)

const (
	revocationLimit   = 4 * 24 * time.Hour // then a provider that never confirmed is given up
	revocationRefused = 8                  // attempts at one that answers, but not with success
	revocationFirst   = 2 * time.Second
	revocationMax     = time.Hour
)

// revocationRecord is what waits in the outbox, sealed by the vault. Names of one letter: it is stored.
type revocationRecord struct {
	Provider string `json:"p"`
	Token    string `json:"t"`
	Hint     string `json:"h"` // token_type_hint
	Access   string `json:"a,omitempty"`
}

// Revocation is what has to be revoked when c is unlinked, for [vault.Vault.Unlink]; nil when there is nothing. The refresh token comes first: with it
// goes the access token, at Google the whole grant (RFC 7009 section 2.1).
func (b *Broker) Revocation(c vault.Connection) []byte {
	p := b.providers[c.Provider]
	if p == nil {
		return nil
	}
	c = b.held.over(c)
	t := c.Tokens
	rec := revocationRecord{Provider: c.Provider, Token: t.Refresh.Reveal(), Hint: "refresh_token", Access: t.Access.Reveal()}
	if rec.Token == "" || p.Revocation.Token == "access" {
		rec.Token, rec.Hint = rec.Access, "access_token"
	}
	if rec.Token == "" || p.Revocation.URL == "" && p.Issuer == "" {
		return nil
	}
	out, err := json.Marshal(rec)
	if err != nil {
		panic("oauth: a record of strings did not encode")
	}
	return out
}

// A revocationResult says what became of one attempt.
type revocationResult int

const (
	revoked    revocationResult = iota // or the provider has nothing to revoke
	postponed                          // the provider is down, or says when to come again
	refused                            // the provider answers, and not with success
	impossible                         // it has no way, or is not configured any more
)

// revoke makes one attempt.
func (b *Broker) revoke(ctx context.Context, payload []byte) (revocationResult, time.Duration) {
	var rec revocationRecord
	if json.Unmarshal(payload, &rec) != nil {
		return impossible, 0
	}
	p := b.providers[rec.Provider]
	if p == nil {
		return impossible, 0
	}
	m, err := p.metadata(ctx)
	if err != nil {
		return postponed, 0
	}
	if m.RevocationURL == "" {
		return impossible, 0
	}
	ctx, cancel := context.WithTimeout(ctx, b.cfg.TokenTimeout)
	defer cancel()
	r, err := p.revocationRequest(ctx, m, &rec)
	if err != nil {
		return impossible, 0
	}
	resp, err := p.client.Do(r)
	if err != nil {
		return postponed, 0
	}
	defer resp.Body.Close()
	return revocationOutcome(resp, b.cfg.Now())
}

// revocationOutcome reads an answer. 200 is success also for a token the provider does not know (RFC 7009 section 2.2); 400 invalid_token, which some send
// for it, and GitHub's 404 mean the same.
func revocationOutcome(resp *http.Response, now time.Time) (revocationResult, time.Duration) {
	var body struct {
		Error any `json:"error"`
		OK    any `json:"ok"`
	}
	_ = json.NewDecoder(resp.Body).Decode(&body) // bounded by the client
	code, _ := body.Error.(string)
	switch s := resp.StatusCode; {
	case s == http.StatusTooManyRequests, s >= 500, s == http.StatusRequestTimeout:
		return postponed, retryAfter(resp.Header, now)
	case code == "invalid_token", code == "token_revoked", code == "invalid_grant", s == http.StatusNotFound && code == "":
		return revoked, 0
	case s >= 200 && s < 300 && body.OK != false:
		return revoked, 0
	}
	return refused, 0
}

// revocationRequest is RFC 7009 section 2.1, or what the provider has instead.
func (p *provider) revocationRequest(ctx context.Context, m *metadata, rec *revocationRecord) (*http.Request, error) {
	address := strings.NewReplacer("{client_id}", url.PathEscape(p.Client.ID), "{token}", url.PathEscape(rec.Token)).Replace(m.RevocationURL)
	form := url.Values{}
	param := p.Revocation.Param
	if param == "" {
		param = "token"
		form.Set("token_type_hint", rec.Hint)
	}
	form.Set(param, rec.Token)
	var r *http.Request
	var err error
	if p.Revocation.Auth == "" || p.Revocation.Auth == "client" {
		r, err = p.request(ctx, m, address, form)
	} else {
		r, err = http.NewRequestWithContext(ctx, http.MethodPost, address, nil)
	}
	if err != nil {
		return nil, errors.New("the address does not parse")
	}
	if p.Revocation.Method != "" {
		r.Method = p.Revocation.Method
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", userAgent)
	for k, v := range p.Token.Headers {
		r.Header.Set(k, v)
	}
	switch p.Revocation.Auth {
	case "basic":
		p.basic(r)
	case "bearer":
		r.Header.Set("Authorization", "Bearer "+rec.Token)
	}
	if p.Revocation.Body != "none" {
		encodeBody(r, form, p.Revocation.Body)
	}
	return r, nil
}
