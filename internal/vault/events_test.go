package vault_test

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"bff/internal/secret"
	"bff/internal/vault"
)

// A waitingEvent is what a program gets.
type waitingEvent struct {
	Type string
	Data struct {
		User       struct{ ID, Email string }
		Session    *struct{ ID, Reason string }
		Connection *struct{ ID, Status string }
	}
}

// waitingEvents takes all events that wait, in their order. Each comes once.
func waitingEvents(t *testing.T, v *vault.Vault) (all []waitingEvent) {
	t.Helper()
	seen := map[string]bool{}
	for {
		due, err := v.Events.Due(context.Background(), "a", 10, time.Minute)
		must(t, err)
		if len(due) == 0 {
			return all
		}
		for _, d := range due {
			var e waitingEvent
			must(t, json.Unmarshal(d.Body, &e))
			if seen[d.ID] || e.Type != d.Type {
				t.Errorf("%s: delivered twice, or as another type: %s", d.ID, d.Body)
			}
			seen[d.ID] = true
			for _, token := range []string{"at-1", "rt-1", "at-2", "rt-2"} {
				if bytes.Contains(d.Body, []byte(token)) {
					t.Errorf("%s holds a token: %s", d.Type, d.Body)
				}
			}
			all = append(all, e)
			must(t, v.Events.Delivered(context.Background(), d))
		}
	}
}

// program is one that wants everything.
func program(c *vault.Config) {
	c.Programs = []vault.Program{{Name: "a", Wants: func(string) bool { return true }}}
}

// Every change of a user, a session and a connection is sent to the programs that want it: as its type, about the right
// one, once, and in the order in which it happened.
func TestEveryTypeOfEventIsQueuedInOrder(t *testing.T) {
	ctx := context.Background()
	v := open(t, "memory:", program)
	profile := vault.Profile{Name: "Ada", Email: "ada@example.com", EmailVerified: true}
	rec, _, err := v.Users.Register(ctx, vault.Identity{Provider: "google", Issuer: "https://i", Subject: "1"},
		profile, nil)
	must(t, err)
	s, r := signIn(t, v, vault.NewSession{User: rec.User()})
	made, err := v.Connections.Link(ctx, s, *google(vault.KeepUser))
	must(t, err)
	next := made
	next.Status, next.Reason = vault.StatusNeedsReauth, "revoked"
	_, err = v.Connections.Update(ctx, &made, next)
	must(t, err)
	now := load(t, v, r)
	must(t, v.Connections.Unlink(ctx, now, made.ID, func(vault.Connection) []byte { return nil }))
	_, err = v.Users.Update(ctx, rec.ID, func(u *vault.UserRecord) error {
		u.Rights[vault.RightsAdmin] = []string{"admin"}
		return nil
	})
	must(t, err)
	must(t, v.Sessions.End(ctx, load(t, v, r), "logout"))
	_, err = v.Users.Erase(ctx, rec.ID, func(vault.Connection) []byte { return nil })
	must(t, err)

	want := []string{"user.created", "session.created", "connection.linked", "connection.changed", "connection.removed",
		"user.changed", "session.ended", "user.erased"}
	var types []string
	for _, e := range waitingEvents(t, v) {
		types = append(types, e.Type)
		if e.Data.User.ID != rec.ID {
			t.Errorf("%s is about %+v", e.Type, e.Data.User)
		}
		if strings.HasPrefix(e.Type, "session.") && (e.Data.Session == nil || e.Data.Session.ID != s.ID) {
			t.Errorf("%s is of the session %+v", e.Type, e.Data.Session)
		}
		if strings.HasPrefix(e.Type, "connection.") && (e.Data.Connection == nil || e.Data.Connection.ID != made.ID) {
			t.Errorf("%s is of the connection %+v", e.Type, e.Data.Connection)
		}
		if e.Type == "connection.changed" && e.Data.Connection.Status != string(vault.StatusNeedsReauth) {
			t.Errorf("it changed to %+v", e.Data.Connection)
		}
	}
	if !slices.Equal(types, want) {
		t.Errorf("got: %q\nwant: %q", types, want)
	}
}

// A refresh that succeeds is nobody's business: a program hears of a connection only what a person would see.
func TestARefreshIsNoEvent(t *testing.T) {
	ctx := context.Background()
	v := open(t, "memory:", program)
	s, _ := signIn(t, v, vault.NewSession{Connection: google(vault.KeepSession)})
	waitingEvents(t, v)
	next := s.Connections[0]
	next.Tokens = vault.Tokens{Access: secret.New("at-2"), Refresh: secret.New("rt-2"), Expiry: time.Now().Add(time.Hour)}
	_, err := v.Connections.Update(ctx, &s.Connections[0], next)
	must(t, err)
	if all := waitingEvents(t, v); len(all) != 0 {
		t.Errorf("got: %+v", all)
	}
}
