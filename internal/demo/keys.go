package demo

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// A signingKey is one RS256 key of the provider. The newest signs, all of them are published.
type signingKey struct {
	id      string
	private *rsa.PrivateKey
}

func newSigningKey() (signingKey, error) {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return signingKey{}, fmt.Errorf("make a signing key: %w", err)
	}
	return signingKey{id: random(12), private: k}, nil
}

// RotateKeys makes a new signing key. The one before stays published, older ones go.
func (d *Demo) RotateKeys() error {
	k, err := newSigningKey()
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.keys = append([]signingKey{k}, d.keys[:min(1, len(d.keys))]...)
	d.note("keys", "", "a new signing key is in use; the one before is still published")
	return nil
}

// sign makes a JWS of claims.
func (d *Demo) sign(typ string, claims map[string]any) (string, error) {
	d.mu.Lock()
	k := d.keys[0]
	d.mu.Unlock()
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
func (d *Demo) idToken(f *family, nonce, access string) (string, error) {
	now := d.cfg.Now()
	sum := sha256.Sum256([]byte(access))
	claims := map[string]any{
		"iss": d.Issuer, "azp": d.ClientID, "aud": d.ClientID, "sub": f.person.Subject,
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "auth_time": f.born.Unix(),
		"at_hash": base64.RawURLEncoding.EncodeToString(sum[:16]),
	}
	if nonce != "" {
		claims["nonce"] = nonce
	}
	if f.sid != "" && !d.habits.NoSessionID {
		claims["sid"] = f.sid
	}
	d.addPersonal(claims, f.person, f.scopes)
	return d.sign("JWT", claims)
}

// addPersonal adds what the scopes tell of a person.
func (d *Demo) addPersonal(claims map[string]any, p *Person, scopes []string) {
	has := func(names ...string) bool {
		for _, n := range names {
			if covers(scopes, []string{n}) {
				return true
			}
		}
		return d.habits.AnyScope
	}
	if has(ScopeEmail, "email") {
		claims["email"], claims["email_verified"] = p.Email, true
	}
	if has(ScopeProfile, "profile") {
		claims["name"], claims["given_name"], claims["locale"] = p.FullName, p.GivenName(), p.Locale
	}
	if p.HostedDomain != "" {
		claims["hd"] = p.HostedDomain
	}
}

func (d *Demo) serveKeys(w http.ResponseWriter, _ *http.Request) {
	d.mu.Lock()
	set := jose.JSONWebKeySet{}
	for _, k := range d.keys {
		set.Keys = append(
			set.Keys,
			jose.JSONWebKey{Key: k.private.Public(), KeyID: k.id, Algorithm: string(jose.RS256), Use: "sig"},
		)
	}
	d.mu.Unlock()
	w.Header().Set("Cache-Control", "public, max-age=60")
	writeJSON(w, http.StatusOK, set)
}
