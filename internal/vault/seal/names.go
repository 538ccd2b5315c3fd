package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"strings"
)

// NamesSize is the size of the secret of Names.
const NamesSize = 32

// Names spell the tags and ids of users as a store has them that holds none which can be guessed. Each is 16 bytes, one
// block of AES under a secret: a permutation, so that no two are spelled alike, and whoever has the secret reads them
// back. Nil Names leave everything as it is.
type Names struct{ tags, ids cipher.Block }

// NewNames returns the names under a secret of NamesSize bytes.
func NewNames(secret []byte) *Names {
	derive := func(label string) cipher.Block {
		key, err := hkdf.Expand(sha256.New, secret, label, 32)
		if err != nil {
			panic("seal: hkdf refused a constant length")
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			panic("seal: aes refused a 32-byte key")
		}
		return block
	}
	return &Names{derive("bff names of tags v1"), derive("bff names of ids v1")}
}

const idPrefix = "u_"

// Tag is how the store spells a tag. What is no tag stays as it is.
func (n *Names) Tag(tag string) string { return n.permute(tag, true) }

// TagOf is the tag that the store spells so.
func (n *Names) TagOf(name string) string { return n.permute(name, false) }

func (n *Names) permute(name string, forth bool) string {
	if n == nil {
		return name
	}
	return through(n.tags, name, forth)
}

// ID is how the store spells a user's id. What is no such id stays as it is.
func (n *Names) ID(id string) string { return n.permuteID(id, true) }

// IDOf is the id that the store spells so.
func (n *Names) IDOf(name string) string { return n.permuteID(name, false) }

func (n *Names) permuteID(id string, forth bool) string {
	rest, ok := strings.CutPrefix(id, idPrefix)
	if n == nil || !ok {
		return id
	}
	return idPrefix + through(n.ids, rest, forth)
}

// through spells 16 bytes that went through a block cipher, one way or back.
func through(block cipher.Block, name string, forth bool) string {
	raw, ok := DecodeExactly(name, aes.BlockSize)
	if !ok {
		return name
	}
	if forth {
		block.Encrypt(raw, raw)
	} else {
		block.Decrypt(raw, raw)
	}
	return Encode(raw)
}

// Knows says whether a value was sealed under a key of the ring, as far as its header tells, or is no sealed value.
func (r Ring) Knows(value string) bool {
	if len(value) < MinSize || value[VersionSize] != formatV1 {
		return true
	}
	for i := range r {
		if string(r[i].m.Reveal().id[:]) == value[VersionSize+1:VersionSize+5] {
			return true
		}
	}
	return false
}
