package oauth_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
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

// Guarantee 3: however many requests and instances meet an expired token, the provider sees one refresh, and every
// waiter gets its result. The token endpoint is slower than the lock's lease.
func TestTwoHundredCallsOverThreeInstancesAtExpiryAreOneRefresh(t *testing.T) {
	f := newFleet(t)
	fleet := []*instance{f.start(0), f.start(0), f.start(0)}
	s := f.signIn(fleet[0], -time.Second)
	f.g.misbehave(func(http.ResponseWriter, *http.Request, url.Values) bool {
		<-time.After(vault.LockLease + 500*time.Millisecond)
		return false
	})
	var group sync.WaitGroup
	results := make(chan string, 200)
	for n := range 200 {
		group.Go(func() {
			i := fleet[n%3]
			c, err := i.Token(context.Background(), i.read(t, s))
			if err != nil {
				t.Errorf("call %d: %v", n, err)
			}
			results <- c.Tokens.Access.Reveal()
		})
	}
	testenv.Finished(t, "all of them", group.Wait)
	close(results)
	seen := map[string]int{}
	for r := range results {
		seen[r]++
	}
	if len(seen) != 1 || f.g.count("refreshes") != 1 || f.g.count("token") != 1 {
		t.Fatalf("%d different tokens, %d refreshes, %d token calls", len(seen), f.g.count("refreshes"), f.g.count("token"))
	}
	if c := fleet[1].read(t, s); c.Status != vault.StatusActive || seen[c.Tokens.Access.Reveal()] != 200 {
		t.Fatal("what is stored is not what the callers got")
	}
}

func TestWhenATokenIsRefreshed(t *testing.T) {
	f := newFleet(t)
	i := f.start(0)
	for _, row := range []struct {
		name              string
		lived, left       time.Duration
		noEnd, noRefresh  bool
		refreshed, waited bool
	}{
		{name: "a fresh one is not", lived: time.Minute, left: time.Hour},
		{name: "one with more than a minute left is not, however long its life", lived: 24 * time.Hour, left: 65 * time.Second},
		{name: "one in its last half minute is, behind the caller's back", lived: time.Hour, left: 30 * time.Second, refreshed: true},
		{name: "one of half a minute's life is not refreshed at its birth", lived: 0, left: 30 * time.Second},
		{name: "one of half a minute's life is refreshed in its last quarter", lived: 25 * time.Second, left: 5 * time.Second, refreshed: true},
		{name: "a spent one is, and the caller waits", lived: time.Hour, left: -time.Second, refreshed: true, waited: true},
		{name: "one without an end is never refreshed ahead", noEnd: true},
		{name: "one that cannot be refreshed serves to its last second", lived: time.Hour, left: 5 * time.Second, noRefresh: true},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := f.signIn(i, row.left, func(c *vault.Connection) {
				c.Tokens.ObtainedAt = time.Now().Add(-row.lived)
				if row.noEnd {
					c.Tokens.Expiry = time.Time{}
				}
				if row.noRefresh {
					c.Tokens.Refresh = secret.Text{}
				}
			})
			before, calls := i.read(t, s), f.g.count("token")
			got, err := i.Token(context.Background(), before)
			if err != nil {
				t.Fatal(err)
			}
			if same := got.Tokens.Access.Equal(before.Tokens.Access); same == row.waited {
				t.Fatalf("the caller waited: %v", !same)
			}
			if err := i.Idle(context.Background()); err != nil {
				t.Fatal(err)
			}
			if n := f.g.count("token") - calls; n > 1 || (n == 1) != row.refreshed {
				t.Fatalf("%d token calls", n)
			}
			if now := i.read(t, s); now.Tokens.Access.Equal(before.Tokens.Access) == row.refreshed {
				t.Fatal("what is stored does not fit")
			}
		})
	}
}

// rules: singleflight, joined callers die with the first caller's context.
func TestCallersThatHangUpDoNotTakeTheRefreshWithThem(t *testing.T) {
	f := newFleet(t)
	i := f.start(0)
	s := f.signIn(i, -time.Second)
	entered, leave := make(chan struct{}), make(chan struct{})
	f.g.misbehave(func(http.ResponseWriter, *http.Request, url.Values) bool {
		close(entered)
		testenv.Receive(t, "leave to go on", leave)
		return false
	})
	c := i.read(t, s)
	ctx, hangUp := context.WithCancel(context.Background())
	first, second := make(chan error, 1), make(chan error, 1)
	go func() { _, err := i.Token(ctx, c); first <- err }()
	testenv.Receive(t, "the first step", entered)
	go func() {
		got, err := i.Token(context.Background(), c)
		if err == nil && got.Tokens.Access.Equal(c.Tokens.Access) {
			err = errors.New("the old token came back")
		}
		second <- err
	}()
	hangUp()
	kind(t, testenv.Receive(t, "the first one", first), oauth.KindUnavailable)
	close(leave)
	if err := testenv.Receive(t, "the second one", second); err != nil {
		t.Fatal(err)
	}
	if n := f.g.count("token"); n != 1 {
		t.Fatalf("%d token calls", n)
	}
	if i.read(t, s).Tokens.Access.Equal(c.Tokens.Access) {
		t.Fatal("the result was not stored")
	}
}

