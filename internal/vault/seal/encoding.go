package seal

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
)

// b64 is the one encoding of binary values in names, ids and cookies: strict, so that a value has one spelling.
var b64 = base64.RawURLEncoding.Strict()

// Encode spells b.
func Encode(b []byte) string { return b64.EncodeToString(b) }

// DecodeExactly reads the one spelling of n bytes.
func DecodeExactly(s string, n int) ([]byte, bool) {
	if len(s) != b64.EncodedLen(n) || strings.ContainsAny(s, "\r\n") { // the decoder skips line ends, strict or not
		return nil, false
	}
	raw, err := b64.DecodeString(s)
	return raw, err == nil && len(raw) == n
}

// Digest is an unkeyed, labelled hash of parts, each with its length in front.
func Digest(label string, parts ...string) []byte {
	sum := sha256.Sum256(joined(label, parts))
	return sum[:]
}

// joined is label and parts, each with its length in front, so that no two lists give the same bytes.
func joined(label string, parts []string) []byte {
	b := make([]byte, 0, 128)
	add := func(p string) {
		b = append(append(strconv.AppendInt(b, int64(len(p)), 10), ':'), p...)
	}
	add(label)
	for _, p := range parts {
		add(p)
	}
	return b
}

// Random returns n random bytes.
func Random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the process instead
	return b
}

// Nonce is a fresh name of 128 random bits.
func Nonce() string { return Encode(Random(16)) }

// Decode reads what Encode spelled.
func Decode(s string) ([]byte, error) { return b64.DecodeString(s) }
