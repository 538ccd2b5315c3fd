package standin

import (
	"cmp"
	"crypto/rand"
	"maps"
	"net/http"
	"net/url"
	"slices"
)

// A shape is how requests and answers look.
type shape struct{ *played }

// standardNames gives the parameters of an authorization request the standard's names.
func (s *shape) standardNames(q url.Values) url.Values {
	return request{form: q}.renamed(s.file.Authorization.Names).form
}

// tokenNames are the names of parameters of token requests.
func (s *shape) tokenNames(e Endpoint) map[string]string {
	names := maps.Clone(s.file.Shapes.TokenNames)
	if e == Refresh && len(s.file.Shapes.RefreshNames) > 0 {
		if names == nil {
			names = map[string]string{}
		}
		maps.Copy(names, s.file.Shapes.RefreshNames)
	}
	return names
}

func (s *shape) tokenMethod(e Endpoint) string {
	if e == Refresh {
		return cmp.Or(s.file.Shapes.RefreshMethod, s.file.Shapes.TokenMethod, http.MethodPost)
	}
	return cmp.Or(s.file.Shapes.TokenMethod, http.MethodPost)
}

// bodyOf is the form of a request's body: what is in the address has none.
func bodyOf(method, body string) string {
	if method == http.MethodGet {
		return "none"
	}
	return body
}

// ownNames puts the fields of a token answer where the file has them.
func (s *shape) ownNames(tokens fields) fields {
	names := s.file.Shapes.AnswerNames
	if len(names) == 0 || s.file.Token.Path != "" {
		return tokens
	}
	out := fields{}
	for name, v := range tokens {
		if path := names[name]; path != "" {
			put(out, path, v)
		} else {
			out[name] = v
		}
	}
	return out
}

// tokensPath is where the person's own tokens are in a recorded answer.
func (s *shape) tokensPath(m map[string]any) string {
	if s.cfg.Answers.Tokens != "" {
		return s.cfg.Answers.Tokens
	}
	if p := s.file.Token.Path; p != "" && m["access_token"] != nil && at(m, p) != nil {
		return p
	}
	if m["access_token"] == nil {
		for name, v := range m {
			if inner, ok := v.(map[string]any); ok && inner["access_token"] != nil {
				return name
			}
		}
	}
	return "."
}

func (s *shape) rotates() bool {
	if a := s.cfg.Answers; a != nil && a.Refresh != nil && !hasLeaf(a.Refresh.Body, "refresh_token") {
		return false
	}
	return s.file.Token.Rotates != "never"
}

// decoys replaces every token of a recorded answer by one that opens nothing.
func decoys(v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			if _, ok := inner.(string); ok && (name == "access_token" || name == "refresh_token") {
				v[name] = "another's-" + rand.Text()
			}
			decoys(inner)
		}
	case []any:
		for _, inner := range v {
			decoys(inner)
		}
	}
}

func hasLeaf(v any, name string) bool {
	switch v := plain(v).(type) {
	case map[string]any:
		for key, inner := range v {
			if key == name || hasLeaf(inner, name) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, func(inner any) bool { return hasLeaf(inner, name) })
	}
	return false
}

// plain is a deep copy of what YAML or JSON was read to, as JSON has it.
func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, inner := range v {
			out[name] = plain(inner)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = plain(v[i])
		}
		return out
	}
	return v
}
