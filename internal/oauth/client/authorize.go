package client

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"bff/internal/oauth/claims"
	"bff/internal/oauth/providers"
	"bff/internal/secret"
)

// An Authorization is a request to the authorization endpoint.
type Authorization struct {
	State    string
	Scopes   []string
	Nonce    secret.Text
	Verifier secret.Text // PKCE
	Params   map[string]string
}

// AuthorizationURL is where the browser goes.
func (p *Provider) AuthorizationURL(ctx context.Context, m *Metadata, a Authorization) (string, error) {
	u, err := url.Parse(p.config(m).AuthCodeURL(a.State, p.authOptions(a)...))
	if err != nil {
		return "", p.Fail(KindMisconfigured, "begin", errors.New("the authorization endpoint does not parse"))
	}
	q := u.Query()
	if p.Client.IDParam != "" {
		q.Del("client_id")
		q.Set(p.Client.IDParam, p.Client.ID)
	}
	if p.Authorization.ResponseType != "" {
		q.Set("response_type", p.Authorization.ResponseType)
	}
	for name, called := range p.Authorization.Names {
		if values, ok := q[name]; ok {
			q.Del(name)
			q[called] = values
		}
	}
	if m.RequirePAR {
		uri, err := p.push(ctx, m, q)
		if err != nil {
			return "", err
		}
		q = url.Values{"client_id": {p.Client.ID}, "request_uri": {uri}} // nothing else (RFC 9126 section 4)
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}

func (p *Provider) authOptions(a Authorization) []oauth2.AuthCodeOption {
	separator, scope := p.Authorization.ScopeSeparator, p.Authorization.ScopeParam
	if separator == "" {
		separator = " "
	}
	if scope == "" {
		scope = "scope"
	}
	params := maps.Clone(a.Params)
	if params == nil {
		params = map[string]string{}
	}
	if len(a.Scopes) > 0 {
		params[scope] = strings.Join(a.Scopes, separator)
	}
	if p.IsOpenID() {
		params["nonce"] = a.Nonce.Reveal()
	}
	var opts []oauth2.AuthCodeOption
	if p.Authorization.PKCE != providers.PKCEOff {
		opts = append(opts, oauth2.S256ChallengeOption(a.Verifier.Reveal()))
	}
	for k, v := range params {
		opts = append(opts, oauth2.SetAuthURLParam(k, v))
	}
	return opts
}

// push sends the request ahead (RFC 9126): what a browser then carries is a reference.
func (p *Provider) push(ctx context.Context, m *Metadata, q url.Values) (string, error) {
	const op = "push the authorization request to"
	if m.PARURL == "" {
		return "", p.Fail(KindMisconfigured, op, errors.New("it requires one and names no endpoint"))
	}
	ctx, cancel := context.WithTimeout(ctx, documentTimeout)
	defer cancel()
	r, err := p.authenticated(ctx, m, m.PARURL, q)
	if err != nil {
		return "", p.Fail(KindMisconfigured, op, err)
	}
	encodeBody(r, q, "form")
	status, header, body, err := p.do(r)
	if err != nil {
		return "", p.Unavailable(op, nil)
	}
	o, err := claims.Parse(body)
	uri := o.Text("request_uri")
	switch {
	case status >= 500 || status == http.StatusTooManyRequests:
		e := p.Unavailable(op, nil)
		e.RetryAfter = max(time.Second, retryAfter(header, p.now()))
		return "", e
	case status != http.StatusCreated && status != http.StatusOK || err != nil || uri == "":
		return "", p.Fail(KindMisconfigured, op, errors.New("it was refused"))
	}
	return uri, nil
}

// AnswerIssuer is the `iss` of the provider's authorization answers (RFC 9207); "" when it is not known.
func (p *Provider) AnswerIssuer() string {
	if p.CallbackIssuer != "" {
		return p.CallbackIssuer
	}
	return p.Issuer
}
