package oauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"bff/internal/oauth"
	"bff/internal/testenv"
	"bff/internal/vault"
)

// hang answers nothing until the caller gives up.
func hang(_ http.ResponseWriter, r *http.Request, _ url.Values) bool {
	<-r.Context().Done()
	return true
}

func status(code int, header, value, body string) func(http.ResponseWriter, *http.Request, url.Values) bool {
	return func(w http.ResponseWriter, _ *http.Request, _ url.Values) bool {
		if header != "" {
			w.Header().Set(header, value)
		}
		w.WriteHeader(code)
		_, _ = w.Write([]byte(body))
		return true
	}
}

// broken closes the connection without an answer.
func broken(http.ResponseWriter, *http.Request, url.Values) bool { panic(http.ErrAbortHandler) }

// Guarantee 4: an outage of the provider logs nobody out. A token that is valid serves, a spent one is 503, and when
// the provider is back the same connection works.
func TestAnOutageOfTheProviderLogsNobodyOut(t *testing.T) {
	elsewhere := newRogue(t)
	for _, row := range []struct {
		name  string
		fault func(http.ResponseWriter, *http.Request, url.Values) bool
	}{
		{"it says 503", status(503, "", "", "")},
		{"it says 503 and when to come again", status(503, "Retry-After", "1", "")},
		{"it says 429 and when to come again", status(429, "Retry-After", "1", `{"error":"slow_down"}`)},
		{"it says 500 with an error", status(500, "", "", `{"error":"server_error"}`)},
		{"its gateway says 504", status(504, "", "", "<html>504 Gateway Time-out</html>")},
		{"it hangs", hang},
		{"it breaks off", broken},
		{"it answers a page with 200", status(200, "Content-Type", "text/html", "<html>Welcome to the hotel's network</html>")},
		{"it answers nothing with 200", status(200, "", "", "")},
		{"it answers null with 200", status(200, "", "", "null")},
		{"it answers tokens without an access token", status(200, "", "", `{"refresh_token":"rt-evil","expires_in":3600}`)},
		{"it answers an access token that is no string", status(200, "", "", `{"access_token":{"a":1},"token_type":"Bearer"}`)},
		{"it answers without end", status(200, "Content-Type", "application/json", `{"access_token":"`+strings.Repeat("a", 1<<20)+`"}`)},
		{"it redirects to somebody else, who would take the token (x/oauth2 follows a 307)", status(307, "Location", elsewhere.URL+"/token", "")},
		{"it redirects with 302", status(302, "Location", elsewhere.URL+"/token", "")},
		{"its firewall says 403", status(403, "Content-Type", "text/html", "<html>Blocked</html>")},
		{"it lost its route", status(404, "", "", "404 page not found")},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			i := f.start(0, func(c *oauth.Config) {
				if row.name == "it hangs" {
					c.TokenTimeout = 300 * time.Millisecond
				}
			})
			ctx := context.Background()
			f.g.misbehave(row.fault)
			valid, spent := f.signIn(i, 40*time.Second), f.signIn(i, -time.Second)
			before := i.read(t, valid)
			if got, err := i.Token(ctx, before); err != nil || !got.Tokens.Access.Equal(before.Tokens.Access) {
				t.Fatalf("a token that is still valid did not serve: %v", err)
			}
			_, err := i.Token(ctx, i.read(t, spent))
			kind(t, err, oauth.KindUnavailable)
			var e *oauth.Error
			if !errors.As(err, &e) || e.RetryAfter <= 0 {
				t.Fatal("it does not say when to come again")
			}
			for _, s := range []*vault.Session{valid, spent} {
				if c := i.read(t, s); c.Status != vault.StatusActive {
					t.Fatalf("%s %s", c.Status, c.Reason)
				}
			}
			f.g.misbehave(nil)
			patient := i
			if row.name == "it hangs" {
				patient = f.start(0)
			}
			testenv.Eventually(t, "the connection works again", func() bool {
				got, err := patient.Token(ctx, i.read(t, spent))
				return err == nil && f.g.alive(got.Tokens.Refresh.Reveal())
			})
			if elsewhere.count("token") != 0 || f.g.count("reuse") != 0 {
				t.Fatal("a refresh token went elsewhere, or was used twice")
			}
			if strings.Contains(fmt.Sprint(err), "rt-") || strings.Contains(i.logs.String(), "rt-") {
				t.Fatal("a token is in an error or a log line")
			}
		})
	}
}

