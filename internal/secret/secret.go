package secret

import (
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

// Redacted is what every way of printing a secret gives.
const Redacted = "[redacted]"

// A Text is a secret string. The zero Text is the absence of one. It is safe for concurrent use.
//
// It is a pointer inside: fmt calls no method of a value below an unexported field and prints what it finds there,
// and of a pointer to a string it prints the address. Compare with Equal, never with ==.
type Text struct{ p *string }

// New wraps s. The empty string gives the zero Text.
func New(s string) Text {
	if s == "" {
		return Text{}
	}
	return Text{&s}
}

// Reveal returns the secret itself. Every caller is a place to review.
func (t Text) Reveal() string {
	if t.p == nil {
		return ""
	}
	return *t.p
}

// IsZero reports whether there is no secret at all.
func (t Text) IsZero() bool { return t.p == nil }

// Equal compares in constant time. An empty secret equals nothing, not even another empty one.
func (t Text) Equal(u Text) bool {
	return !t.IsZero() && subtle.ConstantTimeCompare([]byte(t.Reveal()), []byte(u.Reveal())) == 1
}

func (Text) String() string               { return Redacted }
func (Text) GoString() string             { return Redacted }
func (Text) Format(f fmt.State, _ rune)   { _, _ = io.WriteString(f, Redacted) }
func (Text) LogValue() slog.Value         { return slog.StringValue(Redacted) }
func (Text) MarshalText() ([]byte, error) { return []byte(Redacted), nil }
func (Text) MarshalJSON() ([]byte, error) { return []byte(`"` + Redacted + `"`), nil }
func (Text) MarshalCBOR() ([]byte, error) {
	return append([]byte{0x60 | byte(len(Redacted))}, Redacted...), nil
}

// A Hidden holds a secret that is no string. fmt follows a pointer to a struct or an array, at least with a verb that
// it does not understand; it does not follow a pointer to a pointer.
type Hidden[T any] struct{ p **T }

// Hide wraps v.
func Hide[T any](v *T) Hidden[T] { return Hidden[T]{&v} }

// Reveal returns what Hide was given, nil for the zero Hidden. Every caller is a place to review.
func (h Hidden[T]) Reveal() *T {
	if h.p == nil {
		return nil
	}
	return *h.p
}
