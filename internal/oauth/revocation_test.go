package oauth_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"bff/internal/oauth"
	"bff/internal/oauth/providers"
	"bff/internal/secret"
	"bff/internal/testenv"
	"bff/internal/vault"
)

// unlink takes the only connection out of s, as a person does, and runs i's outbox until the test ends.
func (f *fleet) unlink(i *instance, s *vault.Session) vault.Connection {
	f.t.Helper()
	c := i.read(f.t, s)
	if err := i.vault.Connections.Unlink(context.Background(), s, c.ID, i.Outbox.Revocation); err != nil {
		f.t.Fatal(err)
	}
	return c
}

// run works on the outbox until the test ends.
func (i *instance) run(t testing.TB) {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); i.Outbox.Run(ctx) }()
	t.Cleanup(func() { stop(); testenv.Receive(t, "the end of it", done) })
}

// rules: RFC 7009 (V1-V3). The refresh token is what is revoked, as the client, and an answer of success ends it.
func TestUnlinkRevokesTheRefreshToken(t *testing.T) {
	f := newFleet(t)
	i := f.start(0)
	i.run(t)
	c := f.unlink(i, f.signIn(i, time.Hour))
	i.Outbox.Nudge()
	waitFor(t, func() bool { return i.noted("revocation revoked") == 1 })
	r, form := f.g.last()
	user, pass, _ := r.BasicAuth()
	if form.Get("token") != c.Tokens.Refresh.Reveal() || form.Get("token_type_hint") != "refresh_token" ||
		user != "client" ||
		pass == "" ||
		form.Has("client_secret") {
		t.Fatalf("%s %v", user, form)
	}
	if f.g.alive(c.Tokens.Refresh.Reveal()) || f.g.count("revoke") != 1 {
		t.Fatalf("%d revocations", f.g.count("revoke"))
	}
}

