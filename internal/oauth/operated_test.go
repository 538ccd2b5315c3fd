package oauth_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"bff/internal/oauth"
	"bff/internal/oauth/providers"
	"bff/internal/secret"
	"bff/internal/testenv"
	"bff/internal/vault"
)

// operated is an instance with a provider at a host, called with the operator's credential.
func operated(t *testing.T, change func(*host, *providers.Config)) (*host, *instance) {
	t.Helper()
	f, h := newFleet(t), newHost(t)
	f.change = func(p *providers.Config) {
		*p = providers.Config{Name: "rogue", Auth: providers.AuthClientCredentials, Scopes: []string{"read", "write"},
			Client: providers.Client{ID: "client", Secret: secret.New("sec:ret +")},
			Token:  providers.Token{URL: h.URL + "/token"}}
		if change != nil {
			change(h, p)
		}
	}
	return h, f.start(0)
}

// obtain takes a token as a call does.
func (i *instance) obtain(t *testing.T) (vault.Connection, error) {
	t.Helper()
	return i.Token(context.Background(), i.OperatorConnection("rogue"))
}

// However many calls come, one token is obtained, with the client's own credential, and a second when it ends or an
// API refuses it.
func TestOneTokenServesEverybody(t *testing.T) {
	h, i := operated(t, nil)
	var issued atomic.Int32
	h.answer("/token", func(arrival) (int, string, string) {
		return 200, "application/json", fmt.Sprintf(`{"access_token":"at-%d","expires_in":3600}`, issued.Add(1))
	})
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if c, err := i.obtain(t); err != nil || c.Tokens.Access.Reveal() != "at-1" {
				t.Errorf("%v %v", c.Tokens.Access.Reveal(), err)
			}
		})
	}
	testenv.Finished(t, "all of them", all.Wait)
	got := h.last()
	form, _ := url.ParseQuery(got.body)
	if form.Get("grant_type") != "client_credentials" || form.Get("scope") != "read write" ||
		!strings.HasPrefix(got.header.Get("Authorization"), "Basic ") || issued.Load() != 1 {
		t.Fatalf("%d requests, the last %v %v", issued.Load(), form, got.header)
	}
	c, _ := i.obtain(t)
	if c, err := i.Renew(context.Background(), c); err != nil || c.Tokens.Access.Reveal() != "at-2" {
		t.Fatalf("after a refusal: %v %v", c.Tokens.Access.Reveal(), err)
	}
	if c, err := i.Renew(context.Background(), c); err != nil || c.Tokens.Access.Reveal() != "at-2" {
		t.Fatalf("after a refusal of the one before: %v %v", c.Tokens.Access.Reveal(), err)
	}
	for range 50 {
		c, _ = i.Renew(context.Background(), c)
	}
	if n := issued.Load(); n > 12 {
		t.Fatalf("an API that refuses everything had %d tokens obtained", n)
	}
	i.shift += 2 * time.Hour
	before := c.Tokens.Access.Reveal()
	if c, err := i.obtain(t); err != nil || c.Tokens.Access.Reveal() == before {
		t.Fatalf("after its end: %v %v", c.Tokens.Access.Reveal(), err)
	}
}

// A refusal is the operator's to correct, whatever the words; an outage is none. A token that is good serves through
// both.
func TestARefusedCredentialOfTheOperatorIsAMisconfiguration(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   oauth.Kind
	}{
		"invalid client":   {401, `{"error":"invalid_client"}`, oauth.KindMisconfigured},
		"invalid grant":    {400, `{"error":"invalid_grant","error_description":"Invalid JWT Signature."}`, oauth.KindMisconfigured},
		"another word":     {403, `{"message":"no"}`, oauth.KindMisconfigured},
		"no word":          {404, `not found`, oauth.KindMisconfigured},
		"down":             {503, `down`, oauth.KindUnavailable},
		"too many":         {429, `{"error":"invalid_request"}`, oauth.KindUnavailable},
		"a page":           {200, `<html>`, oauth.KindUnavailable},
		"nothing of a use": {200, `{"token_type":"Bearer"}`, oauth.KindUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			h, i := operated(t, nil)
			var bad atomic.Bool
			h.answer("/token", func(arrival) (int, string, string) {
				if bad.Load() {
					return c.status, "application/json", c.body
				}
				return 200, "application/json", `{"access_token":"at-canary","expires_in":3600}`
			})
			bad.Store(true)
			_, err := i.obtain(t)
			kind(t, err, c.want)
			if strings.Contains(i.logs.String(), "Signature") || strings.Contains(err.Error(), "Signature") {
				t.Error("the provider's text went on")
			}
			if kind := oauth.KindOf(i.Check(context.Background(), "rogue")); kind == 0 {
				t.Error("a check finds nothing")
			}
			bad.Store(false)
			i.shift += time.Minute // the refusal is not asked about again at once
			if _, err := i.obtain(t); err != nil {
				t.Fatalf("after it was corrected: %v", err)
			}
			bad.Store(true)
			i.shift += time.Hour - time.Minute/2
			for range 3 {
				if c, err := i.obtain(t); err != nil || c.Tokens.Access.Reveal() != "at-canary" {
					t.Fatalf("a good token does not serve: %v", err)
				}
			}
		})
	}
}

