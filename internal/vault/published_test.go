package vault_test

import (
	"context"
	"testing"
	"time"

	"bff/internal/testenv"
	"bff/internal/vault"
)

// Every instance sees when each list of public keys was last published, whichever ring it has; what is older than a
// day is forgotten, and an outage is no empty answer.
func TestListsOfPublicKeysAreSharedByInstances(t *testing.T) {
	server := testenv.Redis(t)
	ctx := context.Background()
	at := time.Now()
	now := func(c *vault.Config) { c.Now = func() time.Time { return at } }
	one, other := open(t, server.URL, ring(vault.NewKey()), now), open(t, server.URL, ring(vault.NewKey()), now)
	first := at
	_, err := one.PublishKeys(ctx, "a,b")
	must(t, err)
	at = at.Add(time.Hour)
	views, err := other.PublishKeys(ctx, "b")
	must(t, err)
	if len(views) != 2 || views["a,b"].UnixMilli() != first.UnixMilli() || views["b"].UnixMilli() != at.UnixMilli() {
		t.Errorf("the lists are %v", views)
	}
	at = first.Add(24*time.Hour + time.Minute)
	views, err = one.PublishKeys(ctx, "c")
	must(t, err)
	if len(views) != 2 || !views["a,b"].IsZero() {
		t.Errorf("after a day: %v", views)
	}
	server.Stop()
	_, err = one.PublishKeys(ctx, "c")
	is(t, "an outage", err, vault.ErrUnavailable)
}

// What is derived from a key for other uses differs by label and key, and is none of its own parts.
func TestDerivedSecretsDiffer(t *testing.T) {
	a, b := vault.NewKey(), vault.NewKey()
	if got := a.Derive("x"); len(got.Reveal()) != 32 || !got.Equal(a.Derive("x")) || got.Equal(a.Derive("y")) ||
		got.Equal(b.Derive("x")) {
		t.Error("derivation is not by key and label")
	}
}
