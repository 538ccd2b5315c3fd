package vault_test

import (
	"context"
	"net/http/httptest"
	"testing"
	"time"

	"bff/internal/testenv"
	"bff/internal/vault"
)

// maintain goes once over all users.
func maintain(t *testing.T, v *vault.Vault, unused time.Duration) (total vault.Maintained) {
	t.Helper()
	for after := ""; ; {
		m, err := v.Upkeep.MaintainUsers(context.Background(), after, unused,
			func(vault.Connection) []byte { return []byte("r") })
		must(t, err)
		total.Seen, total.Resealed, total.Forgotten = total.Seen+m.Seen, total.Resealed+m.Resealed, total.Forgotten+m.Forgotten
		if after = m.Next; after == "" {
			return total
		}
	}
}

// register registers a user of identity n, with everything that is kept of one.
func register(t *testing.T, v *vault.Vault, n int) vault.UserRecord {
	t.Helper()
	ctx := context.Background()
	rec, _, err := v.Users.Register(ctx, identityN(n), vault.Profile{Name: "Ada"}, func(r *vault.UserRecord) error {
		r.AppID, r.HookData, r.Rights = "42", []byte(`{"plan":"gold"}`), map[string][]string{"admin": {"staff"}}
		return nil
	})
	must(t, err)
	s, err := v.Sessions.Create(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil),
		vault.NewSession{User: rec.User(), Connection: google(vault.KeepUser)})
	must(t, err)
	must(t, v.WritePreferences(ctx, s, []byte(`{"theme":"dark"}`), ""))
	_, err = v.Documents.SetUserData(ctx, rec.ID, "billing", []byte(`{"basket":[1]}`), "")
	must(t, err)
	return rec
}

// After one round of maintenance under a new first key the old key may go: nothing of a user who never came back in
// between is lost.
func TestAnOldKeyMayGoAfterARoundOfMaintenance(t *testing.T) {
	server := testenv.Redis(t)
	ctx := context.Background()
	older, newer := vault.NewKey(), vault.NewKey()
	rec := register(t, open(t, server.URL, ring(older)), 1)
	both := open(t, server.URL, ring(newer, older))
	if m := maintain(t, both, 0); m.Seen != 1 || m.Resealed != 1 {
		t.Errorf("the first round: %+v", m)
	}
	if m := maintain(t, both, 0); m.Resealed != 0 {
		t.Errorf("the second round has something left: %+v", m)
	}
	after := open(t, server.URL, ring(newer))
	got, err := after.Users.Find(ctx, identityN(1))
	must(t, err)
	if got.ID != rec.ID || got.AppID != "42" || string(got.HookData) != `{"plan":"gold"}` || len(got.AllRights()) != 1 {
		t.Errorf("the user: %+v", got)
	}
	doc, _, err := after.Documents.UserData(ctx, rec.ID, "billing")
	must(t, err)
	if string(doc) != `{"basket":[1]}` {
		t.Errorf("data of a service: %s", doc)
	}
	kept, err := after.Connections.Kept(ctx, rec.ID)
	must(t, err)
	if len(kept) != 1 || kept[0].Tokens.Refresh.Reveal() != "rt-1" {
		t.Errorf("%d kept connections", len(kept))
	}
	s, err := after.Sessions.Create(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil),
		vault.NewSession{User: got.User()})
	must(t, err)
	doc, _, err = after.Sessions.Preferences(ctx, s)
	must(t, err)
	if string(doc) != `{"theme":"dark"}` {
		t.Errorf("preferences: %s", doc)
	}
}

// Who was not seen for as long as users.forget says, and has no session, is erased with everything; nobody else is.
func TestWhoWasNotSeenIsForgotten(t *testing.T) {
	server := testenv.Redis(t)
	ctx := context.Background()
	const month = 30 * 24 * time.Hour
	key, now := vault.NewKey(), time.Now().Add(-month-13*time.Hour) // the last moment below is the store's own
	at := func(later time.Duration) *vault.Vault {
		return open(t, server.URL, ring(key), func(c *vault.Config) { c.Now = func() time.Time { return now.Add(later) } })
	}
	gone := register(t, at(0), 1)
	stays := register(t, at(month), 2)
	later := at(month + 13*time.Hour)
	if m := maintain(t, later, 0); m.Forgotten != 0 {
		t.Errorf("forgotten although nobody shall be: %+v", m)
	}
	if m := maintain(t, later, month+14*time.Hour); m.Forgotten != 0 {
		t.Errorf("forgotten before the time: %+v", m)
	}
	if m := maintain(t, later, month); m.Seen != 2 || m.Forgotten != 1 {
		t.Errorf("%+v", m)
	}
	_, err := later.Users.Get(ctx, gone.ID)
	is(t, "who was forgotten", err, vault.ErrNotFound)
	_, err = later.Users.Find(ctx, identityN(1))
	is(t, "the identity", err, vault.ErrNotFound)
	_, err = later.Users.Get(ctx, stays.ID)
	must(t, err)
	if kept, err := later.Connections.Kept(ctx, gone.ID); err != nil || len(kept) != 0 {
		t.Errorf("%d kept connections of nobody, %v", len(kept), err)
	}
}

