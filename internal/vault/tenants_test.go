package vault_test

import (
	"context"
	"testing"
	"time"

	"bff/internal/testenv"
	"bff/internal/vault"
)

// Attack class 22: two products on one store, of one name for their cookie and, by an operator's mistake, of one key.
// Their prefixes keep them apart: what one issued is nothing to the other, and ending there ends nothing here.
func TestTwoProductsOnOneStoreShareNothing(t *testing.T) {
	server := testenv.Redis(t)
	key := ring(vault.NewKey())
	product := func(prefix string) *vault.Vault {
		return open(t, server.URL, key, func(c *vault.Config) { c.Prefix = prefix })
	}
	ctx := context.Background()
	ours, theirs := product("ours"), product("theirs")
	s, r := signIn(t, ours, vault.NewSession{Connection: google(vault.KeepUser), Handle: "google/sid"})
	_, other := signIn(t, theirs, vault.NewSession{Handle: "google/sid"}) // the same person
	must(t, ours.WritePreferences(ctx, s, []byte(`{"a":1}`), ""))
	state, half, err := ours.Attempts.Put(ctx, []byte("attempt"), time.Minute)
	must(t, err)

	_, err = theirs.Sessions.Load(r)
	is(t, "our cookie there", err, vault.ErrNotFound)
	_, err = ours.Sessions.Load(other)
	is(t, "their cookie here", err, vault.ErrNotFound)
	_, err = theirs.Attempts.Take(ctx, state, half)
	is(t, "our attempt there", err, vault.ErrNotFound)
	theirSession := load(t, theirs, other)
	if len(theirSession.Connections) != 0 {
		t.Error("what the user keeps here is there too")
	}
	if doc, _, err := theirs.Sessions.Preferences(ctx, theirSession); err != nil || string(doc) != "{}" {
		t.Errorf("preferences there: %s %v", doc, err)
	}
	if list, err := theirs.Index.Sessions(ctx, theirSession); err != nil || len(list) != 1 {
		t.Errorf("%d sessions there, %v", len(list), err)
	}
	if first, err := ours.Once(ctx, "jti", "1", time.Minute); !first || err != nil {
		t.Errorf("here: %v %v", first, err)
	}
	if first, err := theirs.Once(ctx, "jti", "1", time.Minute); !first || err != nil {
		t.Errorf("there: %v %v", first, err)
	}
	_, err = theirs.Index.EndHandle(ctx, "google/sid", "provider")
	must(t, err)
	must(t, theirs.Index.Erase(ctx, s.User.ID))
	if got := load(t, ours, r); len(got.Connections) != 1 {
		t.Error("an erasure there took something away here")
	}
	if _, err := ours.Attempts.Take(ctx, state, half); err != nil {
		t.Errorf("our attempt here: %v", err)
	}
}
