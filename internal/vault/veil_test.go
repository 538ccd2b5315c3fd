package vault_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"bff/internal/testenv"
	"bff/internal/vault"
)

// before is a store as the versions before left it: people of before there were users, and one of them registered
// since, with the guessable id, and with something of everything.
type before struct {
	key      vault.Key
	at       time.Time
	identity vault.Identity
	id       string
	profile  vault.Profile
	r        *http.Request // the cookie of before there were users
	again    *http.Request // of the registered user
	now      func() time.Time
}

func program(c *vault.Config) {
	c.Programs = []vault.Program{{Name: "a", Wants: func(string) bool { return true }}}
}

func (b *before) config(c *vault.Config) {
	program(c)
	c.Keys, c.Now = []vault.Key{b.key}, b.now
}

// fillBefore makes such a store. What this version writes while one before runs is what that one wrote.
func fillBefore(t *testing.T, url string, client redis.UniversalClient) *before {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "store-before-users.json"))
	must(t, err)
	var g goldenStore
	must(t, json.Unmarshal(raw, &g))
	ctx := context.Background()
	g.fillInto(t, client)
	key, err := vault.ParseKey(g.Key)
	must(t, err)
	b := &before{key: key, at: g.Now.Add(time.Minute), r: withCookie(g.Cookie),
		identity: vault.Identity{Provider: "google", Issuer: "https://accounts.google.com", Subject: "1098"},
		profile:  vault.Profile{Name: "Ada Lovelace-Byron", Email: "ada.lovelace@example.com", EmailVerified: true}}
	b.now = func() time.Time { return b.at }
	b.id = vault.UserID(b.identity.Provider, b.identity.Issuer, b.identity.Subject)
	left := listening(t, client)
	v := openOnce(t, url, b.config)
	rec, isNew, err := v.Register(ctx, b.identity, b.profile, func(r *vault.UserRecord) error {
		r.Rights[vault.RightsAdmin] = []string{"staff"}
		return nil
	})
	if err != nil || !isNew || rec.ID != b.id {
		t.Fatalf("%+v %v %v", rec, isNew, err)
	}
	s, again := signIn(t, v, vault.NewSession{User: rec.User(), Connection: google(vault.KeepSession), Handle: "google/sid-2"})
	b.again = again
	_, err = v.SetUserData(ctx, rec.ID, "billing", []byte(`{"to":"`+b.profile.Email+`"}`), "")
	must(t, err)
	_, err = v.SetSessionData(ctx, s.ID, "billing", []byte(`{"cart":1}`), "")
	must(t, err)
	must(t, v.Touch(ctx, s))
	must(t, v.Close())
	left()
	forget := func(ctx context.Context, c *redis.Client) error { // no version before has this record
		for _, key := range c.Keys(ctx, "bff:v:*").Val() {
			must(t, c.Del(ctx, key).Err())
		}
		return nil
	}
	must(t, onServers(ctx, client, forget))
	return b
}

// onServers does f on every server that holds keys.
func onServers(ctx context.Context, client redis.UniversalClient, f func(context.Context, *redis.Client) error) error {
	if c, ok := client.(*redis.ClusterClient); ok {
		return c.ForEachMaster(ctx, f)
	}
	return f(ctx, client.(*redis.Client))
}

// listening is an instance of a version before, until it has left: it listens to the bus.
func listening(t *testing.T, client redis.UniversalClient) (left func()) {
	t.Helper()
	ctx := context.Background()
	ps := client.Subscribe(ctx, "bff:bus")
	_, err := ps.Receive(ctx)
	must(t, err)
	return func() {
		_ = ps.Close()
		testenv.Eventually(t, "nobody listens any more", func() bool {
			var n atomic.Int64
			count := func(ctx context.Context, c *redis.Client) error {
				n.Add(c.PubSubNumSub(ctx, "bff:bus").Val()["bff:bus"])
				return nil
			}
			return onServers(ctx, client, count) == nil && n.Load() == 0
		})
	}
}

