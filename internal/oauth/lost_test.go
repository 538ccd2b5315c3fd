package oauth_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"testing"
	"time"

	"bff/internal/oauth"
	"bff/internal/oauth/providers"
	"bff/internal/testenv"
	"bff/internal/vault"
)

// crash leaves the store as an instance does that dies during its token call: the lock, until its lease ends, and the
// intent.
func crash(t *testing.T, i *instance, c vault.Connection) {
	t.Helper()
	ctx := context.Background()
	l, ok, err := i.vault.Locks.Lock(ctx, &c)
	if err != nil || !ok {
		t.Fatalf("lock: %v %v", ok, err)
	}
	if before, err := i.vault.Locks.SetIntent(ctx, l, &c); err != nil || before != nil {
		t.Fatalf("intent: %v %v", before, err)
	}
}

// Guarantee 7, before the answer: the refresh token is unspent, and works.
func TestACrashBeforeTheRequestCostsAWait(t *testing.T) {
	f := newFleet(t)
	dead, i := f.start(0), f.start(0)
	s := f.signIn(i, -time.Second)
	crash(t, dead, i.read(t, s))
	got, err := i.Token(context.Background(), i.read(t, s))
	if err != nil || f.g.count("refreshes") != 1 || !f.g.alive(got.Tokens.Refresh.Reveal()) {
		t.Fatalf("%v", err)
	}
}

// After the answer: the token is spent, and who had the new one is dead. It is tried once, and the reason says what
// happened.
func TestACrashAfterTheAnswerIsRotatedAway(t *testing.T) {
	f := newFleet(t)
	dead, i := f.start(0), f.start(0)
	s := f.signIn(i, -time.Second)
	c := i.read(t, s)
	crash(t, dead, c)
	f.g.act(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {c.Tokens.Refresh.Reveal()}})
	_, err := i.Token(context.Background(), c)
	var e *oauth.Error
	if !errors.As(err, &e) || e.Kind != oauth.KindReauth || e.Reason != oauth.ReasonRotatedAway {
		t.Fatalf("%v", err)
	}
	if now := i.read(t, s); now.Reason != oauth.ReasonRotatedAway || f.g.count("token") != 1 {
		t.Fatalf("%s, %d calls", now.Reason, f.g.count("token"))
	}
}

func TestALostAnswerWhereTheProviderDoesNotRotateCostsNothing(t *testing.T) {
	f := newFleet(t)
	f.g.rotate = false
	f.change = func(p *providers.Config) { p.Token.Rotates = "never" }
	i := f.start(0, func(c *oauth.Config) { c.TokenTimeout = 200 * time.Millisecond })
	s := f.signIn(i, -time.Second)
	f.g.set(func(g *rogue) {
		g.after = func(_ http.ResponseWriter, r *http.Request, _ map[string]any) { <-r.Context().Done() }
	})
	_, err := i.Token(context.Background(), i.read(t, s))
	kind(t, err, oauth.KindUnavailable)
	f.g.set(func(g *rogue) { g.after = nil })
	testenv.Eventually(
		t,
		"the old token works",
		func() bool { _, err := i.Token(context.Background(), i.read(t, s)); return err == nil },
	)
	// Another answer is lost, and then the person ends the grant: that is what a refusal means here, since nothing is
	// ever rotated away.
	c := i.read(t, s)
	f.g.set(func(g *rogue) {
		g.after = func(_ http.ResponseWriter, r *http.Request, _ map[string]any) { <-r.Context().Done() }
	})
	_, err = i.Renew(context.Background(), c)
	kind(t, err, oauth.KindUnavailable)
	f.g.end(c.Tokens.Refresh.Reveal())
	testenv.Eventually(t, "the grant is known to be dead, and not rotated away", func() bool {
		_, err := i.Renew(context.Background(), c)
		var e *oauth.Error
		return errors.As(err, &e) && e.Kind == oauth.KindReauth && e.Reason == oauth.ReasonRevoked
	})
}

