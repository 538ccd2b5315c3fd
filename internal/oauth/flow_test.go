package oauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bff/internal/oauth"
	"bff/internal/oauth/providers"
	"bff/internal/secret"
	"bff/internal/testenv"
	"bff/internal/vault"
)

func (f *fleet) begin(i *instance, in oauth.Begin) (oauth.Attempt, url.Values) {
	f.t.Helper()
	in.Provider = "rogue"
	a, err := i.Begin(context.Background(), in)
	if err != nil {
		f.t.Fatal(err)
	}
	raw, err := i.URL(context.Background(), a, "the-state")
	if err != nil {
		f.t.Fatal(err)
	}
	u, err := url.Parse(raw)
	if err != nil || !strings.HasPrefix(raw, f.g.URL+"/authorize?") {
		f.t.Fatalf("%s: %v", raw, err)
	}
	return a, u.Query()
}

// rules: RFC 9700 2.1.1 (S4, S5): challenge S256 and nonce are of each attempt alone.
func TestWhatAnAuthorizationRequestHolds(t *testing.T) {
	f := newFleet(t)
	f.change = func(p *providers.Config) {
		p.Authorization.Params = map[string]string{"access_type": "offline"}
		p.Authorization.ConnectParams = map[string]string{"include_granted_scopes": "true"}
		p.Authorization.ConsentParams = map[string]string{"prompt": "consent"}
	}
	i := f.start(0)
	a, q := f.begin(i, oauth.Begin{Scopes: []string{"calendar", "openid", ""}, LoginHint: "ada@example.com"})
	want := map[string]string{
		"client_id":              "client",
		"response_type":          "code",
		"redirect_uri":           "http://localhost:8080/bff/callback/rogue",
		"state":                  "the-state",
		"scope":                  "openid email profile calendar",
		"code_challenge_method":  "S256",
		"access_type":            "offline",
		"login_hint":             "ada@example.com",
		"nonce":                  a.Nonce.Reveal(),
		"include_granted_scopes": "",
		"prompt":                 "",
	}
	for k, v := range want {
		if q.Get(k) != v {
			t.Errorf("%s is %q", k, q.Get(k))
		}
	}
	if q.Has("client_secret") || strings.Contains(q.Encode(), a.Verifier.Reveal()) || len(q.Get("code_challenge")) != 43 {
		t.Fatal(q)
	}
	b, q2 := f.begin(i, oauth.Begin{Connect: true, Consent: true})
	if b.Nonce.Equal(a.Nonce) || b.Verifier.Equal(a.Verifier) || q2.Get("code_challenge") == q.Get("code_challenge") ||
		a.Nonce.Equal(a.Verifier) {
		t.Fatal("two attempts share a secret")
	}
	if q2.Get("include_granted_scopes") != "true" || q2.Get("prompt") != "consent" {
		t.Fatal(q2)
	}
	if s := fmt.Sprintf("%v %+v", a, a); strings.Contains(s, a.Nonce.Reveal()) ||
		strings.Contains(s, a.Verifier.Reveal()) {
		t.Fatal("an attempt prints its secrets")
	}
}

