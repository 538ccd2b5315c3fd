package proxy

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// A pattern is one net/http.ServeMux pattern without a host, matched on the reading of path.go: nothing is cleaned,
// nothing redirects, and since patterns only allow, none takes precedence.
type pattern struct {
	source string // as configured
	method string // "" is any
	parts  []part
}

// A part matches one segment, or with rest all that is left.
type part struct {
	literal string // decoded
	spelled string // the literal as the operator wrote it
	wild    bool   // any one segment that is not empty
	rest    bool   // "{name...}", or the end of a pattern that ends with a slash
	end     bool   // "{$}"
	encoded bool   // the wildcard's name is in Encoded
	verbs   bool   // the wildcard's name is in Verbs
}

// parsePattern reads s. ServeMux itself says whether the syntax holds; what it takes and an allow-list must not is
// refused here.
func parsePattern(s string, encoded, verbs []string) (pattern, error) {
	method, path, found := strings.Cut(s, " ")
	if !found {
		method, path = "", s
	}
	path = strings.TrimLeft(path, " \t")
	switch {
	case method != strings.ToUpper(method):
		return pattern{}, fmt.Errorf("methods are upper case: write %q", strings.ToUpper(method)+" "+path)
	case method == http.MethodTrace, method == http.MethodConnect:
		return pattern{}, fmt.Errorf("%s is never carried: it would echo the access token or leave HTTP", method)
	case path == "" || path[0] != '/':
		return pattern{}, fmt.Errorf("a pattern is a method and a path below the api: write %q",
			strings.TrimSpace(method+" /"+pathOf(path)))
	case strings.ContainsAny(path, "?#"):
		return pattern{}, errors.New("a query takes no part in the allow-list: write the path alone")
	}
	if err := muxAccepts(s); err != nil {
		return pattern{}, err
	}
	p := pattern{source: s, method: method}
	for raw := range strings.SplitSeq(path[1:], "/") {
		one, err := parsePart(raw, encoded, verbs)
		if err != nil {
			return pattern{}, err
		}
		p.parts = append(p.parts, one)
	}
	return p, nil
}

func parsePart(raw string, encoded, verbs []string) (part, error) {
	if raw == "" { // a trailing slash: ServeMux refused empty segments elsewhere
		return part{rest: true}, nil
	}
	if raw == "{$}" {
		return part{end: true}, nil
	}
	if raw[0] == '{' {
		name, rest := strings.CutSuffix(raw[1:len(raw)-1], "...")
		return part{wild: !rest, rest: rest, encoded: slices.Contains(encoded, name),
			verbs: slices.Contains(verbs, name)}, nil
	}
	s, ok := readSegment(raw)
	if !ok || s.odd&byMount != 0 {
		return part{}, fmt.Errorf("the segment %q would never be let through: "+
			"a path is written as it is sent, percent-encoded, without dot segments and backslashes", raw)
	}
	return part{literal: s.text, spelled: raw}, nil
}

// pathOf guesses the path of a pattern that begins with a host, or is a URL.
func pathOf(s string) string {
	if _, rest, ok := strings.Cut(s, "://"); ok {
		s = rest
	}
	if _, path, ok := strings.Cut(s, "/"); ok && strings.Contains(s, ".") {
		return path
	}
	return s
}

// muxAccepts is the reference for what a pattern is.
func muxAccepts(s string) (err error) {
	defer func() {
		if thrown := recover(); thrown != nil {
			err = fmt.Errorf("%v", thrown)
		}
	}()
	http.NewServeMux().Handle(s, http.NotFoundHandler())
	return nil
}

// match compares one request with one pattern. A segment that could be read differently matches only what allows that
// very segment. strict says that a wildcard must not stand for a segment with a custom verb either.
func (p *pattern) match(method string, path []segment, strict bool) bool {
	if p.method != "" && p.method != method && !(p.method == http.MethodGet && method == http.MethodHead) {
		return false
	}
	for i := range p.parts {
		want := &p.parts[i]
		if i >= len(path) {
			return false
		}
		if want.rest {
			return !slices.ContainsFunc(path[i:], func(s segment) bool {
				return want.refuses(s) || strict && !want.verbs && hasVerb(s.text)
			})
		}
		if !want.takes(path[i]) || want.wild && strict && !want.verbs && hasVerb(path[i].text) {
			return false
		}
	}
	return len(path) == len(p.parts)
}

// takes says whether one segment is what this part of a pattern stands for.
func (w *part) takes(s segment) bool {
	switch {
	case w.end:
		return s.raw == ""
	case w.wild:
		return s.raw != "" && !w.refuses(s)
	}
	return w.literal == s.text && (s.odd == 0 || sameSpelling(w.spelled, s.raw))
}

// refuses says whether a wildcard may not stand for s.
func (w *part) refuses(s segment) bool {
	if w.encoded {
		return s.odd&^byEncoded != 0
	}
	return s.odd&^byWildcard != 0
}

// sameSpelling compares escaped segments; the case of hexadecimal digits is no difference.
func sameSpelling(a, b string) bool {
	return a == b || len(a) == len(b) && strings.EqualFold(a, b) && pathTextEqual(a, b)
}

func pathTextEqual(a, b string) bool {
	x, err1 := url.PathUnescape(a)
	y, err2 := url.PathUnescape(b)
	return err1 == nil && err2 == nil && x == y
}

// allows returns the pattern that lets the method and path through.
func (m *Mount) allows(method string, path []segment) (*pattern, error) {
	if method == http.MethodTrace || method == http.MethodConnect || method == "" {
		return nil, ErrNotAllowed
	}
	// A backend knows what it does with a colon, and GET and HEAD change nothing.
	strict := !m.cfg.Backend && method != http.MethodGet && method != http.MethodHead
	for i := range m.allow {
		if m.allow[i].match(method, path, strict) {
			return &m.allow[i], nil
		}
	}
	if slices.ContainsFunc(path, func(s segment) bool { return s.odd != 0 }) {
		return nil, ErrBadPath
	}
	if strict && slices.ContainsFunc(m.allow, func(p pattern) bool { return p.match(method, path, false) }) {
		return nil, ErrBadPath
	}
	return nil, ErrNotAllowed
}

// hasVerb reports whether a segment ends in a custom verb (AIP-136), as in "values:append": where the method may change
// something, the verb makes another operation of it. Some upstreams read one in any segment.
func hasVerb(text string) bool {
	verb := text[strings.LastIndexByte(text, ':')+1:]
	if len(verb) == len(text) || verb == "" {
		return false
	}
	lower := false
	for i := range len(verb) {
		c := verb[i]
		if lower = lower || 'a' <= c && c <= 'z'; !('a' <= c|0x20 && c|0x20 <= 'z' || c == '-' || c == '_') {
			return false
		}
	}
	return lower || len(verb) >= 4 // else columns of a sheet: "A:ZZ"
}
