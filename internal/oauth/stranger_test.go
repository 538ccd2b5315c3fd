package oauth_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bff/internal/oauth"
	"bff/internal/oauth/providers"
	"bff/internal/testenv"
	"bff/internal/vault"
)

// What a provider, or somebody who plays one, may not do to bff.

// Attack class 25: the metadata of an issuer on the internet cannot lead into the inner network, whatever its
// addresses are written like. What the operator wrote may.
func TestAnIssuerOnTheInternetDoesNotLeadInside(t *testing.T) {
	const outside = "https://id.example.com"
	for _, address := range []string{
		"https://169.254.169.254/latest/meta-data/", "https://10.0.0.1/token", "https://192.168.1.1/",
		"https://172.16.0.1/", "https://127.0.0.1/token", "https://127.8.8.8/", "https://localhost/token",
		"https://x.localhost/", "https://[::1]/", "https://[fe80::1]/", "https://[fd00::1]/", "https://[::ffff:10.0.0.1]/",
		"https://[::ffff:169.254.169.254]/", "https://0.0.0.0/", "https://[::]/", "https://224.0.0.1/",
		"http://id.example.com/token", "http://localhost/token", "ftp://id.example.com/", "file:///etc/passwd",
		"//id.example.com/token", "/token", "", "https://", "https://user@id.example.com/", "https://id.example.com/#x",
		"gopher://id.example.com/",
	} {
		if oauth.CheckEndpoint(address, outside) == nil {
			t.Errorf("%q is followed", address)
		}
	}
	for address, issuer := range map[string]string{
		"https://id.example.com/token": outside, "https://keys.example.net/jwks": outside,
		"https://10.0.0.1/token": "https://10.0.0.2", "http://127.0.0.1:1/token": "http://localhost:2",
		"https://192.168.1.1/token": "", "http://localhost/token": "",
	} {
		if err := oauth.CheckEndpoint(address, issuer); err != nil {
			t.Errorf("%q of %q: %v", address, issuer, err)
		}
	}
}

// OpenID Connect Core section 5.3.2, which go-oidc leaves to its caller: userinfo of another subject is not believed,
// nor is one that names nobody.
func TestUserinfoOfAnotherSubject(t *testing.T) {
	f := newFleet(t)
	i := f.start(0)
	sparse := func(sub string) func(string) map[string]any { // an ID token that leaves the name to userinfo, which is about "1"
		return func(nonce string) map[string]any { return f.g.idClaims(nonce, with("name", nil), with("sub", sub)) }
	}
	if g, err := f.finish(i, sparse("1"), nil); err != nil || g.User.Subject != "1" || g.User.Name != "Ada" {
		t.Fatalf("the same subject: %v %+v", err, g.User)
	}
	for _, sub := range []string{"2", "11", "1 ", "01"} {
		_, err := f.finish(i, sparse(sub), nil)
		kind(t, err, oauth.KindFailed)
	}
}

// Attack class 8: who somebody is, is issuer and subject. An address, verified or not, makes nobody the same user,
// and one with two domains is passed on as it is.
func TestAUserIsASubjectOfAnIssuerAndNoAddress(t *testing.T) {
	f := newFleet(t)
	i := f.start(0)
	seen := map[string]string{}
	for _, c := range []struct{ sub, email string }{{"1", "ada@example.com"}, {"2", "ada@example.com"}, {"ada@example.com", "x@example.com"},
		{"3", "ada@evil.example@example.com"}, {"4", "ADA@example.com"}} {
		g, err := f.finish(i, func(nonce string) map[string]any {
			return f.g.idClaims(nonce, with("sub", c.sub), with("email", c.email), with("email_verified", "false"))
		}, nil)
		if err != nil || g.User.Email != c.email || g.User.EmailVerified || g.User.Subject != c.sub {
			t.Fatalf("%v: %v %+v", c, err, g.User)
		}
		if other, ok := seen[g.User.ID]; ok {
			t.Errorf("%q and %q are one user", c.sub, other)
		}
		seen[g.User.ID] = c.sub
	}
	for _, other := range []string{vault.UserID("other", f.g.URL, "1"), vault.UserID("rogue", f.g.URL+"/", "1"),
		vault.UserID("rogue", "https://other.example", "1"), vault.UserID("rogu", "e"+f.g.URL, "1")} {
		if _, ok := seen[other]; ok {
			t.Error("the same subject of another issuer, or provider, is the same user")
		}
	}
}

