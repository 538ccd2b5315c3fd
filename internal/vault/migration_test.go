package vault_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"bff/internal/testenv"
	"bff/internal/vault"
)

// A store that the version before filled, which had no users: nobody is signed out by the new version, and at the next
// sign-in the same person is a user of the same id, with what they kept.
func TestAStoreOfBeforeThereWereUsersLosesNothing(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("testdata", "store-before-users.json"))
	must(t, err)
	var g goldenStore
	must(t, json.Unmarshal(b, &g))
	server := testenv.Redis(t)
	ctx := context.Background()
	g.fill(t, server.Client())
	key, err := vault.ParseKey(g.Key)
	must(t, err)
	at := g.Now.Add(time.Minute)
	v := open(t, server.URL, ring(key), func(c *vault.Config) { c.Now = func() time.Time { return at } })
	identity := vault.Identity{Provider: "google", Issuer: "https://accounts.google.com", Subject: "1098"}
	id := vault.UserID(identity.Provider, identity.Issuer, identity.Subject)

	before := load(t, v, withCookie(g.Cookie))
	if before.User.ID != id || before.User.Name != "Ada" || len(before.Connections) != 2 || len(before.User.Rights) != 0 {
		t.Fatalf("%+v", before.User)
	}
	must(t, v.Sessions.Touch(ctx, before))
	_, err = v.Users.Find(ctx, identity)
	is(t, "a user before the next sign-in", err, vault.ErrNotFound)

	rec, isNew, err := v.Users.Register(ctx, identity, vault.Profile{Name: "Ada Lovelace"},
		func(r *vault.UserRecord) error {
			r.Rights[vault.RightsAdmin] = []string{"admin"}
			return nil
		})
	if err != nil || !isNew || rec.ID != id {
		t.Fatalf("%+v %v %v", rec, isNew, err)
	}
	made, r := signIn(t, v, vault.NewSession{User: rec.User()})
	kept, err := v.Connections.Kept(ctx, id)
	if err != nil || len(kept) != 1 || len(load(t, v, r).Connections) != 1 {
		t.Errorf("kept connections: %d %v", len(kept), err)
	}
	if doc, _, err := v.Sessions.Preferences(ctx, made); err != nil || string(doc) != `{"theme":"dark"}` {
		t.Errorf("preferences: %s %v", doc, err)
	}
	if all, err := v.Index.Sessions(ctx, made); err != nil || len(all) != 2 {
		t.Errorf("sessions: %d %v", len(all), err)
	}
	if again := load(t, v, withCookie(g.Cookie)); len(again.User.Rights) != 1 || again.User.Name != "Ada" &&
		again.User.Name != "Ada Lovelace" || len(again.Connections) != 2 {
		t.Errorf("the session of before: %+v", again.User)
	}
	if again, isNew, err := v.Users.Register(ctx, identity, vault.Profile{}, nil); err != nil || isNew || again.ID != id {
		t.Errorf("the sign-in after that: %q %v %v", again.ID, isNew, err)
	}
	_, err = v.Users.Erase(ctx, id, noRevocation)
	must(t, err)
	if again, isNew, err := v.Users.Register(ctx, identity, vault.Profile{}, nil); err != nil || !isNew || again.ID == id {
		t.Errorf("the sign-in after an erasing has an id of before: %q %v %v", again.ID, isNew, err)
	}
}
