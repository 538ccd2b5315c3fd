package client

import (
	"slices"
	"strings"
)

// RequestedScopes joins the provider's scopes with further ones, each once, in order.
func (p *Provider) RequestedScopes(more []string) []string {
	var out []string
	for _, s := range append(slices.Clone(p.Scopes), more...) {
		if s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// GrantedScopes reads the `scope` of an answer. Absent, everything that was requested was granted (RFC 6749 section 5.1); never assume it
// otherwise.
func (p *Provider) GrantedScopes(scope string, requested []string) []string {
	if strings.TrimSpace(scope) == "" {
		return requested
	}
	var out []string
	for _, s := range strings.FieldsFunc(scope, func(r rune) bool { return r == ' ' || r == ',' }) {
		if alias, ok := p.ScopeAliases[s]; ok {
			s = alias
		}
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