// rules: RFC 7009 section 2.2 (V2). Success also means a token that the provider does not know: revoking it again changes
// nothing, so it is not tried again, whatever word for it a provider has.
func TestARevocationOfATokenThatIsUnknownIsDone(t *testing.T) {
	for name, answer := range map[string]struct {
		status int
		body   string
	}{
		"200, as the standard says":        {200, ""},
		"204":                              {204, ""},
		"400 invalid_token":                {400, `{"error":"invalid_token"}`},
		"400 invalid_grant":                {400, `{"error":"invalid_grant"}`},
		"200 token_revoked, as Slack does": {200, `{"ok":false,"error":"token_revoked"}`},
		"404, as GitHub does":              {404, `{"message":"Not Found"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			i := f.start(0)
			var calls atomic.Int32
			f.g.set(func(g *rogue) {
				g.revoke = func(w http.ResponseWriter, _ *http.Request, _ url.Values) int {
					calls.Add(1)
					w.WriteHeader(answer.status)
					_, _ = io.WriteString(w, answer.body)
					return answered
				}
			})
			i.run(t)
			f.unlink(i, f.signIn(i, time.Hour))
			i.Outbox.Nudge()
			waitFor(t, func() bool { return i.noted("revocation revoked") == 1 })
			if n := calls.Load(); n != 1 || i.noted("revocation retried") != 0 {
				t.Errorf("it was asked for %d times", n)
			}
			if jobs, err := i.vault.Outbox.Due(context.Background(), 10, time.Minute); err != nil || len(jobs) != 0 {
				t.Errorf("%d jobs wait, %v", len(jobs), err)
			}
		})
	}
}

func TestARevocationIsTriedUntilItIsConfirmed(t *testing.T) {
	for _, row := range []struct {
		name string
		does func(w http.ResponseWriter) int
	}{
		{"503 with Retry-After", func(w http.ResponseWriter) int { w.Header().Set("Retry-After", "1"); return 503 }},
		{"500", func(http.ResponseWriter) int { return 500 }},
		{"429", func(http.ResponseWriter) int { return 429 }},
		{"invalid_client, until the operator repairs it", func(w http.ResponseWriter) int { return 401 }},
		{"a broken connection", func(http.ResponseWriter) int { panic(http.ErrAbortHandler) }},
		{"a redirect", func(w http.ResponseWriter) int { w.Header().Set("Location", "https://evil.example/"); return 307 }},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			i := f.start(0)
			var calls atomic.Int32
			f.g.set(func(g *rogue) {
				g.revoke = func(w http.ResponseWriter, _ *http.Request, _ url.Values) int {
					if calls.Add(1) > 1 {
						return 0
					}
					return row.does(w)
				}
			})
			i.run(t)
			c := f.unlink(i, f.signIn(i, time.Hour))
			i.Outbox.Nudge()
			waitFor(t, func() bool { return i.noted("revocation revoked") == 1 })
			if f.g.alive(c.Tokens.Refresh.Reveal()) || i.noted("revocation retried") != 1 ||
				i.noted("revocation given_up") != 0 {
				t.Fatalf("retried %d", i.noted("revocation retried"))
			}
			if strings.Contains(i.logs.String(), c.Tokens.Refresh.Reveal()) {
				t.Fatal("a token is in the log")
			}
		})
	}
}

// A revocation that was decided by an instance that died is done by another.
func TestARevocationOutlivesItsInstance(t *testing.T) {
	f := newFleet(t)
	dead, i := f.start(0), f.start(0)
	c := f.unlink(dead, f.signIn(dead, time.Hour))
	i.run(t) // not nudged
	waitFor(t, func() bool { return !f.g.alive(c.Tokens.Refresh.Reveal()) })
}

// What is known to be impossible is given up, and logged.
func TestARevocationThatCannotBeDoneIsGivenUp(t *testing.T) {
	f := newFleet(t)
	f.g.extra = map[string]any{"revocation_endpoint": ""}
	i := f.start(0)
	i.run(t)
	f.unlink(i, f.signIn(i, time.Hour))
	i.Outbox.Nudge()
	waitFor(t, func() bool { return i.noted("revocation given_up") == 1 })
	if !strings.Contains(i.logs.String(), "a revocation was given up") {
		t.Fatal("nothing is logged")
	}
}

func TestThereIsNothingToRevoke(t *testing.T) {
	f := newFleet(t)
	i := f.start(0, func(c *oauth.Config) {
		c.Providers = append(c.Providers, providers.Config{Name: "typed", Auth: providers.AuthAPIKey},
			providers.Config{Name: "ours", Auth: providers.AuthAPIKey, Operator: providers.Operator{APIKey: secret.New("k")}})
	})
	for name, c := range map[string]vault.Connection{
		"no tokens":           {Provider: "rogue"},
		"a typed key":         {Provider: "typed", Tokens: vault.Tokens{Access: secret.New("k")}},
		"the operator's key":  i.OperatorConnection("ours"),
		"an unknown provider": {Provider: "nobody", Tokens: vault.Tokens{Refresh: secret.New("rt")}},
	} {
		if b := i.Outbox.Revocation(c); b != nil {
			t.Errorf("%s: %s", name, b)
		}
	}
	if b := i.Outbox.Revocation(vault.Connection{Provider: "rogue", Tokens: vault.Tokens{Access: secret.New("at-only")}}); !strings.Contains(
		string(b),
		"at-only",
	) {
		t.Fatal("an access token alone is not revoked")
	}
}

// A provider's own ways, as data.
func TestStylesOfRevocation(t *testing.T) {
	for _, row := range []struct {
		name, provider       string
		method, path, header string
		body                 string
	}{
		{"GitHub ends the grant by DELETE with Basic and JSON", "github", "DELETE", "/applications/client/grant", "Basic ", `{"access_token":"at-1"}`},
		{"Dropbox has the access token revoke itself", "dropbox", "POST", "/2/auth/token/revoke", "Bearer at-1", ""},
		{"Slack too", "slack", "POST", "/api/auth.revoke", "Bearer at-1", ""},
		{"Notion reads JSON", "notion", "POST", "/v1/oauth/revoke", "Basic ", `{"token":"at-1"}`},
		{"Google reads a form", "google", "POST", "/revoke", "", "client_id=client&client_secret=s&token=rt-1&token_type_hint=refresh_token"},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := newFleet(t)
			fake := newHost(t)
			f.change = func(p *providers.Config) {
				built, _ := providers.Builtin(row.provider)
				built.Client.ID, built.Client.Secret = "client", secret.New("s")
				*p = fake.move(built)
				p.Name = "rogue"
			}
			i := f.start(0)
			i.run(t)
			f.unlink(i, f.signIn(i, time.Hour, func(c *vault.Connection) {
				c.Tokens.Access, c.Tokens.Refresh = secret.New("at-1"), secret.New("rt-1")
			}))
			i.Outbox.Nudge()
			waitFor(t, func() bool { return i.noted("revocation revoked") == 1 })
			got := fake.last()
			if got.method != row.method || got.path != row.path ||
				!strings.HasPrefix(got.header.Get("Authorization"), row.header) ||
				got.body != row.body {
				t.Fatalf("%s %s %s %q", got.method, got.path, got.header.Get("Authorization"), got.body)
			}
			if row.header == "" && got.header.Get("Authorization") != "" {
				t.Fatal("it authenticates twice")
			}
		})
	}
}