// An intent stands where the refresh token may be spent, and only there: it costs the next one a wait.
func TestAnIntentIsWrittenOnlyWhereTheRefreshTokenMayBeSpent(t *testing.T) {
	for _, row := range []struct {
		name   string
		fault  func(http.ResponseWriter, *http.Request, url.Values) bool
		stands int64
	}{
		{"after success", nil, 0},
		{"after a dead grant", status(400, "", "", `{"error":"invalid_grant"}`), 0},
		{"after a refused client", status(401, "", "", `{"error":"invalid_client"}`), 0},
		{"after too many requests", status(429, "", "", ""), 0},
		{"after an error of OAuth that is transient", status(400, "", "", `{"error":"temporarily_unavailable"}`), 0},
		{"after 503, behind which it may have been done", status(503, "", "", ""), 1},
		{"after 504", status(504, "", "", ""), 1},
		{"after a broken connection", broken, 1},
		{"after nonsense", status(200, "", "", "<html>"), 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := newFleet(t)
			i := f.start(0)
			f.g.misbehave(row.fault)
			s := f.signIn(i, -time.Second)
			_, _ = i.Token(context.Background(), i.read(t, s))
			if err := i.Idle(context.Background()); err != nil {
				t.Fatal(err)
			}
			rdb := f.store.Client()
			intents, err := rdb.Keys(context.Background(), "*}:n:*").Result()
			if err != nil || int64(len(intents)) != row.stands {
				t.Fatalf("%d intents, %v", len(intents), err)
			}
			if locks := rdb.Keys(context.Background(), "*:l:*").Val(); len(locks) != 0 {
				t.Fatal("a lock stands")
			}
		})
	}
}

// The provider rotated, and its answer came after our timeout.
func TestAnAnswerAfterTheTimeoutIsRotatedAway(t *testing.T) {
	f := newFleet(t)
	i := f.start(0, func(c *oauth.Config) { c.TokenTimeout = 200 * time.Millisecond })
	s := f.signIn(i, -time.Second)
	f.g.set(func(g *rogue) {
		g.after = func(_ http.ResponseWriter, r *http.Request, _ map[string]any) { <-r.Context().Done() }
	})
	_, err := i.Token(context.Background(), i.read(t, s))
	kind(t, err, oauth.KindUnavailable)
	if i.read(t, s).Status != vault.StatusActive {
		t.Fatal("a timeout is not definite")
	}
	f.g.set(func(g *rogue) { g.after = nil })
	var e *oauth.Error
	testenv.Eventually(t, "the old token is tried", func() bool {
		_, err = i.Token(context.Background(), i.read(t, s))
		return errors.As(err, &e) && e.Kind == oauth.KindReauth
	})
	if e.Reason != oauth.ReasonRotatedAway {
		t.Fatal(e.Reason)
	}
}

