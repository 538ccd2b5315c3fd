package oauth_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net/url"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"bff/internal/oauth"
	"bff/internal/oauth/providers"
	"bff/internal/secret"
)

// rules: x/oauth2, the zero AuthStyle. One request, in one style, and Basic is encoded as RFC 6749 section 2.3.1 says.
func TestClientAuthentication(t *testing.T) {
	for _, row := range []struct {
		name    string
		auth    string
		offered []string
		basic   bool
	}{
		{"basic by default", "", nil, true},
		{"basic where both are offered", "", []string{"client_secret_post", "client_secret_basic"}, true},
		{"post where that alone is offered", "", []string{"client_secret_post"}, false},
		{"post when configured", "client_secret_post", []string{"client_secret_basic"}, false},
		{"basic when configured", "client_secret_basic", []string{"client_secret_post"}, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := newFleet(t)
			f.change = func(p *providers.Config) { p.Client.Auth = row.auth }
			if row.offered != nil {
				f.g.extra = map[string]any{"token_endpoint_auth_methods_supported": row.offered}
			}
			i := f.start(0)
			if _, err := f.finish(i, func(n string) map[string]any { return f.g.idClaims(n) }, nil); err != nil {
				t.Fatal(err)
			}
			r, form := f.g.last()
			user, pass, ok := r.BasicAuth()
			if ok != row.basic || ok == (form.Get("client_secret") != "") {
				t.Fatalf("basic: %v, form: %v", ok, form.Get("client_secret") != "")
			}
			if ok && (user != "client" || pass != url.QueryEscape("sec:ret +")) {
				t.Fatalf("%q %q", user, pass)
			}
			if !ok && (form.Get("client_id") != "client" || form.Get("client_secret") != "sec:ret +") {
				t.Fatal(form)
			}
			if form.Get("code_verifier") == "" || form.Get("redirect_uri") != "http://localhost:8080/bff/callback/rogue" {
				t.Fatal(form)
			}
		})
	}
}

// A public client sends its id, and nothing that would be taken for a secret, wherever it asks: a secret that the
// configuration has all the same stays here.
func TestAPublicClientSendsItsIDAlone(t *testing.T) {
	f := newFleet(t)
	f.change = func(p *providers.Config) { p.Client.Auth = providers.NoClientAuth }
	i := f.start(0)
	i.run(t)
	alone := func(what string) {
		t.Helper()
		r, form := f.g.last()
		if _, _, basic := r.BasicAuth(); basic || form.Get("client_id") != "client" || form.Has("client_secret") ||
			form.Has("client_assertion") {
			t.Errorf("%s: %v %v", what, r.Header, form)
		}
	}
	s := f.signIn(i, -time.Minute)
	if _, err := f.finish(i, func(n string) map[string]any { return f.g.idClaims(n) }, nil); err != nil {
		t.Fatal(err)
	}
	alone("a code")
	if _, err := i.Token(context.Background(), i.read(t, s)); err != nil {
		t.Fatal(err)
	}
	alone("a refresh")
	f.unlink(i, s)
	i.Outbox.Nudge()
	waitFor(t, func() bool { return f.g.count("revoke") == 1 })
	alone("a revocation")
}

// RFC 7636 section 4.2: where a provider knows no other method, the challenge is the verifier, of each attempt alone.
func TestAPlainChallengeIsTheVerifier(t *testing.T) {
	f := newFleet(t)
	f.change = func(p *providers.Config) { p.Authorization.PKCE = providers.PKCEPlain }
	i := f.start(0)
	a, q := f.begin(i, oauth.Begin{})
	b, again := f.begin(i, oauth.Begin{})
	if q.Get("code_challenge_method") != "plain" || q.Get("code_challenge") != a.Verifier.Reveal() || len(a.Verifier.Reveal()) < 43 ||
		again.Get("code_challenge") != b.Verifier.Reveal() || a.Verifier.Equal(b.Verifier) {
		t.Fatal(q)
	}
	if _, err := f.finish(i, func(n string) map[string]any { return f.g.idClaims(n) }, nil); err != nil {
		t.Fatal(err)
	}
	if _, form := f.g.last(); len(form.Get("code_verifier")) < 43 {
		t.Fatal(form)
	}
}

// rules: RFC 9700 2.5 (S8), asymmetric client authentication: RFC 7523, one assertion for each request.
func TestPrivateKeyJWT(t *testing.T) {
	for _, alg := range []jose.SignatureAlgorithm{jose.ES256, jose.RS256, jose.EdDSA} {
		t.Run(string(alg), func(t *testing.T) {
			f := newFleet(t)
			key, public := newKey(t, alg)
			f.change = func(p *providers.Config) {
				p.Client.Auth, p.Client.Key, p.Client.KeyID = "private_key_jwt", secret.New(key), "my-key"
			}
			i := f.start(0)
			ids := map[string]bool{}
			for range 2 {
				if _, err := f.finish(i, func(n string) map[string]any { return f.g.idClaims(n) }, nil); err != nil {
					t.Fatal(err)
				}
				r, form := f.g.last()
				if _, _, ok := r.BasicAuth(); ok || form.Has("client_secret") || form.Get("client_id") != "client" ||
					form.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
					t.Fatal(form)
				}
				token, err := jwt.ParseSigned(form.Get("client_assertion"), []jose.SignatureAlgorithm{alg})
				var c jwt.Claims
				if err != nil || token.Claims(public, &c) != nil || token.Headers[0].KeyID != "my-key" {
					t.Fatalf("the assertion does not verify: %v", err)
				}
				if err := c.Validate(jwt.Expected{Issuer: "client", Subject: "client", AnyAudience: jwt.Audience{f.g.URL}, Time: time.Now()}); err != nil ||
					len(c.Audience) != 1 ||
					c.ID == "" ||
					ids[c.ID] ||
					c.Expiry == nil {
					t.Fatalf("%v %+v", err, c)
				}
				ids[c.ID] = true
			}
			s := f.signIn(i, -time.Second)
			if _, err := i.Token(context.Background(), i.read(t, s)); err != nil {
				t.Fatal(err)
			}
			if _, form := f.g.last(); form.Get("client_assertion") == "" || form.Get("grant_type") != "refresh_token" {
				t.Fatal(form)
			}
		})
	}
}

func newKey(t *testing.T, alg jose.SignatureAlgorithm) (pemText string, public any) {
	t.Helper()
	var key crypto.Signer
	var err error
	switch alg {
	case jose.RS256:
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	case jose.EdDSA:
		_, key, err = ed25519.GenerateKey(rand.Reader)
	default:
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), key.Public()
}
