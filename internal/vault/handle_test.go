package vault_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"bff/internal/testenv"
	"bff/internal/vault"
)

func TestEndHandleEndsTheSessionsOfTheHandleOnEveryInstance(t *testing.T) {
	key := vault.NewKey()
	ring := func(c *vault.Config) { c.Keys = []vault.Key{key} }
	url := testenv.Redis(t).URL
	a, b := open(t, url, ring), open(t, url, ring)
	ctx := context.Background()
	ended := make(chan vault.Event, 8)
	subscribed := make(chan struct{})
	events, cancel := b.Subscribe(func(e vault.Event) bool { return e.Kind == vault.EventSession })
	defer cancel()
	go func() {
		for e := range events {
			if e.Kind == vault.EventResync {
				close(subscribed)
				continue
			}
			ended <- e
		}
	}()
	testenv.Receive(t, "the subscription", subscribed)
	first, r1 := signIn(t, a, vault.NewSession{Handle: "google/sid-1"})
	_, r2 := signIn(t, b, vault.NewSession{Handle: "google/sid-1"})
	_, other := signIn(t, a, vault.NewSession{Handle: "google/sid-2"})
	_, none := signIn(t, a, vault.NewSession{})

	if n, err := b.Index.EndHandle(ctx, "google/sid-1", "provider"); n != 2 || err != nil {
		t.Fatalf("ended %d %v, want 2", n, err)
	}
	seen := map[string]bool{}
	for range 2 {
		e := testenv.Receive(t, "its end", ended)
		if e.Reason != "provider" || e.User != ada().ID {
			t.Fatalf("announced %+v", e)
		}
		seen[e.Session] = true
	}
	if !seen[first.ID] {
		t.Fatalf("%v lacks %s", seen, first.ID)
	}
	for _, v := range []*vault.Vault{a, b} {
		for _, r := range []*http.Request{r1, r2} {
			if _, err := v.Sessions.Load(r); !errors.Is(err, vault.ErrNotFound) {
				t.Fatalf("a session of the handle: %v", err)
			}
		}
		for _, r := range []*http.Request{other, none} {
			if _, err := v.Sessions.Load(r); err != nil {
				t.Fatalf("a session of another handle: %v", err)
			}
		}
	}
	for _, handle := range []string{"google/sid-1", "google/sid-3", ""} {
		if n, err := a.Index.EndHandle(ctx, handle, "provider"); n != 0 || err != nil {
			t.Fatalf("handle %q ended %d %v, want none", handle, n, err)
		}
	}
}

func TestEraseLeavesNothingOfTheUser(t *testing.T) {
	server := testenv.Redis(t)
	v := open(t, server.URL)
	ctx := context.Background()
	s, r := signIn(t, v, vault.NewSession{Connection: google(vault.KeepUser)})
	if err := v.WritePreferences(ctx, s, []byte(`{"a":1}`), ""); err != nil {
		t.Fatal(err)
	}
	grace := vault.User{ID: vault.UserID("google", "https://i", "2"), Provider: "google", Subject: "2"}
	_, others := signIn(t, v, vault.NewSession{User: grace, Connection: google(vault.KeepUser)})
	kept, err := v.Connections.Kept(ctx, ada().ID)
	if err != nil || len(kept) != 1 || kept[0].Tokens.Refresh.Reveal() != "rt-1" {
		t.Fatalf("kept: %v %v", kept, err)
	}
	next := kept[0]
	next.Status, next.Reason, next.Tokens = vault.StatusNeedsReauth, "revoked", vault.Tokens{}
	if kept[0], err = v.Connections.Update(ctx, &kept[0], next); err != nil {
		t.Fatalf("a write without a session: %v", err)
	}
	if err := v.Index.Erase(ctx, ada().ID); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Sessions.Load(r); !errors.Is(err, vault.ErrNotFound) {
		t.Fatalf("the session: %v", err)
	}
	if again, err := v.Connections.Kept(ctx, ada().ID); err != nil || len(again) != 0 {
		t.Fatalf("kept: %v %v", again, err)
	}
	if _, err := v.Connections.Update(ctx, &kept[0], next); !errors.Is(err, vault.ErrNotFound) {
		t.Fatalf("a late write of a kept connection: %v", err)
	}
	if doc, _, err := v.Sessions.Preferences(ctx, s); err != nil || string(doc) != "{}" {
		t.Fatalf("preferences: %s %v", doc, err)
	}
	if got, err := v.Sessions.Load(others); err != nil || len(got.Connections) != 1 {
		t.Fatalf("another user: %v", err)
	}
}
