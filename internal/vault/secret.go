package vault

import (
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// A Secret is a value that authenticates somebody: a token, a client secret, a ticket. Every way of printing or
// encoding it gives "[redacted]"; Reveal is the only way out. The zero Secret is the absence of one.
type Secret struct{ s string }

// NewSecret wraps s.
func NewSecret(s string) Secret { return Secret{s} }

// Reveal returns the secret itself. Every caller is a place to review.
func (s Secret) Reveal() string { return s.s }

// IsZero says whether there is no secret at all.
func (s Secret) IsZero() bool { return s.s == "" }

// Equal compares in constant time. An empty secret equals nothing, not even another empty one.
func (s Secret) Equal(t Secret) bool {
	return s.s != "" && subtle.ConstantTimeCompare([]byte(s.s), []byte(t.s)) == 1
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
