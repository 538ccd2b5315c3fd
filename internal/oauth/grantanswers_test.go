package oauth_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"bff/internal/oauth"
	"bff/internal/oauth/providers"
	"bff/internal/secret"
	"bff/internal/testenv"
	"bff/internal/vault"
)

// Each row is how one provider refuses one person's refresh token, in its own words.
func refusals() []struct {
	provider, path string
	status         int
	body           string
	reason         string // "" where the preset cannot know
} {
	return []struct {
		provider, path string
		status         int
		body, reason   string
	}{
		{
			"atlassian",
			"/oauth/token",
			403,
			`{"error":"unauthorized_client","error_description":"refresh_token is invalid"}`,
			"revoked",
		},
		{
			"x",
			"/2/oauth2/token",
			400,
			`{"error":"invalid_request","error_description":"Value passed for the token was invalid."}`,
			"revoked",
		},
		{"zoom", "/oauth/token", 401, `{"reason":"Invalid Token!","error":"invalid_request"}`, "revoked"},
		{"strava", "/api/v3/oauth/token", 400,
			`{"message":"Bad Request","errors":[{"resource":"RefreshToken","field":"refresh_token","code":"invalid"}]}`, "revoked"},
		{"reddit", "/api/v1/access_token", 400, `{"message":"Bad Request","error":400}`, "revoked"},
		{"microsoft", "/common/oauth2/v2.0/token", 400, `{"error":"consent_required"}`, "revoked"},
		{"microsoft", "/common/oauth2/v2.0/token", 400, `{"error":"login_required"}`, "session_policy"},
		{"slack", "/api/oauth.v2.access", 200, `{"ok":false,"error":"account_inactive"}`, "revoked"},
		{"slack", "/api/oauth.v2.access", 200, `{"ok":false,"error":"token_expired"}`, "expired"},
		{"google", "/token", 400, `{"error":"INVALID_GRANT"}`, "revoked"},
		{"box", "/oauth2/token", 400, `{"error":"access_denied"}`, ""},
		{"box", "/oauth2/token", 400, `{"error":"mfa_required"}`, ""},
		{"box", "/oauth2/token", 401, `{"error":"unauthorized_client"}`, ""},
		{"box", "/oauth2/token", 403, `{"message":"no"}`, ""},
		{"box", "/oauth2/token", 400, `no`, ""},
		// The same code in other words is about something else: it ends no grant.
		{"atlassian", "/oauth/token", 403, `{"error":"unauthorized_client","error_description":"the app is disabled"}`, ""},
		{"zoom", "/oauth/token", 400, `{"reason":"Missing grant type","error":"invalid_request"}`, ""},
	}
}

// However a provider refuses one grant, and however many grants, the next person's refresh is sent and served at once.
func TestARefusedGrantStopsNobodyElse(t *testing.T) {
	for _, row := range refusals() {
		t.Run(row.provider+" "+row.body, func(t *testing.T) {
			f, h, i := habitual(t, row.provider)
			h.answer(row.path, func(a arrival) (int, string, string) {
				if strings.Contains(a.body, "rt-bob") {
					return 200, "application/json", `{"access_token":"at-2","expires_in":3600,"authed_user":{"access_token":"at-2"}}`
				}
				return row.status, "application/json", row.body
			})
			ctx := context.Background()
			for range 7 {
				s := f.signIn(i, -time.Second)
				if _, err := i.Token(ctx, i.read(t, s)); err == nil {
					t.Fatal("a refused refresh brought a token")
				}
				now := i.read(t, s)
				if dead := now.Status == vault.StatusNeedsReauth; dead != (row.reason != "") || now.Reason != row.reason {
					t.Fatalf("the connection is %s %q, and not for %q", now.Status, now.Reason, row.reason)
				}
			}
			bob := f.signIn(i, -time.Second, func(c *vault.Connection) { c.Tokens.Refresh = secret.New("rt-bob") })
			if got, err := i.Token(ctx, i.read(t, bob)); err != nil || got.Tokens.Access.Reveal() != "at-2" {
				t.Fatalf("another person's refresh: %v", err)
			}
		})
	}
}

