package simulate

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"bff/internal/oauth/providers"
	"bff/internal/simulate/standin"
)

// played is the provider that is played, and what follows from its file.
type played struct {
	given   providers.Config
	file    providers.Config // what the provider is
	answers *standin.Answers
}

// implying are the scopes that cover others, sorted.
func (p *played) implying() []string {
	var all []string
	for of := range p.file.ScopeImplies {
		all = append(all, of)
	}
	slices.Sort(all)
	return all
}

// life is how long an access token lives when it is new; zero where nobody says.
func (p *played) life() time.Duration {
	if p.file.Keyed() {
		return 0
	}
	if p.answers != nil && p.answers.Token != nil && p.file.Shapes.LongLivedURL == "" {
		if life, ok := p.answers.Life(); ok {
			return life
		}
		return p.file.Token.Lifetime
	}
	return cmp.Or(p.file.Token.Lifetime, time.Hour)
}

// discovers says whether the metadata document is read.
func (p *played) discovers() bool {
	f := &p.file
	return f.Issuer != "" && (f.Authorization.URL == "" || f.Token.URL == "" || f.JWKSURL == "")
}

// obtained says whether calls carry a token that is obtained for the operator's credential, and not that itself.
func (p *played) obtained() bool { return !p.file.Keyed() }

// recorded says whether token answers are recorded ones.
func (p *played) recorded() bool {
	return p.answers != nil && (p.answers.Token != nil || p.answers.Userinfo != nil)
}

// separable says whether an answer can say that one of the scopes was not granted.
func (p *played) separable() bool {
	return len(p.fewer()) < len(p.file.Scopes) && len(p.fewer()) > 0
}

// fewer are the scopes of the file without one that an answer would name and nothing else implies.
func (p *played) fewer() []string {
	f := &p.file
	for i, s := range f.Scopes {
		if s == "openid" || slices.Contains(f.ScopesNotEchoed, s) || s == "email" || s == "profile" {
			continue
		}
		rest := slices.Delete(slices.Clone(f.Scopes), i, i+1)
		covered := slices.ContainsFunc(rest, func(of string) bool { return slices.Contains(f.ScopeImplies[of], s) })
		echoed := slices.ContainsFunc(rest, func(of string) bool { return !slices.Contains(f.ScopesNotEchoed, of) })
		if !covered && echoed {
			return rest
		}
	}
	return nil
}

// renews reports whether there is anything to refresh with: recorded answers may have no refresh token.
func (p *played) renews() bool {
	return p.answers == nil || p.answers.Renews() || p.file.Shapes.RefreshWith != ""
}

// asksUserinfo says whether a sign-in needs userinfo, as the scopes are.
func (p *played) asksUserinfo() bool {
	f := &p.file
	if f.Userinfo.URL == "" {
		return false
	}
	return f.Issuer == "" || !slices.Contains(f.Scopes, "openid") || slices.Contains(f.Scopes, "profile") ||
		slices.Contains(f.Scopes, "email")
}

// grantedNames are the scopes of a connection, once further ones are granted too.
func (p *played) grantedNames(further ...string) string {
	f := &p.file
	var names []string
	for _, s := range append(slices.Clone(f.Scopes), further...) {
		if slices.Contains(f.ScopesNotEchoed, s) {
			continue
		}
		if slices.Contains(slices.Collect(maps.Values(f.ScopeAliases)), s) {
			names = append(names, s)
			continue
		}
		if f.ScopeFold {
			s = strings.ToUpper(s)
		}
		if f.ScopePrefix != "" && !strings.Contains(s, "://") {
			s = f.ScopePrefix + s
		}
		names = append(names, s)
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), " ")
}

// keepsOld says whether the recorded answer to a refresh brings no new refresh token.
func (p *played) keepsOld() bool { return p.answers != nil && p.answers.KeepsOld() }
