package standin

import (
	"crypto/rand"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// Tenant is the tid claim of ID tokens where the file has a form of the issuer with one.
const Tenant = "9188040d-6c67-4c5b-b112-36a304b66dad"

// A Signer signs what the provider says.
type Signer struct {
	*played
	people *People
	grants *Grants

	mu  sync.Mutex
	kid string
}

// Rotate replaces the key that signs tokens.
func (s *Signer) Rotate() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kid = fmt.Sprintf("key-%d", len(s.kid))
}

func (s *Signer) current() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kid
}

func (s *Signer) serveKeys(w http.ResponseWriter) {
	kid := s.current()
	key := jose.JSONWebKey{Key: s.cfg.Key.Public(), KeyID: kid, Algorithm: "RS256", Use: "sig"}
	writeJSON(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{key}})
}

// idToken makes the ID token of a grant (OpenID Connect Core section 2).
func (s *Signer) idToken(g *grant, t *Trouble) string {
	now := s.cfg.Now()
	c := claims{"iss": s.file.Issuer, "aud": ClientID, "sub": s.people.Subject(g.person), "nonce": g.nonce, "iat": now.Unix(),
		"exp": now.Add(10 * time.Minute).Unix()}
	if slices.ContainsFunc(s.file.Issuers, func(form string) bool { return strings.Contains(form, "{tid}") }) {
		c["tid"] = Tenant
	}
	if hd := s.file.Authorization.Params["hd"]; hd != "" && hd != "*" {
		c["hd"] = hd
	}
	if s.file.Userinfo.URL == "" && (s.cfg.Answers == nil || s.cfg.Answers.IDToken == nil) {
		s.people.describe(c, g.person)
	}
	if a := s.cfg.Answers; a != nil && a.IDToken != nil {
		for name, v := range a.IDToken {
			if !slices.Contains([]string{"iss", "aud", "nonce", "iat", "exp", "at_hash", "azp"}, name) {
				c[name] = v
			}
		}
	}
	if g.claims != nil {
		g.claims(c)
	}
	return s.Sign(c, "JWT", t)
}

// Sign signs claims with the provider's key.
func (s *Signer) Sign(c claims, typ string, t *Trouble) string {
	c = maps.Clone(c)
	kid := s.current()
	key := jose.SigningKey{Algorithm: jose.RS256, Key: s.cfg.Key}
	if t != nil && t.Algorithm != "" {
		key = jose.SigningKey{Algorithm: jose.SignatureAlgorithm(t.Algorithm), Key: []byte(ClientSecret + ClientSecret + ClientSecret)}
	}
	if t != nil && t.KeyID != "" {
		kid = t.KeyID
	}
	signer, err := jose.NewSigner(key, (&jose.SignerOptions{}).WithType(jose.ContentType(typ)).WithHeader("kid", kid))
	if err != nil {
		return "unsigned-" + rand.Text()
	}
	token, err := jwt.Signed(signer).Claims(c).Serialize()
	if err != nil {
		return "unsigned-" + rand.Text()
	}
	s.grants.made(token)
	return token
}
