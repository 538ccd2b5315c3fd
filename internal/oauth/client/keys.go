package client

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"

	"bff/internal/oauth/claims"
)

const (
	keysEvery = 5 * time.Second // unknown key ids cause no more fetches than this
	keysBurst = 3
	maxJWT    = 1 << 20
	maxKeys   = 256
	minRSA    = 1024 // bits
)

// What can be wrong with a signed token.
var (
	ErrKeys     = errors.New("the keys could not be fetched")
	ErrJWT      = errors.New("it does not verify")
	ErrLargeJWT = fmt.Errorf("it is too large: the bound is %d MiB", maxJWT>>20)
)

// Keys are a provider's public ones. A token signed with a key that is not known has them fetched again, which is how
// a rotation is noticed; so that a stream of tokens with made-up key ids is no stream of fetches, that is limited.
// Whatever a fetch brought counts for everybody. An entry that cannot be used is dropped alone (RFC 7517 section 5).
type Keys struct {
	c       *caller
	address string
	algs    []jose.SignatureAlgorithm
	limit   *rate.Limiter
	flight  singleflight.Group

	mu     sync.Mutex
	keys   []jose.JSONWebKey
	failed error // of the last fetch
}

// newKeys takes the algorithms the provider says it uses, RS256 when it does not say (OpenID Connect Core section
// 3.1.3.7). Never "none", never a symmetric one.
func newKeys(c *caller, address string, named []string) *Keys {
	k := &Keys{c: c, address: address, limit: rate.NewLimiter(rate.Every(keysEvery), keysBurst)}
	asymmetric := []jose.SignatureAlgorithm{
		jose.RS256,
		jose.RS384,
		jose.RS512,
		jose.PS256,
		jose.PS384,
		jose.PS512,
		jose.ES256,
		jose.ES384,
		jose.ES512,
		jose.EdDSA,
	}
	for _, name := range named {
		if a := jose.SignatureAlgorithm(name); slices.Contains(asymmetric, a) {
			k.algs = append(k.algs, a)
		}
	}
	if len(k.algs) == 0 {
		k.algs = asymmetric[:1]
	}
	return k
}

// Verify checks the one signature of a JWT and reads its claims. ErrKeys means that it could not be tried.
func (k *Keys) Verify(ctx context.Context, raw string) (claims.Object, claims.Header, error) {
	if len(raw) > maxJWT {
		return nil, claims.Header{}, ErrLargeJWT
	}
	jws, err := jose.ParseSignedCompact(raw, k.algs)
	if err != nil || len(jws.Signatures) != 1 {
		return nil, claims.Header{}, ErrJWT
	}
	payload, ok := k.try(jws)
	if !ok {
		if err := k.refresh(ctx); err != nil {
			return nil, claims.Header{}, err
		}
		if payload, ok = k.try(jws); !ok {
			return nil, claims.Header{}, ErrJWT
		}
	}
	o, err := claims.Parse(payload)
	if err != nil {
		return nil, claims.Header{}, ErrJWT
	}
	header := jws.Signatures[0].Protected
	typ, _ := header.ExtraHeaders[jose.HeaderType].(string)
	return o, claims.Header{Algorithm: header.Algorithm, Type: typ}, nil
}

// try looks for a known key that verifies. A token that names a key is verified by that one, or by one that has no
// name.
func (k *Keys) try(jws *jose.JSONWebSignature) ([]byte, bool) {
	k.mu.Lock()
	keys := k.keys
	k.mu.Unlock()
	header := jws.Signatures[0].Protected
	for i := range keys {
		key := &keys[i]
		if header.KeyID != "" && key.KeyID != "" && key.KeyID != header.KeyID {
			continue
		}
		if key.Algorithm != "" && key.Algorithm != header.Algorithm {
			continue
		}
		if payload, err := jws.Verify(key); err == nil {
			return payload, true
		}
	}
	return nil, false
}

// refresh fetches the keys unless that was done a moment ago: then it is the token that is wrong, or, after a fetch
// that failed, nothing is known.
func (k *Keys) refresh(ctx context.Context) error {
	flight := k.flight.DoChan("", func() (any, error) {
		if !k.limit.AllowN(k.c.now(), 1) {
			k.mu.Lock()
			defer k.mu.Unlock()
			return nil, k.failed
		}
		_, err := k.Fetch(context.WithoutCancel(ctx))
		return nil, err
	})
	select {
	case r := <-flight:
		if r.Err != nil {
			return fmt.Errorf("%w: %w", ErrKeys, r.Err)
		}
		return nil
	case <-ctx.Done():
		return ErrKeys
	}
}

// Fetch reads the set and returns how many of its keys can be used.
func (k *Keys) Fetch(ctx context.Context) (int, error) {
	o, err := k.c.document(ctx, k.address)
	entries, isSet := o["keys"].([]any)
	if err == nil && !isSet {
		err = errors.New("the answer is not a set of keys")
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.failed = err; err != nil {
		return 0, err
	}
	k.keys = k.usable(entries)
	return len(k.keys), nil
}

func (k *Keys) usable(entries []any) (keys []jose.JSONWebKey) {
	for i, e := range entries[:min(len(entries), maxKeys)] {
		entry, _ := e.(map[string]any)
		if use := entry["use"]; use != nil && use != "sig" {
			continue // for encryption: it is no key of ours, and nothing is wrong with it
		}
		if entry["kty"] == "oct" {
			continue
		}
		key, err := readKey(entry)
		if err != nil {
			kid, _ := entry["kid"].(string)
			k.c.WarnOnce(
				"key "+kid,
				"an entry of the provider's keys cannot be used: it is left out",
				"kid",
				bounded(kid),
				"entry",
				i,
			)
			continue
		}
		keys = append(keys, key)
	}
	return keys
}

// readKey reads an entry without its certificates, which prove nothing that the document does not.
func readKey(entry map[string]any) (key jose.JSONWebKey, err error) {
	plain := map[string]any{}
	for name, v := range entry {
		switch name {
		case "x5c", "x5t", "x5t#S256", "x5u":
		default:
			plain[name] = v
		}
	}
	b, err := json.Marshal(plain)
	if err != nil {
		return key, err
	}
	if err = key.UnmarshalJSON(b); err != nil {
		return key, err
	}
	if !key.Valid() || !key.IsPublic() {
		return key, errors.New("it is no public key")
	}
	if k, ok := key.Key.(*rsa.PublicKey); ok && k.N.BitLen() < minRSA {
		return key, errors.New("it is too short")
	}
	return key, nil
}

// bounded is a name from a provider's document as a log line may hold it.
func bounded(s string) string {
	if len(s) > 80 {
		s = s[:80]
	}
	return s
}
