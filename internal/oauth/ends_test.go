package oauth_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"
	"time"

	"bff/internal/audit"
	"bff/internal/oauth"
	"bff/internal/secret"
	"bff/internal/testenv"
	"bff/internal/vault"
)

// A heldRefresh is a refresh on which the provider works until it is let go.
type heldRefresh struct {
	c     vault.Connection
	leave chan struct{} // closed: the provider answers
	done  chan error    // what the refresh came to
}

// hold starts a refresh of s's connection on i, and returns once the provider works on it.
func (f *fleet) hold(i *instance, s *vault.Session) heldRefresh {
	f.t.Helper()
	entered := make(chan struct{})
	held := heldRefresh{i.read(f.t, s), make(chan struct{}), make(chan error, 1)}
	f.g.misbehave(func(http.ResponseWriter, *http.Request, url.Values) bool {
		close(entered)
		testenv.Receive(f.t, "leave to go on", held.leave)
		return false
	})
	go func() { _, err := i.Token(context.Background(), held.c); held.done <- err }()
	testenv.Receive(f.t, "the first step", entered)
	return held
}

// lock is the name of the lock that is held, the only one in the store.
func (f *fleet) lock() string {
	f.t.Helper()
	keys, err := f.store.Client().Keys(context.Background(), "*:l:*").Result()
	if err != nil || len(keys) != 1 {
		f.t.Fatalf("locks: %v %v", keys, err)
	}
	return keys[0]
}

// during starts a refresh of s's connection on i, runs f while the provider works on it, and returns what the refresh
// came to.
func (f *fleet) during(i *instance, s *vault.Session, do func(c vault.Connection)) error {
	f.t.Helper()
	held := f.hold(i, s)
	f.g.misbehave(nil)
	do(held.c)
	close(held.leave)
	return testenv.Receive(f.t, "the end of it", held.done)
}

// Guarantee 6: logout wins. The grant is not revoked: at some providers that would end the person's other sessions.
func TestLogoutDuringARefresh(t *testing.T) {
	f := newFleet(t)
	i, other := f.start(0), f.start(0)
	s := f.signIn(i, -time.Second)
	err := f.during(i, s, func(vault.Connection) {
		if err := other.vault.Sessions.End(context.Background(), s, "logout"); err != nil {
			t.Fatal(err)
		}
	})
	kind(t, err, oauth.KindGone)
	if err := i.Idle(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, err := other.vault.Sessions.LoadTicket(context.Background(), s.Ticket()); err == nil {
		t.Fatal("the session came back")
	}
	if n := f.g.count("revoke"); n != 0 {
		t.Fatalf("%d revocations", n)
	}
}

// Unlinking revokes the newest token: the one in the outbox was rotated away while it went there.
func TestUnlinkDuringARefreshRevokesTheNewToken(t *testing.T) {
	for _, keep := range []vault.Keep{vault.KeepSession, vault.KeepUser} {
		t.Run(string(keep), func(t *testing.T) {
			f := newFleet(t)
			events := &eventsSeen{}
			i, other := f.start(0, func(c *oauth.Config) { c.Audit = events }), f.start(0)
			s := f.signIn(i, -time.Second, func(c *vault.Connection) { c.Keep = keep })
			err := f.during(i, s, func(c vault.Connection) {
				if err := other.vault.Connections.Unlink(context.Background(), s, c.ID, other.Outbox.Revocation); err != nil {
					t.Fatal(err)
				}
			})
			kind(t, err, oauth.KindGone)
			if err := i.Idle(context.Background()); err != nil {
				t.Fatal(err)
			}
			if n := f.g.count("revoked"); n != 1 {
				t.Fatalf("%d live grants were revoked", n)
			}
			if n := events.count(audit.GrantRevoked, ""); n != 1 {
				t.Errorf("%d revocations are in the audit log", n)
			}
		})
	}
}

func TestARefreshOfWhatIsGoneSaysSo(t *testing.T) {
	f := newFleet(t)
	i := f.start(0)
	s := f.signIn(i, -time.Second)
	c := i.read(t, s)
	if err := i.vault.Sessions.End(context.Background(), s, "logout"); err != nil {
		t.Fatal(err)
	}
	_, err := i.Token(context.Background(), c)
	kind(t, err, oauth.KindGone)
	_, err = i.Renew(context.Background(), c)
	kind(t, err, oauth.KindGone)
	if f.g.count("token") != 0 {
		t.Fatal("the provider was asked")
	}
}

// A person who signs in again while the old grant is being refreshed keeps the new one.
func TestSigningInAgainDuringARefreshKeepsTheNewGrant(t *testing.T) {
	f := newFleet(t)
	i, other := f.start(0), f.start(0)
	s := f.signIn(i, -time.Second)
	access, refresh := f.g.grant()
	err := f.during(i, s, func(c vault.Connection) {
		c.Tokens = vault.Tokens{
			Access:     secret.New(access),
			Refresh:    secret.New(refresh),
			ObtainedAt: time.Now(),
			Expiry:     time.Now().Add(time.Hour),
		}
		if _, err := other.vault.Connections.Link(context.Background(), s, c); err != nil {
			t.Fatal(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if now := i.read(t, s); now.Tokens.Refresh.Reveal() != refresh {
		t.Fatal("the new grant was written over")
	}
}

// A drain finishes what runs.
func TestDrainFinishesARefresh(t *testing.T) {
	f := newFleet(t)
	i, other := f.start(0), f.start(0)
	s := f.signIn(i, -time.Second)
	drained := make(chan error, 1)
	err := f.during(i, s, func(vault.Connection) {
		go func() { drained <- i.Drain(context.Background()) }()
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := testenv.Receive(t, "the end of the drain", drained); err != nil {
		t.Fatal(err)
	}
	if c := other.read(t, s); !f.g.alive(c.Tokens.Refresh.Reveal()) {
		t.Fatal("the result was lost")
	}
}

func TestDrainEndsWithItsContext(t *testing.T) {
	f := newFleet(t)
	i := f.start(0)
	s := f.signIn(i, -time.Second)
	f.g.misbehave(hang)
	c := i.read(t, s)
	done := make(chan error, 1)
	go func() { _, err := i.Token(context.Background(), c); done <- err }()
	testenv.Eventually(t, "the call is on its way", func() bool { return f.g.count("token") == 1 })
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := i.Drain(ctx); err == nil {
		t.Fatal("it claims to have finished")
	}
	kind(t, testenv.Receive(t, "the end of it", done), oauth.KindUnavailable)
	if i.read(t, s).Status != vault.StatusActive {
		t.Fatal("it was touched")
	}
}
