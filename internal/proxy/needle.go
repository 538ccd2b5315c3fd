package proxy

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"unsafe"
)

// A needle is one form of a secret.
type needle struct {
	secret string
	form   form
	skip   int // bytes of the secret before the first whole group of base64
	size   int
	anchor int // where in the form the anchor begins
	head   uint64
	text   string // the form, when it was needed
}

type form uint8

const (
	asItIs form = iota
	inBase64
	inBase64URL
	inHex
	inUpperHex
)

// addForms adds s as it is, in base64 at each of the three alignments it can have in what was encoded, and in hex.
func (t *tripwire) addForms(s string, anchor int) {
	t.add(needle{secret: s, size: len(s), text: s}, anchor)
	alignments := 3
	if len(s) < 24 { // shorter than an anchor by then
		alignments = 0
	}
	for skip := range alignments {
		n := needle{secret: s, skip: skip, form: inBase64, size: (len(s) - skip) / 3 * 4}
		t.add(n, anchor)
		if strings.ContainsFunc(s, differsInURL) {
			n.form = inBase64URL
			t.add(n, anchor)
		}
	}
	t.add(needle{secret: s, form: inHex, size: 2 * len(s)}, anchor)
	t.add(needle{secret: s, form: inUpperHex, size: 2 * len(s)}, anchor)
	t.addEscaped(s, anchor)
}

// differsInURL are the characters that can make one of base64's two last digits.
func differsInURL(c rune) bool { return c == '>' || c == '?' || c >= '~' }

// addEscaped adds what the usual escapes make of s, where they make a difference.
func (t *tripwire) addEscaped(s string, anchor int) {
	const unreserved, inPath = "-_.~", "-_.~$&+=:@"
	if strings.ContainsAny(s, "/+=:@%\"\\&<>' $!*(),;?#") {
		t.addPercent(s, unreserved, "0123456789ABCDEF", anchor)
		t.addPercent(s, unreserved, "0123456789abcdef", anchor)
	}
	if strings.ContainsAny(s, inPath[4:]) {
		t.addPercent(s, inPath, "0123456789ABCDEF", anchor)
		t.addPercent(s, inPath, "0123456789abcdef", anchor)
	}
	if strings.Contains(s, "/") {
		from := len(t.arena)
		for i := range len(s) {
			if s[i] == '/' {
				t.arena = append(t.arena, '\\')
			}
			t.arena = append(t.arena, s[i])
		}
		t.addArena(from, anchor)
	}
}

// addPercent adds s with every byte escaped that is no letter, digit or one of bare.
func (t *tripwire) addPercent(s, bare, digits string, anchor int) {
	from := len(t.arena)
	for i := range len(s) {
		c := s[i]
		if 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || strings.IndexByte(bare, c) >= 0 {
			t.arena = append(t.arena, c)
		} else {
			t.arena = append(t.arena, '%', digits[c>>4], digits[c&15])
		}
	}
	t.addArena(from, anchor)
}

// addArena adds what was written to the arena as a needle. When the arena grows, the string keeps the bytes it was made of.
func (t *tripwire) addArena(from, anchor int) {
	text := unsafe.String(&t.arena[from], len(t.arena)-from)
	t.add(needle{size: len(text), text: text}, anchor)
}

// add makes n a needle.
func (t *tripwire) add(n needle, anchor int) {
	if n.size < anchor || len(t.needles) == mostNeedles {
		return
	}
	var buf [64]byte
	n.head = binary.LittleEndian.Uint64(n.window(0, headSize, &buf))
	n.anchor = (n.size - anchor) * 7 / 8 &^ 3 // late: what tokens of one issuer share stands in front
	t.longest = max(t.longest, n.size)
	t.needles = append(t.needles, n)
	t.heads[n.head%61] |= 1 << (n.head >> 58)
}

// window makes size bytes of the form, beginning at a multiple of four, without making all of it.
func (n *needle) window(at, size int, buf *[64]byte) []byte {
	if n.text != "" {
		return append(buf[:0], n.text[at:at+size]...)
	}
	out := buf[:size]
	switch from := n.skip + at/4*3; n.form {
	case inBase64:
		base64.StdEncoding.Encode(out, append(buf[32:32], n.secret[from:from+size/4*3]...))
	case inBase64URL:
		base64.URLEncoding.Encode(out, append(buf[32:32], n.secret[from:from+size/4*3]...))
	default:
		hex.Encode(out, append(buf[32:32], n.secret[at/2:(at+size)/2]...))
		if n.form == inUpperHex {
			upper(out)
		}
	}
	return out
}

func upper(b []byte) {
	for i, c := range b {
		if 'a' <= c && c <= 'z' {
			b[i] = c &^ 0x20
		}
	}
}

// whole makes the form.
func (n *needle) whole() string {
	if n.text != "" {
		return n.text
	}
	switch b := []byte(n.secret); n.form {
	case inBase64:
		n.text = base64.StdEncoding.EncodeToString(b[n.skip : n.skip+n.size/4*3])
	case inBase64URL:
		n.text = base64.URLEncoding.EncodeToString(b[n.skip : n.skip+n.size/4*3])
	case inHex:
		n.text = hex.EncodeToString(b)
	case inUpperHex:
		n.text = strings.ToUpper(hex.EncodeToString(b))
	}
	return n.text
}
