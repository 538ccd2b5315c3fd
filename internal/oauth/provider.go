package oauth

import (
	"maps"
	"slices"
	"strings"
)

// asked joins the provider's scopes with further ones, each once, in order.
func (p *provider) asked(more []string) []string {
	var out []string
	for _, s := range append(slices.Clone(p.Scopes), more...) {
		if s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// granted reads the `scope` of a token answer. Absent, everything asked for was granted (RFC 6749 section 5.1); never assume it otherwise.
func (p *provider) granted(scope string, asked []string) []string {
	if strings.TrimSpace(scope) == "" {
		return asked
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

// at reads a path of keys, "data.user.id", of a JSON object.
func at(m map[string]any, path string) any {
	var v any = m
	for _, key := range strings.Split(path, ".") {
		o, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = o[key]
	}
	return v
}

// refreshParams are those a refresh has beyond the standard's.
func (p *provider) refreshParams() map[string]string {
	out := maps.Clone(p.Token.Params)
	for k, v := range p.Token.RefreshParams {
		if out == nil {
			out = map[string]string{}
		}
		out[k] = strings.ReplaceAll(v, "{redirect_uri}", p.redirect)
	}
	return out
}
