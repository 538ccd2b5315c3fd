package proxy

import (
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A segment is what stands between two slashes of an escaped path.
type segment struct {
	raw  string // as it came, and as it goes upstream
	text string // decoded, once
	odd  oddity // why another reader could read it differently
}

// An oddity is a reason to refuse a segment that a pattern does not allow explicitly.
type oddity uint8

const (
	oddSlash oddity = 1 << iota // decodes to a slash, or to what some fold into one
	oddDot                      // an encoded dot
	oddPlain                    // an encoded letter or digit: nobody needs that but to look different
	oddParam                    // an encoded semicolon
	oddSemi                     // a semicolon: to some readers the segment ends here
)

// byWildcard are the oddities a wildcard named in Encoded takes. A bare semicolon is not among them.
const byWildcard = oddSlash | oddDot | oddPlain | oddParam

// CheckLine refuses, with ErrBadPath, a request line that two readers could read differently, whatever the route: a
// target that is not a path, "//", dot segments in any coat, control bytes, backslashes, bytes that are not ASCII,
// invalid escapes, a fragment.
func CheckLine(r *http.Request) error {
	path, _, err := splitTarget(r)
	if err != nil {
		return err
	}
	return walk(path, func(segment) {})
}

// splitTarget reads the request line itself, not what was parsed from it: a parser that cleans hides what the
// upstream would see.
func splitTarget(r *http.Request) (path, query string, err error) {
	target := r.RequestURI
	if target == "" && r.URL != nil {
		target = r.URL.RequestURI()
	}
	if target == "" || target[0] != '/' {
		return "", "", ErrBadPath
	}
	for i := 0; i < len(target); i++ {
		if c := target[i]; c <= ' ' || c == 0x7f || c == '#' {
			return "", "", ErrBadPath
		}
	}
	path, query, _ = strings.Cut(target, "?")
	return path, query, nil
}

// readPath is the one reading of an escaped path: "/a/b" is [a b], "/a/" is [a ""], "/" and "" are [""].
func readPath(path string, into []segment) ([]segment, error) {
	err := walk(path, func(s segment) { into = append(into, s) })
	return into, err
}

func walk(path string, yield func(segment)) error {
	if path == "" {
		yield(segment{})
		return nil
	}
	if path[0] != '/' {
		return ErrBadPath
	}
	for rest, more := path[1:], true; more; {
		var raw string
		raw, rest, more = strings.Cut(rest, "/")
		if raw == "" && more {
			return ErrBadPath // "//"
		}
		s, ok := readSegment(raw)
		if !ok {
			return ErrBadPath
		}
		yield(s)
	}
	return nil
}

// readSegment decodes one segment, and looks at it with the eyes of readers that decode twice, split later, fold,
// trim or cut.
func readSegment(raw string) (segment, bool) {
	s := segment{raw: raw, text: raw}
	escapes := false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case c == '%':
			decoded, ok := unhex(raw, i)
			if !ok {
				return s, false
			}
			s.odd |= oddEscape(decoded)
			escapes, i = true, i+2
		case c == ';':
			s.odd |= oddSemi
		case !isPathByte(c):
			return s, false
		}
	}
	if !escapes {
		return s, !dotLike(raw)
	}
	s.text, _ = url.PathUnescape(raw)
	for seen, depth := s.text, 0; ; depth++ {
		slashes, ok := lookAt(seen)
		if !ok || slashes && depth > 0 || depth > 0 && strings.Contains(seen, ";") {
			return s, false
		}
		if slashes {
			s.odd |= oddSlash
		}
		next, dangerous := decodeAgain(seen)
		if next == seen {
			return s, true
		}
		if dangerous || depth == 3 {
			return s, false
		}
		seen = next
	}
}

// oddEscape says what is odd about one escaped byte.
func oddEscape(c byte) oddity {
	switch {
	case c == '/':
		return oddSlash
	case c == '.':
		return oddDot
	case c == ';':
		return oddParam
	case 'a' <= c|0x20 && c|0x20 <= 'z', '0' <= c && c <= '9':
		return oddPlain
	}
	return 0
}

// lookAt refuses decoded text that is not UTF-8, holds control characters or backslashes, or a dot segment, also
// after what looks like a slash.
func lookAt(text string) (slashes, ok bool) {
	if !utf8.ValidString(text) {
		return false, false
	}
	piece := 0
	for i, c := range text {
		switch {
		case unicode.IsControl(c), isBackslash(c):
			return false, false
		case isSlash(c):
			if i == piece || dotLike(text[piece:i]) { // an empty piece is "//"
				return false, false
			}
			slashes, piece = true, i+utf8.RuneLen(c)
		}
	}
	if slashes && piece == len(text) || dotLike(text[piece:]) {
		return false, false
	}
	return slashes, true
}

// dotLike says whether some reader takes a segment for "." or "..", or for nothing: one that trims spaces, drops
// invisible characters, folds look-alikes, or stops at a parameter.
func dotLike(piece string) bool {
	if i := strings.IndexAny(piece, ";?#"); i == 0 {
		return piece[0] == ';'
	} else if i > 0 {
		piece = piece[:i]
	}
	if piece == "" || piece[0] != '.' && piece[0] < utf8.RuneSelf && piece[0] != ' ' {
		return false
	}
	for _, c := range piece {
		switch {
		case c == '.', c == '．', c == '﹒', c == '․', c == '‥', c == '…', unicode.IsSpace(c), unicode.Is(unicode.Cf, c):
		default:
			return false
		}
	}
	return true
}

func isSlash(c rune) bool { return c == '/' || c == '／' || c == '⁄' || c == '∕' || c == '⧸' }

func isBackslash(c rune) bool {
	return c == '\\' || c == '＼' || c == '﹨' || c == '∖' || c == '⧵'
}

// decodeAgain is the reading of those who decode once too often. An escape that then turns out to be one of a dot, a
// slash and their kin is dangerous whatever stands around it.
func decodeAgain(text string) (string, bool) {
	if strings.IndexByte(text, '%') < 0 {
		return text, false
	}
	var b strings.Builder
	dangerous := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '%' {
			if d, ok := unhex(text, i); ok {
				c, i = d, i+2
				dangerous = dangerous || c == '.' || c == '/' || c == '\\' || c == ';' || c < ' '
			}
		}
		b.WriteByte(c)
	}
	return b.String(), dangerous
}

// unhex decodes the escape that begins at s[i].
func unhex(s string, i int) (byte, bool) {
	if i+2 >= len(s) {
		return 0, false
	}
	hi, ok1 := hexDigit(s[i+1])
	lo, ok2 := hexDigit(s[i+2])
	return hi<<4 | lo, ok1 && ok2
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// isPathByte is pchar of RFC 3986 section 3.3 without the escape, and the brackets, which browsers send bare.
func isPathByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	case c >= utf8.RuneSelf:
		return false
	}
	return strings.IndexByte("-._~!$&'()*+,;=:@[]", c) >= 0
}
