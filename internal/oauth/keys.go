package oauth

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"golang.org/x/time/rate"
)

const (
	jwksEvery = 5 * time.Second // unknown key ids cause no more fetches than this
	jwksBurst = 3
	maxJWT    = 32 << 10
)

var (
	errKeys = errors.New("the keys could not be fetched")
	errJWT  = errors.New("it does not verify")
)

// keys are a provider's public ones. A token signed with a key that is not known has them fetched again, which is how a rotation is noticed; so that a stream
// of tokens with made-up key ids is no stream of fetches, that is limited. Whatever a fetch brought counts for everybody.
type keys struct {
	set  *oidc.RemoteKeySet
	algs []jose.SignatureAlgorithm
}

// newKeys takes the algorithms the provider says it uses, RS256 when it does not say (OpenID Connect Core section 3.1.3.7). Never "none", never a symmetric one.
func (p *provider) newKeys(address string, named []string) *keys {
	limited := &http.Client{Transport: &jwksLimiter{next: p.client.Transport, limit: rate.NewLimiter(rate.Every(jwksEvery), jwksBurst)},
		CheckRedirect: p.client.CheckRedirect, Timeout: metadataTimeout}
	k := &keys{set: oidc.NewRemoteKeySet(oidc.ClientContext(context.Background(), limited), address)}
	asymmetric := []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA}
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

// A signed is a JWT whose signature is the provider's.
type signed struct {
	alg     jose.SignatureAlgorithm
	typ     string
	payload []byte
}

// verify checks the one signature of a JWT. errKeys means that it could not be tried.
func (k *keys) verify(ctx context.Context, raw string) (signed, error) {
	if len(raw) > maxJWT {
		return signed{}, errJWT
	}
	jws, err := jose.ParseSignedCompact(raw, k.algs)
	if err != nil || len(jws.Signatures) != 1 {
		return signed{}, errJWT
	}
	header := jws.Signatures[0].Protected
	payload, err := k.set.VerifySignature(ctx, raw)
	if errors.Is(err, errLimited) {
		return signed{}, errJWT // they are a moment old: it is the token that is wrong
	}
	var failure fetchFailure
	if errors.As(err, &failure) || ctx.Err() != nil {
		return signed{}, errKeys
	}
	if err != nil {
		return signed{}, errJWT
	}
	typ, _ := header.ExtraHeaders[jose.HeaderType].(string)
	return signed{alg: jose.SignatureAlgorithm(header.Algorithm), typ: typ, payload: payload}, nil
}

var errLimited = errors.New("the keys were fetched a moment ago")

// jwksLimiter lets a fetch through when there has been none for a moment. After one that failed nothing is known, so those it holds back are told that.
type jwksLimiter struct {
	next   http.RoundTripper
	limit  *rate.Limiter
	failed atomic.Bool
}

type fetchFailure struct{ error }

func (l *jwksLimiter) RoundTrip(r *http.Request) (*http.Response, error) {
	if !l.limit.Allow() {
		if l.failed.Load() {
			return nil, fetchFailure{errKeys}
		}
		return nil, errLimited
	}
	resp, err := l.next.RoundTrip(r)
	if err == nil && resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close()
		err = errKeys
	}
	l.failed.Store(err != nil)
	if err != nil {
		return nil, fetchFailure{err}
	}
	return resp, nil
}
