package client

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	googlejwt "golang.org/x/oauth2/jwt"

	"bff/internal/oauth/claims"
	"bff/internal/oauth/providers"
	"bff/internal/secret"
)

// A TokenEndpoint gives tokens of one provider. Safe for concurrent use.
type TokenEndpoint struct {
	*caller
	cfg     *providers.Config
	auth    *clientAuth
	account *googlejwt.Config // of a service account; else nil
}

// Exchange redeems a code (RFC 6749 section 4.1.3). verifier is not sent where the provider takes no PKCE.
func (t *TokenEndpoint) Exchange(ctx context.Context, m *Metadata, code string, verifier secret.Text) *Answer {
	q := &tokenRequest{auth: t.auth, m: m, params: t.cfg.Token.Params}
	a := q.send(ctx, t.wire, func(ctx context.Context, _ *http.Client) (*oauth2.Token, error) {
		var opts []oauth2.AuthCodeOption
		if t.cfg.Authorization.PKCE != providers.PKCEOff {
			opts = append(opts, oauth2.VerifierOption(verifier.Reveal()))
		}
		return t.auth.config(m).Exchange(ctx, code, opts...)
	})
	return t.extend(ctx, m, a)
}

// extend exchanges the short-lived token of an answer for a long-lived one, where the provider has such. What the
// second answer lacks stays as the first had it.
func (t *TokenEndpoint) extend(ctx context.Context, m *Metadata, a *Answer) *Answer {
	s := &t.cfg.Shapes
	if a.err != nil || s.LongLivedURL == "" {
		return a
	}
	params := url.Values{}
	for k, v := range s.LongLivedParams {
		params.Set(k, strings.ReplaceAll(v, "{access_token}", a.Tokens.Access.Reveal()))
	}
	q := &tokenRequest{auth: t.auth, m: m, address: s.LongLivedURL, longLived: true}
	long := q.send(ctx, t.wire, func(ctx context.Context, _ *http.Client) (*oauth2.Token, error) {
		c := t.auth.config(m)
		return (&clientcredentials.Config{ClientID: c.ClientID, ClientSecret: c.ClientSecret, TokenURL: s.LongLivedURL,
			AuthStyle: c.Endpoint.AuthStyle, EndpointParams: params}).Token(ctx)
	})
	if long.err != nil {
		return long
	}
	long.Fields, long.IDToken, long.Scope = a.Fields, a.IDToken, cmp.Or(long.Scope, a.Scope)
	if long.Tokens.Refresh.IsZero() {
		long.Tokens.Refresh = a.Tokens.Refresh
	}
	return long
}

// Refresh spends a refresh token (RFC 6749 section 6).
func (t *TokenEndpoint) Refresh(ctx context.Context, m *Metadata, token secret.Text) *Answer {
	params := maps.Clone(t.cfg.Token.Params)
	for k, v := range t.cfg.Token.RefreshParams {
		if params == nil {
			params = map[string]string{}
		}
		params[k] = strings.ReplaceAll(v, "{redirect_uri}", t.auth.redirect)
	}
	q := &tokenRequest{auth: t.auth, m: m, params: params, address: t.cfg.Token.RefreshURL, refresh: true}
	return q.send(ctx, t.wire, func(ctx context.Context, _ *http.Client) (*oauth2.Token, error) {
		return t.auth.config(m).TokenSource(ctx, &oauth2.Token{RefreshToken: token.Reveal()}).Token()
	})
}

// Obtain has the provider issue an access token for the operator's credential.
func (t *TokenEndpoint) Obtain(ctx context.Context, m *Metadata) *Answer {
	q := &tokenRequest{auth: t.auth, m: m, params: t.cfg.Token.Params}
	switch t.cfg.Auth {
	case providers.AuthServiceAccount:
		return q.send(ctx, t.wire, func(ctx context.Context, c *http.Client) (*oauth2.Token, error) {
			// The package makes its request without a context, which would have no end.
			c.Transport = within{ctx, c.Transport}
			token, err := t.account.TokenSource(ctx).Token()
			if err == nil && token.AccessToken == "" { // which the package takes for a token
				err = errors.New("there is no token in the answer")
			}
			return token, err
		})
	case providers.AuthGitHubApp:
		return t.installation(ctx)
	}
	return q.send(ctx, t.wire, func(ctx context.Context, _ *http.Client) (*oauth2.Token, error) {
		c := t.auth.config(m)
		return (&clientcredentials.Config{ClientID: c.ClientID, ClientSecret: c.ClientSecret, TokenURL: m.TokenURL,
			AuthStyle: c.Endpoint.AuthStyle, EndpointParams: t.scopeParam()}).Token(ctx)
	})
}

// scopeParam is the scope of a token request, as this provider separates scopes.
func (t *TokenEndpoint) scopeParam() url.Values {
	if len(t.cfg.Scopes) == 0 {
		return nil
	}
	return url.Values{cmp.Or(t.cfg.Authorization.ScopeParam, "scope"): {
		strings.Join(t.cfg.Scopes, cmp.Or(t.cfg.Authorization.ScopeSeparator, " "))}}
}

// within gives requests a context.
type within struct {
	ctx  context.Context
	next http.RoundTripper
}

func (w within) RoundTrip(r *http.Request) (*http.Response, error) {
	return w.next.RoundTrip(r.WithContext(w.ctx))
}

// installation obtains a token of an installation of a GitHub App: a POST with a JWT that the app's key signed.
func (t *TokenEndpoint) installation(ctx context.Context) *Answer {
	a, now := &Answer{cfg: t.cfg}, t.now()
	signed, err := jwt.Signed(t.auth.signer).Claims(jwt.Claims{Issuer: t.cfg.Client.ID,
		IssuedAt: jwt.NewNumericDate(now.Add(-time.Minute)), // GitHub's clock may be behind
		Expiry:   jwt.NewNumericDate(now.Add(5 * time.Minute))}).Serialize()
	if a.err = err; err != nil {
		return a
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, t.cfg.Token.URL, http.NoBody)
	if a.err = err; err != nil {
		return a
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", userAgent)
	for k, v := range t.cfg.Token.Headers {
		r.Header.Set(k, v)
	}
	r.Header.Set("Authorization", "Bearer "+signed)
	status, header, body, err := t.do(r)
	if a.err = err; err != nil {
		return a
	}
	a.Status, a.received, a.RetryAfter = status, t.now(), retryAfter(header, t.now())
	a.sent.Store(true)
	a.Fields, _ = claims.Parse(body)
	token := a.Fields.Text("token")
	if status != http.StatusCreated && status != http.StatusOK || token == "" {
		a.err = errors.New("there is no token in the answer")
		return a
	}
	a.Tokens.Access, a.Tokens.ObtainedAt = secret.New(token), a.received
	if end, err := time.Parse(time.RFC3339, a.Fields.Text("expires_at")); err == nil {
		a.Tokens.Expiry = end
	}
	return a
}