// rules: RFC 9207 2.4 (I1-I3), RFC 9700 2.1 (S2, S3). Attack class 11. Each is refused before a code is spent.
func TestCallbacksThatMatchNoAttemptAreRefused(t *testing.T) {
	f := newFleet(t)
	i := f.start(0)
	promising := newFleet(t)
	promising.g.extra = map[string]any{"authorization_response_iss_parameter_supported": true}
	strict := promising.start(0)
	for _, row := range []struct {
		name string
		on   *instance
		q    string
		kind oauth.Kind
	}{
		{"another issuer's answer", i, "code=c&iss=https://evil.example", oauth.KindFailed},
		{"an issuer with a slash more", i, "code=c&iss=" + f.g.URL + "/", oauth.KindFailed},
		{"an empty issuer", i, "code=c&iss=", oauth.KindFailed},
		{"two issuers, ours first", i, "code=c&iss=" + f.g.URL + "&iss=https://evil.example", oauth.KindFailed},
		{"no issuer where one is promised", strict, "code=c", oauth.KindFailed},
		{"an error without the promised issuer", strict, "error=access_denied", oauth.KindFailed},
		{"an error of another issuer", i, "error=access_denied&iss=https://evil.example", oauth.KindFailed},
		{"two codes", i, "code=a&code=b", oauth.KindFailed},
		{"no code", i, "", oauth.KindFailed},
		{"an empty code", i, "code=", oauth.KindFailed},
		{"a code and an error", i, "code=c&error=server_error", oauth.KindUnavailable},
		{"the person says no", i, "error=access_denied", oauth.KindDenied},
		{"prompt=none meets nobody", i, "error=login_required", oauth.KindDenied},
		{"the provider is down", i, "error=temporarily_unavailable", oauth.KindUnavailable},
		{"any other error", i, "error=<script>alert(1)</script>", oauth.KindFailed},
	} {
		t.Run(row.name, func(t *testing.T) {
			ctx := context.Background()
			a, err := row.on.Begin(ctx, oauth.Begin{Provider: "rogue"})
			if err != nil {
				t.Fatal(err)
			}
			q, err := url.ParseQuery(row.q)
			if err != nil {
				t.Fatal(err)
			}
			_, err = row.on.Finish(ctx, a, q)
			kind(t, err, row.kind)
			if s := err.Error(); strings.Contains(s, "evil") || strings.Contains(s, "script") {
				t.Fatalf("the wire is in the error: %s", s)
			}
			if f.g.count("token")+promising.g.count("token") != 0 {
				t.Fatal("a code was spent")
			}
		})
	}
}

func TestACodeThatIsNotTaken(t *testing.T) {
	for _, row := range []struct {
		name   string
		status int
		body   string
		kind   oauth.Kind
	}{
		{"refused", 400, `{"error":"invalid_grant"}`, oauth.KindFailed},
		{"the provider is down", 503, ``, oauth.KindUnavailable},
		{"nonsense", 200, `<html>`, oauth.KindFailed},
		{"an object without a token", 200, `{}`, oauth.KindFailed},
		{"a page of an error", 502, `<html>`, oauth.KindUnavailable},
		{"the client is refused", 401, `{"error":"invalid_client"}`, oauth.KindFailed},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := newFleet(t)
			i := f.start(0)
			f.g.misbehave(status(row.status, "", "", row.body))
			a, _ := f.begin(i, oauth.Begin{})
			_, err := i.Finish(context.Background(), a, url.Values{"code": {"c"}})
			kind(t, err, row.kind)
			if f.g.count("token") != 1 {
				t.Fatalf("the code was sent %d times (x/oauth2 with AuthStyle zero sends it twice)", f.g.count("token"))
			}
		})
	}
}

// A granted scope goes by other names than the asked one; what is absent was granted as asked; what is there is
// believed.
func TestGrantedScopes(t *testing.T) {
	for _, row := range []struct {
		answer any
		want   string
	}{
		{nil, "openid email profile"},
		{"openid email", "openid email"},
		{"openid https://scopes/email calendar", "openid email calendar"},
		{"openid,email", "openid email"},
		{[]string{"openid", "calendar"}, "openid calendar"},
	} {
		f := newFleet(t)
		f.change = func(p *providers.Config) { p.ScopeAliases = map[string]string{"https://scopes/email": "email"} }
		i := f.start(0)
		f.g.after = func(w http.ResponseWriter, _ *http.Request, answer map[string]any) {
			if row.answer != nil {
				answer["scope"] = row.answer
			}
			f.g.json(w, 200, answer)
		}
		g, err := f.finish(i, func(n string) map[string]any { return f.g.idClaims(n) }, nil)
		if got := strings.Join(g.Connection.Scopes, " "); err != nil || got != row.want {
			t.Errorf("%v: %q, %v", row.answer, got, err)
		}
	}
}

// Google gives no refresh token a second time unless it is made to.
func TestConsentIsAskedForWhereARefreshTokenIsMissing(t *testing.T) {
	f := newFleet(t)
	f.change = func(p *providers.Config) {
		p.NeedsAPI, p.Authorization.ConsentParams = true, map[string]string{"prompt": "consent"}
	}
	i := f.start(0)
	good := func(n string) map[string]any { return f.g.idClaims(n, with("sid", "s-1")) }
	g, err := f.finish(i, good, nil)
	if err != nil || g.WantsConsent || g.Handle != "rogue/s-1" {
		t.Fatalf("%v %+v", err, g)
	}
	f.g.after = func(w http.ResponseWriter, _ *http.Request, answer map[string]any) {
		delete(answer, "refresh_token")
		f.g.json(w, 200, answer)
	}
	if g, err = f.finish(i, good, nil); err != nil || !g.WantsConsent {
		t.Fatalf("%v %+v", err, g)
	}
}

