package vault_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"bff/internal/testenv"
	"bff/internal/vault"
)

// writer is one thing that a request in flight may do to a session it has read.
type writer func(v *vault.Vault, s *vault.Session) error

var writers = map[string]writer{
	"touch": func(v *vault.Vault, s *vault.Session) error {
		own := *s
		return v.Sessions.Touch(context.Background(), &own)
	},
	"refresh": refreshOnce,
	"link": func(v *vault.Vault, s *vault.Session) error {
		_, err := v.Connections.Link(context.Background(), s, *google(vault.KeepSession))
		return err
	},
	"link kept": func(v *vault.Vault, s *vault.Session) error {
		_, err := v.Connections.Link(context.Background(), s, *google(vault.KeepUser))
		return err
	},
	"preferences": preferOnce,
}

func refreshOnce(v *vault.Vault, s *vault.Session) error {
	c, err := v.Connections.Reload(context.Background(), &s.Connections[0])
	if err == nil {
		_, err = v.Connections.Update(context.Background(), &c, c)
	}
	return err
}

func preferOnce(v *vault.Vault, s *vault.Session) error {
	_, version, err := v.Sessions.Preferences(context.Background(), s)
	if err == nil {
		err = v.WritePreferences(context.Background(), s, []byte(`{"a":1}`), version)
	}
	return err
}

// Guarantee 6: logout against a hundred writers on two instances, of which half begin before the logout answers and
// go on after it.
func TestLogoutWinsAgainstAHundredWriters(t *testing.T) {
	server := testenv.Redis(t)
	ctx := context.Background()
	for name, end := range map[string]func(a, b *vault.Vault, s, other *vault.Session) error{
		"logout": func(a, _ *vault.Vault, s, _ *vault.Session) error { return a.Sessions.End(ctx, s, "logout") },
		"by another session": func(_, b *vault.Vault, s, other *vault.Session) error {
			return b.Index.EndOne(ctx, other, s.ID, "ended_elsewhere")
		},
		"all others": func(_, b *vault.Vault, _, other *vault.Session) error {
			return b.Index.EndOthers(ctx, other, "ended_elsewhere")
		},
		"by the provider": func(a, _ *vault.Vault, _, _ *vault.Session) error {
			_, err := a.Index.EndHandle(ctx, "google/sid", "provider")
			return err
		},
		"all of the user": func(_, b *vault.Vault, s, _ *vault.Session) error {
			_, err := b.Index.EndUser(ctx, s.User.ID, "provider")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			prefix := testenv.Random(t)[:8]
			a, b := pair(t, server.URL, func(c *vault.Config) { c.Prefix = prefix })
			_, r := signIn(t, a, vault.NewSession{Connection: google(vault.KeepSession), Handle: "google/sid"})
			_, r2 := signIn(t, b, vault.NewSession{})
			other := load(t, b, r2)
			each := 4 // of five kinds
			if name == "logout" {
				each = 20
			}
			against(t, each, a, b, r, func() error { return end(a, b, load(t, a, r), other) })
		})
	}
}

func against(t *testing.T, each int, a, b *vault.Vault, r *http.Request, end func() error) {
	t.Helper()
	var ended atomic.Bool
	var all sync.WaitGroup
	var under sync.WaitGroup // until every writer has written once
	for i := range each {
		for name, write := range writers {
			v := []*vault.Vault{a, b}[i%2]
			s, err := v.Sessions.Load(r)
			if err != nil {
				t.Errorf("before the logout: %v", err)
				continue
			}
			under.Add(1)
			all.Go(func() {
				for n := 0; ; n++ {
					last := ended.Load()
					err := write(v, s)
					if n == 0 {
						under.Done()
					}
					if err != nil && !errors.Is(err, vault.ErrConflict) && !errors.Is(err, vault.ErrNotFound) {
						t.Errorf("%s: %v", name, err)
					}
					if last {
						return // one whole write after the logout answered
					}
				}
			})
		}
	}
	testenv.Finished(t, "the calls under way", under.Wait)
	err := end()
	ended.Store(true)
	is(t, "the logout", err, nil)
	for _, v := range []*vault.Vault{a, b} {
		_, err := v.Sessions.Load(r)
		is(t, "right after the logout answered", err, vault.ErrNotFound)
	}
	testenv.Finished(t, "all of them", all.Wait)
	for _, v := range []*vault.Vault{a, b} {
		_, err := v.Sessions.Load(r)
		is(t, "after all writers", err, vault.ErrNotFound)
	}
}

