package vault_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"bff/internal/secret"
	"bff/internal/testenv"
	"bff/internal/vault"
)

// A tampered store: somebody who writes to Redis, and has no key of the ring, moves and bends records. Attack classes
// 12 and 16.
type tampered struct {
	t          *testing.T
	v          *vault.Vault
	c          *redis.Client
	ada, grace *vault.Session
	ctx        context.Context
}

func newTampered(t *testing.T) *tampered {
	t.Helper()
	server := testenv.Redis(t)
	x := &tampered{t: t, v: open(t, server.URL), c: server.Client(), ctx: context.Background()}
	for s, user := range map[**vault.Session]vault.User{&x.ada: ada(), &x.grace: grace()} {
		_, r := signIn(
			t,
			x.v,
			vault.NewSession{
				User:       user,
				Connection: google(vault.KeepSession),
				Device:     "device of " + user.Name,
				Handle:     "google/" + user.Name,
			},
		)
		for _, c := range []*vault.Connection{google(vault.KeepUser), google(vault.KeepSession)} {
			c.Account.Subject = "3"
			if _, err := x.v.Connections.Link(x.ctx, load(t, x.v, r), *c); err != nil {
				t.Fatal(err)
			}
		}
		*s = load(t, x.v, r)
		must(t, x.v.WritePreferences(x.ctx, *s, []byte(`{"of":"`+user.Name+`"}`), ""))
	}
	return x
}

// key is the one key of the kind that belongs to a session's user.
func (x *tampered) key(s *vault.Session, kind string) string {
	x.t.Helper()
	keys := x.c.Keys(x.ctx, "bff:{"+s.Ticket().Reveal()[:21]+"*}:"+kind+"*").Val()
	if len(keys) != 1 {
		x.t.Fatalf("%s: %v", kind, keys)
	}
	return keys[0]
}

func (x *tampered) load(s *vault.Session) (*vault.Session, error) {
	return x.v.Sessions.LoadTicket(x.ctx, s.Ticket())
}

