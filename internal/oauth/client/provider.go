package client

import (
	"maps"
	"strings"
	"sync"

	googlejwt "golang.org/x/oauth2/jwt"

	"bff/internal/oauth/address"
	"bff/internal/oauth/claims"
	"bff/internal/oauth/providers"
)

// A Provider is one configured provider at work: what the configuration says, and a part for each thing that is
// requested. Safe for concurrent use.
type Provider struct {
	providers.Config
	*caller // with the [Reports]
	auth    *clientAuth

	Discovery             *Discovery
	AuthorizationEndpoint *AuthorizationEndpoint
	TokenEndpoint         *TokenEndpoint
	UserinfoEndpoint      *UserinfoEndpoint
	RevocationEndpoint    *RevocationEndpoint
	Transmitter           *Transmitter

	base  *Provider // of one that [Provider.For] made, with the places of values; nil: this is it
	sites sites     // what For made
}

// assemble gives a provider its parts. auth says how bff authenticates; its configuration becomes pc.
func assemble(pc providers.Config, w *wire, auth clientAuth, account *googlejwt.Config) *Provider {
	p := &Provider{Config: pc, auth: &auth}
	cfg := &p.Config
	auth.cfg, w.userAgent = cfg, pc.Shapes.UserAgent
	p.caller = newCaller(auth.Reports, w)
	p.Discovery = &Discovery{caller: p.caller, cfg: cfg}
	p.AuthorizationEndpoint = &AuthorizationEndpoint{caller: p.caller, cfg: cfg, auth: &auth}
	p.TokenEndpoint = &TokenEndpoint{caller: p.caller, cfg: cfg, auth: &auth, account: account}
	p.UserinfoEndpoint = &UserinfoEndpoint{caller: p.caller, cfg: cfg}
	p.RevocationEndpoint = &RevocationEndpoint{caller: p.caller, cfg: cfg, auth: &auth, discovery: p.Discovery}
	p.Transmitter = &Transmitter{caller: p.caller, cfg: cfg, discovery: p.Discovery}
	return p
}

// Expect is what every signed token of this provider is compared with.
func (p *Provider) Expect() claims.Expect { return expected(&p.Config, p.now()) }

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
	trusted := maps.Clone(p.wire.trusted)
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
	out := assemble(pc, &wire{next: p.wire.next, trusted: trusted}, *p.auth, p.TokenEndpoint.account)
	out.base = p
	return out, nil
}
