package oauth_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"bff/internal/audit"
	"bff/internal/oauth"
	"bff/internal/oauth/providers"
	"bff/internal/secret"
	"bff/internal/vault"
)

// shaped is an instance with a plain OAuth provider at a host, whose token answer says who somebody is.
func shaped(t *testing.T, change func(*host, *providers.Config)) (*fleet, *host, *instance) {
	t.Helper()
	f, h := newFleet(t), newHost(t)
	f.change = func(p *providers.Config) {
		*p = providers.Config{Name: "rogue", Scopes: []string{"read"}, Client: providers.Client{ID: "client", Secret: secret.New("s-canary-91x"),
			Auth: providers.ClientSecretPost}, Authorization: providers.Authorization{URL: h.URL + "/authorize"},
			Token: providers.Token{URL: h.URL + "/token"}, Userinfo: providers.Userinfo{Subject: "id"}}
		change(h, p)
	}
	return f, h, f.start(0)
}

// arrive finishes a sign-in with what a callback brings.
func (i *instance) arrive(t *testing.T, q url.Values) (oauth.Grant, error) {
	t.Helper()
	a, err := i.Begin(context.Background(), oauth.Begin{Provider: "rogue"})
	if err != nil {
		t.Fatal(err)
	}
	return i.Finish(context.Background(), a, q)
}

const shapedToken = `{"access_token":"at-1","refresh_token":"rt-1","expires_in":3600,"id":7}`

// Parameters go under a provider's own names, in its own method, and come from the callback under its own.
func TestParametersGoUnderTheProvidersNames(t *testing.T) {
	_, h, i := shaped(t, func(_ *host, p *providers.Config) {
		p.Client.IDParam = "appid"
		p.Shapes = providers.Shapes{CodeParam: "auth_code", TokenMethod: "GET", UserAgent: "acme/2.0",
			TokenNames: map[string]string{"client_secret": "secret", "code": "js_code"}}
	})
	h.on("/token", "application/json", shapedToken)
	if _, err := i.arrive(t, url.Values{"code": {"c"}, "state": {"s"}}); oauth.KindOf(err) != oauth.KindFailed {
		t.Fatalf("the standard's name was read: %v", err)
	}
	if _, err := i.arrive(t, url.Values{"auth_code": {"c", "d"}}); oauth.KindOf(err) != oauth.KindFailed {
		t.Fatalf("a repeated code was read: %v", err)
	}
	if _, err := i.arrive(t, url.Values{"auth_code": {"c"}}); err != nil {
		t.Fatal(err)
	}
	got := h.last()
	q, _ := url.ParseQuery(got.query)
	if got.method != "GET" || got.body != "" || q.Get("appid") != "client" || q.Get("secret") != "s-canary-91x" || q.Get("js_code") != "c" ||
		q.Has("client_secret") || q.Has("code") || q.Has("client_id") || got.header.Get("User-Agent") != "acme/2.0" {
		t.Fatalf("%+v", got)
	}
	if strings.Contains(i.logs.String(), "s-canary-91x") {
		t.Error("the secret is in the log")
	}
}