func TestARecordOpensInItsOwnPlaceOnly(t *testing.T) {
	own := func(s *vault.Session) (a, b string) {
		ids := []string{}
		for _, c := range s.Connections {
			if c.Keep == vault.KeepSession {
				ids = append(ids, c.ID)
			}
		}
		return ids[0], ids[1]
	}
	connections := func(x *tampered, want int) {
		x.t.Helper()
		if s, err := x.load(x.ada); err != nil || len(s.Connections) != want {
			x.t.Errorf(
				"%d connections (%v), want %d: what does not open is left out, and takes nothing else down",
				len(s.Connections),
				err,
				want,
			)
		}
	}
	for name, attack := range map[string]func(x *tampered){
		"another user's session": func(x *tampered) {
			x.c.Copy(x.ctx, x.key(x.grace, "s:"), x.key(x.ada, "s:"), 0, true)
			_, err := x.load(x.ada)
			is(x.t, "load", err, vault.ErrNotFound)
		},
		"another session of the same user": func(x *tampered) {
			first := x.key(x.ada, "s:")
			_, r := signIn(x.t, x.v, vault.NewSession{})
			for _, key := range x.c.Keys(x.ctx, strings.Split(first, "s:")[0]+"s:*").Val() {
				if key != first {
					x.c.Copy(x.ctx, first, key, 0, true)
				}
			}
			_, err := x.v.Sessions.Load(r)
			is(x.t, "load", err, vault.ErrNotFound)
		},
		"another session's connections": func(x *tampered) {
			x.c.Copy(x.ctx, x.key(x.grace, "c:"), x.key(x.ada, "c:"), 0, true)
			connections(x, 1)
		},
		"two connections of one session, exchanged": func(x *tampered) {
			hash := x.key(x.ada, "c:")
			a, b := own(x.ada)
			va, vb := x.c.HGet(x.ctx, hash, a).Val(), x.c.HGet(x.ctx, hash, b).Val()
			x.c.HSet(x.ctx, hash, a, vb, b, va)
			connections(x, 1)
		},
		"a connection of the session, put where the user keeps theirs": func(x *tampered) {
			a, _ := own(x.ada)
			x.c.HSet(x.ctx, x.key(x.ada, "k"), "c_x", x.c.HGet(x.ctx, x.key(x.ada, "c:"), a).Val(), a, x.c.HGet(x.ctx, x.key(x.ada, "c:"), a).Val())
			connections(x, 3)
		},
		"what another user keeps": func(x *tampered) {
			x.c.Copy(x.ctx, x.key(x.grace, "k"), x.key(x.ada, "k"), 0, true)
			connections(x, 2)
			if kept, err := x.v.Connections.Kept(x.ctx, x.ada.User.ID); err != nil || len(kept) != 0 {
				x.t.Errorf("kept: %v %v", kept, err)
			}
		},
		"another user's preferences": func(x *tampered) {
			x.c.Copy(x.ctx, x.key(x.grace, "p"), x.key(x.ada, "p"), 0, true)
			if doc, _, err := x.v.Sessions.Preferences(x.ctx, x.ada); err != nil || string(doc) != "{}" {
				x.t.Errorf("%s %v", doc, err)
			}
		},
		"a session where preferences are": func(x *tampered) {
			x.c.Copy(x.ctx, x.key(x.ada, "s:"), x.key(x.ada, "p"), 0, true)
			if doc, _, err := x.v.Sessions.Preferences(x.ctx, x.ada); err != nil || string(doc) != "{}" {
				x.t.Errorf("%s %v", doc, err)
			}
		},
		"preferences where a session is": func(x *tampered) {
			x.c.Copy(x.ctx, x.key(x.ada, "p"), x.key(x.ada, "s:"), 0, true)
			_, err := x.load(x.ada)
			is(x.t, "load", err, vault.ErrNotFound)
		},
		"another user's device": func(x *tampered) {
			for _, value := range x.c.HGetAll(x.ctx, x.key(x.grace, "i")).Val() {
				for id, mine := range x.c.HGetAll(x.ctx, x.key(x.ada, "i")).Val() {
					x.c.HSet(x.ctx, x.key(x.ada, "i"), id, mine[:22]+value[22:])
				}
			}
			if list, err := x.v.Index.Sessions(x.ctx,
				x.ada); err != nil || len(list) != 1 || list[0].Device != "" || list[0].ID != x.ada.ID {
				x.t.Errorf("%+v %v", list, err)
			}
		},
		"another user's handle": func(x *tampered) {
			keys := x.c.Keys(x.ctx, "bff:h:*").Val()
			a, b := x.c.HGetAll(x.ctx, keys[0]).Val(), x.c.HGetAll(x.ctx, keys[1]).Val()
			for id := range a {
				for _, value := range b {
					x.c.HSet(x.ctx, keys[0], id, value)
				}
			}
			n, err := x.v.Index.EndHandle(x.ctx, "google/Ada", "provider")
			m, err2 := x.v.Index.EndHandle(x.ctx, "google/Grace", "provider")
			if n+m != 1 || err != nil || err2 != nil {
				x.t.Errorf("ended %d and %d sessions (%v %v), want the one whose handle is untouched", n, m, err, err2)
			}
		},
		"a revocation of another user": func(x *tampered) {
			must(x.t, x.v.Connections.Unlink(x.ctx, x.grace, x.grace.Connections[0].ID,
				func(vault.Connection) []byte { return []byte("grace's token") }))
			from := x.key(x.grace, "o")
			x.c.Copy(x.ctx, from, strings.Replace(x.key(x.ada, "p"), ":p", ":o", 1), 0, true)
			x.c.Del(x.ctx, from)
			x.c.ZAdd(x.ctx, "bff:o", redis.Z{Score: 1, Member: x.ada.Ticket().Reveal()[:21] + "A"})
			if jobs, err := x.v.Outbox.Due(x.ctx, 10, time.Minute); err != nil || len(jobs) != 0 {
				x.t.Errorf("%v %v", jobs, err)
			}
		},
		"an attempt of somebody else": func(x *tampered) {
			s1, h1, err := x.v.Attempts.Put(x.ctx, []byte("one"), time.Minute)
			must(x.t, err)
			_, h2, err := x.v.Attempts.Put(x.ctx, []byte("two"), time.Minute)
			must(x.t, err)
			keys := x.c.Keys(x.ctx, "bff:a:*").Val()
			a, b := x.c.Get(x.ctx, keys[0]).Val(), x.c.Get(x.ctx, keys[1]).Val()
			x.c.Set(x.ctx, keys[0], b, time.Minute)
			x.c.Set(x.ctx, keys[1], a, time.Minute)
			for _, half := range []secret.Text{h1, h2} {
				_, err = x.v.Attempts.Take(x.ctx, s1, half)
				is(x.t, "take", err, vault.ErrNotFound)
			}
		},
	} {
		t.Run(name, func(t *testing.T) { attack(newTampered(t)) })
	}
}

// Every byte of a record counts: its version, its header, its ciphertext, its tag.
func TestABentRecordDoesNotOpen(t *testing.T) {
	x := newTampered(t)
	key := x.key(x.ada, "s:")
	good := x.c.Get(x.ctx, key).Val()
	for i := range good {
		for _, bent := range []string{good[:i] + string([]byte{good[i] ^ 1}) + good[i+1:], good[:i] + string([]byte{good[i] ^ 0x80}) + good[i+1:], good[:i]} {
			x.c.Set(x.ctx, key, bent, time.Minute)
			if _, err := x.load(x.ada); err == nil {
				t.Fatalf("opened, bent at byte %d of %d", i, len(good))
			}
		}
	}
	for _, bent := range []string{good + "x", good + good, "", "x"} {
		x.c.Set(x.ctx, key, bent, time.Minute)
		_, err := x.load(x.ada)
		is(t, "a record that was grown or emptied", err, vault.ErrNotFound)
	}
	x.c.Set(x.ctx, key, good, time.Minute)
	if _, err := x.load(x.ada); err != nil {
		t.Fatalf("unbent: %v", err)
	}
}

// A key of a type that we never write, a hash where a string is expected, is not an answer.
func TestAKeyOfAnotherTypeIsNoAnswer(t *testing.T) {
	x := newTampered(t)
	key := x.key(x.ada, "s:")
	x.c.Del(x.ctx, key)
	x.c.HSet(x.ctx, key, "a", "b")
	_, err := x.load(x.ada)
	is(t, "load", err, vault.ErrUnavailable)
}