// Attack class 15: no answer of a provider is read without a bound, whatever it answers to, and a bad one leaves
// nothing half done.
func TestNoAnswerOfAProviderIsReadWithoutABound(t *testing.T) {
	var sent atomic.Int64
	endless := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		chunk := []byte(strings.Repeat(" ", 32<<10))
		for r.Context().Err() == nil && sent.Load() < 64<<20 {
			n, err := w.Write(chunk)
			if sent.Add(int64(n)); err != nil {
				return
			}
		}
	}
	for name, row := range map[string]struct {
		path string
		do   func(f *fleet, i *instance) error
		kind oauth.Kind
	}{
		"metadata": {"/.well-known/openid-configuration", func(_ *fleet, i *instance) error {
			_, err := i.Begin(context.Background(), oauth.Begin{Provider: "rogue"})
			return err
		}, oauth.KindUnavailable},
		"keys": {"/jwks", func(f *fleet, i *instance) error {
			_, err := f.finish(i, func(n string) map[string]any { return f.g.idClaims(n) }, nil)
			return err
		}, oauth.KindUnavailable},
		"tokens for a code": {"/token", func(f *fleet, i *instance) error {
			_, err := f.finish(i, func(n string) map[string]any { return f.g.idClaims(n) }, nil)
			return err
		}, oauth.KindUnavailable},
		"tokens for a refresh token": {"/token", func(f *fleet, i *instance) error {
			_, err := i.Token(context.Background(), i.read(f.t, f.signIn(i, -time.Second)))
			return err
		}, oauth.KindUnavailable},
		"userinfo": {"/userinfo", func(f *fleet, i *instance) error {
			g, err := f.finish(i, func(n string) map[string]any { return f.g.idClaims(n, with("name", nil)) }, nil)
			if err == nil && g.User.Name != "" {
				return fmt.Errorf("a name came out of it")
			}
			return err
		}, 0},
		"a pushed request": {"/par", func(f *fleet, i *instance) error {
			a, err := i.Begin(context.Background(), oauth.Begin{Provider: "rogue"})
			if err != nil {
				return err
			}
			_, err = i.URL(context.Background(), a, "state")
			return err
		}, oauth.KindUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			sent.Store(0)
			f := newFleet(t)
			if row.path == "/par" {
				f.g.extra = map[string]any{
					"require_pushed_authorization_requests": true,
					"pushed_authorization_request_endpoint": f.g.URL + "/par",
				}
			}
			next := f.g.Config.Handler
			f.g.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == row.path {
					endless(w, r)
					return
				}
				next.ServeHTTP(w, r)
			})
			i := f.start(0)
			if err := row.do(f, i); oauth.KindOf(err) != row.kind || row.kind == 0 && err != nil {
				t.Errorf("%v", err)
			}
			if n := sent.Load(); n == 0 || n >= 64<<20 {
				t.Errorf("%d bytes were taken", n)
			}
		})
	}
}