func (g *goldenStore) fillInto(t *testing.T, c redis.UniversalClient) {
	t.Helper()
	ctx := context.Background()
	for key, value := range g.Strings {
		must(t, c.Set(ctx, key, value, time.Hour).Err())
	}
	for key, fields := range g.Hashes {
		for field, value := range fields {
			must(t, c.HSet(ctx, key, field, value).Err())
		}
	}
	for user, due := range g.Due {
		must(t, c.ZAdd(ctx, "bff:o", redis.Z{Score: due, Member: user}).Err())
	}
}

// check holds that nothing was lost.
func (b *before) check(t *testing.T, v *vault.Vault) {
	t.Helper()
	ctx := context.Background()
	old := load(t, v, b.r)
	if old.User.ID != b.id || len(old.Connections) != 2 || len(old.User.Rights) != 1 {
		t.Errorf("the session of before there were users: %+v, %d connections", old.User, len(old.Connections))
	}
	s := load(t, v, b.again)
	if s.User.ID != b.id || len(s.Connections) != 2 {
		t.Errorf("the session: %+v, %d connections", s.User, len(s.Connections))
	}
	if doc, _, err := v.Preferences(ctx, s); err != nil || string(doc) != `{"theme":"dark"}` {
		t.Errorf("preferences: %s %v", doc, err)
	}
	if doc, _, err := v.UserData(ctx, b.id, "billing"); err != nil || !strings.Contains(string(doc), b.profile.Email) {
		t.Errorf("data beside the user: %s %v", doc, err)
	}
	if doc, _, err := v.SessionData(ctx, s.ID, "billing"); err != nil || string(doc) != `{"cart":1}` {
		t.Errorf("data beside the session: %s %v", doc, err)
	}
	if all, err := v.SessionsOf(ctx, b.id); err != nil || len(all) != 2 {
		t.Errorf("%d sessions, %v", len(all), err)
	}
	rec, isNew, err := v.Register(ctx, b.identity, b.profile, nil)
	if err != nil || isNew || rec.ID != b.id || rec.Rights[vault.RightsAdmin] == nil {
		t.Errorf("the next sign-in: %+v %v %v", rec, isNew, err)
	}
	if page, _, err := v.ListUsers(ctx, vault.UserQuery{Limit: 10}); err != nil || len(page) != 1 || page[0].ID != b.id {
		t.Errorf("the list: %+v %v", page, err)
	}
}

// guessed are the guesses that a dump holds.
func (b *before) guessed(dump []byte) (held []string) {
	for what, guess := range guesses(b.identity, b.profile) {
		if bytes.Contains(dump, guess) {
			held = append(held, what)
		}
	}
	return held
}

// A store that versions before filled, with ids that anybody computes of provider, issuer and subject, names nobody
// after the upgrade: not by an id, not by a tag. Nobody is signed out by it and nothing is lost, and it stays so when
// the ring turns.
func TestAStoreOfBeforeNamesNobodyAfterTheUpgrade(t *testing.T) {
	server := testenv.Redis(t, "--rdbcompression", "no")
	ctx := context.Background()
	b := fillBefore(t, server.URL, server.Client())
	if len(b.guessed(server.Dump())) == 0 {
		t.Fatal("the store of before names nobody: nothing is shown")
	}
	v := open(t, server.URL, b.config)
	b.check(t, v)
	eventuallyNamesNobody(t, b, server)
	b.check(t, v)
	fresh := vault.NewKey()
	turned := open(t, server.URL, b.config, ring(fresh, b.key))
	b.check(t, turned)
	for _, r := range []*http.Request{b.r, b.again} {
		must(t, turned.Touch(ctx, load(t, turned, r)))
	}
	_, err := turned.MaintainUsers(ctx, "", 0, nil)
	must(t, err)
	alone := open(t, server.URL, b.config, ring(fresh)) // the key before is gone
	if rec, err := alone.GetUser(ctx, b.id); err != nil || !load(t, alone, b.r).User.CreatedAt.Equal(rec.CreatedAt) {
		t.Errorf("under the new key alone: %+v %v", rec, err)
	}

	type told struct {
		Data struct{ User struct{ ID string } }
	}
	n := 0
	for {
		due, err := turned.DueDeliveries(ctx, "a", 10, time.Minute)
		must(t, err)
		if len(due) == 0 {
			break
		}
		for _, d := range due {
			var m told
			must(t, json.Unmarshal(d.Body, &m))
			if n++; m.Data.User.ID != b.id {
				t.Errorf("an event of before names %q", m.Data.User.ID)
			}
			must(t, turned.Delivered(ctx, d))
		}
	}
	if jobs, err := turned.DueJobs(ctx, 10, time.Minute); err != nil || n < 2 {
		t.Errorf("%d events, %d jobs, %v", n, len(jobs), err)
	}
	if ended, err := turned.EndHandle(ctx, "google/sid-2", "provider"); err != nil || ended != 1 {
		t.Errorf("by the provider's name %d sessions ended, %v", ended, err)
	}
	_, err = turned.EraseUser(ctx, b.id, func(vault.Connection) []byte { return nil })
	must(t, err)
	_, err = turned.FindUser(ctx, b.identity)
	is(t, "the erased user", err, vault.ErrNotFound)
	if held := b.guessed(server.Dump()); len(held) > 0 {
		t.Errorf("after the erasing the dump holds %q", held)
	}
}

