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

// An AuthorizationEndpoint begins the sign-ins of one provider. Safe for concurrent use.
type AuthorizationEndpoint struct {
	*caller
	cfg  *providers.Config
	auth *clientAuth
}

// URL is where the browser goes.
func (e *AuthorizationEndpoint) URL(ctx context.Context, m *Metadata, a Authorization) (string, error) {
	u, err := url.Parse(e.auth.config(m).AuthCodeURL(a.State, e.options(a)...))
	if err != nil {
		return "", e.Fail(KindMisconfigured, "begin", errors.New("the authorization endpoint does not parse"))
	}
	q := u.Query()
	if e.cfg.Client.IDParam != "" {
		q.Del("client_id")
		q.Set(e.cfg.Client.IDParam, e.cfg.Client.ID)
	}
	if e.cfg.Authorization.ResponseType != "" {
		q.Set("response_type", e.cfg.Authorization.ResponseType)
	}
	for name, called := range e.cfg.Authorization.Names {
		if values, ok := q[name]; ok {
			q.Del(name)
			q[called] = values
		}
	}
	if m.RequirePAR {
		uri, err := e.push(ctx, m, q)
		if err != nil {
			return "", err
		}
		q = url.Values{"client_id": {e.cfg.Client.ID}, "request_uri": {uri}} // nothing else (RFC 9126 section 4)
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}

func (e *AuthorizationEndpoint) options(a Authorization) []oauth2.AuthCodeOption {
	separator, scope := e.cfg.Authorization.ScopeSeparator, e.cfg.Authorization.ScopeParam
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
	if e.cfg.IsOpenID() {
		params["nonce"] = a.Nonce.Reveal()
	}
	var opts []oauth2.AuthCodeOption
	switch e.cfg.Authorization.PKCE {
	case providers.PKCEOff:
	case providers.PKCEPlain:
		params["code_challenge"], params["code_challenge_method"] = a.Verifier.Reveal(), "plain"
	default:
		opts = append(opts, oauth2.S256ChallengeOption(a.Verifier.Reveal()))
	}
	for k, v := range params {
		opts = append(opts, oauth2.SetAuthURLParam(k, v))
	}
	return opts
}

// push sends the request ahead (RFC 9126): what a browser then carries is a reference.
func (e *AuthorizationEndpoint) push(ctx context.Context, m *Metadata, q url.Values) (string, error) {
	const op = "push the authorization request to"
	if m.PARURL == "" {
		return "", e.Fail(KindMisconfigured, op, errors.New("it requires one and names no endpoint"))
	}
	ctx, cancel := context.WithTimeout(ctx, documentTimeout)
	defer cancel()
	r, err := e.auth.authenticated(ctx, m, m.PARURL, q)
	if err != nil {
		return "", e.Fail(KindMisconfigured, op, err)
	}
	encodeBody(r, q, "form")
	status, header, body, err := e.do(r)
	if err != nil {
		return "", e.Unavailable(op, nil)
	}
	o, err := claims.Parse(body)
	uri := o.Text("request_uri")
	switch {
	case status >= 500 || status == http.StatusTooManyRequests:
		later := e.Unavailable(op, nil)
		later.RetryAfter = max(time.Second, retryAfter(header, e.now()))
		return "", later
	case status != http.StatusCreated && status != http.StatusOK || err != nil || uri == "":
		return "", e.Fail(KindMisconfigured, op, errors.New("it was refused"))
	}
	return uri, nil
}
