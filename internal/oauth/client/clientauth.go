package client

import (
	"cmp"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"golang.org/x/oauth2"

	"bff/internal/oauth/providers"
)

const (
	assertionLife = time.Minute
	signedLife    = 5 * time.Minute // of a client secret that is signed for one request
)

// clientAuth is how bff authenticates as the client of one provider.
type clientAuth struct {
	*Reports
	cfg      *providers.Config
	redirect string      // the redirect URI
	signer   jose.Signer // of private_key_jwt, signed secrets, and a GitHub App; else nil
}

// style is the way in which the client authenticates. It is never left to x/oauth2: not knowing, it would try one and
// then the other, and spend a refresh token twice.
func (c *clientAuth) style(m *Metadata) string {
	offered := m.AuthMethods
	switch {
	case c.cfg.Client.Auth != "":
		return c.cfg.Client.Auth
	case !c.cfg.Client.Key.IsZero():
		return providers.PrivateKeyJWT
	case c.cfg.Client.Secret.IsZero():
		return providers.NoClientAuth
	case slices.Contains(offered, providers.ClientSecretPost) && !slices.Contains(offered, providers.ClientSecretBasic):
		return providers.ClientSecretPost
	}
	return providers.ClientSecretBasic
}

// config is what x/oauth2 needs. AuthStyle is always set: the zero value would send a code or a refresh token twice.
func (c *clientAuth) config(m *Metadata) *oauth2.Config {
	out := &oauth2.Config{
		ClientID: c.cfg.Client.ID, ClientSecret: c.secret(m), RedirectURL: c.redirect,
		Endpoint: oauth2.Endpoint{AuthURL: m.AuthorizationURL, TokenURL: m.TokenURL, AuthStyle: oauth2.AuthStyleInParams},
	}
	switch c.style(m) {
	case providers.ClientSecretBasic:
		out.Endpoint.AuthStyle = oauth2.AuthStyleInHeader // x/oauth2 encodes both halves as RFC 6749 section 2.3.1 asks
	case providers.NoClientAuth:
		out.ClientSecret = "" // its id goes into the body, and nothing else
	case providers.PrivateKeyJWT:
		out.ClientSecret = "" // the assertion is added where every token request passes
	}
	return out
}

// authenticated makes a request to an endpoint other than the token endpoint, authenticated as at the token endpoint.
func (c *clientAuth) authenticated(
	ctx context.Context,
	m *Metadata,
	address string,
	form url.Values,
) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, nil)
	if err != nil {
		return nil, errors.New("the address does not parse")
	}
	switch c.style(m) {
	case providers.ClientSecretBasic:
		c.basic(r)
	case providers.PrivateKeyJWT:
		form.Set("client_id", c.cfg.Client.ID)
		if err := c.assert(m, form); err != nil {
			return nil, err
		}
	default:
		form.Set(c.idParam(), c.cfg.Client.ID)
		if s := c.secret(m); s != "" {
			form.Set("client_secret", s)
		}
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", userAgent)
	return r, nil
}

// basic is RFC 6749 section 2.3.1: both halves form-urlencoded before they are joined.
func (c *clientAuth) basic(r *http.Request) {
	r.SetBasicAuth(url.QueryEscape(c.cfg.Client.ID), url.QueryEscape(c.cfg.Client.Secret.Reveal()))
}

// idParam is what `client_id` is called.
func (c *clientAuth) idParam() string {
	return cmp.Or(c.cfg.Client.IDParam, "client_id")
}

// assert adds a client assertion (RFC 7523 section 2.2): fresh for each request, for one audience, for a minute.
func (c *clientAuth) assert(m *Metadata, form url.Values) error {
	now := c.now()
	id := make([]byte, 16)
	if _, err := rand.Read(id); err != nil {
		return errors.New("no randomness")
	}
	claims := jwt.Claims{
		Issuer:   c.cfg.Client.ID,
		Subject:  c.cfg.Client.ID,
		Audience: jwt.Audience{c.audience(m)},
		ID:       base64.RawURLEncoding.EncodeToString(id),
		IssuedAt: jwt.NewNumericDate(now),
		Expiry:   jwt.NewNumericDate(now.Add(assertionLife)),
	}
	signed, err := jwt.Signed(c.signer).Claims(claims).Serialize()
	if err != nil {
		return errors.New("the client assertion could not be signed")
	}
	form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	form.Set("client_assertion", signed)
	return nil
}

// audience of a client assertion is the issuer alone: a provider that names another's token endpoint must not be
// given an assertion that is good there. Without an issuer it is what the configuration says, else the token endpoint
// that the operator wrote.
func (c *clientAuth) audience(m *Metadata) string {
	return cmp.Or(c.cfg.Client.AssertionAudience, c.cfg.Issuer, m.TokenURL)
}

// secret is the client's secret, or one that its key signs afresh: a JWT of its issuer about the client (Apple).
func (c *clientAuth) secret(m *Metadata) string {
	switch c.style(m) {
	case providers.SignedSecret:
	case providers.NoClientAuth:
		return ""
	default:
		return c.cfg.Client.Secret.Reveal()
	}
	now := c.now()
	signed, err := jwt.Signed(c.signer).Claims(jwt.Claims{Issuer: c.cfg.Client.Issuer, Subject: c.cfg.Client.ID,
		Audience: jwt.Audience{c.audience(m)}, IssuedAt: jwt.NewNumericDate(now),
		Expiry: jwt.NewNumericDate(now.Add(signedLife))}).Serialize()
	if err != nil {
		c.WarnOnce("signed secret", "the client's key could not sign a client secret")
		return ""
	}
	return signed
}

// newSigner reads the client's private key: RSA, ECDSA or Ed25519 in PKCS#8.
func newSigner(pc *providers.Config) (jose.Signer, error) {
	block, _ := pem.Decode([]byte(pc.Client.Key.Reveal()))
	if block == nil {
		return nil, errors.New("the client's key is not PEM")
	}
	key, err := privateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("the client's key is not PKCS#8")
	}
	alg, err := algorithm(key)
	if err != nil {
		return nil, err
	}
	opts := (&jose.SignerOptions{}).WithType("JWT")
	if pc.Client.KeyID != "" {
		opts = opts.WithHeader("kid", pc.Client.KeyID)
	}
	return jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, opts)
}

// privateKey reads PKCS#8, or the PKCS#1 that GitHub hands out.
func privateKey(der []byte) (crypto.PrivateKey, error) {
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, nil
	}
	return x509.ParsePKCS8PrivateKey(der)
}

func algorithm(key crypto.PrivateKey) (jose.SignatureAlgorithm, error) {
	switch k := key.(type) {
	case *rsa.PrivateKey:
		return jose.RS256, nil
	case ed25519.PrivateKey:
		return jose.EdDSA, nil
	case *ecdsa.PrivateKey:
		switch k.Curve.Params().BitSize {
		case 256:
			return jose.ES256, nil
		case 384:
			return jose.ES384, nil
		case 521:
			return jose.ES512, nil
		}
	}
	return "", errors.New("the client's key is of no kind that signs")
}
