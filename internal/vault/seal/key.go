package seal

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"bff/internal/secret"
)

const keyPrefix = "bffk1_"

// ErrKey is what a malformed key gives. It says nothing of the key.
var ErrKey = errors.New(`not a key: want "bffk1_" and 43 characters, as printed by "bff keygen"`)

// A Key is one key of the ring: 32 random bytes. It prints as "[redacted]". The zero Key is none.
type Key struct{ m secret.Hidden[material] }

type material struct {
	secret [32]byte
	id     [4]byte  // tells which key sealed a message
	locate [32]byte // keys the hmac under which records are found
}

// NewKey makes a fresh key.
func NewKey() Key {
	var raw [32]byte
	_, _ = rand.Read(raw[:]) // never fails: crypto/rand ends the process instead
	return makeKey(raw)
}

// ParseKey reads what `bff keygen` printed. The only error is [ErrKey].
func ParseKey(s string) (Key, error) {
	raw, ok := DecodeExactly(strings.TrimPrefix(s, keyPrefix), 32)
	if !ok || !strings.HasPrefix(s, keyPrefix) {
		return Key{}, ErrKey
	}
	return makeKey([32]byte(raw)), nil
}

func makeKey(raw [32]byte) Key {
	m := &material{secret: raw}
	derive := func(label string, out []byte) {
		b, err := hkdf.Key(sha256.New, raw[:], nil, label, len(out))
		if err != nil {
			panic("seal: hkdf refused a constant length")
		}
		copy(out, b)
	}
	derive("bff key id v1", m.id[:])
	derive("bff locate v1", m.locate[:])
	return Key{secret.Hide(m)}
}

// Reveal returns the key as ParseKey reads it.
func (k Key) Reveal() string { return keyPrefix + b64.EncodeToString(k.m.Reveal().secret[:]) }

// Derive returns 32 bytes that only this key gives, for a use outside this package that label names.
func (k Key) Derive(label string) secret.Text {
	b, err := hkdf.Key(sha256.New, k.m.Reveal().secret[:], nil, "bff derive "+label+" v1", 32)
	if err != nil {
		panic("vault: hkdf refused a constant length")
	}
	return secret.New(string(b))
}

// Equal says whether both are the same key.
func (k Key) Equal(o Key) bool {
	return k != (Key{}) && o != (Key{}) && hmac.Equal(k.m.Reveal().secret[:], o.m.Reveal().secret[:])
}

func (Key) String() string               { return secret.Redacted }
func (Key) GoString() string             { return secret.Redacted }
func (Key) Format(f fmt.State, _ rune)   { _, _ = io.WriteString(f, secret.Redacted) }
func (Key) LogValue() slog.Value         { return slog.StringValue(secret.Redacted) }
func (Key) MarshalText() ([]byte, error) { return []byte(secret.Redacted), nil }
func (Key) MarshalJSON() ([]byte, error) { return []byte(`"` + secret.Redacted + `"`), nil }

// Location is the keyed hash under which a record is found: a look-up never compares the finder's own bytes.
func (k Key) Location(finder []byte) string {
	m := hmac.New(sha256.New, k.m.Reveal().locate[:])
	m.Write(finder)
	return b64.EncodeToString(m.Sum(nil)[:16])
}