func eventuallyNamesNobody(t *testing.T, b *before, server *testenv.RedisServer) {
	t.Helper()
	var held []string
	testenv.Eventually(t, "the dump names nobody", func() bool {
		held = b.guessed(server.Dump())
		return len(held) == 0
	})
}

// Nobody needs to come back for it.
func TestAStoreOfBeforeNamesNobodyThoughNobodyComes(t *testing.T) {
	server := testenv.Redis(t, "--rdbcompression", "no")
	b := fillBefore(t, server.URL, server.Client())
	v := open(t, server.URL, b.config)
	_, err := v.GetUser(context.Background(), "u_somebody")
	is(t, "somebody", err, vault.ErrNotFound)
	eventuallyNamesNobody(t, b, server)
	b.check(t, v)
}

// On a Cluster the names change their slots.
func TestAStoreOfBeforeOnAClusterNamesNobody(t *testing.T) {
	cluster := testenv.Cluster(t)
	opts := strings.Split(strings.TrimPrefix(cluster.URL, "redis+cluster://"), ",")
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: opts})
	defer client.Close()
	b := fillBefore(t, cluster.URL, client)
	v := open(t, cluster.URL, b.config, func(c *vault.Config) { c.Cache = true })
	b.check(t, v)
	testenv.Eventually(t, "no key names anybody", func() bool {
		return len(b.guessed([]byte(strings.Join(cluster.Keys(), "\n")))) == 0
	})
	b.check(t, v)
	s := load(t, v, b.again)
	must(t, v.End(context.Background(), s, "logout"))
	_, err := v.Load(b.again)
	is(t, "a session that was logged out", err, vault.ErrNotFound)
}

// An instance that dies anywhere on the way, again and again, loses nothing: each of these gets a few commands through
// before its connections are cut.
func TestAnUpgradeThatIsCutAnywhereLosesNothing(t *testing.T) {
	for n := 0; n < 60; n += 1 + n/12 {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			server := testenv.Redis(t)
			b := fillBefore(t, server.URL, server.Client())
			cut := cutAfter(t, server.Addr, n)
			v := openOnce(t, "redis://"+cut, b.config)
			for range 3 {
				if _, err := v.Load(b.again); err != nil && !errors.Is(err, vault.ErrUnavailable) {
					t.Fatalf("cut after %d commands: %v", n, err)
				}
			}
			must(t, v.Close())
			b.check(t, open(t, server.URL, b.config))
		})
	}
}