// A provider that is down when bff starts does not stop it, and is found when it is up. One that was known keeps what
// is known.
func TestAProviderThatIsDownAtStart(t *testing.T) {
	f := newFleet(t)
	i := f.start(0)
	f.g.Config.Handler = down(f.g.Config.Handler, f.g)
	f.g.set(func(g *rogue) { g.counts["down"] = 1 })
	_, err := i.Begin(context.Background(), oauth.Begin{Provider: "rogue"})
	kind(t, err, oauth.KindUnavailable)
	kind(t, i.Check(context.Background(), "rogue"), oauth.KindUnavailable)
	f.g.set(func(g *rogue) { g.counts["down"] = 0 })
	waitFor(t, func() bool {
		_, err := i.Begin(context.Background(), oauth.Begin{Provider: "rogue"})
		return err == nil
	})
	if err := i.Check(context.Background(), "rogue"); err != nil {
		t.Fatal(err)
	}
	f.g.set(func(g *rogue) { g.counts["down"] = 1 })
	if _, err := i.Begin(context.Background(), oauth.Begin{Provider: "rogue"}); err != nil {
		t.Fatal("what was known is forgotten")
	}
}

// What a provider publishes is read again every day. What was known serves meanwhile, and goes on where that fails.
func TestMetadataOfADayAgoServesWhileTheProviderIsDown(t *testing.T) {
	f := newFleet(t)
	start, shift := time.Now(), atomic.Int64{}
	i := f.start(0, func(c *oauth.Config) { c.Now = func() time.Time { return start.Add(time.Duration(shift.Load())) } })
	begin := func() string {
		t.Helper()
		a, err := i.Begin(context.Background(), oauth.Begin{Provider: "rogue"})
		if err != nil {
			t.Fatalf("after %v: %v", time.Duration(shift.Load()), err)
		}
		address, err := i.URL(context.Background(), a, "the-state")
		if err != nil {
			t.Fatalf("after %v: %v", time.Duration(shift.Load()), err)
		}
		return address
	}
	before := begin()
	f.g.Config.Handler = down(f.g.Config.Handler, f.g)
	f.g.set(func(g *rogue) { g.counts["down"] = 1 })
	for _, later := range []time.Duration{23 * time.Hour, 25 * time.Hour, 26 * time.Hour, 240 * time.Hour} {
		shift.Store(int64(later))
		for range 5 {
			begin()
		}
	}
	f.g.set(func(g *rogue) {
		g.counts["down"] = 0
		g.extra = map[string]any{"authorization_endpoint": g.URL + "/moved"}
	})
	shift.Add(int64(2 * time.Minute))
	waitFor(t, func() bool { return strings.HasPrefix(begin(), f.g.URL+"/moved?") })
	if strings.HasPrefix(before, f.g.URL+"/moved?") {
		t.Error("nothing moved")
	}
}

func down(next http.Handler, g *rogue) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.count("down") != 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Attack class 25: a metadata document cannot point bff somewhere else.
func TestMetadataThatPointsElsewhere(t *testing.T) {
	for name, extra := range map[string]map[string]any{
		"another issuer":                    {"issuer": "https://evil.example"},
		"an issuer with a slash more":       {"issuer": "http://127.0.0.1/"},
		"a token endpoint in clear":         {"token_endpoint": "http://token.example.com/token"},
		"a token endpoint that is a file":   {"token_endpoint": "file:///etc/passwd"},
		"keys in clear":                     {"jwks_uri": "http://keys.example.com"},
		"no token endpoint":                 {"token_endpoint": ""},
		"no keys":                           {"jwks_uri": ""},
		"an endpoint with a name in it":     {"authorization_endpoint": "https://user:pass@example.com/"},
		"a revocation endpoint in clear":    {"revocation_endpoint": "http://example.com/revoke"},
		"a relative end of session":         {"end_session_endpoint": "/logout"},
		"a userinfo endpoint with fragment": {"userinfo_endpoint": "https://example.com/#x"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFleet(t)
			f.g.extra = extra
			_, err := f.start(0).Begin(context.Background(), oauth.Begin{Provider: "rogue"})
			kind(t, err, oauth.KindUnavailable)
		})
	}
}

