package oauth_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"bff/internal/oauth"
	"bff/internal/oauth/client"
	"bff/internal/oauth/providers"
)

// instead has one path of the provider answered by f.
func (f *fleet) instead(path string, answer http.HandlerFunc) {
	next := f.g.Config.Handler
	f.g.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == path {
			answer(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (f *fleet) signsIn(i *instance, change ...func(map[string]any)) (oauth.Grant, error) {
	return f.finish(i, func(nonce string) map[string]any { return f.g.idClaims(nonce, change...) }, nil)
}

// RFC 7517 section 5: an entry of the keys that cannot be used keeps nobody out, and is named in the log once.
func TestAnUnusableKeyIsLeftOutAlone(t *testing.T) {
	for name, entry := range map[string]map[string]any{
		"RSA without a modulus":    {"kty": "RSA", "e": "AQAB", "kid": "bad"},
		"no type":                  {"kid": "bad", "use": "sig"},
		"an unknown curve":         {"kty": "EC", "crv": "P-1", "x": "AA", "y": "AA", "kid": "bad"},
		"garbage as a certificate": {"kty": "RSA", "kid": "bad", "e": "AQAB", "n": "", "x5c": []string{"garbage"}},
		"a text":                   nil,
	} {
		t.Run(name, func(t *testing.T) {
			f := newFleet(t)
			i := f.start(0)
			f.instead("/jwks", func(w http.ResponseWriter, _ *http.Request) {
				good, _ := json.Marshal(jose.JSONWebKey{Key: f.g.key.Public(), KeyID: f.g.kid})
				var key map[string]any
				_ = json.Unmarshal(good, &key)
				key["x5c"], key["x5t"] = []string{"MIIB"}, "AA" // of no use, and no harm
				keys := []any{entry, key}
				if entry == nil {
					keys[0] = "text"
				}
				f.g.json(w, 200, map[string]any{"keys": keys})
			})
			for range 2 {
				if _, err := f.signsIn(i); err != nil {
					t.Fatal(err)
				}
			}
			if n := strings.Count(i.logs.String(), "cannot be used"); n != 1 {
				t.Errorf("it was said %d times: %s", n, i.logs)
			}
			if err := i.Check(context.Background(), "rogue"); err != nil {
				t.Error(err)
			}
		})
	}
}

// A check of the configuration reads the keys: a set without a usable one fails it.
func TestACheckReadsTheKeys(t *testing.T) {
	f := newFleet(t)
	f.instead("/jwks", func(w http.ResponseWriter, _ *http.Request) {
		f.g.json(w, 200, map[string]any{"keys": []any{map[string]any{"kty": "RSA", "e": "AQAB"}}})
	})
	if err := f.start(0).Check(context.Background(), "rogue"); err == nil {
		t.Fatal("keys of which none can be used pass")
	}
}

// A key without a name verifies a token that names one.
func TestAKeyWithoutANameVerifiesATokenWithOne(t *testing.T) {
	f := newFleet(t)
	f.instead("/jwks", func(w http.ResponseWriter, _ *http.Request) {
		f.g.json(w, 200, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: f.g.key.Public()}}})
	})
	if _, err := f.signsIn(f.start(0)); err != nil {
		t.Fatal(err)
	}
}