// Using a session moves when its user was seen, with the touch and not with every call; the record itself is not
// written by it. Who is in use is not forgotten, and the time outlives a turn of the keys.
func TestUsingASessionSaysWhenItsUserWasSeen(t *testing.T) {
	server := testenv.Redis(t)
	ctx := context.Background()
	older, newer, begun := vault.NewKey(), vault.NewKey(), time.Now().Add(-31*time.Minute).Truncate(time.Millisecond)
	at := func(later time.Duration, keys ...vault.Key) *vault.Vault {
		return open(t, server.URL, ring(keys...), func(c *vault.Config) {
			c.Now = func() time.Time { return begun.Add(later) }
			c.Idle, c.Lifetime = 30*time.Minute, 10*time.Hour
		})
	}
	first := at(0, older)
	rec, _, err := first.Users.Register(ctx, identityN(1), vault.Profile{Name: "Ada"}, nil)
	must(t, err)
	_, r := signIn(t, first, vault.NewSession{User: rec.User()})
	later := at(20*time.Minute, older)
	s := load(t, later, r)
	if !later.Sessions.Due(s) {
		t.Fatal("nothing is due after twenty minutes")
	}
	must(t, later.Sessions.Touch(ctx, s))
	if later.Sessions.Due(s) || later.Sessions.Due(load(t, later, r)) {
		t.Error("the next call writes again")
	}
	seen := func(v *vault.Vault) vault.UserRecord {
		t.Helper()
		u, err := v.Users.Get(ctx, rec.ID)
		must(t, err)
		listed, _, err := v.Users.List(ctx, vault.UserQuery{Limit: 10})
		must(t, err)
		if len(listed) != 1 || !listed[0].LastSeenAt.Equal(u.LastSeenAt) {
			t.Errorf("the list says %v", listed)
		}
		return u
	}
	if u := seen(later); !u.LastSeenAt.Equal(begun.Add(20*time.Minute)) || u.Version != rec.Version {
		t.Errorf("seen at %v, not %v; version changed: %v", u.LastSeenAt, begun.Add(20*time.Minute), u.Version != rec.Version)
	}
	turned := at(20*time.Minute, newer, older)
	if m := maintain(t, turned, 0); m.Resealed != 1 {
		t.Errorf("%+v", m)
	}
	if u := seen(at(20*time.Minute, newer)); !u.LastSeenAt.Equal(begun.Add(20 * time.Minute)) {
		t.Errorf("under the new key alone: seen at %v", u.LastSeenAt)
	}
	must(t, turned.Sessions.End(ctx, load(t, turned, r), "logout"))
	if m := maintain(t, at(25*time.Minute, newer), 10*time.Minute); m.Forgotten != 0 {
		t.Errorf("somebody who was here five minutes ago is forgotten: %+v", m)
	}
	if m := maintain(t, at(31*time.Minute, newer), 10*time.Minute); m.Forgotten != 1 {
		t.Errorf("who was away for eleven minutes stays: %+v", m)
	}
	if left := server.Client().Keys(ctx, "bff:{*}:t").Val(); len(left) != 0 {
		t.Errorf("erased, and %q is left", left)
	}
}

// A session of before there were users leaves nothing beside a user who is not registered.
func TestATouchWithoutAUserNotesNothing(t *testing.T) {
	server := testenv.Redis(t)
	v := open(t, server.URL, ring(vault.NewKey()))
	_, r := signIn(t, v, vault.NewSession{})
	must(t, v.Sessions.Touch(context.Background(), load(t, v, r)))
	if left := server.Client().Keys(context.Background(), "bff:{*}:t").Val(); len(left) != 0 {
		t.Errorf("%q", left)
	}
}

// An instance whose clock is a year ahead erases nobody who was here today: forgetting goes by the store's clock too.
func TestAClockThatIsAheadForgetsNobody(t *testing.T) {
	server := testenv.Redis(t)
	key := vault.NewKey()
	register(t, open(t, server.URL, ring(key)), 1)
	ahead := open(t, server.URL, ring(key), func(c *vault.Config) {
		c.Now = func() time.Time { return time.Now().AddDate(1, 0, 0) }
	})
	if m := maintain(t, ahead, 30*24*time.Hour); m.Seen != 1 || m.Forgotten != 0 {
		t.Errorf("%+v", m)
	}
}