func TestPushedAuthorizationRequests(t *testing.T) {
	f := newFleet(t)
	f.g.extra = map[string]any{
		"require_pushed_authorization_requests": true,
		"pushed_authorization_request_endpoint": f.g.URL + "/par",
	}
	i := f.start(0)
	a, err := i.Begin(context.Background(), oauth.Begin{Provider: "rogue"})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := i.URL(context.Background(), a, "the-state")
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(raw)
	if q := u.Query(); len(q) != 2 || q.Get("client_id") != "client" || q.Get("request_uri") != "urn:par:1" {
		t.Fatal(raw)
	}
	r, form := f.g.last()
	if user, _, ok := r.BasicAuth(); !ok || user != "client" || form.Get("state") != "the-state" ||
		form.Get("code_challenge") == "" ||
		form.Get("nonce") != a.Nonce.Reveal() {
		t.Fatal(form)
	}
	f.g.set(func(g *rogue) { g.counts["par refused"] = 1 })
	_, err = i.URL(context.Background(), a, "the-state")
	kind(t, err, oauth.KindMisconfigured)
}

func TestLogoutURL(t *testing.T) {
	f := newFleet(t)
	i := f.start(0)
	if u := i.LogoutURL(context.Background(), "rogue", "http://localhost:8080/"); u != "" {
		t.Fatal(u)
	}
	f.g.extra = map[string]any{"end_session_endpoint": f.g.URL + "/end?x=1"}
	u, err := url.Parse(f.start(0).LogoutURL(context.Background(), "rogue", "http://localhost:8080/"))
	if q := u.Query(); err != nil || q.Get("client_id") != "client" ||
		q.Get("post_logout_redirect_uri") != "http://localhost:8080/" ||
		q.Has("id_token_hint") ||
		q.Get("x") != "1" {
		t.Fatal(u)
	}
	if i.LogoutURL(context.Background(), "nobody", "/") != "" {
		t.Fatal("an unknown provider has one")
	}
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	good := providers.Config{Name: "a", Issuer: "https://a.example.com", Client: providers.Client{ID: "id"}}
	for name, cfg := range map[string]oauth.Config{
		"no vault":       {Origin: "https://x", Providers: []providers.Config{good}},
		"no origin":      {Vault: &vault.Vault{}, Providers: []providers.Config{good}},
		"no client id":   {Vault: &vault.Vault{}, Origin: "https://x", Providers: []providers.Config{{Name: "a", Issuer: "https://a.example.com"}}},
		"no endpoints":   {Vault: &vault.Vault{}, Origin: "https://x", Providers: []providers.Config{{Name: "a", Client: providers.Client{ID: "id"}}}},
		"one name twice": {Vault: &vault.Vault{}, Origin: "https://x", Providers: []providers.Config{good, good}},
		"a key that is none": {Vault: &vault.Vault{}, Origin: "https://x",
			Providers: []providers.Config{{Name: "a", Issuer: "https://a.example.com", Client: providers.Client{ID: "id", Key: secret.New("x")}}}},
		"an unknown way to authenticate": {Vault: &vault.Vault{}, Origin: "https://x",
			Providers: []providers.Config{{Name: "a", Issuer: "https://a.example.com", Client: providers.Client{ID: "id", Auth: "password"}}}},
	} {
		if _, err := oauth.New(cfg); err == nil {
			t.Errorf("%s was accepted", name)
		} else if errors.As(err, new(*oauth.Error)) {
			t.Errorf("%s: an error of configuration is none of a call", name)
		}
	}
}

// Callers who wait for a provider that hangs wait together, not one after the other.
func TestDiscoveryOfAProviderThatHangsIsSharedByItsCallers(t *testing.T) {
	f := newFleet(t)
	i := f.start(0)
	next := f.g.Config.Handler
	f.g.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.g.set(func(g *rogue) { g.counts["asked"]++ })
		<-r.Context().Done()
	})
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() {
			if _, err := i.Begin(context.Background(), oauth.Begin{Provider: "rogue"}); oauth.KindOf(
				err,
			) != oauth.KindUnavailable {
				t.Error(err)
			}
		})
	}
	testenv.Finished(t, "all of them", group.Wait)
	if n := f.g.count("asked"); n > 2 {
		t.Fatalf("it was asked %d times", n)
	}
	f.g.Config.Handler = next
}
