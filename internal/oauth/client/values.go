package client

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"bff/internal/oauth/address"
)

// Named is the provider as it is for accounts of the issuer of that name, with the values that say so: the provider
// itself, without values, unless a person chooses a part of the issuer. Nothing is remembered of an issuer that no
// account led to: who names one may be anybody.
func (p *Provider) Named(issuer string) (*Provider, map[string]string, error) {
	const op = "find the issuer of a token of"
	p = p.root()
	if !p.ChosenIssuer() {
		at, err := p.For(nil)
		return at, nil, err
	}
	template := address.Text(p.Issuer, p.Fixed())
	values, ok := address.Match(template, issuer, p.Hosts)
	for name, value := range values {
		v := p.Variables[name]
		ok = ok && v.Matches(value) && (!p.InHost(name) || value == strings.ToLower(value))
	}
	if !ok {
		return nil, nil, p.Fail(KindFailed, op, errors.New("another issuer made it"))
	}
	all := p.Defaults()
	maps.Copy(all, values)
	if known := p.knownSite(all); known != nil {
		return known, values, nil
	}
	made, err := p.at(all)
	if err != nil {
		return nil, nil, p.Fail(KindFailed, op, err)
	}
	return made, values, nil
}

// ChosenIssuer reports whether a person chooses a part of the provider's issuer, so that it has several.
func (p *Provider) ChosenIssuer() bool {
	root := p.root()
	return slices.ContainsFunc(address.Names(root.Issuer), func(name string) bool {
		return slices.Contains(root.Asked(), name)
	})
}

// ForConnection is For of an account that is linked: every address that its tokens need must be there.
func (p *Provider) ForConnection(values map[string]string) (*Provider, error) {
	out, err := p.For(values)
	if err == nil && out.Token.RefreshURL == "" && p.root().Token.RefreshURL != "" {
		return nil, p.Fail(KindMisconfigured, "find the address of", address.ErrMissing)
	}
	return out, err
}

// Account is the subject by which an account is known: distinguished by the values that make it another one.
func (p *Provider) Account(subject string, values map[string]string) string {
	return p.root().Config.Account(subject, values)
}

// Several reports whether a person may have more accounts than one of an issuer: a value tells them apart that the issuer
// does not say.
func (p *Provider) Several() bool {
	root := p.root()
	said := address.Names(root.Issuer)
	return p.IsOpenID() && slices.ContainsFunc(root.Parting(), func(name string) bool {
		return !slices.Contains(said, name)
	})
}

// Subject is the subject as the provider says it.
func (p *Provider) Subject(account string, values map[string]string) string {
	return p.root().Config.Subject(account, values)
}

// Moved reports whether other values lead to other hosts than those that the account was linked with.
func (p *Provider) Moved(before, after map[string]string) bool {
	return p.root().Config.Moved(before, after)
}