func TestAProviderThatIsNotThereAtAll(t *testing.T) {
	f := newFleet(t)
	i := f.start(0)
	s := f.signIn(i, -time.Second)
	f.g.CloseClientConnections()
	f.g.Close()
	_, err := i.Token(context.Background(), i.read(t, s))
	kind(t, err, oauth.KindUnavailable)
	if c := i.read(t, s); c.Status != vault.StatusActive {
		t.Fatal("it was touched")
	}
}

// A breaker: after a few failures in a row callers are refused at once, and the provider is left alone but for one call
// now and then.
func TestTheBreaker(t *testing.T) {
	f := newFleet(t)
	i := f.start(0)
	ctx := context.Background()
	f.g.misbehave(status(503, "", "", ""))
	for range 5 {
		_, err := i.Token(ctx, i.read(t, f.signIn(i, -time.Second)))
		kind(t, err, oauth.KindUnavailable)
	}
	calls := f.g.count("token")
	for range 20 {
		_, err := i.Token(ctx, i.read(t, f.signIn(i, -time.Second)))
		kind(t, err, oauth.KindUnavailable)
		var e *oauth.Error
		if errors.As(err, &e); e.RetryAfter <= 0 {
			t.Fatal("it does not say when to come again")
		}
	}
	if n := f.g.count("token") - calls; n > 8 { // one now and then, less and less often
		t.Fatalf("%d calls went through an open breaker", n)
	}
	f.g.misbehave(nil)
	s := f.signIn(i, -time.Second)
	testenv.Eventually(t, "the breaker closes", func() bool { _, err := i.Token(ctx, i.read(t, s)); return err == nil })
	for range 5 {
		if _, err := i.Token(ctx, i.read(t, f.signIn(i, -time.Second))); err != nil {
			t.Fatal(err)
		}
	}
}

// Dead grants of many people are no outage.
func TestDeadGrantsDoNotOpenTheBreaker(t *testing.T) {
	f := newFleet(t)
	i := f.start(0)
	for range 10 {
		s := f.signIn(i, -time.Second)
		c := i.read(t, s)
		f.g.end(c.Tokens.Refresh.Reveal())
		_, err := i.Token(context.Background(), c)
		kind(t, err, oauth.KindReauth)
	}
	if _, err := i.Token(context.Background(), i.read(t, f.signIn(i, -time.Second))); err != nil {
		t.Fatal(err)
	}
}

func TestRetryAfterKeepsEverybodyAway(t *testing.T) {
	f := newFleet(t)
	i := f.start(0)
	f.g.misbehave(status(503, "Retry-After", "60", ""))
	for range 3 {
		_, err := i.Token(context.Background(), i.read(t, f.signIn(i, -time.Second)))
		kind(t, err, oauth.KindUnavailable)
		var e *oauth.Error
		if errors.As(err, &e); e.RetryAfter < 50*time.Second || e.RetryAfter > time.Minute {
			t.Fatalf("come again after %v", e.RetryAfter)
		}
	}
	if n := f.g.count("token"); n != 1 {
		t.Fatalf("%d calls", n)
	}
}

// A limit on one refresh token is no reason to keep others away.
func TestTooManyRequestsIsAboutOneConnection(t *testing.T) {
	f := newFleet(t)
	i := f.start(0)
	s, other := f.signIn(i, -time.Second), f.signIn(i, -time.Second)
	limited := i.read(t, s)
	f.g.misbehave(func(w http.ResponseWriter, r *http.Request, form url.Values) bool {
		if form.Get("refresh_token") != limited.Tokens.Refresh.Reveal() {
			return false
		}
		return status(429, "Retry-After", "60", "")(w, r, form)
	})
	for range 3 {
		_, err := i.Token(context.Background(), limited)
		kind(t, err, oauth.KindUnavailable)
	}
	if _, err := i.Token(context.Background(), i.read(t, other)); err != nil || f.g.count("token") != 2 {
		t.Fatalf("%v, %d calls", err, f.g.count("token"))
	}
}