// A short-lived token is exchanged at once; later the access token itself is exchanged, ahead of its end; a refusal
// ends the grant.
func TestATokenWithoutARefreshTokenIsExchangedForANewOne(t *testing.T) {
	f, h, i := shaped(t, func(h *host, p *providers.Config) {
		p.Token.RefreshURL, p.Token.ErrorField = h.URL+"/refresh", "error.code"
		p.Token.GrantErrors = map[string]string{"190": oauth.ReasonRevoked}
		p.Token.RefreshParams = map[string]string{"grant_type": "x_exchange"}
		p.Shapes = providers.Shapes{LongLivedURL: h.URL + "/long", LongLivedMethod: "GET", RefreshMethod: "GET", RefreshWith: "access_token",
			LongLivedParams: map[string]string{"grant_type": "x_exchange", "x_token": "{access_token}"},
			RefreshNames:    map[string]string{"refresh_token": "x_token"}, RefreshAhead: 24 * time.Hour}
	})
	h.on("/token", "application/json", `{"access_token":"short","expires_in":3600,"id":7}`)
	h.answer("/long", func(a arrival) (int, string, string) {
		q, _ := url.ParseQuery(a.query)
		if a.method != "GET" || q.Get("x_token") != "short" || q.Get("grant_type") != "x_exchange" || q.Get("client_secret") != "s-canary-91x" {
			return 400, "application/json", `{"error":{"code":100}}`
		}
		return 200, "application/json", `{"access_token":"long-1","expires_in":5184000}`
	})
	g, err := i.arrive(t, url.Values{"code": {"c"}})
	tokens := g.Connection.Tokens
	if err != nil || tokens.Access.Reveal() != "long-1" || tokens.Refresh.Reveal() != "long-1" || g.User.Subject != "7" {
		t.Fatalf("%v %+v", err, g.User)
	}
	var asked atomic.Int32
	h.answer("/refresh", func(a arrival) (int, string, string) {
		q, _ := url.ParseQuery(a.query)
		if asked.Add(1); a.method != "GET" || q.Get("x_token") != "long-1" || q.Get("grant_type") != "x_exchange" || q.Has("refresh_token") {
			return 400, "application/json", `{"error":{"code":190,"message":"expired"}}`
		}
		return 200, "application/json", `{"access_token":"long-2","expires_in":5184000}`
	})
	s := f.signIn(i, 12*time.Hour, func(c *vault.Connection) {
		c.Tokens.Access, c.Tokens.Refresh = secret.New("long-1"), secret.New("long-1")
		c.Tokens.ObtainedAt = c.Tokens.Expiry.Add(-60 * 24 * time.Hour)
	})
	if c, err := i.Token(context.Background(), i.read(t, s)); err != nil || c.Tokens.Access.Reveal() != "long-1" {
		t.Fatalf("a token that is good does not serve: %v", err)
	}
	waitFor(t, func() bool { return i.read(t, s).Tokens.Access.Reveal() == "long-2" })
	if c := i.read(t, s); c.Tokens.Refresh.Reveal() != "long-2" || asked.Load() != 1 {
		t.Fatalf("what is exchanged next is %v, after %d", c.Tokens.Refresh, asked.Load())
	}
	young := f.signIn(i, 48*time.Hour, func(c *vault.Connection) { c.Tokens.ObtainedAt = c.Tokens.Expiry.Add(-60 * 24 * time.Hour) })
	if _, err := i.Token(context.Background(), i.read(t, young)); err != nil || asked.Load() != 1 {
		t.Fatalf("one far from its end was exchanged: %v", err)
	}
	dead := f.signIn(i, -time.Second)
	_, err = i.Token(context.Background(), i.read(t, dead))
	kind(t, err, oauth.KindReauth)
}

