package tripwire

import (
	"bytes"
	"strings"
)

// foreign stands for a character that no secret has.
const foreign = 0xff

// unescape appends what b says once its JSON, JavaScript, HTML and percent escapes are undone, escapes of escapes
// too. Without last it stops before an escape that b's end cuts off: used says how much of b was read. A backslash
// that escapes nothing is dropped, so that a string within a string reads like a string.
func unescape(dst, b []byte, last bool) (out []byte, used int) {
	for i := 0; i < len(b); {
		j := i
		for j < len(b) && b[j] != '\\' && b[j] != '&' && b[j] != '%' {
			j++
		}
		dst = append(dst, b[i:j]...)
		if j == len(b) {
			return dst, j
		}
		c, n, state := decode(b[j:])
		if state == cutOff && !last {
			return dst, j
		}
		if state != nothing {
			dst = append(dst, c)
		}
		i = j + n
	}
	return dst, len(b)
}

// rawIndex returns where in b the byte stands that unescape makes the index-th of its output.
func rawIndex(b []byte, index int) int {
	i := 0
	for n := 0; i < len(b) && n < index; {
		if b[i] != '\\' && b[i] != '&' && b[i] != '%' {
			i, n = i+1, n+1
			continue
		}
		_, size, state := decode(b[i:])
		if i += size; state != nothing {
			n++
		}
	}
	return i
}

type decodeState uint8

const (
	whole   decodeState = iota
	nothing             // the bytes stand for no character
	cutOff              // more bytes could make it another character
)

// deepestEscape is how many escapes may lie in each other.
const deepestEscape = 5

// decode reads the character at the beginning of b, which is a backslash, an ampersand or a percent sign. What is cut
// off is the character that it is if nothing follows.
func decode(b []byte) (c byte, n int, state decodeState) {
	c, n = b[0], 1
	for range deepestEscape {
		var next byte
		var size int
		switch c {
		case '\\':
			next, size, state = afterBackslash(b[n:])
		case '&':
			next, size, state = reference(b[n:])
		case '%':
			next, size, state = hexByte(b[n:], 2)
		default:
			return c, n, whole
		}
		if state == cutOff {
			if size > 0 {
				c, n = next, n+size
			}
			return c, n, cutOff
		}
		if size == 0 { // no escape
			if c == '\\' {
				return c, n, nothing
			}
			return c, n, whole
		}
		c, n = next, n+size
	}
	return c, n, whole
}

// afterBackslash reads what follows a backslash: u002B, u{2B}, x2B. size is 0 when that is no escape of its own.
func afterBackslash(b []byte) (c byte, size int, state decodeState) {
	if len(b) == 0 {
		return 0, 0, cutOff
	}
	switch {
	case b[0] == 'x':
		c, size, state = hexByte(b[1:], 2)
	case b[0] == 'u' && len(b) > 1 && b[1] == '{':
		end := bytes.IndexByte(b[:min(len(b), 12)], '}')
		if end < 0 && len(b) < 12 {
			return 0, 0, cutOff
		}
		if end > 2 {
			if c, size, state = hexByte(b[2:], end-2); size > 0 {
				size += 2
			}
		}
	case b[0] == 'u':
		c, size, state = hexByte(b[1:], 4)
	}
	if size > 0 {
		size++
	}
	return c, size, state
}

// hexByte reads that many hexadecimal digits. What is no ASCII is foreign.
func hexByte(b []byte, digits int) (c byte, size int, state decodeState) {
	v := 0
	for i := range digits {
		if i == len(b) {
			return 0, 0, cutOff
		}
		d := hexDigit(b[i])
		if d < 0 {
			return 0, 0, whole
		}
		v = min(v<<4|d, 1<<20)
	}
	return ascii(v), digits, whole
}

func ascii(v int) byte {
	if v > 0x7f {
		return foreign
	}
	return byte(v)
}

func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

const (
	longestName   = 8  // of a character reference
	longestNumber = 24 // digits of one
)

// reference reads what follows the ampersand of an HTML character reference (HTML, section 13.2.5.72).
func reference(b []byte) (c byte, size int, state decodeState) {
	if len(b) == 0 {
		return 0, 0, cutOff
	}
	if b[0] == '#' {
		return numericReference(b)
	}
	for i, l := range b[:min(len(b), longestName+1)] {
		switch {
		case l == ';':
			if c = named(b[:i]); c != 0 {
				return c, i + 1, whole
			}
			return 0, 0, whole
		case !isLetter(l):
			return legacyName(b[:i]), len(legacy(b[:i])), whole
		}
	}
	if len(b) <= longestName {
		return legacyName(b), len(legacy(b)), cutOff
	}
	return legacyName(b), len(legacy(b)), whole
}

