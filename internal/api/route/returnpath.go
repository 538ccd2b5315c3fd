package route

import (
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"bff/internal/api/problem"
)

const maxReturnPath = 2048 // bytes

// ReturnPath reads a return_to: a path of this origin, with its query and fragment. Anything else is "/". It is
// validated as a path only, by two readers that must agree, and built anew from what they read; a bff_error of an
// earlier way back is left out. Nor is it an address where a person's arrival begins something: whoever is sent there
// from here seems to come from this origin, and another site may have chosen the address.
func ReturnPath(raw string) string {
	if len(raw) > maxReturnPath || len(raw) == 0 || raw[0] != '/' || !utf8.ValidString(raw) {
		return "/"
	}
	if strings.ContainsFunc(raw, unprintable) {
		return "/"
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" || u.Path == "" ||
		u.Path[0] != '/' {
		return "/"
	}
	text, _, _ := strings.Cut(raw, "#")
	text, _, _ = strings.Cut(text, "?")
	decoded, err := url.PathUnescape(text)
	if err != nil || decoded != u.Path || !cleanPath(text) || Begins(u.Path) {
		return "/"
	}
	out := url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: withoutError(u.RawQuery), Fragment: u.Fragment,
		RawFragment: u.RawFragment}
	return out.String()
}

// Begins reports whether a person who comes to a path of this origin begins something there, or goes on with it: a
// sign-in, the linking of an account, the way to another address.
func Begins(path string) bool {
	rest, ok := strings.CutPrefix(path, "/bff/")
	first, _, _ := strings.Cut(rest, "/")
	return ok && slices.Contains([]string{"login", "connect", "callback", "continue", "front"}, first)
}

// unprintable is what a browser drops or reads as something else in an address.
func unprintable(r rune) bool {
	return r <= ' ' || r == '\\' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == '\u2028' || r == '\u2029' || r == '\ufeff'
}

// cleanPath is the second reader: whichever way an escaped path is read, decoded once or twice, it is one path of
// this origin. An encoded slash may stand inside a segment, as in /p/https%3A%2F%2Fx, but not in front of the first.
func cleanPath(escaped string) bool {
	segments := strings.Split(escaped[1:], "/")
	for i, segment := range segments {
		for range 2 {
			if segment == "" && i < len(segments)-1 || strings.ContainsAny(segment, "\\\x00\r\n\t\v\f\u3002") ||
				i == 0 && strings.HasPrefix(segment, "/") {
				return false
			}
			for part := range strings.SplitSeq(segment, "/") {
				if part == "." || part == ".." {
					return false
				}
			}
			next, err := url.PathUnescape(segment)
			if err != nil {
				break // a percent sign of its own
			}
			segment = next
		}
		if i == 0 && strings.HasPrefix(segment, "/") || strings.ContainsAny(segment, "\\\x00\r\n\t") ||
			slices.ContainsFunc(strings.Split(segment, "/"), func(part string) bool { return part == "." || part == ".." }) {
			return false
		}
	}
	return true
}

// withoutError removes bff_error from a query and leaves the rest as it is, byte for byte.
func withoutError(query string) string {
	if !strings.Contains(query, "bff") && !strings.Contains(query, "%") {
		return query
	}
	var kept []string
	for _, pair := range strings.Split(query, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if n, err := url.QueryUnescape(name); err == nil && n == "bff_error" {
			continue
		}
		kept = append(kept, pair)
	}
	return strings.Join(kept, "&")
}

// WithError adds the outcome of a way back to a path that ReturnPath made.
func WithError(to string, c problem.Code) string {
	to, fragment, found := strings.Cut(to, "#")
	separator := "?"
	if strings.Contains(to, "?") {
		separator = "&"
	}
	to += separator + "bff_error=" + string(c)
	if found {
		to += "#" + fragment
	}
	return to
}
