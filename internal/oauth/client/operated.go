package client

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	"golang.org/x/oauth2/google"
	googlejwt "golang.org/x/oauth2/jwt"

	"bff/internal/oauth/claims"
	"bff/internal/oauth/providers"
	"bff/internal/secret"
)

// githubInstallation is where GitHub gives tokens to an installation of an app.
const githubInstallation = "https://api.github.com/app/installations/{installation}/access_tokens"

// newOperated makes a provider whose access tokens are obtained with the operator's credential.
func newOperated(pc providers.Config, o Options) (*Provider, error) {
	if pc.Name == "" {
		return nil, errors.New("needs a name")
	}
	var account *googlejwt.Config
	var err error
	switch pc.Auth {
	case providers.AuthServiceAccount:
		account, err = google.JWTConfigFromJSON([]byte(pc.Operator.ServiceAccount.Reveal()), pc.Scopes...)
		if err != nil || account.TokenURL == "" && pc.Token.URL == "" {
			return nil, errors.New("has a service_account that is no key file of a service account")
		}
		pc.Token.URL = cmp.Or(pc.Token.URL, account.TokenURL)
		account.TokenURL, account.Subject = pc.Token.URL, pc.Operator.ActAs
	case providers.AuthGitHubApp:
		if pc.Client.ID == "" || pc.Operator.Installation == "" {
			return nil, errors.New("needs a client id and an installation")
		}
		pc.Token.URL = strings.ReplaceAll(cmp.Or(pc.Token.URL, githubInstallation), "{installation}",
			url.PathEscape(pc.Operator.Installation))
	case providers.AuthClientCredentials:
		if pc.Client.ID == "" || pc.Issuer == "" && pc.Token.URL == "" {
			return nil, errors.New("needs a client id, and an issuer or a token_url")
		}
	default:
		return nil, errors.New("has an auth that is none of api_key, basic, service_account, client_credentials and github_app")
	}
	if pc.Token.URL != "" {
		if err := CheckEndpoint(pc.Token.URL, ""); err != nil {
			return nil, errors.New("has a token_url that " + err.Error())
		}
	}
	p := assemble(pc, o)
	p.account = account
	if pc.Auth == providers.AuthGitHubApp || pc.Client.Auth == providers.PrivateKeyJWT || !pc.Client.Key.IsZero() {
		if p.signer, err = newSigner(&pc); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// OperatorKey is the API key, or what Basic sends, that the operator gave; empty where a token is obtained instead.
func (p *Provider) OperatorKey() secret.Text {
	switch o := &p.Operator; p.Auth {
	case providers.AuthAPIKey:
		return o.APIKey
	case providers.AuthBasic:
		return secret.New(base64.StdEncoding.EncodeToString([]byte(o.Username + ":" + o.Password.Reveal())))
	}
	return secret.Text{}
}

// Obtain has the provider issue an access token for the operator's credential.
func (p *Provider) Obtain(ctx context.Context, m *Metadata) *Answer {
	a := &Answer{p: p, m: m, params: p.Token.Params}
	switch p.Auth {
	case providers.AuthServiceAccount:
		return a.request(ctx, func(ctx context.Context) (*oauth2.Token, error) {
			// The package makes its request without a context, which would have no end.
			http := &http.Client{Transport: within{ctx, p.http.Transport}, CheckRedirect: p.http.CheckRedirect}
			return p.account.TokenSource(context.WithValue(ctx, oauth2.HTTPClient, http)).Token()
		})
	case providers.AuthGitHubApp:
		return p.installation(ctx, a)
	}
	return a.request(ctx, func(ctx context.Context) (*oauth2.Token, error) {
		c := p.config(m)
		return (&clientcredentials.Config{ClientID: c.ClientID, ClientSecret: c.ClientSecret, TokenURL: m.TokenURL,
			AuthStyle: c.Endpoint.AuthStyle, EndpointParams: p.scopeParam()}).Token(ctx)
	})
}

// scopeParam is the scope of a token request, as this provider separates scopes.
func (p *Provider) scopeParam() url.Values {
	if len(p.Scopes) == 0 {
		return nil
	}
	return url.Values{cmp.Or(p.Authorization.ScopeParam, "scope"): {
		strings.Join(p.Scopes, cmp.Or(p.Authorization.ScopeSeparator, " "))}}
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
func (p *Provider) installation(ctx context.Context, a *Answer) *Answer {
	now := p.now()
	signed, err := jwt.Signed(p.signer).Claims(jwt.Claims{Issuer: p.Client.ID,
		IssuedAt: jwt.NewNumericDate(now.Add(-time.Minute)), // GitHub's clock may be behind
		Expiry:   jwt.NewNumericDate(now.Add(5 * time.Minute))}).Serialize()
	if a.err = err; err != nil {
		return a
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.Token.URL, http.NoBody)
	if a.err = err; err != nil {
		return a
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", userAgent)
	for k, v := range p.Token.Headers {
		r.Header.Set(k, v)
	}
	r.Header.Set("Authorization", "Bearer "+signed)
	status, header, body, err := p.do(r)
	if a.err = err; err != nil {
		return a
	}
	a.Status, a.received, a.RetryAfter = status, p.now(), retryAfter(header, p.now())
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

// checkOperated tries the operator's credential. What people type cannot be tried without them.
func (p *Provider) checkOperated(ctx context.Context) error {
	const op = "try the operator's credential at"
	switch {
	case p.Typed():
		return nil
	case p.Keyed():
		_, err := p.Try(ctx, p.OperatorKey())
		if KindOf(err) == KindDenied {
			return p.Fail(KindMisconfigured, op, errors.New("it is refused"))
		}
		return err
	}
	m, err := p.Metadata(ctx)
	if err != nil {
		return err
	}
	switch a := p.Obtain(ctx, m); {
	case a.Verdict() == Granted:
		return nil
	case a.AboutOperator():
		return p.Fail(KindMisconfigured, op, errors.New("it is refused"))
	case a.Status == http.StatusOK:
		return p.Fail(KindFailed, op, errors.New("its answer is no token answer"))
	}
	return p.Unavailable(op, nil)
}

// AboutOperator reports whether an answer to Obtain refuses the operator's credential: everybody's calls wait for the
// operator.
func (a *Answer) AboutOperator() bool {
	v := a.Verdict()
	return v == ClientRefused || v == DeadGrant || v == GrantRefused ||
		a.Status >= 400 && a.Status < 500 && a.Status != http.StatusTooManyRequests && a.Status != http.StatusRequestTimeout
}