// A caller's patience ends before the call does; the result is there for the next.
func TestACallSlowerThanPatienceIsFinishedForTheNextCaller(t *testing.T) {
	f := newFleet(t)
	i := f.start(0, func(c *oauth.Config) { c.Patience = 50 * time.Millisecond })
	s := f.signIn(i, -time.Second)
	leave := make(chan struct{})
	f.g.misbehave(func(http.ResponseWriter, *http.Request, url.Values) bool {
		testenv.Receive(t, "leave to go on", leave)
		return false
	})
	_, err := i.Token(context.Background(), i.read(t, s))
	kind(t, err, oauth.KindUnavailable)
	close(leave)
	if err := i.Idle(context.Background()); err != nil {
		t.Fatal(err)
	}
	before := f.g.count("token")
	if _, err := i.Token(context.Background(), i.read(t, s)); err != nil || f.g.count("token") != before {
		t.Fatalf("the second caller: %v, %d calls", err, f.g.count("token"))
	}
}

// Guarantee 5.
func TestWhatADeadGrantIs(t *testing.T) {
	for _, row := range []struct {
		name   string
		status int
		body   string
		reason string // "" when nobody may be touched
		kind   oauth.Kind
	}{
		{"invalid_grant is one", 400, `{"error":"invalid_grant","error_description":"Token has been expired or revoked."}`, oauth.ReasonRevoked, oauth.KindReauth},
		{"invalid_grant with 401 is one", 401, `{"error":"invalid_grant"}`, oauth.ReasonRevoked, oauth.KindReauth},
		{"invalid_grant with 200 is one", 200, `{"error":"invalid_grant"}`, oauth.ReasonRevoked, oauth.KindReauth},
		{"invalid_rapt is the session's policy", 400, `{"error":"invalid_grant","error_subtype":"invalid_rapt"}`, oauth.ReasonSessionPolicy, oauth.KindReauth},
		{"what the provider's data call one is one", 400, `{"error":"bad_refresh_token"}`, oauth.ReasonExpired, oauth.KindReauth},
		{"invalid_grant from a server that is failing is none", 503, `{"error":"invalid_grant"}`, "", oauth.KindUnavailable},
		{"invalid_grant from a limiter is none", 429, `{"error":"invalid_grant"}`, "", oauth.KindUnavailable},
		{"invalid_grant in a description is none", 400, `{"error":"server_error","error_description":"invalid_grant"}`, "", oauth.KindUnavailable},
		{"an error that is an object is none", 400, `{"error":{"code":"invalid_grant"}}`, "", oauth.KindUnavailable},
		{"a bare 400 is none", 400, ``, "", oauth.KindUnavailable},
		{"a page that says so is none", 400, `<html>invalid_grant</html>`, "", oauth.KindUnavailable},
		{"invalid_client is the operator's", 401, `{"error":"invalid_client"}`, "", oauth.KindMisconfigured},
		{"deleted_client is the operator's", 400, `{"error":"deleted_client"}`, "", oauth.KindMisconfigured},
		{"unauthorized_client is the operator's", 400, `{"error":"unauthorized_client"}`, "", oauth.KindMisconfigured},
		{"invalid_request is the operator's", 400, `{"error":"invalid_request"}`, "", oauth.KindMisconfigured},
		{"an unknown code is the operator's", 400, `{"error":"moon_phase"}`, "", oauth.KindMisconfigured},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := newFleet(t)
			f.change = func(p *providers.Config) {
				p.Token.GrantErrors = map[string]string{"bad_refresh_token": oauth.ReasonExpired}
			}
			i := f.start(0)
			s := f.signIn(i, -time.Second)
			f.g.misbehave(func(w http.ResponseWriter, _ *http.Request, _ url.Values) bool {
				w.WriteHeader(row.status)
				_, _ = w.Write([]byte(row.body))
				return true
			})
			before := i.read(t, s)
			_, err := i.Token(context.Background(), before)
			kind(t, err, row.kind)
			now := i.read(t, s)
			if row.reason != "" {
				var e *oauth.Error
				if !errors.As(err, &e) || e.Reason != row.reason || now.Status != vault.StatusNeedsReauth ||
					now.Reason != row.reason ||
					!now.Tokens.Access.IsZero() {
					t.Fatalf("%v; stored %s %s", err, now.Status, now.Reason)
				}
				_, err = i.Token(context.Background(), now)
				kind(t, err, oauth.KindReauth)
				return
			}
			if now.Status != vault.StatusActive || !now.Tokens.Refresh.Equal(before.Tokens.Refresh) {
				t.Fatalf("the connection was touched: %s %s", now.Status, now.Reason)
			}
		})
	}
}

