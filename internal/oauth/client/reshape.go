package client

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"bff/internal/oauth/providers"
	"bff/internal/secret"
)

// signedLife is how long a client secret that is signed for one request is good.
const signedLife = 5 * time.Minute

// clientSecret is the client's secret, or one that its key signs afresh: a JWT of its issuer about the client (Apple).
func (p *Provider) clientSecret(m *Metadata) string {
	if m.style != providers.SignedSecret {
		return p.Client.Secret.Reveal()
	}
	now := p.now()
	signed, err := jwt.Signed(p.signer).Claims(jwt.Claims{Issuer: p.Client.Issuer, Subject: p.Client.ID,
		Audience: jwt.Audience{p.audience(m)}, IssuedAt: jwt.NewNumericDate(now),
		Expiry: jwt.NewNumericDate(now.Add(signedLife))}).Serialize()
	if err != nil {
		p.WarnOnce("signed secret", "the client's key could not sign a client secret")
		return ""
	}
	return signed
}

// rename gives the parameters of a token request the provider's own names.
func (a *Answer) rename(form url.Values) {
	names := a.p.Shapes.TokenNames
	if a.refresh && len(a.p.Shapes.RefreshNames) > 0 {
		names = maps.Clone(names)
		if names == nil {
			names = map[string]string{}
		}
		maps.Copy(names, a.p.Shapes.RefreshNames)
	}
	for name, own := range names {
		if form.Has(name) {
			values := form[name]
			delete(form, name)
			form[own] = values
		}
	}
}

// method is that of the token request.
func (a *Answer) method() string {
	s := &a.p.Shapes
	switch {
	case a.longLived:
		return cmp.Or(s.LongLivedMethod, http.MethodPost)
	case a.refresh:
		return cmp.Or(s.RefreshMethod, s.TokenMethod, http.MethodPost)
	}
	return cmp.Or(s.TokenMethod, http.MethodPost)
}

// intoAddress moves the parameters of a request from its body into its address.
func intoAddress(r *http.Request, form url.Values) {
	q := r.URL.Query()
	maps.Copy(q, form)
	address := *r.URL
	address.RawQuery = q.Encode()
	r.Method, r.URL, r.Body, r.ContentLength, r.GetBody = http.MethodGet, &address, nil, 0, nil
	r.Header.Del("Content-Type")
}

// extend exchanges the short-lived token of an answer for a long-lived one, where the provider has such. What the
// second answer lacks stays as the first had it.
func (a *Answer) extend(ctx context.Context) *Answer {
	s := &a.p.Shapes
	if a.err != nil || s.LongLivedURL == "" {
		return a
	}
	params := url.Values{}
	for k, v := range s.LongLivedParams {
		params.Set(k, strings.ReplaceAll(v, "{access_token}", a.Tokens.Access.Reveal()))
	}
	long := &Answer{p: a.p, m: a.m, address: s.LongLivedURL, longLived: true}
	long.request(ctx, func(ctx context.Context) (*oauth2.Token, error) {
		c := a.p.config(a.m)
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

// standardNames puts the fields of an answer under the standard's names.
func (a *Answer) standardNames(out map[string]any) {
	for name, path := range a.p.Shapes.AnswerNames {
		if v := a.Fields.At(path); v != nil {
			out[name] = v
		}
	}
}

// renewable is the refresh token, or the access token where the provider exchanges that for a new one.
func (a *Answer) renewable(refresh string) secret.Text {
	if a.p.Shapes.RefreshWith == providers.RefreshWithAccess {
		return a.Tokens.Access
	}
	return secret.New(refresh)
}
