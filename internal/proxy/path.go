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
type oddity uint16

const (
	oddSlash     oddity = 1 << iota // decodes to a slash, or to what some fold into one
	oddBackslash                    // decodes to a backslash, or to what some fold into one
	oddEmpty                        // has nothing before, between or behind its decoded slashes
	oddDot                          // an encoded dot
	oddPlain                        // an encoded letter or digit: nobody needs that but to look different
	oddParam                        // an encoded semicolon
	oddQuery                        // an encoded question mark: some readers decode before they look for the query
	oddHash                         // an encoded number sign
	oddAgain                        // decoded once more, it says something else
	oddSemi                         // a semicolon: to some readers the segment ends here
)

const (
	// byWildcard are the oddities that every wildcard takes: ids of calendars hold "#".
	byWildcard = oddHash
	// byEncoded are those that a wildcard named in Encoded takes. A bare semicolon is not among them.
	byEncoded = oddSlash | oddBackslash | oddEmpty | oddDot | oddPlain | oddParam | oddQuery | oddHash | oddAgain
	// byMount are those that only a mount may take: outside of one they are refused at once.
	byMount = oddBackslash | oddEmpty | oddAgain
)

// CheckLine refuses, with ErrBadPath, a request line that two readers could read differently, whatever the route: a
// target that is not a path, "//", dot segments in any disguise, control bytes, backslashes, bytes that are not ASCII,
// invalid escapes, a fragment. A request that a mount serves is checked by that mount's CheckLine instead.
func CheckLine(r *http.Request) error {
	path, _, err := splitTarget(r)
	if err != nil {
		return err
	}
	odd := oddity(0)
	if err := walk(path, func(s segment) { odd |= s.odd }); err != nil {
		return err
	}
	if odd&byMount != 0 {
		return ErrBadPath
	}
	return nil
}

// CheckLine is the function CheckLine for a request that m serves. It lets through what a wildcard named in Encoded may
// hold; Find says whether one does.
func (m *Mount) CheckLine(r *http.Request) error {
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
	return s, s.lookDeeper()
}

// lookDeeper looks at what a segment says when it is decoded, and decoded again. It reports false for what is never let
// through: a dot segment at any depth, control characters, bytes that are not UTF-8.
func (s *segment) lookDeeper() bool {
	for seen, depth := s.text, 0; ; depth++ {
		odd, ok := lookAt(seen)
		if !ok {
			return false
		}
		if s.odd |= odd; depth > 0 && (odd != 0 || strings.ContainsAny(seen, ";?")) {
			s.odd |= oddAgain
		}
		next, dangerous := decodeAgain(seen)
		if next == seen {
			return true
		}
		if dangerous {
			s.odd |= oddAgain
		}
		if depth == 3 {
			return false
		}
		seen = next
	}
}

// oddEscape says what is odd about one escaped byte.
func oddEscape(c byte) oddity {
	switch {
	case c == '/':
		return oddSlash
	case c == '\\':
		return oddBackslash
	case c == '.':
		return oddDot
	case c == ';':
		return oddParam
	case c == '?':
		return oddQuery
	case c == '#':
		return oddHash
	case 'a' <= c|0x20 && c|0x20 <= 'z', '0' <= c && c <= '9':
		return oddPlain
	}
	return 0
}

// lookAt looks at the pieces of decoded text between what some take for slashes. It refuses text that is not UTF-8 or
// holds control characters or a dot segment.
func lookAt(text string) (odd oddity, ok bool) {
	if !utf8.ValidString(text) {
		return 0, false
	}
	piece, split := 0, false
	for i, c := range text {
		switch {
		case unicode.IsControl(c):
			return 0, false
		case isSlash(c):
			odd |= oddSlash
		case isBackslash(c):
			odd |= oddBackslash
		default:
			continue
		}
		if i == piece {
			odd |= oddEmpty // an empty piece is "//"
		} else if dotLike(text[piece:i]) {
			return 0, false
		}
		split, piece = true, i+utf8.RuneLen(c)
	}
	if split && piece == len(text) {
		odd |= oddEmpty
	}
	return odd, !dotLike(text[piece:])
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
// slash and similar characters is dangerous whatever stands around it.
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
				dangerous = dangerous || strings.IndexByte(`./\;?`, c) >= 0 || c < ' '
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