// x/oauth2's errors hold the body they got, and a token printed with %v is the token. Nothing that a provider repeats
// of what it was sent gets into an error's text or a log line.
func TestNothingAProviderRepeatsIsPrinted(t *testing.T) {
	echo := func(code int, field string) func(http.ResponseWriter, *http.Request, url.Values) bool {
		return func(w http.ResponseWriter, r *http.Request, form url.Values) bool {
			_, secret, _ := r.BasicAuth()
			all := fmt.Sprintf("%s %s %s %s", form.Get("refresh_token"), form.Get("code"), form.Get("code_verifier"), secret)
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(code)
			_, _ = fmt.Fprintf(w, `{"error":"invalid_request",%q:%q}`, field, all)
			return true
		}
	}
	for _, code := range []int{200, 400, 401, 403, 500, 503} {
		for _, field := range []string{"error", "error_description", "error_uri", "error_subtype", "message"} {
			f := newFleet(t)
			i := f.start(0)
			f.g.misbehave(echo(code, field))
			c := i.read(t, f.signIn(i, -time.Second))
			_, refreshed := i.Token(context.Background(), c)
			j := f.start(0) // which has rung no alarm yet
			a, err := j.Begin(context.Background(), oauth.Begin{Provider: "rogue"})
			if err != nil {
				t.Fatal(err)
			}
			_, exchanged := j.Finish(context.Background(), a, url.Values{"code": {"the-code-itself"}})
			if refreshed == nil || exchanged == nil {
				t.Fatalf("%d %s: taken for a success", code, field)
			}
			text := fmt.Sprintf(
				"%v %+v %#v %s %v %+v %q %s %s",
				refreshed,
				refreshed,
				refreshed.Error(),
				refreshed,
				exchanged,
				exchanged,
				exchanged,
				i.logs,
				j.logs,
			)
			for name, secret := range map[string]string{"refresh token": c.Tokens.Refresh.Reveal(), "code": "the-code-itself", "verifier": a.Verifier.Reveal(),
				"client secret": "sec:ret", "encoded client secret": url.QueryEscape("sec:ret +")} {
				if strings.Contains(text, secret) {
					t.Errorf("%d with %s: the %s is printed", code, field, name)
				}
			}
		}
	}
}

// RFC 7009 section 2.2.1: 503 means the token is alive, and Retry-After when to come again. It is waited for, and not
// only by chance.
func TestARevocationWaitsAsLongAsRetryAfterSays(t *testing.T) {
	f := newFleet(t)
	i := f.start(0)
	f.g.set(func(g *rogue) {
		g.revoke = func(w http.ResponseWriter, _ *http.Request, _ url.Values) int {
			w.Header().Set("Retry-After", "200")
			return 503
		}
	})
	i.run(t)
	c := f.unlink(i, f.signIn(i, time.Hour))
	i.Outbox.Nudge()
	waitFor(t, func() bool { return i.noted("revocation retried") == 1 })
	for shift, due := range map[time.Duration]bool{100 * time.Second: false, 4 * time.Minute: true} {
		later := f.start(shift)
		waitFor(t, func() bool { // until the answer is written down
			jobs, err := later.vault.Outbox.Due(context.Background(), 1, time.Millisecond)
			return err == nil && (len(jobs) == 1) == due
		})
	}
	if !f.g.alive(c.Tokens.Refresh.Reveal()) {
		t.Fatal("the provider said that it is alive")
	}
}

