// Package whois verifies the assertion that bff puts into Authorization: who is asking, and what they may do.
package whois

import (
	"errors"
	"net/http"
	"slices"
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

// A Verifier is for the origins of bff's fronts, one audience (the `identity` of bff.yaml) and one URL of keys.
type Verifier struct {
	Issuers           []string
	Audience, KeysURL string
	mu                sync.Mutex
	keys              jose.JSONWebKeySet
	fetched           time.Time
}

// Verify checks the assertion of a request: its type, signature, issuer, audience and time.
func (v *Verifier) Verify(r *http.Request) (c Claims, err error) {
	token, err := jwt.ParseSigned(Bearer(r), []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil || token.Headers[0].ExtraHeaders[jose.HeaderType] != "at+jwt" {
		return c, ErrRefused
	}
	keys, err := v.find(token.Headers[0].KeyID)
	if err == nil && (len(keys) == 0 || token.Claims(keys[0].Key, &c) != nil || !slices.Contains(v.Issuers, c.Issuer) ||
		c.Expiry == nil || c.ValidateWithLeeway(jwt.Expected{AnyAudience: jwt.Audience{v.Audience}}, 0) != nil) {
		return Claims{}, ErrRefused
	}
	return c, err
}

// find fetches the keys once an hour, and at most once a minute for a key that is new.
func (v *Verifier) find(id string) (found []jose.JSONWebKey, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if age := time.Since(v.fetched); age > time.Hour || age > time.Minute && len(v.keys.Key(id)) == 0 {
		if err = get(v.KeysURL, &v.keys); err == nil {
			v.fetched = time.Now()
		}
	}
	return v.keys.Key(id), err
}
