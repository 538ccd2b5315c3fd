package assertion

import (
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"bff/internal/secret"
)

// Label is what a seed is derived from a ring key with.
const Label = "assertion"

// A keyPair is the signing key of one ring entry.
type keyPair struct {
	id      string
	public  jose.JSONWebKey
	private secret.Hidden[ed25519.PrivateKey]
}

// newKeyPair makes the pair of a seed of 32 bytes.
func newKeyPair(seed secret.Text) (keyPair, error) {
	if len(seed.Reveal()) != ed25519.SeedSize {
		return keyPair{}, errors.New("new signer: a seed is not 32 bytes long")
	}
	private := ed25519.NewKeyFromSeed([]byte(seed.Reveal()))
	public := jose.JSONWebKey{Key: private.Public(), Algorithm: string(jose.EdDSA), Use: "sig"}
	sum, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		return keyPair{}, err
	}
	public.KeyID = base64.RawURLEncoding.EncodeToString(sum)
	return keyPair{id: public.KeyID, public: public, private: secret.Hide(&private)}, nil
}

// sign returns the compact JWS of payload.
func (k *keyPair) sign(typ string, payload []byte) (string, error) {
	key := jose.SigningKey{Algorithm: jose.EdDSA, Key: jose.JSONWebKey{Key: *k.private.Reveal(), KeyID: k.id}}
	signer, err := jose.NewSigner(key, (&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}

// keySet is the JWK Set of keys, and the list of their ids in which the board knows them.
func keySet(keys []keyPair) (document []byte, view string, err error) {
	set := jose.JSONWebKeySet{}
	var ids []string
	for _, k := range keys {
		set.Keys = append(set.Keys, k.public)
		ids = append(ids, k.id)
	}
	slices.Sort(ids)
	document, err = json.Marshal(set)
	return document, strings.Join(ids, ","), err
}