// An operator's mistake is logged once a minute, however many people meet it; and again while it lasts.
func TestAnAlarmRingsOnceAMinute(t *testing.T) {
	f := newFleet(t)
	start := time.Now()
	var shift atomic.Int64
	i := f.start(0, func(c *oauth.Config) { c.Now = func() time.Time { return start.Add(time.Duration(shift.Load())) } })
	f.g.misbehave(status(401, "Content-Type", "application/json", `{"error":"invalid_client"}`))
	exchange := func() {
		a, err := i.Begin(context.Background(), oauth.Begin{Provider: "rogue"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = i.Finish(context.Background(), a, url.Values{"code": {"c"}})
		kind(t, err, oauth.KindFailed)
	}
	alarms := func() int { return strings.Count(i.logs.String(), "level=ERROR") }
	for want := 1; want <= 3; want++ {
		for range 5 {
			exchange()
		}
		_, err := i.Token(context.Background(), i.read(t, f.signIn(i, -24*time.Hour)))
		kind(t, err, oauth.KindMisconfigured)
		if n := alarms(); n != want {
			t.Fatalf("minute %d: %d alarms", want, n)
		}
		shift.Add(int64(time.Minute - time.Millisecond))
		exchange()
		if n := alarms(); n != want {
			t.Fatalf("just before the next minute: %d alarms", n)
		}
		shift.Add(int64(time.Millisecond))
	}
}

// A redirect of the token endpoint, which x/oauth2 would follow with the client secret in the body, goes nowhere: not
// with a code, not with a pushed request.
func TestNoRedirectOfAProviderIsFollowed(t *testing.T) {
	var reached atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { reached.Add(1) }))
	t.Cleanup(elsewhere.Close)
	for _, code := range []int{301, 302, 303, 307, 308} {
		for _, path := range []string{"/token", "/jwks", "/userinfo", "/par", "/.well-known/openid-configuration"} {
			f := newFleet(t)
			f.change = func(p *providers.Config) { p.Client.Auth = "client_secret_post" }
			if path == "/par" {
				f.g.extra = map[string]any{
					"require_pushed_authorization_requests": true,
					"pushed_authorization_request_endpoint": f.g.URL + "/par",
				}
			}
			next := f.g.Config.Handler
			f.g.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == path {
					http.Redirect(w, r, elsewhere.URL+path, code)
					return
				}
				next.ServeHTTP(w, r)
			})
			i := f.start(0)
			a, err := i.Begin(context.Background(), oauth.Begin{Provider: "rogue"})
			if err == nil {
				_, _ = i.URL(context.Background(), a, "state")
				claims := f.g.idClaims(a.Nonce.Reveal(), with("name", nil))
				f.g.set(func(g *rogue) { g.codes["code-1"] = claims })
				_, err = i.Finish(context.Background(), a, url.Values{"code": {"code-1"}})
			}
			if err == nil && path != "/userinfo" && path != "/par" {
				t.Errorf("%d from %s: it went on as if nothing were", code, path)
			}
			if reached.Load() != 0 {
				t.Fatalf("%d from %s was followed", code, path)
			}
		}
	}
}

// Attack class 16: refreshes of many users that are under way at the same time are as many flights, and each caller
// gets what is its own.
func TestNobodyGetsTheTokenOfAnother(t *testing.T) {
	f := newFleet(t)
	i := f.start(0)
	leave := make(chan struct{})
	answer := sync.OnceFunc(func() { close(leave) })
	defer answer()
	f.g.misbehave(func(http.ResponseWriter, *http.Request, url.Values) bool {
		testenv.Receive(t, "leave to go on", leave)
		return false
	})
	const users, callers = 6, 4
	var group sync.WaitGroup
	for n := range users {
		change := func(c *vault.Connection) {
			if n%2 == 1 { // in its last quarter: it is refreshed behind the caller's back
				c.Tokens.ObtainedAt, c.Tokens.Expiry = time.Now().Add(-time.Hour), time.Now().Add(20*time.Second)
			}
		}
		s := f.signIn(i, -time.Second, change)
		before := i.read(t, s)
		f.g.mu.Lock()
		grant := f.g.family[before.Tokens.Refresh.Reveal()]
		f.g.mu.Unlock()
		for range callers {
			group.Go(func() {
				got, err := i.Token(context.Background(), before)
				if want := fmt.Sprintf("at-%d-", grant); err != nil || got.ID != before.ID ||
					!strings.HasPrefix(got.Tokens.Access.Reveal(), want) {
					t.Errorf("%v: a token that does not begin with %s", err, want)
				}
			})
		}
	}
	waitFor(t, func() bool { return f.g.count("token") == users })
	answer()
	testenv.Finished(t, "all of them", group.Wait)
}
