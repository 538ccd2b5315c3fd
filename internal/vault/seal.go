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
//	HKDF-SHA256(ring key || opener, salt, "bff seal v1" kind owner)
//
// so the nonce can be constant: with 192 random bits of salt, two messages never share a key. What the ciphertext is bound to
// (format, kind, owner, version) is in the associated data and the derivation both; a record copied elsewhere does not open.
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
	k := v.keys[0].m.get()
	out := make([]byte, headerSize, headerSize+len(plain)+16)
	_, _ = rand.Read(out[:versionSize]) // never fails
	out[versionSize] = formatV1
	copy(out[versionSize+1:], k.id[:])
	salt := out[headerSize-saltSize : headerSize]
	_, _ = rand.Read(salt)
	return aead(k, s, salt).Seal(out, make([]byte, 12), plain, s.binding(out[:versionSize+1]))
}

// current says whether the ring's first key sealed value.
func (v *Vault) current(value string) bool {
	return len(value) >= minValueSize && value[versionSize+1:versionSize+5] == string(v.keys[0].m.get().id[:])
}

// open returns what seal was given.
func (v *Vault) open(s seat, value []byte) ([]byte, error) {
	if len(value) < minValueSize || value[versionSize] != formatV1 {
		return nil, errSealed
	}
	for i := range v.keys {
		k := v.keys[i].m.get()
		if string(k.id[:]) != string(value[versionSize+1:versionSize+5]) {
			continue
		}
		salt := value[headerSize-saltSize : headerSize]
		plain, err := aead(k, s, salt).Open(nil, make([]byte, 12), value[headerSize:], s.binding(value[:versionSize+1]))
		if err != nil {
			return nil, errSealed
		}
		return plain, nil
	}
	return nil, errSealed
}

func aead(k *material, s seat, salt []byte) cipher.AEAD {
	ikm := make([]byte, 0, 64)
	ikm = append(ikm, k.secret[:]...)
	if s.opener != nil {
		ikm = append(ikm, s.opener[:]...) // both of fixed length; kinds with and without an opener differ
	}
	key, err := hkdf.Key(sha256.New, ikm, salt, string(s.binding([]byte("bff seal v1"))), 32)
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

// binding joins its parts with their lengths, so that no two seats give the same bytes.
func (s seat) binding(head []byte) []byte {
	b := make([]byte, 0, len(head)+len(s.kind)+len(s.owner)+6)
	for _, part := range [...]string{string(head), s.kind, s.owner} {
		b = binary.BigEndian.AppendUint16(b, uint16(len(part)))
		b = append(b, part...)
	}
	return b
}