// The index is exact: who ended is not listed, who lives is, whatever ran at the same time.
func TestSessionsListsExactlyThoseThatLive(t *testing.T) {
	server := testenv.Redis(t)
	a, b := pair(t, server.URL)
	ctx := context.Background()
	base, _ := signIn(t, a, vault.NewSession{Device: "base"})
	var mu sync.Mutex
	live := map[string]bool{base.ID: true}
	var all sync.WaitGroup
	for i := range 60 {
		v := []*vault.Vault{a, b}[i%2]
		all.Go(func() {
			s, r := signIn(t, v, vault.NewSession{})
			must(t, v.Sessions.Touch(ctx, s))
			switch i % 3 {
			case 0:
				must(t, v.Sessions.End(ctx, s, "logout"))
				_, _ = v.Sessions.Load(r)
			case 1:
				must(t, b.Index.EndOne(ctx, base, s.ID, "ended_elsewhere"))
				must(t, a.Sessions.Touch(ctx, s))
			default:
				mu.Lock()
				live[s.ID] = true
				mu.Unlock()
			}
		})
		all.Go(func() {
			if _, err := b.Index.Sessions(ctx, base); err != nil {
				t.Error(err)
			}
		})
	}
	testenv.Finished(t, "all of them", all.Wait)
	for _, v := range []*vault.Vault{a, b} {
		list, err := v.Index.Sessions(ctx, base)
		must(t, err)
		for _, info := range list {
			if !live[info.ID] || info.Current != (info.ID == base.ID) {
				t.Errorf("listed: %+v", info)
			}
		}
		if len(list) != len(live) {
			t.Errorf("%d listed, %d live", len(list), len(live))
		}
	}
	is(t, "one that is not theirs", a.Index.EndOne(ctx, base, "s_unknown", "logout"), vault.ErrNotFound)
	must(t, a.Index.EndOthers(ctx, base, "logout"))
	if list, err := b.Index.Sessions(ctx, base); err != nil || len(list) != 1 || !list[0].Current {
		t.Errorf("after all others were ended: %v %v", list, err)
	}
	if n, err := b.Index.EndUser(ctx, base.User.ID, "provider"); n != 1 || err != nil {
		t.Errorf("ended %d %v", n, err)
	}
}

// Nobody may ever look at a user's sessions. The index of one who signs in for months, and idles away every time,
// stays small; and it never lives for ever.
func TestTheIndexForgetsSessionsThatExpired(t *testing.T) {
	server := testenv.Redis(t)
	v := open(t, server.URL)
	ctx, c := context.Background(), server.Client()
	for range 200 {
		s, _ := signIn(t, v, vault.NewSession{})
		for _, key := range c.Keys(ctx, "bff:{*}:s:*").Val() {
			c.Del(ctx, key) // as its idle time does
		}
		must(t, v.Sessions.Touch(ctx, s)) // which finds nothing
	}
	index := c.Keys(ctx, "bff:{*}:i").Val()[0]
	if n := c.HLen(ctx, index).Val(); n > 32 {
		t.Errorf("%d entries", n)
	}
	s, _ := signIn(t, v, vault.NewSession{})
	c.Del(ctx, index)
	must(t, v.Sessions.Touch(ctx, s))
	if _, err := v.Connections.Link(ctx, s, *google(vault.KeepSession)); err != nil {
		t.Fatal(err)
	}
	if ttl := c.PTTL(ctx, index).Val(); ttl <= 0 {
		t.Errorf("a touch made an index that lives for ever: %v", ttl)
	}
	if list, err := v.Index.Sessions(ctx, s); err != nil || len(list) != 1 {
		t.Errorf("a lost index: %v %v", list, err)
	}
	for _, key := range c.Keys(ctx, "bff:{*}:*").Val() {
		if ttl := c.PTTL(ctx, key).Val(); ttl <= 0 {
			t.Errorf("%s lives for ever", key)
		}
	}
}
