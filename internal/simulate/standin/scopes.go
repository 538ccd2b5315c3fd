package standin

import (
	"net/url"
	"slices"
	"strings"
)

// scopes read and write scopes as the file has them.
type scopes struct{ *played }

// read splits the scopes that are asked for, each of which must be known.
func (s *scopes) read(q url.Values) (scopes []string, why string) {
	a := &s.file.Authorization
	param, separator := "scope", " "
	if a.ScopeParam != "" {
		param = a.ScopeParam
	}
	if a.ScopeSeparator != "" {
		separator = a.ScopeSeparator
	}
	known := map[string]bool{}
	for _, name := range s.known() {
		known[s.same(name)] = true
	}
	for one := range strings.SplitSeq(q.Get(param), separator) {
		switch {
		case one == "":
		case !known[s.same(one)]:
			return nil, "the scope `" + one + "` is not known"
		default:
			scopes = append(scopes, one)
		}
	}
	if len(scopes) == 0 && len(s.file.Scopes) > 0 {
		return nil, "the parameter " + param + " is missing"
	}
	return scopes, ""
}

// same is the one form of a scope's name: with the prefix or without, in one case.
func (s *scopes) same(name string) string {
	prefix := s.file.ScopePrefix
	if s.file.ScopeFold {
		name, prefix = strings.ToLower(name), strings.ToLower(prefix)
	}
	return strings.TrimPrefix(name, prefix)
}

// known are those of the file, what implies them, and one more.
func (s *scopes) known() []string {
	known := append(slices.Clone(s.file.Scopes), ExtraScope, OtherScope)
	for of, implied := range s.file.ScopeImplies {
		known = append(append(known, of), implied...)
	}
	if a := s.cfg.Answers; a != nil && a.Token != nil { // what was granted can be asked for
		known = append(known, scopesIn(a.Token.Body)...)
	}
	return known
}

// scopesIn are the scopes of a recorded answer, wherever they stand.
func scopesIn(body any) (all []string) {
	m, _ := plain(body).(map[string]any)
	for name, v := range m {
		list, _ := v.([]any)
		switch {
		case name != "scope" && name != "scopes" && name != "permissions":
			all = append(all, scopesIn(v)...)
		case list != nil:
			for _, one := range list {
				all = append(all, text(one))
			}
		default:
			all = append(all, strings.FieldsFunc(text(v), func(r rune) bool { return strings.ContainsRune(" ,;|+", r) })...)
		}
	}
	return all
}

// join are granted scopes as an answer names them: by their aliases, with the prefix, in another case, and
// without those that are never repeated.
func (s *scopes) join(scopes []string) string {
	separator := " "
	if s.file.Authorization.ScopeSeparator != "" {
		separator = s.file.Authorization.ScopeSeparator
	}
	var out []string
	for _, one := range scopes {
		if slices.Contains(s.file.ScopesNotEchoed, one) {
			continue
		}
		if alias := s.alias(one); alias != "" {
			out = append(out, alias)
			continue
		}
		if s.file.ScopeFold {
			one = strings.ToUpper(one)
		}
		if p := s.file.ScopePrefix; p != "" && !strings.Contains(one, "://") {
			one = p + one
		}
		out = append(out, one)
	}
	return strings.Join(out, separator)
}

func (s *scopes) alias(scope string) string {
	for granted, asked := range s.file.ScopeAliases {
		if asked == scope {
			return granted
		}
	}
	return ""
}