// Claims of other vendors, and of unexpected types, keep nobody out.
func TestClaimsOfUnexpectedTypesKeepNobodyOut(t *testing.T) {
	f := newFleet(t)
	i := f.start(0)
	for name, value := range map[string]any{"tid": 42, "hd": false, "sid": 77, "azp": []string{"x"}, "nonce2": nil,
		"exp": fmt.Sprint(time.Now().Add(time.Hour).Unix())} {
		if g, err := f.signsIn(i, with(name, value)); err != nil || g.User.Subject != "1" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A byte order mark in front of a document, and a redirect on the same host, are read; a redirect elsewhere is called
// one.
func TestDocumentsOfAProviderAreFound(t *testing.T) {
	marked := func(path string) func(*fleet) {
		return func(f *fleet) {
			next := f.g.Config.Handler
			f.instead(path, func(w http.ResponseWriter, r *http.Request) {
				_, _ = w.Write([]byte("\ufeff"))
				next.ServeHTTP(w, r)
			})
		}
	}
	moved := func(to func(f *fleet) string) func(*fleet) {
		return func(f *fleet) {
			f.instead("/.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
				if r.URL.RawQuery == "" {
					http.Redirect(w, r, to(f)+"/.well-known/openid-configuration?moved", http.StatusMovedPermanently)
					return
				}
				f.g.metadata(w, r)
			})
		}
	}
	for name, row := range map[string]struct {
		set   func(*fleet)
		fault string
	}{
		"metadata with a mark":        {marked("/.well-known/openid-configuration"), ""},
		"keys with a mark":            {marked("/jwks"), ""},
		"tokens with a mark":          {marked("/token"), ""},
		"metadata that moved":         {moved(func(f *fleet) string { return f.g.URL }), ""},
		"metadata that moved to away": {moved(func(*fleet) string { return "http://other.localhost:1" }), "redirects to another host"},
		"an issuer with its document": {func(f *fleet) {
			f.change = func(p *providers.Config) { p.Issuer += client.WellKnown }
		}, "write what stands before"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFleet(t)
			row.set(f)
			i := f.start(0)
			if row.fault == "" {
				if _, err := f.signsIn(i); err != nil {
					t.Fatal(err)
				}
				return
			}
			if err := i.Check(context.Background(), "rogue"); err == nil || !strings.Contains(err.Error(), row.fault) {
				t.Fatal(err)
			}
		})
	}
}

// Userinfo that is signed is verified and read; one that names nobody is not used; one of another client is not
// believed.
func TestUserinfoInItsForms(t *testing.T) {
	for name, row := range map[string]struct {
		answer func(f *fleet) (kind, body string)
		email  string
		warned string
	}{
		"signed": {func(f *fleet) (string, string) {
			return "application/jwt", f.g.sign(map[string]any{"iss": f.g.URL, "aud": "client", "sub": "1", "email": "signed@example.com"}, "")
		}, "signed@example.com", ""},
		"signed for another client": {func(f *fleet) (string, string) {
			return "application/jwt", f.g.sign(map[string]any{"iss": f.g.URL, "aud": "other", "sub": "1", "email": "x@example.com"}, "")
		}, "", "userinfo could not be used"},
		"signed by nobody": {func(f *fleet) (string, string) {
			return "application/jwt", unsigned(map[string]any{"iss": f.g.URL, "aud": "client", "sub": "1", "email": "x@example.com"})
		}, "", "userinfo could not be used"},
		"without a subject": {func(*fleet) (string, string) {
			return "application/json", `{"name":"Ada","email":"x@example.com"}`
		}, "", "names no subject"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFleet(t)
			f.instead("/userinfo", func(w http.ResponseWriter, _ *http.Request) {
				kind, body := row.answer(f)
				w.Header().Set("Content-Type", kind)
				_, _ = w.Write([]byte(body))
			})
			i := f.start(0)
			g, err := f.signsIn(i, with("email", nil), with("name", nil))
			if err != nil || g.User.Email != row.email || !strings.Contains(i.logs.String(), row.warned) {
				t.Fatalf("%v: %q, log %s", err, g.User.Email, i.logs)
			}
		})
	}
}

// What rights are decided by: the claims of the ID token, and those of userinfo that it lacks.
func TestAGrantHasTheClaimsOfBoth(t *testing.T) {
	f := newFleet(t)
	f.instead("/userinfo", func(w http.ResponseWriter, _ *http.Request) {
		f.g.json(
			w,
			200,
			map[string]any{"sub": "1", "email": "ada@example.com", "groups": []string{"info"}, "roles": []string{"r"}},
		)
	})
	at := time.Now().Add(-time.Minute).Unix()
	g, err := f.signsIn(f.start(0), with("email", nil), with("groups", []string{"token"}), with("auth_time", at))
	groups, _ := g.Claims["groups"].([]any)
	roles, _ := g.Claims["roles"].([]any)
	if err != nil || !slices.Equal(groups, []any{"token"}) || !slices.Equal(roles, []any{"r"}) || g.AuthTime.Unix() != at {
		t.Fatalf("%v: %v at %v", err, g.Claims, g.AuthTime)
	}
}

