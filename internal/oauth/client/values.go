package client

import (
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"

	"bff/internal/oauth/address"
	"bff/internal/oauth/claims"
	"bff/internal/oauth/providers"
)

// maxSites bounds what is remembered of the hosts of one provider: metadata, keys.
const maxSites = 512

// sites are a provider's, as it is for different values.
type sites struct {
	read  sync.Once
	names []string // of the values; there once read is done

	mu sync.Mutex // guards m
	m  map[string]*Provider
}

// root is the provider with the places of values.
func (p *Provider) root() *Provider {
	if p.base != nil {
		return p.base
	}
	return p
}

// For returns the provider as it is for an account with these values: p itself where they change nothing. The error
// wraps [address.ErrMissing] where an address that a sign-in needs lacks a value; an address that is needed later is
// left out until its values are there.
func (p *Provider) For(values map[string]string) (*Provider, error) {
	p = p.root()
	if len(p.valueNames()) == 0 {
		return p, nil
	}
	all := p.Defaults()
	maps.Copy(all, values)
	s, key := &p.sites, p.siteKey(all)
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.m[key]; known != nil {
		return known, nil
	}
	made, err := p.at(all)
	if err != nil {
		return nil, p.Fail(KindMisconfigured, "find the address of", err)
	}
	if s.m == nil || len(s.m) >= maxSites {
		s.m = map[string]*Provider{} // whoever is still at work with one keeps it
	}
	s.m[key] = made
	return made, nil
}

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

// valueNames are the values that the provider has places for.
func (p *Provider) valueNames() []string {
	p.sites.read.Do(func() { p.sites.names = p.Config.Names() })
	return p.sites.names
}

// siteKey is what tells apart the providers of some values.
func (p *Provider) siteKey(all map[string]string) string {
	var key strings.Builder
	for _, name := range p.valueNames() {
		key.WriteString(name + "\x00" + all[name] + "\x00")
	}
	return key.String()
}

func (p *Provider) knownSite(all map[string]string) *Provider {
	p.sites.mu.Lock()
	defer p.sites.mu.Unlock()
	return p.sites.m[p.siteKey(all)]
}

// at makes the provider of some values.
func (p *Provider) at(values map[string]string) (*Provider, error) {
	pc, err := p.Filled(values)
	if err != nil {
		return nil, err
	}
	trusted := maps.Clone(p.trusted)
	for _, template := range p.Addresses() {
		if made, err := address.URL(*template, values, p.Hosts); err == nil && !made.Outside {
			trusted[made.Host] = true
		}
	}
	for _, needed := range []string{pc.Issuer, pc.Authorization.URL, pc.Token.URL, pc.JWKSURL} {
		if len(address.Names(needed)) > 0 {
			return nil, address.ErrMissing
		}
	}
	for _, later := range pc.Addresses() {
		if len(address.Names(*later)) > 0 {
			*later = ""
		}
	}
	out := &Provider{Config: pc, redirect: p.redirect, now: p.now, log: p.log, signer: p.signer, trusted: trusted,
		notices: p.notices, base: p}
	out.http = out.client(p.http.Transport.(*wire).next)
	return out, nil
}

// ForConnection is For of an account that is linked: every address that its tokens need must be there.
func (p *Provider) ForConnection(values map[string]string) (*Provider, error) {
	out, err := p.For(values)
	if err == nil && out.Token.RefreshURL == "" && p.root().Token.RefreshURL != "" {
		return nil, p.Fail(KindMisconfigured, "find the address of", address.ErrMissing)
	}
	return out, err
}

// Account is the subject by which an account is known: told apart by the values that make it another one.
func (p *Provider) Account(subject string, values map[string]string) string {
	return p.root().Config.Account(subject, values)
}

// Subject is the subject as the provider says it.
func (p *Provider) Subject(account string, values map[string]string) string {
	return p.root().Config.Subject(account, values)
}

// Place is an address of an api for a connection with these values.
func (p *Provider) Place(template string, values map[string]string) (address.Address, error) {
	all := p.root().Defaults()
	maps.Copy(all, values)
	return address.URL(template, all, p.Hosts)
}

// keepable reports whether a text can be kept, as the value of that name.
func (p *Provider) keepable(name, text string) bool {
	if len(text) > providers.MaxValue || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return false
	}
	v, declared := p.Variables[name]
	return !declared || v.Matches(text)
}

// keep adds to values what is found for each name. A place that holds nothing leaves what is there.
func (p *Provider) keep(values, from map[string]string, find func(path string) string) error {
	for _, name := range slices.Sorted(maps.Keys(from)) {
		switch text := find(from[name]); {
		case text == "":
		case !p.keepable(name, text):
			return errors.New("the value of `" + name + "` is none that can be kept, or is not of its `pattern`")
		default:
			values[name] = text
		}
	}
	return nil
}

// sources are the names whose values come from one kind of answer, with where they are in it.
func (p *Provider) sources(prefix string) map[string]string {
	out := map[string]string{}
	for name, from := range p.KeepValues {
		if path, ok := strings.CutPrefix(from, prefix); ok {
			out[name] = path
		}
	}
	return out
}

// KeepsUserinfo reports whether values are kept that only userinfo says.
func (p *Provider) KeepsUserinfo() bool { return len(p.sources(providers.FromUserinfo)) > 0 }

// KeepCallback adds to values what the way back says. A parameter that is there twice says nothing.
func (p *Provider) KeepCallback(values map[string]string, q url.Values) error {
	return p.keep(values, p.sources(providers.FromCallback), func(name string) string {
		if len(q[name]) != 1 {
			return ""
		}
		return q.Get(name)
	})
}

// KeepToken adds to values what a token answer says.
func (p *Provider) KeepToken(values map[string]string, answer claims.Object) error {
	return p.keep(values, p.sources(providers.FromToken), func(path string) string {
		return claims.Text(claims.ValueAt(map[string]any(answer), path))
	})
}

// KeepUserinfo adds to values what says whose account it is.
func (p *Provider) KeepUserinfo(values map[string]string, info claims.Object) error {
	return p.keep(values, p.sources(providers.FromUserinfo), func(path string) string {
		return claims.Text(claims.ValueAt(map[string]any(info), path))
	})
}

// Complete says which value an api needs and the account lacks, or which of them leads to a host that is none of the
// provider's.
func (p *Provider) Complete(values map[string]string) error {
	for _, template := range p.Upstreams {
		_, err := p.Place(template, values)
		if errors.Is(err, address.ErrMissing) {
			for _, name := range address.Names(template) {
				if values[name] == "" {
					return errors.New("no answer has the value `" + name + "`, which an api needs")
				}
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Moved reports whether other values lead to other hosts than those that the account was linked with.
func (p *Provider) Moved(before, after map[string]string) bool {
	root := p.root()
	templates := slices.Clone(p.Upstreams)
	for _, a := range root.Addresses() {
		templates = append(templates, *a)
	}
	for _, template := range templates {
		if len(address.HostNames(template)) == 0 {
			continue
		}
		was, err := root.Place(template, before)
		if err != nil {
			continue // it led nowhere
		}
		if is, err := root.Place(template, after); err != nil || is.Host != was.Host {
			return true
		}
	}
	return false
}
