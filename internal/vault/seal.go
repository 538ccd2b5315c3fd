package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
)

// A stored value is
//
//	version 16 | format 1 | key id 4 | salt 24 | AES-256-GCM ciphertext and tag
//
// version names this writing of the record: scripts compare it, nobody trusts it. Each message has a key of its own,
//
//	HKDF-Expand-SHA256(ring key || opener, salt "bff seal v1" kind owner)
//
// from which RFC 5869 section 3.3 leaves out the first step, since both halves are uniformly random. So the nonce can be constant: with 192 random bits of
// salt, two messages never share a key. The key binds the ciphertext to kind and owner, the associated data to all that stands before it; a record copied
// elsewhere does not open.
const (
	versionSize  = 16
	formatV1     = 1
	saltSize     = 24
	headerSize   = versionSize + 1 + 4 + saltSize
	minValueSize = headerSize + 16
)

var errSealed = errors.New("sealed value does not open")

// A seat says where a sealed value belongs.
type seat struct {
	kind   string  // session, connection, attempt, index, preferences, job
	owner  string  // whose it is; never the store's key, which moves when the ring turns
	opener *opener // the browser's half, or nil where the ring alone opens
}

// seal returns plain sealed for s under the ring's first key, with a fresh version.
func (v *Vault) seal(s seat, plain []byte) []byte {
	k := v.keys[0].m.Reveal()
	out := make([]byte, headerSize, headerSize+len(plain)+16)
	_, _ = rand.Read(out[:versionSize]) // never fails
	out[versionSize] = formatV1
	copy(out[versionSize+1:], k.id[:])
	salt := out[headerSize-saltSize : headerSize]
	_, _ = rand.Read(salt)
	return aead(k, s, salt).Seal(out, make([]byte, 12), plain, out[:headerSize])
}

// current says whether the ring's first key sealed value.
func (v *Vault) current(value string) bool {
	return len(value) >= minValueSize && value[versionSize+1:versionSize+5] == string(v.keys[0].m.Reveal().id[:])
}

// open returns what seal was given.
func (v *Vault) open(s seat, value []byte) ([]byte, error) {
	if len(value) < minValueSize || value[versionSize] != formatV1 {
		return nil, errSealed
	}
	for i := range v.keys {
		k := v.keys[i].m.Reveal()
		if string(k.id[:]) != string(value[versionSize+1:versionSize+5]) {
			continue
		}
		salt := value[headerSize-saltSize : headerSize]
		plain, err := aead(k, s, salt).Open(nil, make([]byte, 12), value[headerSize:], value[:headerSize])
		if err != nil {
			return nil, errSealed
		}
		return plain, nil
	}
	return nil, errSealed
}

func aead(k *material, s seat, salt []byte) cipher.AEAD {
	secret := make([]byte, 0, 64)
	secret = append(secret, k.secret[:]...)
	if s.opener != nil {
		secret = append(secret, s.opener[:]...) // both of fixed length; kinds with and without an opener differ
	}
	key, err := hkdf.Expand(sha256.New, secret, s.info(salt), 32)
	if err != nil {
		panic("vault: hkdf refused a constant length")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("vault: aes refused a 32-byte key")
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic("vault: gcm refused aes")
	}
	return gcm
}

// info is the salt and the seat: parts of fixed length first, then each with its length, so that no two seats give the same text.
func (s seat) info(salt []byte) string {
	const label = "bff seal v1"
	b := make([]byte, 0, 128)
	b = append(append(b, salt...), label...)
	for _, part := range [...]string{s.kind, s.owner} {
		b = binary.BigEndian.AppendUint16(b, uint16(len(part)))
		b = append(b, part...)
	}
	return string(b)
}