func numericReference(b []byte) (c byte, size int, state decodeState) {
	base, i := 10, 1
	if len(b) > 1 && b[1]|0x20 == 'x' {
		base, i = 16, 2
	}
	v, first := 0, i
	for ; i < len(b) && i-first < longestNumber; i++ {
		d := hexDigit(b[i])
		if d < 0 || d >= base {
			break
		}
		v = min(v*base+d, 1<<20)
	}
	switch {
	case i == first && i == len(b):
		return 0, 0, cutOff
	case i == first:
		return 0, 0, whole
	case i == len(b):
		return ascii(v), i, cutOff
	case b[i] == ';':
		i++
	}
	return ascii(v), i, whole
}

// named returns the ASCII character of that name, 0 without one.
func named(name []byte) byte {
	switch string(name) {
	case "amp", "AMP":
		return '&'
	case "lt", "LT":
		return '<'
	case "gt", "GT":
		return '>'
	case "quot", "QUOT":
		return '"'
	case "apos":
		return '\''
	case "plus":
		return '+'
	case "equals":
		return '='
	case "sol":
		return '/'
	case "bsol":
		return '\\'
	case "colon":
		return ':'
	case "semi":
		return ';'
	case "comma":
		return ','
	case "period":
		return '.'
	case "lowbar", "UnderBar":
		return '_'
	case "num":
		return '#'
	case "percnt":
		return '%'
	}
	return moreNames(name)
}

func moreNames(name []byte) byte {
	switch string(name) {
	case "excl":
		return '!'
	case "quest":
		return '?'
	case "commat":
		return '@'
	case "dollar":
		return '$'
	case "lpar":
		return '('
	case "rpar":
		return ')'
	case "ast", "midast":
		return '*'
	case "lsqb", "lbrack":
		return '['
	case "rsqb", "rbrack":
		return ']'
	case "lcub", "lbrace":
		return '{'
	case "rcub", "rbrace":
		return '}'
	case "verbar", "vert":
		return '|'
	case "grave":
		return '`'
	case "Hat":
		return '^'
	}
	return 0
}

// legacy returns the name at the beginning of b that needs no semicolon.
func legacy(b []byte) []byte {
	for _, name := range [...]string{"amp", "AMP", "lt", "LT", "gt", "GT", "quot", "QUOT"} {
		if bytes.HasPrefix(b, []byte(name)) {
			return b[:len(name)]
		}
	}
	return nil
}

func legacyName(b []byte) byte { return named(legacy(b)) }

// firstEscape returns where the first escape of a printable character begins, or may begin at the end of b; len(b)
// without one. Percent escapes count where they stand for a character of a secret, or for another percent sign: a body
// full of addresses is not searched twice for what it cannot hold.
func (s *Set) firstEscape(b []byte) int {
	return min(firstAfter(b, '\\', s.escapesPrintable), firstAfter(b, '&', beginsReference),
		firstAfter(b, '%', s.escapesOurs))
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func firstAfter(b []byte, intro byte, is func(rest []byte) bool) int {
	for at := 0; ; at++ {
		i := bytes.IndexByte(b[at:], intro)
		if i < 0 {
			return len(b)
		}
		if at += i; is(b[at+1:]) {
			return at
		}
	}
}

// escapesPrintable reports whether a backslash before rest may begin an escape of a printable ASCII character. What is
// neither a letter nor a digit stands for itself, and counts where a secret has it; base64 has slashes.
func (s *Set) escapesPrintable(rest []byte) bool {
	if len(rest) == 0 {
		return true
	}
	switch c := rest[0]; c {
	case 'x', '/':
		return true
	case 'u':
		for i, want := range [...]string{"0", "0", "234567"} {
			if len(rest) <= i+1 || i == 0 && rest[1] == '{' {
				return true
			}
			if strings.IndexByte(want, rest[i+1]) < 0 {
				return false
			}
		}
		return true
	default:
		return !isLetter(c) && (c < '0' || c > '9') && s.holds[c]
	}
}

// escapesOurs reports whether a percent sign before rest may begin an escape of what stands in a secret. Which characters
// an encoder of URLs escapes is its own choice, so each of them counts.
func (s *Set) escapesOurs(rest []byte) bool {
	if len(rest) < 2 {
		return len(rest) == 0 || hexDigit(rest[0]) >= 0
	}
	high, low := hexDigit(rest[0]), hexDigit(rest[1])
	return high >= 0 && low >= 0 && s.holds[high<<4|low]
}

// beginsReference reports whether an ampersand before rest may begin a character reference.
func beginsReference(rest []byte) bool {
	if len(rest) == 0 || rest[0] == '#' {
		return true
	}
	for i, c := range rest {
		switch {
		case c == ';':
			return i > 0
		case i == longestName:
			return legacy(rest) != nil
		case !isLetter(c):
			return legacyName(rest[:i]) != 0
		}
	}
	return true // cut off
}
