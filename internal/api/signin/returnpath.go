package signin

import (
	"net/url"
	"path"
	"strings"
	"unicode/utf8"

	"bff/internal/api/problem"
)

const maxReturnPath = 2048 // bytes

// ReturnPath reads a return_to: a path of this origin, with its query and fragment. Anything else is "/". It is
// validated as a path only, by two readers that must agree, and built anew from what they read; a bff_error of an
// earlier way back is left out.
func ReturnPath(raw string) string {
	if len(raw) > maxReturnPath || len(raw) == 0 || raw[0] != '/' || !utf8.ValidString(raw) {
		return "/"
	}
	for _, r := range raw {
		if r <= ' ' || r == '\\' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == '\u2028' || r == '\u2029' || r == '\ufeff' {
			return "/"
		}
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" || u.Path == "" || u.Path[0] != '/' {
		return "/"
	}
	// The second reader: the text up to the first ? or #. What is decoded must still be one clean path, whichever way
	// it is read.
	text, _, _ := strings.Cut(raw, "#")
	text, _, _ = strings.Cut(text, "?")
	decoded, err := url.PathUnescape(text)
	if err != nil || decoded != u.Path || strings.ContainsAny(decoded, "\\\x00\r\n\t\v\f") || strings.Contains(decoded, "//") || strings.Contains(decoded, "\u3002") {
		return "/"
	}
	if again, err := url.PathUnescape(decoded); err == nil && again != decoded && (strings.ContainsAny(again, "\\\x00\r\n\t") || strings.Contains(again, "//")) {
		return "/"
	}
	if clean := path.Clean(decoded); clean != decoded && clean+"/" != decoded {
		return "/"
	}
	out := url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: withoutError(u.RawQuery), Fragment: u.Fragment, RawFragment: u.RawFragment}
	return out.String()
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

// withError adds the outcome of a way back to a path that ReturnPath made.
func withError(to string, c problem.Code) string {
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
