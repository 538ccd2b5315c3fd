package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
)

// A sealed value is
//
//	version 16 | format 1 | key id 4 | salt 24 | AES-256-GCM ciphertext and tag
//
// version names this writing of the record: scripts compare it, nobody trusts it. Each message has a key of its own,
//
//	HKDF-Expand-SHA256(ring key || opener, salt "bff seal v1" kind owner)
//
// from which RFC 5869 section 3.3 leaves out the first step, since both halves are uniformly random. So the nonce can
// be constant: with 192 random bits of salt, two messages never share a key. The key binds the ciphertext to kind and
// owner, the associated data to all that stands before it; a record copied elsewhere does not open.
const (
	VersionSize = 16
	formatV1    = 1
	saltSize    = 24
	headerSize  = VersionSize + 1 + 4 + saltSize
	// MinSize is the size of the smallest sealed value. What is shorter is none: a tombstone.
	MinSize = headerSize + 16
)

// ErrSealed is what a value gives that does not open.
var ErrSealed = errors.New("sealed value does not open")

// A Binding says what a sealed value is and whose: it opens for the same binding only.
type Binding struct {
	Kind   string  // session, connection, attempt, index, preferences, job, …
	Owner  string  // whose it is; never the store's key, which moves when the ring turns
	Opener *Opener // the browser's half, or nil where the ring alone opens
}

// A Ring is the keys of the configuration: the first seals, all open. It is not changed after its making.
type Ring []Key

// Seal returns plain sealed for b under the ring's first key, with a fresh version.
func (r Ring) Seal(b Binding, plain []byte) []byte {
	k := r[0].m.Reveal()
	out := make([]byte, headerSize, headerSize+len(plain)+16)
	_, _ = rand.Read(out[:VersionSize]) // never fails
	out[VersionSize] = formatV1
	copy(out[VersionSize+1:], k.id[:])
	salt := out[headerSize-saltSize : headerSize]
	_, _ = rand.Read(salt)
	return aead(k, b, salt).Seal(out, make([]byte, 12), plain, out[:headerSize])
}

// Current says whether the ring's first key sealed value.
func (r Ring) Current(value string) bool {
	return len(value) >= MinSize && value[VersionSize+1:VersionSize+5] == string(r[0].m.Reveal().id[:])
}

// Open returns what Seal was given. The only error is [ErrSealed].
func (r Ring) Open(b Binding, value []byte) ([]byte, error) {
	if len(value) < MinSize || value[VersionSize] != formatV1 {
		return nil, ErrSealed
	}
	for i := range r {
		k := r[i].m.Reveal()
		if string(k.id[:]) != string(value[VersionSize+1:VersionSize+5]) {
			continue
		}
		salt := value[headerSize-saltSize : headerSize]
		plain, err := aead(k, b, salt).Open(nil, make([]byte, 12), value[headerSize:], value[:headerSize])
		if err != nil {
			return nil, ErrSealed
		}
		return plain, nil
	}
	return nil, ErrSealed
}

// Locations are the keyed hashes of finder, one for each key of the ring, the first key's in front.
func (r Ring) Locations(finder []byte) []string {
	all := make([]string, len(r))
	for i := range r {
		all[i] = r[i].Location(finder)
	}
	return all
}

// Version is the first bytes of a sealed value, or all of what is shorter.
func Version(value string) string { return value[:min(len(value), VersionSize)] }

func aead(k *material, b Binding, salt []byte) cipher.AEAD {
	secret := make([]byte, 0, 64)
	secret = append(secret, k.secret[:]...)
	if b.Opener != nil {
		secret = append(secret, b.Opener[:]...) // both of fixed length; kinds with and without an opener differ
	}
	key, err := hkdf.Expand(sha256.New, secret, b.info(salt), 32)
	if err != nil {
		panic("seal: hkdf refused a constant length")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("seal: aes refused a 32-byte key")
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic("seal: gcm refused aes")
	}
	return gcm
}

// info is the salt and the binding: parts of fixed length first, then each with its length, so that no two bindings
// give the same text.
func (b Binding) info(salt []byte) string {
	const label = "bff seal v1"
	out := make([]byte, 0, 128)
	out = append(append(out, salt...), label...)
	for _, part := range [...]string{b.Kind, b.Owner} {
		out = binary.BigEndian.AppendUint16(out, uint16(len(part)))
		out = append(out, part...)
	}
	return string(out)
}
