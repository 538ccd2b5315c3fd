package vault

import (
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

const redacted = "[redacted]"

// A Secret is a value that authenticates somebody: a token, a client secret, a ticket. Every way of printing or
// encoding it gives "[redacted]"; Reveal is the only way out. The zero Secret is the absence of one.
//
// It is a pointer inside: fmt calls no method of a value below an unexported field, and prints what it finds there.
// Of a pointer to a string it prints the address. Compare with Equal, never with ==.
type Secret struct{ p *string }

// hidden holds a secret that is no string. fmt follows a pointer to a struct or an array, at least with a verb that it does not
// understand; it does not follow a pointer to a pointer.
type hidden[T any] struct{ p **T }

func hide[T any](v *T) hidden[T] { return hidden[T]{&v} }

func (h hidden[T]) get() *T {
	if h.p == nil {
		return nil
	}
	return *h.p
}

// NewSecret wraps s.
func NewSecret(s string) Secret {
	if s == "" {
		return Secret{}
	}
	return Secret{&s}
}

// Reveal returns the secret itself. Every caller is a place to review.
func (s Secret) Reveal() string {
	if s.p == nil {
		return ""
	}
	return *s.p
}

// IsZero says whether there is no secret at all.
func (s Secret) IsZero() bool { return s.p == nil }

// Equal compares in constant time. An empty secret equals nothing, not even another empty one.
func (s Secret) Equal(t Secret) bool {
	return !s.IsZero() && subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(t.Reveal())) == 1
}

func (Secret) String() string               { return redacted }
func (Secret) GoString() string             { return redacted }
func (Secret) Format(f fmt.State, _ rune)   { _, _ = io.WriteString(f, redacted) }
func (Secret) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }
func (Secret) MarshalCBOR() ([]byte, error) {
	return append([]byte{0x60 | byte(len(redacted))}, redacted...), nil
}

// b64 is the one encoding of binary values in names, ids and cookies: strict, so that a value has one spelling.
var b64 = base64.RawURLEncoding.Strict()

// decodeExactly reads the one spelling of n bytes.
func decodeExactly(s string, n int) ([]byte, bool) {
	if len(s) != b64.EncodedLen(n) || strings.ContainsAny(s, "\r\n") { // the decoder skips line ends, strict or not
		return nil, false
	}
	raw, err := b64.DecodeString(s)
	return raw, err == nil && len(raw) == n
}