// An `iss` of a provider that has no issuer is nothing to compare with; one that is configured is compared.
func TestTheIssuerOfACallbackWithoutOneConfigured(t *testing.T) {
	for configured, good := range map[string]bool{"": true, "https://tracker.example/login": true, "https://other.example": false} {
		f, h, _ := habitual(t, "github")
		plain := f.change
		f.change = func(p *providers.Config) { plain(p); p.CallbackIssuer = configured }
		i := f.start(0)
		h.on("/login/oauth/access_token", "application/json", tokenJSON)
		h.on("/user", "application/json", `{"id":1,"login":"ada"}`)
		a, err := i.Begin(context.Background(), oauth.Begin{Provider: "rogue"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = i.Finish(
			context.Background(),
			a,
			url.Values{"code": {"c"}, "state": {"s"}, "iss": {"https://tracker.example/login"}},
		)
		if (err == nil) != good {
			t.Errorf("callback_issuer %q: %v", configured, err)
		}
		if said := strings.Contains(i.logs.String(), "callback_issuer"); said != (configured == "") {
			t.Errorf("callback_issuer %q: the log says %s", configured, i.logs)
		}
	}
}

// Strava says in its callback what the person ticked, and nothing in the token answer.
func TestGrantedScopesOfTheCallback(t *testing.T) {
	_, h, i := habitual(t, "strava")
	h.on(
		"/api/v3/oauth/token",
		"application/json",
		`{"access_token":"at","refresh_token":"rt","expires_in":60,"athlete":{"id":7}}`,
	)
	ctx := context.Background()
	for scope, want := range map[string][]string{"read": {"read"}, "read,activity:read_all": {"read", "activity:read_all"}, "": nil} {
		a, err := i.Begin(ctx, oauth.Begin{Provider: "rogue", Scopes: []string{"activity:read_all"}})
		if err != nil {
			t.Fatal(err)
		}
		g, err := i.Finish(ctx, a, url.Values{"code": {"c"}, "state": {"s"}, "scope": {scope}})
		if err != nil || !slices.Equal(g.Connection.Scopes, want) {
			t.Errorf("scope %q: %v %v", scope, g.Connection.Scopes, err)
		}
	}
}

// Scopes are compared as the provider compares them, so that a consent brings what is missing, or is not offered for
// ever.
func TestScopesAreComparedAsTheProviderDoes(t *testing.T) {
	for _, row := range []struct {
		provider        string
		granted, wanted []string
		missing         []string
	}{
		{"github", []string{"user"}, []string{"user:email", "read:user"}, nil},
		{"github", []string{"repo"}, []string{"public_repo", "repo:status"}, nil},
		{"github", []string{"admin:org"}, []string{"read:org"}, nil},
		{"github", []string{"public_repo"}, []string{"repo"}, []string{"repo"}},
		{"microsoft", []string{"https://graph.microsoft.com/Mail.Read"}, []string{"Mail.Read", "mail.read", "offline_access"}, nil},
		{"microsoft", []string{"Mail.Read"}, []string{"https://graph.microsoft.com/mail.read"}, nil},
		{"microsoft", []string{"Mail.Read"}, []string{"Mail.Send"}, []string{"Mail.Send"}},
		{"microsoft", []string{"Mail.Read"}, []string{"https://other.example/Mail.Read"}, []string{"https://other.example/Mail.Read"}},
		{"google", []string{"email"}, []string{"https://www.googleapis.com/auth/userinfo.email"}, nil},
	} {
		_, _, i := habitual(t, row.provider)
		c := connectionOf("rogue", row.granted)
		if missing, again := i.Lacking(&c, row.wanted); !slices.Equal(missing, row.missing) || again {
			t.Errorf("%s %v for %v: %v lacks, %v", row.provider, row.granted, row.wanted, missing, again)
		}
		c.Withheld, c.WithheldAt = row.missing, time.Now()
		if _, again := i.Lacking(&c, row.wanted); again != (len(row.missing) > 0) {
			t.Errorf("%s %v for %v: the same consent is offered again", row.provider, row.granted, row.wanted)
		}
	}
}

// Whoever logs out waits no longer than a second for a provider that hangs.
func TestALogoutDoesNotWaitForAProviderThatHangs(t *testing.T) {
	f := newFleet(t)
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	f.instead("/.well-known/openid-configuration", func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	i := f.start(0)
	answered := make(chan string, 1)
	go func() { answered <- i.LogoutURL(context.Background(), "rogue", "/") }() // no bound but its own
	select {
	case to := <-answered:
		if to != "" {
			t.Fatal(to)
		}
	case <-time.After(4 * time.Second): // a document is waited for 5 s
		t.Fatal("it waited for the provider")
	}
}

// A token answer of more than the bound is named as too large, and the tokens in front of the bound are kept: the old
// ones are spent.
func TestARotatedTokenInAnAnswerThatIsTooLargeIsKept(t *testing.T) {
	f := newFleet(t)
	i := f.start(0)
	f.g.set(func(g *rogue) {
		g.after = func(w http.ResponseWriter, _ *http.Request, answer map[string]any) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprintf(
				w,
				`{"access_token":%q,"refresh_token":%q,"expires_in":3600,"id_token":%q}`,
				answer["access_token"],
				answer["refresh_token"],
				strings.Repeat("x", 6<<20),
			)
		}
	})
	s := f.signIn(i, -time.Second)
	before := i.read(t, s)
	got, err := i.Token(context.Background(), before)
	if err != nil || got.Tokens.Refresh.Equal(before.Tokens.Refresh) {
		t.Fatalf("%v", err)
	}
	f.g.set(func(g *rogue) { g.after = nil })
	if _, err := f.signsIn(i, with("groups", strings.Repeat("x", 2<<20))); err == nil ||
		!strings.Contains(err.Error(), "too large") {
		t.Fatalf("an ID token of 2 MB: %v", err)
	}
}

// What large directories send is read: an ID token with hundreds of groups, and documents far beyond 64 kB.
func TestDocumentsOfALargeDirectoryAreRead(t *testing.T) {
	groups := strings.Split(strings.Repeat("cn=a-group-of-a-large-directory,ou=groups,dc=example,dc=com\x00", 1000), "\x00")
	for _, path := range []string{"", "/.well-known/openid-configuration", "/jwks", "/token", "/userinfo"} {
		t.Run("larger "+path, func(t *testing.T) {
			f := newFleet(t)
			next := f.g.Config.Handler
			f.instead(path, func(w http.ResponseWriter, r *http.Request) {
				rec := httptest.NewRecorder()
				next.ServeHTTP(rec, r)
				var document map[string]any
				if err := json.Unmarshal(rec.Body.Bytes(), &document); err != nil {
					t.Errorf("%s: %v", path, err)
				}
				document["groups"] = slices.Repeat(groups, 10)
				f.g.json(w, rec.Code, document)
			})
			i := f.start(0)
			g, err := f.signsIn(i, with("groups", groups), with("email", nil))
			if got, _ := g.Claims["groups"].([]any); err != nil || len(got) != len(groups) || g.User.Email == "" {
				t.Errorf("%v: %d groups, email %q, log %s", err, len(got), g.User.Email, i.logs)
			}
			s := f.signIn(i, -time.Second)
			if _, err := i.Token(context.Background(), i.read(t, s)); err != nil {
				t.Errorf("a refresh: %v", err)
			}
		})
	}
}
