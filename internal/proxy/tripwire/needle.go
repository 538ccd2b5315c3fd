package tripwire

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strings"
)

// A needle is one form of a secret. Encoded forms are made piece by piece when they are compared, and not kept.
type needle struct {
	text   string // the secret, or with asItIs the form itself
	form   form
	skip   int // bytes of the secret before the first whole group of base64
	size   int
	anchor int // where in the form the anchor begins
	head   uint64
}

type form uint8

const (
	asItIs form = iota
	inBase64
	inBase64URL
	inHex
	inUpperHex
)

// addForms adds a secret as it is, in base64 at each of the three alignments and in hexadecimal. In all of them
// characters may stand as escapes.
func (s *Set) addForms(text string) {
	s.add(needle{text: text, size: len(text)})
	alignments := 3
	if len(text) < 24 { // shorter than an anchor by then
		alignments = 0
	}
	for skip := range alignments {
		n := needle{text: text, skip: skip, form: inBase64, size: (len(text) - skip) / 3 * 4}
		s.add(n)
		if strings.ContainsFunc(text, differsInURL) {
			n.form = inBase64URL
			s.add(n)
		}
	}
	s.add(needle{text: text, form: inHex, size: 2 * len(text)})
	s.add(needle{text: text, form: inUpperHex, size: 2 * len(text)})
	s.holds['%'] = true
	for i := range len(text) {
		s.holds[text[i]] = true
	}
}

// differsInURL are the characters that can make one of base64's two last digits.
func differsInURL(c rune) bool { return c == '>' || c == '?' || c >= '~' }

func (s *Set) add(n needle) {
	if n.size < s.anchor || len(s.needles) == mostForms {
		return
	}
	var buf [64]byte
	n.head = binary.LittleEndian.Uint64(n.window(0, headSize, &buf))
	n.anchor = (n.size - s.anchor) * 7 / 8 &^ 3 // late: what tokens of one issuer have in common stands in front
	s.longest = max(s.longest, n.size)
	if len(s.needles) == 0 || n.size < s.least {
		s.least = n.size
	}
	s.needles = append(s.needles, n)
	word, bit := headBit(n.head)
	s.heads[word] |= bit
}

// window makes size bytes of the form, at most 32, beginning at a multiple of four. In base64 size
// is a multiple of four, in hexadecimal of two.
func (n *needle) window(at, size int, buf *[64]byte) []byte {
	out := buf[:size]
	switch from := n.skip + at/4*3; n.form {
	case asItIs:
		copy(out, n.text[at:at+size])
	case inBase64:
		base64.StdEncoding.Encode(out, append(buf[32:32], n.text[from:from+size/4*3]...))
	case inBase64URL:
		base64.URLEncoding.Encode(out, append(buf[32:32], n.text[from:from+size/4*3]...))
	default:
		hex.Encode(out, append(buf[32:32], n.text[at/2:(at+size)/2]...))
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

// prefix reports whether the form begins with b, which is at most as long as the form.
func (n *needle) prefix(b []byte) bool {
	if n.form == asItIs {
		return n.text[:len(b)] == string(b)
	}
	var buf [64]byte
	for at := 0; at < len(b); at += 32 {
		w := n.window(at, min(32, n.size-at), &buf)
		have := b[at:min(len(b), at+32)]
		if !bytes.Equal(w[:len(have)], have) {
			return false
		}
	}
	return true
}