// A refused exchange for a long-lived token is a sign-in that failed, and its first token goes nowhere.
func TestARefusedExchangeForALongLivedTokenFailsTheSignIn(t *testing.T) {
	_, h, i := shaped(t, func(h *host, p *providers.Config) {
		p.Shapes = providers.Shapes{LongLivedURL: h.URL + "/long", LongLivedParams: map[string]string{"x": "{access_token}"}}
	})
	h.on("/token", "application/json", shapedToken)
	for _, body := range []string{`{"error":"invalid_request"}`, `{}`, `no`} {
		h.answer("/long", func(arrival) (int, string, string) { return 400, "application/json", body })
		if _, err := i.arrive(t, url.Values{"code": {"c"}}); err == nil || strings.Contains(err.Error()+i.logs.String(), "at-1") {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// Fields of a token answer are found at their paths.
func TestTokenAnswersUnderOtherNames(t *testing.T) {
	_, h, i := shaped(t, func(_ *host, p *providers.Config) {
		p.Userinfo.Subject = "data.user"
		p.Shapes.AnswerNames = map[string]string{"access_token": "data.token", "expires_in": "data.ttl", "scope": "data.scopes",
			"refresh_token_expires_in": "data.x_refresh"}
	})
	h.on("/token", "application/json", `{"data":{"token":"at-9","ttl":"60","scopes":["a","b"],"x_refresh":9000,"user":"u"}}`)
	g, err := i.arrive(t, url.Values{"code": {"c"}})
	if c := g.Connection; err != nil || c.Tokens.Access.Reveal() != "at-9" || strings.Join(c.Scopes, " ") != "a b" ||
		c.Tokens.Expiry.Sub(c.Tokens.ObtainedAt) != time.Minute || c.Tokens.RefreshExpiry.IsZero() {
		t.Fatalf("%v %+v", err, g.Connection)
	}
}

// A client secret is signed afresh for each request, by the client's key, as Apple wants it.
func TestASignedClientSecret(t *testing.T) {
	key, pkcs8, _ := testRSA(t)
	f, h, i := shaped(t, func(_ *host, p *providers.Config) {
		p.Client = providers.Client{ID: "com.acme.web", Key: secret.New(pkcs8), KeyID: "K1", Issuer: "TEAM", Auth: providers.SignedSecret,
			AssertionAudience: "https://appleid.apple.com"}
	})
	h.on("/token", "application/json", shapedToken)
	if _, err := i.arrive(t, url.Values{"code": {"c"}}); err != nil {
		t.Fatal(err)
	}
	check := func() string {
		t.Helper()
		form, _ := url.ParseQuery(h.last().body)
		token, err := jwt.ParseSigned(form.Get("client_secret"), []jose.SignatureAlgorithm{jose.RS256})
		if err != nil || token.Headers[0].KeyID != "K1" || form.Get("client_id") != "com.acme.web" || form.Has("client_assertion") {
			t.Fatalf("%v %v", form, err)
		}
		var c jwt.Claims
		if err := token.Claims(&key.PublicKey, &c); err != nil || c.Issuer != "TEAM" || c.Subject != "com.acme.web" ||
			len(c.Audience) != 1 || c.Audience[0] != "https://appleid.apple.com" || c.Expiry.Time().Sub(c.IssuedAt.Time()) > time.Hour {
			t.Fatalf("%+v %v", c, err)
		}
		return form.Get("client_secret")
	}
	first := check()
	i.shift += 200 * 24 * time.Hour // more than any secret of half a year
	if _, err := i.Token(context.Background(), i.read(t, f.signIn(i, -time.Second))); err != nil {
		t.Fatal(err)
	}
	if check() == first {
		t.Error("it is the one of before")
	}
}

// What a callback says of a person is shown where nothing better is known, and decides nothing.
func TestACallbackIntroducesAPerson(t *testing.T) {
	_, h, i := shaped(t, func(_ *host, p *providers.Config) {
		p.Shapes.CallbackProfile = map[string]string{"name": "user.name.firstName+user.name.lastName"}
	})
	h.on("/token", "application/json", shapedToken)
	for user, want := range map[string]string{
		`{"name":{"firstName":"Ada","lastName":"Lovelace"},"email":"mallory@example.com"}`: "Ada Lovelace",
		`{"name":{"firstName":"Ada"}}`: "Ada", `{"name":"Ada"}`: "", `no JSON`: "", ``: "",
		`{"name":{"firstName":"` + strings.Repeat("a", 5000) + `"}}`: "",
	} {
		g, err := i.arrive(t, url.Values{"code": {"c"}, "user": {user}})
		if err != nil || g.User.Name != want || g.User.Email != "" || g.User.Subject != "7" {
			t.Errorf("%.60s: %v %+v", user, err, g.User)
		}
	}
}

// The hook of Shopify refuses a callback that the client's secret did not sign, whatever was changed.
func TestShopifysCallbackIsVerified(t *testing.T) {
	_, h, i := shaped(t, func(_ *host, p *providers.Config) { p.Shapes.Hooks = []string{providers.HookShopifyHMAC} })
	h.on("/token", "application/json", shapedToken)
	sign := func(q url.Values, key string) url.Values {
		mac := hmac.New(sha256.New, []byte(key))
		_, _ = mac.Write([]byte(q.Encode()))
		out := url.Values{"hmac": {hex.EncodeToString(mac.Sum(nil))}}
		for k, v := range q {
			out[k] = v
		}
		return out
	}
	good := url.Values{"code": {"c"}, "shop": {"acme.myshopify.com"}, "state": {"s"}, "host": {"YWRtaW4 /+="}, "timestamp": {"1"}}
	if _, err := i.arrive(t, sign(good, "s-canary-91x")); err != nil {
		t.Fatal(err)
	}
	for name, q := range map[string]url.Values{"none": good, "another's": sign(good, "other"), "of nothing": sign(url.Values{}, "s-canary-91x"),
		"empty": {"code": {"c"}, "hmac": {""}}, "no hex": {"code": {"c"}, "hmac": {"zz"}}} {
		if q.Set("code", "c"); oauth.KindOf(second(i.arrive(t, q))) != oauth.KindFailed {
			t.Errorf("%s is taken", name)
		}
	}
	changed := sign(good, "s-canary-91x")
	changed.Set("shop", "mallory.myshopify.com")
	twice := sign(good, "s-canary-91x")
	twice["hmac"] = append(twice["hmac"], twice["hmac"][0])
	for _, q := range []url.Values{changed, twice} {
		if oauth.KindOf(second(i.arrive(t, q))) != oauth.KindFailed {
			t.Errorf("%v is taken", q)
		}
	}
}

func second(_ oauth.Grant, err error) error { return err }

// A revocation names the account where the provider wants it, with its own parameters.
func TestARevocationNamesTheAccount(t *testing.T) {
	f, h, i := shaped(t, func(h *host, p *providers.Config) {
		p.Revocation = providers.Revocation{URL: h.URL + "/{subject}/permissions", Method: "DELETE", Auth: "bearer", Token: "access"}
		p.Shapes.RevocationParams = map[string]string{"grant_type": "revoke"}
	})
	s := f.signIn(i, time.Hour, func(c *vault.Connection) { c.Account.Subject = "7/8" })
	c := i.read(t, s)
	if err := i.vault.Connections.Unlink(context.Background(), s, c.ID, i.Outbox.Revocation); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go i.Outbox.Run(ctx)
	waitFor(t, func() bool { return i.noted("revocation revoked") == 1 })
	want := "Bearer " + c.Tokens.Access.Reveal()
	if got := h.last(); got.method != "DELETE" || got.path != "/7/8/permissions" || !strings.Contains(got.body, "grant_type=revoke") ||
		got.header.Get("Authorization") != want {
		t.Fatalf("%+v", got)
	}
}

// The token goes to userinfo in the address where the provider wants it there, and nowhere else.
func TestUserinfoWithTheTokenInItsAddress(t *testing.T) {
	_, h, i := shaped(t, func(h *host, p *providers.Config) {
		p.Userinfo.URL, p.Shapes.UserinfoTokenQuery = h.URL+"/me?fields=id", "oauth_token"
	})
	h.on("/token", "application/json", shapedToken)
	h.on("/me", "application/json", `{"id":7,"name":"Ada"}`)
	g, err := i.arrive(t, url.Values{"code": {"c"}})
	if got := h.last(); err != nil || g.User.Name != "Ada" || got.query != "fields=id&oauth_token=at-1" || got.header.Get("Authorization") != "" {
		t.Fatalf("%v %+v", err, got)
	}
}

// After a few answers that nothing reads, one warning an hour names the key that would, and an explanation has it.
func TestAnswersThatNothingReadsNameTheirKey(t *testing.T) {
	for body, want := range map[string]string{
		`{"errors":[{"errorType":"canary_word","message":"canary text"}],"success":false}`: "error_field: errors.0.errorType",
		`{"error":{"code":"canary_word"}}`:                                                 "error_field: error.code",
		`{"error":"canary_word","error_description":"canary"}`:                             "grant_errors",
		`{"success":false}`: "refused_refresh: [{status: 400",
		`canary page`:       "neither JSON nor a form",
	} {
		t.Run(want, func(t *testing.T) {
			f, h, _ := shaped(t, func(*host, *providers.Config) {})
			events := &eventsSeen{}
			i := f.start(0, func(c *oauth.Config) { c.Audit = events })
			h.answer("/token", func(arrival) (int, string, string) { return 400, "application/json", body })
			s := f.signIn(i, -time.Second)
			for range 2 {
				_, _ = i.Token(context.Background(), i.read(t, s))
				i.shift += 10 * time.Second
			}
			if strings.Contains(i.logs.String(), "cannot be read") {
				t.Fatal("it is said too early")
			}
			for range 20 {
				_, _ = i.Token(context.Background(), i.read(t, s))
				i.shift += 10 * time.Second
			}
			if n := strings.Count(i.logs.String(), "cannot be read"); n != 1 || !strings.Contains(i.logs.String(), want) {
				t.Fatalf("%d warnings: %s", n, i.logs.String())
			}
			if strings.Contains(i.logs.String(), "canary") {
				t.Error("the log has the provider's own text")
			}
			if n := events.count(audit.RefreshFailed, "unread"); n != 1 {
				t.Errorf("%d explanations", n)
			}
			i.shift += time.Hour
			s = f.signIn(i, -time.Second) // the session before it was idle for too long
			_, _ = i.Token(context.Background(), i.read(t, s))
			if n := strings.Count(i.logs.String(), "cannot be read"); n != 2 {
				t.Errorf("%d warnings after an hour", n)
			}
		})
	}
	_, h, i := shaped(t, func(*host, *providers.Config) {})
	for body, want := range map[string]string{`{"data":{"access_token":"at-canary"}}`: "token_path: data", `{"accessToken":"at-canary"}`: "accessToken"} {
		h.on("/token", "application/json", body)
		if _, err := i.arrive(t, url.Values{"code": {"c"}}); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// The authorization request has a provider's own names and its own type of response.
func TestTheAuthorizationRequestHasTheProvidersNames(t *testing.T) {
	_, _, i := shaped(t, func(_ *host, p *providers.Config) {
		p.Client.IDParam, p.Authorization.ResponseType = "app", "auth_code"
		p.Authorization.Names = map[string]string{"redirect_uri": "back", "response_type": "responseType"}
	})
	a, err := i.Begin(context.Background(), oauth.Begin{Provider: "rogue"})
	if err != nil {
		t.Fatal(err)
	}
	address, err := i.URL(context.Background(), a, "state-1")
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(address)
	q := u.Query()
	if q.Get("app") != "client" || q.Get("responseType") != "auth_code" || !strings.HasSuffix(q.Get("back"), "/bff/callback/rogue") ||
		q.Has("client_id") || q.Has("response_type") || q.Has("redirect_uri") || q.Get("state") != "state-1" {
		t.Fatalf("%s", address)
	}
}
