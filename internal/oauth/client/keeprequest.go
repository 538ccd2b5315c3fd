package client

import (
	"context"
	"errors"
	"net/http"

	"bff/internal/oauth/claims"
	"bff/internal/secret"
)

// KeepRequested makes the one request after an account was linked, and adds to values what its answer says. It does
// nothing for a provider without one.
func (p *Provider) KeepRequested(ctx context.Context, values map[string]string, access secret.Text) error {
	const op = "read the values of an account at"
	if p.root().KeepRequest.URL == "" {
		return nil
	}
	if p.KeepRequest.URL == "" {
		return p.Fail(KindFailed, op, errors.New("no answer has a value that the address of `keep_request` needs"))
	}
	if err := CheckEndpoint(p.KeepRequest.URL, ""); err != nil {
		return p.Fail(KindMisconfigured, op, errors.New("the address of `keep_request` "+err.Error()))
	}
	ctx, cancel := context.WithTimeout(ctx, documentTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.KeepRequest.URL, nil)
	if err != nil {
		return p.Fail(KindFailed, op, errors.New("the address does not parse"))
	}
	p.UserinfoEndpoint.present(r, access)
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", userAgent)
	for k, v := range p.Userinfo.Headers {
		r.Header.Set(k, v)
	}
	status, _, body, err := p.do(r)
	switch {
	case err != nil:
		return p.Fail(KindUnavailable, op, reason(err))
	case status == http.StatusTooManyRequests || status >= 500:
		return p.Fail(KindUnavailable, op, errors.New("it is down"))
	case status != http.StatusOK:
		return p.Fail(KindFailed, op, errors.New("the answer is not 200"))
	}
	answer, err := claims.ParseValue(body)
	if err != nil {
		return p.Fail(KindFailed, op, errors.New("the answer is no JSON"))
	}
	if err := p.KeepAnswer(values, answer); err != nil {
		return p.Fail(KindFailed, op, err)
	}
	return nil
}
