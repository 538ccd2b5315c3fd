package provider

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"bff/internal/demo/answer"
	"bff/internal/demo/shelf"
)

// A signingKey is one RS256 key of the provider. The newest signs, all of them are published.
type signingKey struct {
	id      string
	private *rsa.PrivateKey
}

// Keys are the provider's signing keys. Safe for concurrent use.
type Keys struct {
	*common

	mu   sync.Mutex
	keys []signingKey
}

func newKeys(c *common) (*Keys, error) {
	k, err := newSigningKey()
	if err != nil {
		return nil, err
	}
	return &Keys{common: c, keys: []signingKey{k}}, nil
}

func newSigningKey() (signingKey, error) {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return signingKey{}, fmt.Errorf("make a signing key: %w", err)
	}
	return signingKey{id: shelf.Random(12), private: k}, nil
}

// RotateKeys makes a new signing key. The one before stays published, older ones go.
func (ks *Keys) RotateKeys() error {
	k, err := newSigningKey()
	if err != nil {
		return err
	}
	ks.mu.Lock()
	defer ks.mu.Unlock()
	ks.keys = append([]signingKey{k}, ks.keys[:min(1, len(ks.keys))]...)
	ks.log.Note("keys", "", "a new signing key is in use; the one before is still published")
	return nil
}

// sign makes a JWS of claims.
func (ks *Keys) sign(typ string, claims map[string]any) (string, error) {
	ks.mu.Lock()
	k := ks.keys[0]
	ks.mu.Unlock()
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: k.private, KeyID: k.id}},
		(&jose.SignerOptions{}).WithType(jose.ContentType(typ)),
	)
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	return jws.CompactSerialize()
}

// idToken is OpenID Connect Core section 2, with the claims Google adds.
func (ks *Keys) idToken(f *family, nonce, access string) (string, error) {
	now := ks.now()
	sum := sha256.Sum256([]byte(access))
	claims := map[string]any{
		"iss": ks.issuer, "azp": ks.client.ClientID, "aud": ks.client.ClientID, "sub": f.person.Subject,
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "auth_time": f.born.Unix(),
		"at_hash": base64.RawURLEncoding.EncodeToString(sum[:16]),
	}
	if nonce != "" {
		claims["nonce"] = nonce
	}
	if f.sid != "" && !ks.habits.NoSessionID {
		claims["sid"] = f.sid
	}
	ks.addPersonal(claims, f.person, f.scopes)
	return ks.sign("JWT", claims)
}

// addPersonal adds what the scopes tell of a person.
func (c *common) addPersonal(claims map[string]any, p *Person, scopes []string) {
	has := func(names ...string) bool {
		for _, n := range names {
			if covers(scopes, []string{n}) {
				return true
			}
		}
		return c.habits.AnyScope
	}
	if has(ScopeEmail, "email") {
		claims["email"], claims["email_verified"] = p.Email, !p.Unverified
	}
	if has(ScopeProfile, "profile") {
		claims["name"], claims["given_name"], claims["locale"] = p.FullName, p.GivenName(), p.Locale
	}
	if p.HostedDomain != "" {
		claims["hd"] = p.HostedDomain
	}
}

func (ks *Keys) serveKeys(w http.ResponseWriter, _ *http.Request) {
	ks.mu.Lock()
	set := jose.JSONWebKeySet{}
	for _, k := range ks.keys {
		set.Keys = append(
			set.Keys,
			jose.JSONWebKey{Key: k.private.Public(), KeyID: k.id, Algorithm: string(jose.RS256), Use: "sig"},
		)
	}
	ks.mu.Unlock()
	w.Header().Set("Cache-Control", "public, max-age=60")
	answer.JSON(w, http.StatusOK, set)
}
