package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"strings"

	"bff/internal/secret"
)

// VeilSize is the size of a veil's secret.
const VeilSize = 32

// veiled stands in front of what a veil made: no tag, and no user's id, begins with it.
const veiled = "."

// A Veil turns what stands readable in the store into what only its secret turns back: a name has one veiled form, and
// whoever lacks the secret can compute neither of the two from the other.
type Veil struct{ m secret.Hidden[veil] }

type veil struct {
	tags, names cipher.Block
	mac         [32]byte
}

// NewVeil makes the veil of a secret of VeilSize bytes.
func NewVeil(raw []byte) Veil {
	derive := func(label string) []byte {
		b, err := hkdf.Key(sha256.New, raw, nil, label, 32)
		if err != nil {
			panic("seal: hkdf refused a constant length")
		}
		return b
	}
	block := func(label string) cipher.Block {
		b, err := aes.NewCipher(derive(label))
		if err != nil {
			panic("seal: aes refused a key of 32 bytes")
		}
		return b
	}
	return Veil{secret.Hide(&veil{block("bff veil tags v1"), block("bff veil names v1"),
		[32]byte(derive("bff veil mac v1"))})}
}

// IsVeiled reports whether a name is one that a veil made.
func IsVeiled(name string) bool { return strings.HasPrefix(name, veiled) }

// Tag veils a user's tag, as it is spelled. A tag is one block of the cipher.
func (v Veil) Tag(tag string) (string, bool) {
	raw, ok := DecodeExactly(tag, TagSize)
	if !ok {
		return "", false
	}
	v.m.Reveal().tags.Encrypt(raw, raw)
	return veiled + Encode(raw), true
}

// Untag is the tag that Tag veiled.
func (v Veil) Untag(name string) (string, bool) {
	raw, ok := DecodeExactly(strings.TrimPrefix(name, veiled), TagSize)
	if !ok || !IsVeiled(name) {
		return "", false
	}
	v.m.Reveal().tags.Decrypt(raw, raw)
	return Encode(raw), true
}

// Name veils any text: a keyed hash of it, which is also what the text is encrypted by, and the encrypted text.
func (v Veil) Name(text string) string {
	sum := v.sum(text)
	return veiled + Encode(append(sum, v.stream(sum, []byte(text))...))
}

// Unname is the text that Name veiled.
func (v Veil) Unname(name string) (string, bool) {
	raw, err := Decode(strings.TrimPrefix(name, veiled))
	if err != nil || len(raw) < aes.BlockSize || !IsVeiled(name) {
		return "", false
	}
	text := string(v.stream(raw[:aes.BlockSize], raw[aes.BlockSize:]))
	return text, subtle.ConstantTimeCompare(v.sum(text), raw[:aes.BlockSize]) == 1
}

func (v Veil) sum(text string) []byte {
	m := hmac.New(sha256.New, v.m.Reveal().mac[:])
	m.Write([]byte(text))
	return m.Sum(nil)[:aes.BlockSize]
}

func (v Veil) stream(iv, text []byte) []byte {
	out := make([]byte, len(text))
	cipher.NewCTR(v.m.Reveal().names, iv).XORKeyStream(out, text)
	return out
}
