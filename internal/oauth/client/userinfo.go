package client

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"bff/internal/oauth/claims"
	"bff/internal/secret"
)

var errUnauthorized = errors.New("the answer is 401")

// FetchUserinfo requests whose the access token is (OpenID Connect Core section 5.3). An answer that is signed is
// verified with the provider's keys.
func (p *Provider) FetchUserinfo(ctx context.Context, m *Metadata, access secret.Text) (claims.Object, error) {
	fail := func(kind Kind, text string) (claims.Object, error) {
		return nil, p.Fail(kind, "ask userinfo of", errors.New(text))
	}
	method := p.Userinfo.Method
	if method == "" {
		method = http.MethodGet
	}
	r, err := http.NewRequestWithContext(ctx, method, m.UserinfoURL, strings.NewReader(p.Userinfo.Body))
	if err != nil {
		return fail(KindFailed, "the address does not parse")
	}
	p.present(r, access)
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", userAgent)
	for k, v := range p.Userinfo.Headers {
		r.Header.Set(k, strings.ReplaceAll(v, "{client_id}", p.Client.ID))
	}
	status, header, body, err := p.do(r)
	switch {
	case err != nil:
		return nil, p.Fail(KindUnavailable, "ask userinfo of", reason(err))
	case status == http.StatusTooManyRequests || status >= 500:
		return fail(KindUnavailable, "it is down")
	case status == http.StatusUnauthorized:
		return nil, p.Fail(KindFailed, "ask userinfo of", errUnauthorized)
	case status != http.StatusOK:
		return fail(KindFailed, "the answer is not 200")
	}
	if kind, _, _ := mime.ParseMediaType(header.Get("Content-Type")); kind == "application/jwt" {
		return p.signedUserinfo(ctx, m, string(body))
	}
	o, err := claims.Parse(body)
	if err != nil {
		return fail(KindFailed, "the answer is not a JSON object")
	}
	return o, nil
}

// signedUserinfo is OpenID Connect Core section 5.3.2: an answer that is signed is of this issuer and for this client.
func (p *Provider) signedUserinfo(ctx context.Context, m *Metadata, raw string) (claims.Object, error) {
	const op = "verify the userinfo of"
	if m.Keys == nil {
		return nil, p.Fail(KindFailed, op, errors.New("it is signed, and no issuer is configured whose keys would verify it"))
	}
	o, _, err := m.Keys.Verify(ctx, strings.TrimSpace(raw))
	if err != nil {
		return nil, p.Fail(KindFailed, op, err)
	}
	if !p.Expect().Speaks(o) {
		return nil, p.Fail(KindFailed, op, errors.New("it is of another issuer or for another client"))
	}
	return o, nil
}

// do makes a request and reads its answer, which the transport bounds.
func (p *Provider) do(r *http.Request) (status int, header http.Header, body []byte, err error) {
	resp, err := p.http.Do(r)
	if err != nil {
		return 0, nil, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err = io.ReadAll(io.LimitReader(resp.Body, maxDocument))
	return resp.StatusCode, resp.Header, body, err
}

// Wanted reports whether a sign-in lacks something that userinfo may say.
func Wanted(scopes []string, name, email string) bool {
	return name == "" && slices.Contains(scopes, "profile") || email == "" && slices.Contains(scopes, "email")
}