// What is left behind of a move that was cut brings nothing back that ended meanwhile.
func TestWhatAMoveLeavesBehindBringsNothingBack(t *testing.T) {
	server := testenv.Redis(t)
	client, ctx := server.Client(), context.Background()
	b := fillBefore(t, server.URL, client)
	left := map[string]string{}
	for _, key := range client.Keys(ctx, "bff:{*").Val() {
		left[key] = client.Dump(ctx, key).Val()
	}
	v := open(t, server.URL, b.config)
	must(t, v.End(ctx, load(t, v, b.again), "logout"))
	for key, value := range left {
		must(t, client.RestoreReplace(ctx, key, time.Hour, value).Err())
	}
	for _, key := range client.Keys(ctx, "bff:{.*}:s:*").Val() { // the tombstone's time is over
		if client.StrLen(ctx, key).Val() < 60 {
			must(t, client.Del(ctx, key).Err())
		}
	}
	again := open(t, server.URL, b.config)
	_, err := again.Load(b.again)
	is(t, "a session that was logged out", err, vault.ErrNotFound)
	testenv.Eventually(t, "nothing is left behind", func() bool {
		for key := range left {
			if client.Exists(ctx, key).Val() > 0 {
				return false
			}
		}
		return true
	})
	_, err = again.Load(b.again)
	is(t, "a session that was logged out, when all is done", err, vault.ErrNotFound)
}

// Two instances change over together, under load: no call finds nobody, and no write that was acknowledged is lost.
func TestNamesChangeUnderLoadOnTwoInstances(t *testing.T) {
	server := testenv.Redis(t)
	client, ctx := server.Client(), context.Background()
	b := fillBefore(t, server.URL, client)
	listening(t, client)
	soon := func(c *vault.Config) { c.Overlap = 5 * time.Second }
	vs := []*vault.Vault{open(t, server.URL, b.config, soon), open(t, server.URL, b.config, soon)}
	load(t, vs[0], b.again)
	if n := len(client.Keys(ctx, "bff:{.*").Val()); n != 0 {
		t.Fatalf("%d keys are veiled while an instance of before runs", n)
	}
	stop := make(chan struct{})
	var work sync.WaitGroup
	wrote := make([]int, len(vs))
	for i, v := range vs {
		work.Go(func() {
			client := fmt.Sprint("client-", i)
			version := ""
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := v.Load(b.again); err != nil && !errors.Is(err, vault.ErrUnavailable) {
					t.Errorf("a call: %v", err)
					return
				}
				next, err := v.SetUserData(ctx, b.id, client, fmt.Appendf(nil, "%d", wrote[i]+1), version)
				switch {
				case err == nil:
					version = next
					wrote[i]++
				case errors.Is(err, vault.ErrUnavailable):
					doc, at, err := v.UserData(ctx, b.id, client)
					if err == nil {
						version = at
						_, _ = fmt.Sscan(string(doc), &wrote[i])
					}
				default:
					t.Errorf("write %d: %v", wrote[i]+1, err)
					return
				}
			}
		})
	}
	testenv.Eventually(t, "the names are veiled", func() bool {
		return len(client.Keys(ctx, "bff:{.*").Val()) > 0 && len(b.guessed([]byte(strings.Join(client.Keys(ctx, "*").Val(), "\n")))) == 0
	})
	close(stop)
	work.Wait()
	for i := range vs {
		doc, _, err := vs[1-i].UserData(ctx, b.id, fmt.Sprint("client-", i))
		if err != nil || string(doc) != fmt.Sprint(wrote[i]) || wrote[i] < 10 {
			t.Errorf("instance %d wrote %d, and the other one reads %s (%v)", i, wrote[i], doc, err)
		}
	}
	b.check(t, vs[0])
}

// cutAfter stands before a server, lets n requests through, and cuts all connections then.
func cutAfter(t *testing.T, server string, n int) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	var left atomic.Int64
	left.Store(int64(n))
	var work sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); work.Wait() })
	work.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", server)
			if err != nil {
				_ = near.Close()
				return
			}
			work.Go(func() { _, _ = io.Copy(near, far); _ = near.Close() })
			work.Go(func() {
				defer far.Close()
				defer near.Close()
				for buf := make([]byte, 1<<20); ; {
					got, err := near.Read(buf)
					if err != nil || left.Add(-1) < 0 {
						return
					}
					if _, err := far.Write(buf[:got]); err != nil {
						return
					}
				}
			})
		}
	})
	return l.Addr().String()
}
