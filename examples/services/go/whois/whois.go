// Package whois verifies the assertion that bff puts into Authorization: who is asking, and what they may do.
package whois

import (
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// ErrRefused is for what is no valid assertion for this service. Another error means that bff does not answer.
var ErrRefused = errors.New("no valid assertion")

// Claims is who is asking. Subject is the user; Rights are what they may do.
type Claims struct {
	jwt.Claims
	Session string   `json:"sid"`
	Name    string   `json:"name"`
	Rights  []string `json:"rights"`
}

// A Verifier is for one issuer (bff's origin), one audience (the `identity` of bff.yaml) and one URL of keys.
type Verifier struct {
	Issuer, Audience, KeysURL string
	mu                        sync.Mutex
	keys                      jose.JSONWebKeySet
	fetched                   time.Time
}

// Verify checks the assertion of a request: its type, signature, issuer, audience and time.
func (v *Verifier) Verify(r *http.Request) (c Claims, err error) {
	token, err := jwt.ParseSigned(Bearer(r), []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil || token.Headers[0].ExtraHeaders[jose.HeaderType] != "at+jwt" {
		return c, ErrRefused
	}
	keys, err := v.find(token.Headers[0].KeyID)
	want := jwt.Expected{Issuer: v.Issuer, AnyAudience: jwt.Audience{v.Audience}}
	if err == nil && (len(keys) == 0 || token.Claims(keys[0].Key, &c) != nil || c.Expiry == nil ||
		c.ValidateWithLeeway(want, 0) != nil) {
		return Claims{}, ErrRefused
	}
	return c, err
}

// find fetches the keys once an hour, and at most once a minute for a key that is new.
func (v *Verifier) find(id string) (found []jose.JSONWebKey, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	found = v.keys.Key(id)
	if age := time.Since(v.fetched); age > time.Hour || age > time.Minute && len(found) == 0 {
		if err = get(v.KeysURL, &v.keys); err == nil {
			v.fetched, found = time.Now(), v.keys.Key(id)
		}
	}
	return found, err
}
