package oauth_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"bff/internal/oauth"
	"bff/internal/oauth/providers"
	"bff/internal/vault"
)

// finish goes through a sign-in on i. claims makes those of the ID token from the attempt's nonce; raw, when given,
// makes the token from them.
func (f *fleet) finish(
	i *instance,
	claims func(nonce string) map[string]any,
	raw func(map[string]any) string,
) (oauth.Grant, error) {
	f.t.Helper()
	ctx := context.Background()
	a, err := i.Begin(ctx, oauth.Begin{Provider: "rogue"})
	if err != nil {
		f.t.Fatal(err)
	}
	c := claims(a.Nonce.Reveal())
	f.g.set(func(g *rogue) {
		g.codes["code-1"] = c
		g.makeID = raw
	})
	return i.Finish(ctx, a, url.Values{"code": {"code-1"}, "state": {"s"}})
}

func with(k string, v any) func(map[string]any) {
	return func(c map[string]any) {
		if v == nil {
			delete(c, k)
			return
		}
		c[k] = v
	}
}

// rules: OpenID Connect Core 3.1.3.7. Attack classes 8 (claim confusion) and 9 (issuer, audience, signature unchecked).
func TestIDTokens(t *testing.T) {
	f := newFleet(t)
	i := f.start(0)
	other := newRogue(t)
	now := time.Now()
	for _, row := range []struct {
		name   string
		change func(map[string]any)
		raw    func(map[string]any) string
		good   bool
	}{
		{name: "a good one is accepted", change: with("x", 1), good: true},
		{name: "one with our client among its audiences and as authorized party is accepted", good: true,
			change: func(c map[string]any) { c["aud"], c["azp"] = []string{"client", "other"}, "client" }},
		{name: "one whose authorized party is another client of the same project is accepted, as Google makes them", change: with("azp", "android-app"), good: true},
		{name: "one that ended within the clocks' difference is accepted", change: with("exp", now.Add(-30*time.Second).Unix()), good: true},
		{name: "one of another issuer is not", change: with("iss", other.URL)},
		{name: "one of an issuer that begins like ours is not", change: func(c map[string]any) { c["iss"] = f.g.URL + ".evil.example" }},
		{name: "one of our issuer with a slash more is not", change: func(c map[string]any) { c["iss"] = f.g.URL + "/" }},
		{name: "one without an issuer is not", change: with("iss", nil)},
		{name: "one for another client is not", change: with("aud", "other")},
		{name: "one for a client whose name begins like ours is not", change: with("aud", "client2")},
		{name: "one for nobody is not", change: with("aud", nil)},
		{name: "one for several without an authorized party is not", change: with("aud", []string{"client", "other"})},
		{name: "one for several with another authorized party is not", change: func(c map[string]any) { c["aud"], c["azp"] = []string{"client", "other"}, "other" }},
		{name: "an expired one is not", change: with("exp", now.Add(-2*time.Minute).Unix())},
		{name: "one without an end is not", change: with("exp", nil)},
		{name: "one from the future is not", change: with("iat", now.Add(5*time.Minute).Unix())},
		{name: "one without a time is not", change: with("iat", nil)},
		{name: "one that is not valid yet is not", change: with("nbf", now.Add(5*time.Minute).Unix())},
		{name: "one with another nonce is not", change: with("nonce", "other")},
		{name: "one with an empty nonce is not", change: with("nonce", "")},
		{name: "one without a nonce is not", change: with("nonce", nil)},
		{name: "one without a subject is not", change: with("sub", nil)},
		{name: "one with an empty subject is not", change: with("sub", "")},
		{name: "one with a subject that is no string is not", change: with("sub", 7)},
		{name: "one with a subject of 300 bytes is not", change: with("sub", strings.Repeat("s", 300))},
		{name: "one for another access token is not", change: with("at_hash", "AAAAAAAAAAAAAAAAAAAAAA")},
		{name: "an unsigned one is not", raw: unsigned},
		{name: "one signed by somebody else is not", raw: func(c map[string]any) string { return other.sign(c, "JWT") }},
		{name: "one signed by somebody else under our key's name is not", raw: func(c map[string]any) string { return forged(t, c, f.g.kid) }},
		{name: "one signed with the client secret is not", raw: func(c map[string]any) string { return symmetric(t, c, "sec:ret +") }},
		{name: "one that brings its own key is not", raw: func(c map[string]any) string { return selfSigned(t, c) }},
		{name: "a logout token is not", raw: func(c map[string]any) string { return f.g.sign(c, "logout+jwt") }},
		{name: "an access token is not", raw: func(c map[string]any) string { return f.g.sign(c, "at+jwt") }},
		{name: "one whose claims were changed is not", raw: tampered(f.g)},
		{name: "one of 60 kB, as a directory with 547 groups makes it, is accepted", change: with("groups", strings.Repeat("x", 45<<10)), good: true},
		{name: "one of more than a megabyte is not", change: with("pad", strings.Repeat("x", 900<<10))},
		{name: "no token at all is not", raw: func(map[string]any) string { return "" }},
		{name: "a word is not", raw: func(map[string]any) string { return "token" }},
	} {
		t.Run(row.name, func(t *testing.T) {
			g, err := f.finish(i, func(nonce string) map[string]any {
				c := f.g.idClaims(nonce)
				if row.change != nil {
					row.change(c)
				}
				return c
			}, row.raw)
			if row.good {
				if err != nil || g.User.Subject != "1" || g.User.ID != vault.UserID("rogue", f.g.URL, "1") ||
					g.Connection.Tokens.Refresh.IsZero() {
					t.Fatalf("%v %+v", err, g.User)
				}
				return
			}
			kind(t, err, oauth.KindFailed)
		})
	}
}