// The operator's mistake is logged as an error, once, and nobody pays for it.
func TestAProviderThatRefusesTheClientIsNotHammered(t *testing.T) {
	f := newFleet(t)
	i := f.start(0)
	f.g.misbehave(status(401, "Content-Type", "application/json", `{"error":"invalid_client"}`))
	var sessions []*vault.Session
	for range 10 {
		s := f.signIn(i, -time.Second)
		_, err := i.Token(context.Background(), i.read(t, s))
		kind(t, err, oauth.KindMisconfigured)
		sessions = append(sessions, s)
	}
	if n := f.g.count("token"); n > 3 {
		t.Fatalf("%d calls", n)
	}
	if n := strings.Count(i.logs.String(), "level=ERROR"); n != 1 {
		t.Fatalf("%d alarms", n)
	}
	for _, s := range sessions {
		if i.read(t, s).Status != vault.StatusActive {
			t.Fatal("somebody was touched")
		}
	}
}

// Store down: a valid token is used, a spent one is an error of its own, and the connection lives.
func TestTheStoreIsDownWhenARefreshBegins(t *testing.T) {
	f := newFleet(t)
	i := f.start(0)
	valid, spent := i.read(t, f.signIn(i, 40*time.Second)), i.read(t, f.signIn(i, -time.Second))
	f.store.Stop()
	if got, err := i.Token(context.Background(), valid); err != nil || !got.Tokens.Access.Equal(valid.Tokens.Access) {
		t.Fatalf("%v", err)
	}
	_, err := i.Token(context.Background(), spent)
	kind(t, err, oauth.KindStore)
	_, err = i.Renew(context.Background(), valid)
	kind(t, err, oauth.KindStore)
	if f.g.count("token") != 0 {
		t.Fatal("a token was spent without an intent")
	}
	f.store.Start()
	testenv.Eventually(
		t,
		"the connection works again",
		func() bool { _, err := i.Token(context.Background(), spent); return err == nil },
	)
}

// The store goes between the provider's answer and the write: the tokens are held, used, and written when it is back.
func TestTokensTheStoreCannotTakeAreHeld(t *testing.T) {
	f := newFleet(t)
	i, other := f.start(0), f.start(0)
	s := f.signIn(i, -time.Second)
	before := i.read(t, s)
	f.g.misbehave(func(http.ResponseWriter, *http.Request, url.Values) bool { f.store.Stop(); return false })
	got, err := i.Token(context.Background(), before)
	if err != nil || got.Tokens.Access.Equal(before.Tokens.Access) || got.Tokens.Refresh.Equal(before.Tokens.Refresh) {
		t.Fatalf("the held tokens, of which both are new, were not used: %v", err)
	}
	f.g.misbehave(nil)
	if again, err := i.Token(context.Background(), before); err != nil || !again.Tokens.Access.Equal(got.Tokens.Access) {
		t.Fatalf("the held token was not used again: %v", err)
	}
	drained := make(chan error, 1)
	f.store.Start()
	go func() { drained <- i.Drain(context.Background()) }()
	// Another instance meets the intent and a store that has the old token, and must not spend it.
	for _, c := range []vault.Connection{other.read(t, s), before} {
		got2, err := other.Token(context.Background(), c)
		if err != nil || !got2.Tokens.Access.Equal(got.Tokens.Access) {
			t.Fatalf("another instance: %v", err)
		}
	}
	if err := testenv.Receive(t, "the end of the drain", drained); err != nil {
		t.Fatal(err)
	}
	if now := other.read(t, s); !now.Tokens.Refresh.Equal(got.Tokens.Refresh) || f.g.count("refreshes") != 1 ||
		f.g.count("reuse") != 0 {
		t.Fatalf("%d refreshes, %d reuses", f.g.count("refreshes"), f.g.count("reuse"))
	}
}

// Frozen is not stopped: connections stay open and nothing answers.
func TestTheStoreFreezesDuringTheCall(t *testing.T) {
	f := newFleet(t)
	i := f.start(0)
	s := f.signIn(i, -time.Second)
	before := i.read(t, s)
	f.g.misbehave(func(http.ResponseWriter, *http.Request, url.Values) bool { f.store.Pause(); return false })
	got, err := i.Token(context.Background(), before)
	f.store.Resume()
	if err != nil {
		t.Fatal(err)
	}
	if err := i.Idle(context.Background()); err != nil {
		t.Fatal(err)
	}
	if now := i.read(t, s); !now.Tokens.Refresh.Equal(got.Tokens.Refresh) || f.g.count("refreshes") != 1 {
		t.Fatal("the held token was lost")
	}
}
