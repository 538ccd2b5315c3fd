package client

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"bff/internal/oauth/claims"
	"bff/internal/oauth/providers"
	"bff/internal/secret"
)

// A RevocationResult says what became of one attempt to revoke.
type RevocationResult int

// The results.
const (
	Revoked    RevocationResult = iota // or the provider has nothing to revoke
	Postponed                          // the provider is down, or says when to come again
	Refused                            // the provider answers, and not with success
	Impossible                         // it has no way, or is not configured any more
)

// A Spent is a token to be revoked.
type Spent struct {
	Token   secret.Text
	Hint    string // token_type_hint
	Subject string // of the account; "" when it is not known
}

// A RevocationEndpoint ends the grants of one provider. Safe for concurrent use.
type RevocationEndpoint struct {
	*caller
	cfg       *providers.Config
	auth      *clientAuth
	discovery *Discovery
}

// Revoke makes one attempt (RFC 7009). wait is how long the provider asked to wait before the next.
func (e *RevocationEndpoint) Revoke(ctx context.Context, spent Spent) (_ RevocationResult, wait time.Duration) {
	m, err := e.discovery.Metadata(ctx)
	if err != nil {
		return Postponed, 0
	}
	if m.RevocationURL == "" {
		return Impossible, 0
	}
	r, err := e.request(ctx, m, spent)
	if err != nil {
		return Impossible, 0
	}
	status, header, body, err := e.do(r)
	if err != nil {
		return Postponed, 0
	}
	return revocationOutcome(status, body), retryAfter(header, e.now())
}

// revocationOutcome reads an answer. 200 is success also for a token the provider does not know (RFC 7009 section
// 2.2); 400 invalid_token, which some send for it, and GitHub's 404 mean the same.
func revocationOutcome(status int, body []byte) RevocationResult {
	o, _ := claims.Parse(body)
	code, _ := o["error"].(string)
	switch {
	case status == http.StatusTooManyRequests, status >= 500, status == http.StatusRequestTimeout:
		return Postponed
	case code == "invalid_token",
		code == "token_revoked",
		code == "invalid_grant",
		status == http.StatusNotFound && code == "":
		return Revoked
	case status >= 200 && status < 300 && o["ok"] != false:
		return Revoked
	}
	return Refused
}

// request is RFC 7009 section 2.1, or what the provider has instead.
func (e *RevocationEndpoint) request(
	ctx context.Context,
	m *Metadata,
	spent Spent,
) (*http.Request, error) {
	how, token := &e.cfg.Revocation, spent.Token
	if strings.Contains(m.RevocationURL, "{subject}") && spent.Subject == "" {
		return nil, errors.New("the account is not known")
	}
	address := strings.NewReplacer("{client_id}", url.PathEscape(e.cfg.Client.ID), "{token}", url.PathEscape(token.Reveal()),
		"{subject}", url.PathEscape(spent.Subject)).Replace(m.RevocationURL)
	form := url.Values{}
	param := how.Param
	if param == "" {
		param = "token"
		form.Set("token_type_hint", spent.Hint)
	}
	form.Set(param, token.Reveal())
	for name, value := range e.cfg.Shapes.RevocationParams {
		form.Set(name, value)
	}
	var r *http.Request
	var err error
	if how.Auth == "" || how.Auth == "client" {
		r, err = e.auth.authenticated(ctx, m, address, form)
	} else {
		r, err = http.NewRequestWithContext(ctx, http.MethodPost, address, nil)
	}
	if err != nil {
		return nil, errors.New("the address does not parse")
	}
	if how.Method != "" {
		r.Method = how.Method
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", userAgent)
	for k, v := range e.cfg.Token.Headers {
		r.Header.Set(k, v)
	}
	switch how.Auth {
	case "basic":
		e.auth.basic(r)
	case "bearer":
		r.Header.Set("Authorization", "Bearer "+token.Reveal())
	}
	if how.Body != "none" {
		encodeBody(r, form, how.Body)
	}
	return r, nil
}
