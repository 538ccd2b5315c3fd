package vault_test

import (
	"context"
	"testing"

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
		rec, _, err := here.Register(ctx, account, vault.Profile{}, nil)
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
				_, err := there.EraseUser(ctx, *id, noRevocation)
				must(t, err)
			}
			return nil
		}
	}
	t.Run("a change of a user", func(t *testing.T) {
		id := user(t)
		_, err := here.UpdateUser(ctx, id, eraseOnce(t, &id))
		is(t, "the change", err, vault.ErrNotFound)
		_, err = there.GetUser(ctx, id)
		is(t, "the user", err, vault.ErrNotFound)
	})
	t.Run("a sign-in of a user who was there is a registration", func(t *testing.T) {
		id := user(t)
		rec, isNew, err := here.Register(ctx, account, vault.Profile{}, eraseOnce(t, &id))
		if err != nil || !isNew || rec.ID == id {
			t.Errorf("the sign-in: %q, new %v, %v; erased was %q", rec.ID, isNew, err, id)
		}
		_, err = there.GetUser(ctx, id)
		is(t, "the erased user", err, vault.ErrNotFound)
		_, err = there.EraseUser(ctx, rec.ID, noRevocation)
		must(t, err)
	})
	t.Run("of two first sign-ins the slower one, after the faster one was erased", func(t *testing.T) {
		first := ""
		rec, isNew, err := here.Register(ctx, account, vault.Profile{}, func(r *vault.UserRecord) error {
			if first == "" {
				first = user(t)
				if r.ID != first {
					t.Errorf("the two plan the ids %q and %q: nothing is shown", r.ID, first)
				}
				_, err := there.EraseUser(ctx, first, noRevocation)
				must(t, err)
			}
			return nil
		})
		if err != nil || !isNew || rec.ID == first {
			t.Errorf("the sign-in: %q, new %v, %v; erased was %q", rec.ID, isNew, err, first)
		}
		_, err = there.GetUser(ctx, first)
		is(t, "the erased user", err, vault.ErrNotFound)
	})
}
