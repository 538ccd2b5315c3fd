package providers

import (
	"slices"
	"strings"
)

// RequestedScopes joins the provider's scopes with further ones, each once, in order.
func (c *Config) RequestedScopes(more []string) []string {
	var out []string
	for _, s := range append(slices.Clone(c.Scopes), more...) {
		if s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// GrantedScopes reads the `scope` of an answer. Absent, everything that was requested was granted (RFC 6749 section
// 5.1); never assume it otherwise.
func (c *Config) GrantedScopes(scope string, requested []string) []string {
	if strings.TrimSpace(scope) == "" {
		return requested
	}
	var out []string
	for _, s := range strings.FieldsFunc(scope, func(r rune) bool { return r == ' ' || r == ',' }) {
		if alias, ok := c.ScopeAliases[s]; ok {
			s = alias
		}
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// Lacking lists what of wanted is not covered by granted, in wanted's order. Names are compared as the provider
// compares them: with its prefix, its case, what implies what, and what it never repeats in an answer.
func (c *Config) Lacking(granted, wanted []string) []string {
	if len(wanted) == 0 {
		return nil
	}
	have := map[string]bool{}
	for _, s := range c.ScopesNotEchoed {
		have[c.scopeName(s)] = true
	}
	for _, s := range granted {
		c.cover(have, s)
	}
	var out []string
	for _, s := range wanted {
		name := c.scopeName(s)
		if alias, ok := c.ScopeAliases[s]; ok && have[c.scopeName(alias)] {
			continue
		}
		if !have[name] {
			out = append(out, s)
		}
	}
	return out
}

// cover adds a scope and all that it implies.
func (c *Config) cover(have map[string]bool, scope string) {
	name := c.scopeName(scope)
	if have[name] && !slices.Contains(c.ScopesNotEchoed, scope) {
		return
	}
	have[name] = true
	for of, implied := range c.ScopeImplies {
		if c.scopeName(of) != name {
			continue
		}
		for _, s := range implied {
			c.cover(have, s)
		}
	}
}

// scopeName is the one form of a scope's name.
func (c *Config) scopeName(s string) string {
	if c.ScopeFold {
		s = strings.ToLower(s)
		return strings.TrimPrefix(s, strings.ToLower(c.ScopePrefix))
	}
	return strings.TrimPrefix(s, c.ScopePrefix)
}
