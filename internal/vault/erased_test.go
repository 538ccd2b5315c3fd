package vault_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"bff/internal/secret"
	"bff/internal/testenv"
	"bff/internal/vault"
)

func noRevocation(vault.Connection) []byte { return nil }

// What was about to be written of a user who is erased at that moment is not written: each of these reads the record,
// the erasing comes in between, and the write finds another version.
func TestAWriteThatAnErasingOvertookIsRefused(t *testing.T) {
	ctx := context.Background()
	server := testenv.Redis(t)
	key := vault.NewKey()
	here, there := open(t, server.URL, ring(key)), open(t, server.URL, ring(key))
	account := vault.Identity{Provider: "google", Issuer: "https://accounts.google.com", Subject: "1098"}
	user := func(t *testing.T) string {
		rec, _, err := here.Users.Register(ctx, account, vault.Profile{}, nil)
		must(t, err)
		return rec.ID
	}
	// eraseOnce is a change in whose middle, the first time, the user is erased elsewhere.
	eraseOnce := func(t *testing.T, id *string) func(*vault.UserRecord) error {
		done := false
		return func(r *vault.UserRecord) error {
			r.Rights[vault.RightsAdmin] = []string{"admin"}
			if !done {
				done = true
				_, err := there.Users.Erase(ctx, *id, noRevocation)
				must(t, err)
			}
			return nil
		}
	}
	t.Run("a change of a user", func(t *testing.T) {
		id := user(t)
		_, err := here.Users.Update(ctx, id, eraseOnce(t, &id))
		is(t, "the change", err, vault.ErrNotFound)
		_, err = there.Users.Get(ctx, id)
		is(t, "the user", err, vault.ErrNotFound)
	})
	t.Run("a sign-in of a user who was there is a registration", func(t *testing.T) {
		id := user(t)
		rec, isNew, err := here.Users.Register(ctx, account, vault.Profile{}, eraseOnce(t, &id))
		if err != nil || !isNew || rec.ID == id {
			t.Errorf("the sign-in: %q, new %v, %v; erased was %q", rec.ID, isNew, err, id)
		}
		_, err = there.Users.Get(ctx, id)
		is(t, "the erased user", err, vault.ErrNotFound)
		_, err = there.Users.Erase(ctx, rec.ID, noRevocation)
		must(t, err)
	})
	t.Run("of two first sign-ins the slower one, after the faster one was erased", func(t *testing.T) {
		first := ""
		rec, isNew, err := here.Users.Register(ctx, account, vault.Profile{}, func(r *vault.UserRecord) error {
			if first == "" {
				first = user(t)
				if r.ID != first {
					t.Errorf("the two plan the ids %q and %q: nothing is shown", r.ID, first)
				}
				_, err := there.Users.Erase(ctx, first, noRevocation)
				must(t, err)
			}
			return nil
		})
		if err != nil || !isNew || rec.ID == first {
			t.Errorf("the sign-in: %q, new %v, %v; erased was %q", rec.ID, isNew, err, first)
		}
		_, err = there.Users.Get(ctx, first)
		is(t, "the erased user", err, vault.ErrNotFound)
	})
}

// An erasing of a user with many accounts that is broken off, behind whichever of its requests to the store, is
// finished by the next call: each grant waits to be revoked once, and what was typed, of which there is nothing to
// revoke, is gone with the rest.
func TestAnErasingOfManyAccountsIsTakenUpWhereverItBroke(t *testing.T) {
	ctx := context.Background()
	server, clock := testenv.Redis(t), newClock()
	key := ring(vault.NewKey())
	there := open(t, server.URL, key, clock.set)
	grants := []string{"grant 1", "grant 3", "grant 5"}
	revocation := func(c vault.Connection) []byte {
		if c.Tokens.Refresh.IsZero() {
			return nil
		}
		return []byte(c.Account.Subject)
	}
	fill := func(n int64) string { // somebody else each time: the outbox of one user is leased as a whole
		rec, _, err := there.Users.Register(ctx, vault.Identity{Provider: "google", Issuer: "https://i",
			Subject: fmt.Sprint(n)}, vault.Profile{}, nil)
		must(t, err)
		user := ada()
		user.ID = rec.ID
		s, _ := signIn(t, there, vault.NewSession{User: user})
		for n := range 6 {
			c := google(vault.KeepUser)
			c.Account.Subject = fmt.Sprint("grant ", n)
			if n%2 == 0 {
				c.Provider, c.Tokens = "mailer", vault.Tokens{Access: secret.New(fmt.Sprint("typed-key-", n))}
			}
			_, err := there.Connections.Link(ctx, s, *c)
			must(t, err)
		}
		return rec.ID
	}
	broken := 0
	for n := int64(1); ; n++ {
		id, line := fill(n), newLine(t, server.Addr)
		here := open(t, "redis://"+line.addr, key, clock.set)
		must(t, here.Names.Ready(ctx))
		line.left.Store(n)
		_, err := here.Users.Erase(ctx, id, revocation)
		if _, again := there.Users.Erase(ctx, id, revocation); again != nil && !errors.Is(again, vault.ErrNotFound) {
			t.Fatalf("broken off behind %d requests, it is not taken up: %v", n, again)
		}
		clock.advance(2 * time.Minute) // a job whose pointer was being moved is looked for later
		for _, job := range due(t, there, grants...) {
			must(t, there.Outbox.Done(ctx, job))
		}
		_, gone := there.Users.Get(ctx, id)
		is(t, "the user", gone, vault.ErrNotFound)
		if keys := server.Client().Keys(ctx, "bff:*:k").Val(); len(keys) != 0 {
			t.Errorf("broken off behind %d requests: %q are left", n, keys)
		}
		if err == nil {
			break
		}
		if broken++; n > 100 {
			t.Fatal("it is never done")
		}
	}
	if broken < 6 {
		t.Errorf("it was broken off %d times alone", broken)
	}
}