// While the access token is valid, a refresh token whose answer is lost is not tried: being refused could end the
// grant, and with it what still serves.
func TestALostAnswerIsNotTriedWhileTheAccessTokenServes(t *testing.T) {
	f := newFleet(t)
	i := f.start(0)
	s := f.signIn(i, 40*time.Second)
	c := i.read(t, s)
	f.g.misbehave(broken)
	if _, err := i.Token(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	if err := i.Idle(context.Background()); err != nil {
		t.Fatal(err)
	}
	if n := f.g.count("token"); n != 1 {
		t.Fatalf("%d calls", n)
	}
	f.g.misbehave(nil)
	for range 5 {
		<-time.After(failurePause) // the pause after a failure is over
		if got, err := i.Token(context.Background(), c); err != nil || !got.Tokens.Access.Equal(c.Tokens.Access) {
			t.Fatal(err)
		}
		if err := i.Idle(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if n := f.g.count("token"); n != 1 {
		t.Fatalf("%d calls", n)
	}
	// An API that refuses it is another matter.
	if _, err := i.Renew(context.Background(), c); err != nil {
		t.Fatal(err)
	}
}

const failurePause = 300 * time.Millisecond

// An instance that lost its lock, since the store was away, is still the only one that calls.
func TestAHolderWhoseLockRanOutTakesItAgain(t *testing.T) {
	f := newFleet(t)
	i, other := f.start(0), f.start(0)
	held := f.hold(i, f.signIn(i, -time.Second))
	rdb, lock := f.store.Client(), f.lock()
	if err := rdb.Del(context.Background(), lock).Err(); err != nil {
		t.Fatal(err)
	}
	testenv.Eventually(t, "the lock is taken again", func() bool {
		n, err := rdb.Exists(context.Background(), lock).Result()
		return err == nil && n == 1
	})
	second := make(chan error, 1)
	go func() { _, err := other.Token(context.Background(), held.c); second <- err }()
	<-time.After(100 * time.Millisecond)
	close(held.leave)
	first, last := testenv.Receive(t, "the first call", held.done), testenv.Receive(t, "the second call", second)
	if err := errors.Join(first, last, i.Idle(context.Background())); err != nil {
		t.Fatal(err)
	}
	if n := f.g.count("token"); n != 1 {
		t.Fatalf("%d calls", n)
	}
	if n := rdb.Exists(context.Background(), lock).Val(); n != 0 {
		t.Fatal("the lock that was taken again is not released")
	}
}

// An instance that is cut off from the store for longer than the lock's lease and the grace has its answer all the
// same. Another took the connection for dead meanwhile; where the provider does not end a grant for that, the answer
// brings it back.
func TestAnAnswerThatIsWrittenLateBringsTheConnectionBack(t *testing.T) {
	f := newFleet(t)
	wire, url := testenv.Toxi(t, f.store.Addr), f.store.URL
	f.store.URL = "redis://" + wire.Addr + "/0"
	away := f.start(0)
	f.store.URL = url
	i := f.start(0)
	s := f.signIn(i, -time.Second)
	c := i.read(t, s)
	acted, leave := make(chan struct{}), make(chan struct{})
	f.g.set(func(g *rogue) {
		g.after = func(w http.ResponseWriter, _ *http.Request, answer map[string]any) {
			close(acted)
			testenv.Receive(t, "leave to go on", leave)
			g.json(w, http.StatusOK, answer)
		}
	})
	done := make(chan error, 1)
	go func() { _, err := away.Token(context.Background(), c); done <- err }()
	testenv.Receive(t, "the act", acted)
	wire.Cut()
	f.g.misbehave(
		status(http.StatusBadRequest, "", "", `{"error":"invalid_grant"}`),
	) // as GitHub says to a spent token: no more than that
	_, err := i.Token(context.Background(), c)
	kind(t, err, oauth.KindReauth)
	close(leave)
	if err := testenv.Receive(t, "the end of it", done); err != nil {
		t.Fatalf("the holder of the answer: %v", err)
	}
	wire.Restore()
	testenv.Eventually(t, "the connection lives again", func() bool { return i.read(t, s).Status == vault.StatusActive })
	got, err := i.Token(context.Background(), i.read(t, s))
	if err != nil || !f.g.alive(got.Tokens.Refresh.Reveal()) {
		t.Fatal(err)
	}
}

// No lock outlives its seconds.
func TestTheLockOfADeadInstanceEndsByItself(t *testing.T) {
	f := newFleet(t)
	dead, i := f.start(0), f.start(0)
	s := f.signIn(i, -time.Second)
	c := i.read(t, s)
	if _, ok, err := dead.vault.Locks.Lock(context.Background(), &c); err != nil || !ok {
		t.Fatal(err)
	}
	if _, err := i.Token(context.Background(), c); err != nil {
		t.Fatal(err)
	}
}

// An instance whose lock ran out while the store was away, and was another's for a moment, takes it again: its answer
// is waited for, longer than the grace.
func TestAHolderWhoseLockWasAnothersTakesItAgain(t *testing.T) {
	f := newFleet(t)
	i, other := f.start(0), f.start(0)
	held := f.hold(i, f.signIn(i, -time.Second))
	// The lock is gone and another's before its holder notices.
	rdb, lock := f.store.Client(), f.lock()
	second := make(chan error, 1)
	go func() { _, err := other.Token(context.Background(), held.c); second <- err }()
	f.g.misbehave(nil)
	owner := rdb.Get(context.Background(), lock).Val()
	waitFor(t, func() bool {
		now, err := rdb.Get(context.Background(), lock).Result()
		if err == nil && now == owner {
			_ = rdb.Del(context.Background(), lock).Err()
			_ = rdb.Publish(context.Background(), "bff:bus", `{"k":"lock","y":"`+held.c.Key()+`"}`).Err()
			return false
		}
		return err == nil && f.g.count("token") == 1
	})
	<-time.After(5 * time.Second) // twice the grace
	if n := f.g.count("token"); n != 1 {
		t.Fatalf("%d calls", n)
	}
	close(held.leave)
	first, last := testenv.Receive(t, "the first call", held.done), testenv.Receive(t, "the second call", second)
	if err := errors.Join(first, last); err != nil {
		t.Fatal(err)
	}
	if n := f.g.count("token"); n != 1 || f.g.count("reuse") != 0 {
		t.Fatalf("%d calls", n)
	}
}
