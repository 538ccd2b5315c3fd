package oauth_test

import (
	"context"
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

// Many calls are refused at once: one refresh, over all instances.
func TestAPIsThatRefuseOneTokenCauseOneRefresh(t *testing.T) {
	f := newFleet(t)
	fleet := []*instance{f.start(0), f.start(0), f.start(0)}
	s := f.signIn(fleet[0], time.Hour)
	c := fleet[0].read(t, s)
	var group sync.WaitGroup
	var mu sync.Mutex
	seen := map[string]int{}
	for n := range 60 {
		group.Go(func() {
			got, err := fleet[n%3].Renew(context.Background(), c)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			seen[got.Tokens.Access.Reveal()]++
		})
	}
	testenv.Finished(t, "all of them", group.Wait)
	if n := f.g.count("token"); n != 1 || len(seen) != 1 || seen[c.Tokens.Access.Reveal()] != 0 {
		t.Fatalf("%d calls, %d tokens", n, len(seen))
	}
}

func TestRenewTakesATokenThatIsNewerAlready(t *testing.T) {
	f := newFleet(t)
	i, other := f.start(0), f.start(0)
	s := f.signIn(i, time.Hour)
	old := i.read(t, s)
	renewed, err := other.Renew(context.Background(), old)
	if err != nil {
		t.Fatal(err)
	}
	got, err := i.Renew(context.Background(), old)
	if err != nil || !got.Tokens.Access.Equal(renewed.Tokens.Access) || f.g.count("token") != 1 {
		t.Fatalf("%v, %d calls", err, f.g.count("token"))
	}
}

// An API that refuses every token is not allowed to make a storm of refreshes. The last token comes back, and the
// API's own 401 is what the caller sees.
func TestAnAPIThatRefusesEveryTokenCausesNoStorm(t *testing.T) {
	f := newFleet(t)
	i := f.start(0)
	s := f.signIn(i, time.Hour)
	c := i.read(t, s)
	for range 50 {
		got, err := i.Renew(context.Background(), c)
		if err != nil {
			t.Fatal(err)
		}
		c = got
	}
	if n := f.g.count("token"); n < 1 || n > 12 {
		t.Fatalf("%d refreshes", n)
	}
	if !f.g.alive(i.read(t, s).Tokens.Refresh.Reveal()) {
		t.Fatal("the stored token is dead")
	}
}

// Guarantee 4: renewals that fail are an outage, however many there are. None of them hands back the token that the
// API refused, as if nothing were to be had.
func TestRenewalsThatFailAreAnOutageToTheLast(t *testing.T) {
	f := newFleet(t)
	f.change = func(p *providers.Config) { p.Token.Rotates = "never" } // no lost answer has to be waited for
	var ahead atomic.Int64
	i := f.start(
		0,
		func(c *oauth.Config) { c.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) } },
	)
	c := i.read(t, f.signIn(i, 20*time.Hour))
	f.g.misbehave(status(503, "", "", ""))
	for n := range 60 {
		if _, err := i.Renew(context.Background(), c); oauth.KindOf(err) != oauth.KindUnavailable {
			t.Fatalf("after %d failures: %v", n, err)
		}
		ahead.Add(int64(7 * time.Second)) // past every pause between two tries
	}
}

func TestRenewOfWhatCannotBeRefreshedChangesNothing(t *testing.T) {
	f := newFleet(t)
	i := f.start(0)
	s := f.signIn(i, time.Hour, func(c *vault.Connection) { c.Tokens.Refresh = secret.Text{} })
	c := i.read(t, s)
	got, err := i.Renew(context.Background(), c)
	if err != nil || !got.Tokens.Access.Equal(c.Tokens.Access) || i.read(t, s).Status != vault.StatusActive {
		t.Fatalf("%v", err)
	}
}

func TestRenewOfADeadGrantIsDefinite(t *testing.T) {
	f := newFleet(t)
	i := f.start(0)
	s := f.signIn(i, time.Hour)
	c := i.read(t, s)
	f.g.end(c.Tokens.Refresh.Reveal())
	_, err := i.Renew(context.Background(), c)
	kind(t, err, oauth.KindReauth)
	if now := i.read(t, s); now.Reason != oauth.ReasonRevoked {
		t.Fatal(now.Reason)
	}
	_, err = i.Renew(context.Background(), c)
	kind(t, err, oauth.KindReauth)
	if f.g.count("token") != 1 {
		t.Fatal("a dead token was tried again")
	}
}

// Clocks a minute apart: at expiry there is one refresh, whoever makes it, and nobody uses a token beyond its end or
// takes a new one for spent.
func TestClocksAMinuteApart(t *testing.T) {
	for _, row := range []struct {
		name  string
		first time.Duration // the clock of the one that refreshes
		other time.Duration
		life  int
	}{
		{"the one that refreshes is ahead", time.Minute, 0, 3600},
		{"the one that refreshes is behind", -time.Minute, 0, 3600},
		{"a short life, ahead", time.Minute, 0, 30},
		{"a short life, behind", -time.Minute, 0, 30},
		{"both are off", time.Minute, -time.Minute, 300},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := newFleet(t)
			f.g.life = row.life
			first, other := f.start(row.first), f.start(row.other)
			s := f.signIn(first, -3*time.Minute)
			c := first.read(t, s)
			var group sync.WaitGroup
			for n := range 40 {
				group.Go(func() {
					i := first
					if n%2 == 1 {
						i = other
					}
					if _, err := i.Token(context.Background(), c); err != nil {
						t.Error(err)
					}
				})
			}
			testenv.Finished(t, "all of them", group.Wait)
			if n := f.g.count("token"); n != 1 {
				t.Fatalf("%d refreshes", n)
			}
			for _, i := range []*instance{first, other} {
				now := i.read(t, s)
				got, err := i.Token(context.Background(), now)
				if err != nil || !got.Tokens.Access.Equal(now.Tokens.Access) {
					t.Fatalf("a new token was taken for spent: %v", err)
				}
			}
			if err := first.Idle(context.Background()); err != nil {
				t.Fatal(err)
			}
			if n := f.g.count("token"); n != 1 {
				t.Fatalf("%d refreshes", n)
			}
		})
	}
}

// A token that a clock ahead of ours wrote ends when it ends, not a minute later.
func TestATokenFromTheFutureEndsInItsTime(t *testing.T) {
	f := newFleet(t)
	i := f.start(0)
	s := f.signIn(i, 0, func(c *vault.Connection) {
		c.Tokens.ObtainedAt = time.Now().Add(time.Minute)
		c.Tokens.Expiry = c.Tokens.ObtainedAt.Add(3 * time.Second)
	})
	c := i.read(t, s)
	if got, err := i.Token(context.Background(), c); err != nil || !got.Tokens.Access.Equal(c.Tokens.Access) {
		t.Fatal(err)
	}
	<-time.After(3100 * time.Millisecond)
	if got, err := i.Token(context.Background(), c); err != nil || got.Tokens.Access.Equal(c.Tokens.Access) {
		t.Fatalf("a spent token was used: %v", err)
	}
}