func testRSA(t *testing.T) (*rsa.PrivateKey, string, string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return key, text("PRIVATE KEY", pkcs8), text("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key))
}

// A service account of Google presents a JWT that its key signed, for its scopes, for whom it acts.
func TestAServiceAccountPresentsASignedAssertion(t *testing.T) {
	key, pkcs8, _ := testRSA(t)
	h, i := operated(t, func(h *host, p *providers.Config) {
		file, _ := json.Marshal(map[string]string{"type": "service_account", "client_email": "robot@acme.iam.gserviceaccount.com",
			"private_key_id": "k1", "private_key": pkcs8, "token_uri": h.URL + "/google"})
		p.Auth, p.Client, p.Token.URL = providers.AuthServiceAccount, providers.Client{}, ""
		p.Operator = providers.Operator{ServiceAccount: secret.New(string(file)), ActAs: "ada@example.com"}
	})
	h.on("/google", "application/json", `{"access_token":"at","expires_in":3599,"token_type":"Bearer"}`)
	c, err := i.obtain(t)
	if err != nil || c.Tokens.Access.Reveal() != "at" || c.Tokens.Expiry.IsZero() {
		t.Fatalf("%+v %v", c.Tokens, err)
	}
	form, _ := url.ParseQuery(h.last().body)
	token, err := jwt.ParseSigned(form.Get("assertion"), []jose.SignatureAlgorithm{jose.RS256})
	if err != nil || form.Get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
		t.Fatalf("%v %v", form, err)
	}
	var claims map[string]any
	if err := token.Claims(&key.PublicKey, &claims); err != nil || claims["iss"] != "robot@acme.iam.gserviceaccount.com" ||
		claims["sub"] != "ada@example.com" || claims["scope"] != "read write" || claims["aud"] != h.URL+"/google" {
		t.Fatalf("%v %v", claims, err)
	}
}

// A GitHub App presents a JWT of its own and gets a token of one installation.
func TestAGitHubAppObtainsATokenOfItsInstallation(t *testing.T) {
	key, _, pkcs1 := testRSA(t)
	h, i := operated(t, func(h *host, p *providers.Config) {
		p.Auth, p.Client = providers.AuthGitHubApp, providers.Client{ID: "Iv1.app", Key: secret.New(pkcs1)}
		p.Operator.Installation = "12/34"
		p.Token.URL = h.URL + "/app/installations/{installation}/access_tokens"
	})
	h.answer("/app/installations/12/34/access_tokens", func(arrival) (int, string, string) {
		return 201, "application/json", `{"token":"ghs_x","expires_at":"` + time.Now().Add(time.Hour).UTC().Format(time.RFC3339) + `"}`
	})
	c, err := i.obtain(t)
	if err != nil || c.Tokens.Access.Reveal() != "ghs_x" || time.Until(c.Tokens.Expiry) < 50*time.Minute {
		t.Fatalf("%+v %v", c.Tokens, err)
	}
	got := h.last()
	raw, _ := strings.CutPrefix(got.header.Get("Authorization"), "Bearer ")
	token, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	var claims jwt.Claims
	if err := token.Claims(&key.PublicKey, &claims); err != nil || claims.Issuer != "Iv1.app" || got.method != "POST" ||
		time.Until(claims.Expiry.Time()) > 10*time.Minute {
		t.Fatalf("%+v %v", claims, err)
	}
	for _, status := range []int{401, 403, 404} {
		h.answer("/app/installations/12/34/access_tokens", func(arrival) (int, string, string) {
			return status, "application/json", `{"message":"no"}`
		})
		i.shift += 2 * time.Hour
		_, err := i.obtain(t)
		kind(t, err, oauth.KindMisconfigured)
	}
}

// What cannot be a credential of the operator's makes no provider.
func TestAnUnusableCredentialOfTheOperatorIsRefused(t *testing.T) {
	for name, p := range map[string]providers.Config{
		"no key file":        {Name: "x", Auth: providers.AuthServiceAccount},
		"an app without key": {Name: "x", Auth: providers.AuthGitHubApp, Client: providers.Client{ID: "x"}, Operator: providers.Operator{Installation: "1"}},
		"no installation":    {Name: "x", Auth: providers.AuthGitHubApp, Client: providers.Client{ID: "x"}},
		"no token endpoint":  {Name: "x", Auth: providers.AuthClientCredentials, Client: providers.Client{ID: "x"}},
		"a token endpoint over http": {Name: "x", Auth: providers.AuthClientCredentials, Client: providers.Client{ID: "x"},
			Token: providers.Token{URL: "http://acme.example/token"}},
		"an unknown auth": {Name: "x", Auth: "kerberos"},
	} {
		if _, err := oauth.New(oauth.Config{Providers: []providers.Config{p}, Vault: &vault.Vault{}, Origin: "https://app.example.com"}); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
