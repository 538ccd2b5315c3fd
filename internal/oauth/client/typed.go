package client

import (
	"context"
	"errors"
	"net/http"

	"bff/internal/oauth/address"
	"bff/internal/oauth/claims"
	"bff/internal/oauth/providers"
	"bff/internal/secret"
)

// newKeyed makes a provider that is called with an API key or a password. It has no client and no endpoints but one
// that tries the credential.
func newKeyed(pc providers.Config, o Options) (*Provider, error) {
	switch {
	case pc.Name == "":
		return nil, errors.New("needs a name")
	case pc.Issuer != "" || pc.Authorization.URL != "" || pc.Token.URL != "":
		return nil, errors.New("has endpoints of OAuth beside its auth")
	}
	pc, err := pc.Filled(pc.Fixed())
	if err != nil {
		return nil, errors.New("has an address that its variables do not fit: " + err.Error())
	}
	if pc.Userinfo.URL != "" && len(address.Names(pc.Userinfo.URL)) == 0 {
		if err := CheckEndpoint(pc.Userinfo.URL, ""); err != nil {
			return nil, errors.New("has a userinfo_url that " + err.Error())
		}
	}
	return assemble(pc, o), nil
}

// present puts a token into a userinfo request.
func (p *Provider) present(r *http.Request, token secret.Text) {
	if name := p.Shapes.UserinfoTokenQuery; name != "" {
		q := r.URL.Query()
		q.Set(name, token.Reveal())
		r.URL.RawQuery = q.Encode()
		return
	}
	header, scheme := p.Userinfo.TokenHeader, p.Userinfo.TokenScheme
	switch {
	case scheme != "" || header != "" && header != "Authorization":
	case p.Auth == providers.AuthBasic:
		scheme = "Basic"
	default:
		scheme = "Bearer"
	}
	if header == "" {
		header = "Authorization"
	}
	if scheme != "" {
		scheme += " "
	}
	r.Header.Set(header, scheme+token.Reveal())
}

// Try asks the provider whose a typed credential is. The object is nil where the provider has no endpoint for it.
// KindDenied: it refuses the credential.
func (p *Provider) Try(ctx context.Context, token secret.Text) (claims.Object, error) {
	if p.Userinfo.URL == "" {
		return nil, nil
	}
	o, err := p.FetchUserinfo(ctx, &Metadata{UserinfoURL: p.Userinfo.URL}, token)
	if KindOf(err) == KindFailed {
		return nil, p.Fail(KindDenied, "try the credential at", errors.New("it is refused"))
	}
	return o, err
}

// Refuses asks the provider whether it still takes a typed credential. Only a 401 is a refusal: whatever else it says,
// and where it cannot be asked, it is none.
func (p *Provider) Refuses(ctx context.Context, token secret.Text) bool {
	if p.Userinfo.URL == "" {
		return false
	}
	_, err := p.FetchUserinfo(ctx, &Metadata{UserinfoURL: p.Userinfo.URL}, token)
	return errors.Is(err, errUnauthorized)
}