// forged signs with a key of its own and names ours.
func forged(t *testing.T, c map[string]any, kid string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signedBy(t, jose.SigningKey{Algorithm: jose.ES256, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", kid), c)
}

func symmetric(t *testing.T, c map[string]any, secret string) string {
	t.Helper()
	return signedBy(
		t,
		jose.SigningKey{Algorithm: jose.HS256, Key: []byte(secret + strings.Repeat("\x00", 32-len(secret)))},
		&jose.SignerOptions{},
		c,
	)
}

func selfSigned(t *testing.T, c map[string]any) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signedBy(t, jose.SigningKey{Algorithm: jose.ES256, Key: key}, &jose.SignerOptions{EmbedJWK: true}, c)
}

func signedBy(t *testing.T, key jose.SigningKey, opts *jose.SignerOptions, c map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(key, opts)
	if err != nil {
		t.Fatal(err)
	}
	out, err := jwt.Signed(signer).Claims(c).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func tampered(g *rogue) func(map[string]any) string {
	return func(c map[string]any) string {
		parts := strings.Split(g.sign(c, "JWT"), ".")
		c["sub"] = "2"
		b, _ := json.Marshal(c)
		parts[1] = base64.RawURLEncoding.EncodeToString(b)
		return strings.Join(parts, ".")
	}
}

// The token's hash must be of the access token that came with it; the right one is accepted.
func TestTheHashOfTheAccessToken(t *testing.T) {
	f := newFleet(t)
	i := f.start(0)
	if _, err := f.finish(i, func(nonce string) map[string]any { c := f.g.idClaims(nonce); c["at_hash"] = "right"; return c }, nil); err != nil {
		t.Fatal(err)
	}
}

// A tenant's issuer is accepted where the provider's data say so, and only in the place of the tenant.
func TestTheIssuerOfATenant(t *testing.T) {
	f := newFleet(t)
	f.change = func(p *providers.Config) { p.Issuers = []string{"https://login.example.com/{tid}/v2.0"} }
	i := f.start(0)
	for _, row := range []struct {
		iss  string
		tid  any
		good bool
	}{
		{"https://login.example.com/72f988bf-86f1/v2.0", "72f988bf-86f1", true},
		{"https://login.example.com/other/v2.0", "72f988bf-86f1", false},
		{"https://login.example.com/{tid}/v2.0", nil, false},
		{"https://login.example.com//v2.0", "", false},
		{"https://login.example.com/a/../b/v2.0", "a/../b", false},
		{"https://login.example.com/evil.com/x/v2.0", "evil.com/x", false},
	} {
		_, err := f.finish(i, func(nonce string) map[string]any {
			return f.g.idClaims(nonce, with("iss", row.iss), with("tid", row.tid))
		}, nil)
		if (err == nil) != row.good {
			t.Errorf("iss %s, tid %v: %v", row.iss, row.tid, err)
		}
	}
}

// hd is a hint to Google's page; only the claim proves it.
func TestTheHostedDomainIsCheckedInTheClaim(t *testing.T) {
	f := newFleet(t)
	f.change = func(p *providers.Config) { p.Authorization.Params = map[string]string{"hd": "example.com"} }
	i := f.start(0)
	for hd, good := range map[any]bool{"example.com": true, "evil.com": false, "": false, nil: false, "example.com.evil.com": false} {
		_, err := f.finish(i, func(nonce string) map[string]any { return f.g.idClaims(nonce, with("hd", hd)) }, nil)
		if (err == nil) != good {
			t.Errorf("hd %v: %v", hd, err)
		}
	}
}

// Attack class 24: made-up key ids are no stream of fetches. A real rotation is picked up.
func TestKeysAreFetchedAgainForARotationAndNotForEveryToken(t *testing.T) {
	f := newFleet(t)
	i := f.start(0)
	good := func(nonce string) map[string]any { return f.g.idClaims(nonce) }
	if _, err := f.finish(i, good, nil); err != nil {
		t.Fatal(err)
	}
	f.g.turnKey()
	if _, err := f.finish(i, good, nil); err != nil {
		t.Fatalf("a rotation was not picked up: %v", err)
	}
	before := f.g.count("jwks")
	for n := range 40 {
		_, err := i.logoutToken("rogue", forged(t, map[string]any{"iss": f.g.URL}, "made-up-"+string(rune('a'+n))))
		kind(t, err, oauth.KindFailed)
	}
	if n := f.g.count("jwks") - before; n > 3 {
		t.Fatalf("%d fetches", n)
	}
	if _, err := f.finish(i, good, nil); err != nil {
		t.Fatalf("a good token suffers from bad ones: %v", err)
	}
}