// What a refusal means does not change while the next refresh waits: a page that calls twice gets the same answer twice.
func TestARefusalMeansTheSameWhileItIsHeldBack(t *testing.T) {
	for code, want := range map[string]oauth.Kind{
		"unauthorized_client": oauth.KindMisconfigured, "temporarily_unavailable": oauth.KindUnavailable,
	} {
		f := newFleet(t)
		i := f.start(0)
		f.g.misbehave(func(w http.ResponseWriter, _ *http.Request, _ url.Values) bool {
			f.g.json(w, 400, map[string]any{"error": code})
			return true
		})
		s := f.signIn(i, -time.Second)
		for range 3 {
			_, err := i.Token(context.Background(), i.read(t, s))
			kind(t, err, want)
		}
	}
}

// A provider that is down does move the clock that all wait for: nobody queues before it.
func TestAProviderThatIsDownStillOpensTheBreaker(t *testing.T) {
	f := newFleet(t)
	i := f.start(0)
	f.g.misbehave(func(w http.ResponseWriter, _ *http.Request, _ url.Values) bool {
		w.WriteHeader(http.StatusBadGateway)
		return true
	})
	for range 6 {
		_, err := i.Token(context.Background(), i.read(t, f.signIn(i, -time.Second)))
		kind(t, err, oauth.KindUnavailable)
	}
	if n := f.g.count("token"); n != 5 {
		t.Fatalf("%d requests reached a provider that is down", n)
	}
}

// After a few refusals that no field reads, one warning names the field that would.
func TestARefusalThatNothingReadsIsNamedToTheOperator(t *testing.T) {
	f := newFleet(t)
	i := f.start(0)
	f.g.misbehave(func(w http.ResponseWriter, _ *http.Request, _ url.Values) bool {
		f.g.json(w, 400, map[string]any{"errors": []any{map[string]any{"errorType": "gone"}}})
		return true
	})
	s := f.signIn(i, -time.Second)
	waitFor(t, func() bool {
		_, _ = i.Token(context.Background(), i.read(t, s))
		return strings.Contains(i.logs.String(), "error_field: errors.0.errorType")
	})
	if n := strings.Count(i.logs.String(), "error_field: errors.0.errorType"); n != 1 {
		t.Fatalf("it was said %d times", n)
	}
}

// An error code inside a list is read by its path.
func TestAnErrorCodeInsideAListIsRead(t *testing.T) {
	f := newFleet(t)
	f.change = func(p *providers.Config) {
		p.Token.ErrorField, p.Token.GrantErrors = "errors.0.errorType", map[string]string{"invalid_token": "revoked"}
	}
	i := f.start(0)
	f.g.misbehave(func(w http.ResponseWriter, _ *http.Request, _ url.Values) bool {
		f.g.json(w, 401, map[string]any{"errors": []any{map[string]any{"errorType": "invalid_token"}}, "success": false})
		return true
	})
	_, err := i.Token(context.Background(), i.read(t, f.signIn(i, -time.Second)))
	kind(t, err, oauth.KindReauth)
}

// OpenID Connect Core section 12.2: an ID token that comes with a refresh is the same account's, or the tokens beside
// it are not used.
func TestARefreshThatBringsAnotherAccountIsNotUsed(t *testing.T) {
	for subject, good := range map[string]bool{"1": true, "2": false} {
		f := newFleet(t)
		var heard map[string]any
		done := make(chan struct{}, 1)
		i := f.start(0, func(c *oauth.Config) {
			c.OnClaims = func(_ context.Context, _ vault.Connection, claims map[string]any) { heard = claims; done <- struct{}{} }
		})
		f.g.set(func(g *rogue) {
			g.after = func(w http.ResponseWriter, _ *http.Request, answer map[string]any) {
				answer["id_token"] = g.sign(
					g.idClaims("", func(c map[string]any) { c["sub"], c["groups"] = subject, []string{"staff"} }),
					"JWT",
				)
				g.json(w, 200, answer)
			}
		})
		s := f.signIn(i, -time.Second)
		got, err := i.Token(context.Background(), i.read(t, s))
		if (err == nil) != good {
			t.Fatalf("subject %s: %v", subject, err)
		}
		if now := i.read(t, s); now.Status != vault.StatusActive || good && !now.Tokens.Access.Equal(got.Tokens.Access) {
			t.Fatalf("subject %s: the connection is %s", subject, now.Status)
		}
		if !good {
			continue
		}
		testenv.Receive(t, "the end of it", done)
		if groups, _ := heard["groups"].([]any); len(groups) != 1 {
			t.Fatalf("the claims of the new ID token are %v", heard)
		}
	}
}