// An invalid_grant for a token that is no longer the stored one says nothing: somebody was faster.
func TestInvalidGrantForAnOldTokenIsNotDefinite(t *testing.T) {
	f := newFleet(t)
	i, other := f.start(0), f.start(0)
	s := f.signIn(i, -time.Second)
	f.g.misbehave(func(w http.ResponseWriter, _ *http.Request, _ url.Values) bool {
		c := other.read(t, s)
		next := c
		next.Tokens = vault.Tokens{
			Access:     secret.New("at-newer"),
			Refresh:    secret.New("rt-newer"),
			ObtainedAt: time.Now(),
			Expiry:     time.Now().Add(time.Hour),
		}
		if _, err := other.vault.Connections.Update(context.Background(), &c, next); err != nil {
			t.Error(err)
		}
		f.g.json(w, 400, map[string]any{"error": "invalid_grant"})
		return true
	})
	got, err := i.Token(context.Background(), i.read(t, s))
	if err != nil || got.Tokens.Access.Reveal() != "at-newer" {
		t.Fatalf("%v", err)
	}
}

// A record that is written anew with the same tokens (another key seals it) must not cost a rotated token.
func TestARecordSealedAnewDuringTheCallDoesNotLoseTheResult(t *testing.T) {
	f := newFleet(t)
	i, other := f.start(0), f.start(0)
	s := f.signIn(i, -time.Second)
	f.g.misbehave(func(http.ResponseWriter, *http.Request, url.Values) bool {
		c := other.read(t, s)
		if _, err := other.vault.Connections.Update(context.Background(), &c, c); err != nil {
			t.Error(err)
		}
		return false
	})
	got, err := i.Token(context.Background(), i.read(t, s))
	if err != nil {
		t.Fatal(err)
	}
	if now := i.read(t, s); !now.Tokens.Refresh.Equal(got.Tokens.Refresh) || !f.g.alive(now.Tokens.Refresh.Reveal()) {
		t.Fatal("the stored token is not the live one")
	}
}

func TestAnAccessTokenWithoutARefreshTokenEndsByItsClock(t *testing.T) {
	f := newFleet(t)
	i := f.start(0)
	without := func(c *vault.Connection) { c.Tokens.Refresh = secret.Text{} }
	s := f.signIn(i, -time.Second, without)
	_, err := i.Token(context.Background(), i.read(t, s))
	kind(t, err, oauth.KindReauth)
	if c := i.read(t, s); c.Status != vault.StatusActive {
		t.Fatal("it was marked dead while another clock may still give it a second")
	}
	s = f.signIn(i, -2*time.Minute, without)
	_, err = i.Token(context.Background(), i.read(t, s))
	kind(t, err, oauth.KindReauth)
	if c := i.read(t, s); c.Status != vault.StatusNeedsReauth || c.Reason != oauth.ReasonExpired ||
		f.g.count("token") != 0 {
		t.Fatalf("%s %s", c.Status, c.Reason)
	}
}

func TestAProviderThatIsNotConfiguredIsUnknown(t *testing.T) {
	f := newFleet(t)
	i := f.start(0)
	_, err := i.Token(context.Background(), vault.Connection{Provider: "nobody"})
	kind(t, err, oauth.KindUnknown)
}

// A token that could end on its way to the API is replaced first, where the provider is quick; where it is not, it
// serves to its last second.
func TestATokenInItsLastMomentsIsReplacedFirst(t *testing.T) {
	f := newFleet(t)
	var frozen atomic.Int64
	i := f.start(0, func(c *oauth.Config) {
		c.Now = func() time.Time {
			if at := frozen.Load(); at != 0 {
				return time.Unix(0, at)
			}
			return time.Now()
		}
	})
	c := i.read(t, f.signIn(i, 20*time.Minute))
	frozen.Store(c.Tokens.Expiry.Add(-400 * time.Millisecond).UnixNano())
	f.g.misbehave(status(503, "", "", ""))
	got, err := i.Token(context.Background(), c)
	if err != nil || !got.Tokens.Access.Equal(c.Tokens.Access) {
		t.Fatalf("while the provider is down: %v", err)
	}
	f.g.misbehave(nil)
	d := i.read(t, f.signIn(i, 20*time.Minute))
	d.Tokens.Expiry = time.Unix(0, frozen.Load()).Add(400 * time.Millisecond)
	if got, err = i.Token(context.Background(), d); err != nil || got.Tokens.Access.Equal(d.Tokens.Access) {
		t.Fatalf("while the provider answers: the old token, %v", err)
	}
}
