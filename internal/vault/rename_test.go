package vault_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"bff/internal/testenv"
	"bff/internal/vault"
)

// aProgram is one that hears everything.
func aProgram(c *vault.Config) {
	c.Programs = []vault.Program{{Name: "a", Wants: func(string) bool { return true }}}
}

// deaf is the change that makes a vault no instance: it listens to nobody.
func deaf(c *vault.Config) { c.Deaf = true }

// before is a store that the version before filled, and the account that it knows.
type before struct {
	url     string
	key     vault.Key
	at      time.Time
	cookie  string
	account vault.Identity
	profile vault.Profile
	others  []vault.UserRecord
}

func newBefore(t *testing.T, url string, c redis.UniversalClient) *before {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "store-before-users.json"))
	must(t, err)
	var g goldenStore
	must(t, json.Unmarshal(b, &g))
	g.fill(t, c)
	key, err := vault.ParseKey(g.Key)
	must(t, err)
	return &before{url: url, key: key, at: g.Now.Add(time.Minute), cookie: g.Cookie,
		account: vault.Identity{Provider: "google", Issuer: "https://accounts.google.com", Subject: "1098"},
		profile: vault.Profile{Name: "Ada Lovelace-Byron", Email: "ada.lovelace@example.com", EmailVerified: true}}
}

func (b *before) id() string {
	return vault.UserID(b.account.Provider, b.account.Issuer, b.account.Subject)
}

// open is a vault on the store, and an instance unless it is deaf.
func (b *before) open(t *testing.T, change ...func(*vault.Config)) *vault.Vault {
	t.Helper()
	change = append([]func(*vault.Config){ring(b.key), aProgram, func(c *vault.Config) {
		c.Now = func() time.Time { return b.at }
	}}, change...)
	return open(t, b.url, change...)
}

// lives has the person sign in again, so that there is everything that a store holds.
func (b *before) lives(t *testing.T) (cookie string) {
	t.Helper()
	ctx := context.Background()
	v := b.open(t, deaf)
	must(t, v.Names.Ready(ctx))
	rec, _, err := v.Users.Register(ctx, b.account, b.profile, nil)
	must(t, err)
	s, r := signIn(t, v, vault.NewSession{User: rec.User(), Connection: google(vault.KeepUser), Handle: "google/1098"})
	_, version, err := v.Sessions.Preferences(ctx, s)
	must(t, err)
	must(t, v.WritePreferences(ctx, s, []byte(`{"theme":"light"}`), version))
	_, version, err = v.Documents.UserData(ctx, rec.ID, "billing")
	must(t, err)
	_, err = v.Documents.SetUserData(ctx, rec.ID, "billing", []byte(`{"a":1}`), version)
	must(t, err)
	must(t, v.Sessions.Touch(ctx, load(t, v, r)))
	s2, r2 := signIn(t, v, vault.NewSession{User: rec.User(), Connection: google(vault.KeepSession)})
	must(t, v.Connections.Unlink(ctx, s2, connectionOf(t, load(t, v, r2), vault.KeepSession).ID,
		func(vault.Connection) []byte { return []byte("x") }))
	c, err := r.Cookie("bff")
	must(t, err)
	return c.Value
}

// whole asserts that nothing is lost: both cookies, what is kept, what waits, who is listed.
func (b *before) whole(t *testing.T, v *vault.Vault, cookies ...string) {
	t.Helper()
	ctx := context.Background()
	must(t, v.Names.Ready(ctx))
	for _, cookie := range append(cookies, b.cookie) {
		s := load(t, v, withCookie(cookie))
		if s.User.ID != b.id() {
			t.Errorf("the session is of %+v", s.User)
		}
		if doc, _, err := v.Sessions.Preferences(ctx, s); err != nil || string(doc) != `{"theme":"light"}` {
			t.Errorf("preferences: %s %v", doc, err)
		}
	}
	if rec, err := v.Users.Find(ctx, b.account); err != nil || rec.ID != b.id() {
		t.Errorf("the account is of %q, %v", rec.ID, err)
	}
	all, next, err := v.Users.List(ctx, vault.UserQuery{Limit: 100})
	if err != nil || next != "" || len(all) != 1+len(b.others) ||
		!slices.ContainsFunc(all, func(r vault.UserRecord) bool { return r.ID == b.id() }) {
		t.Errorf("listed: %+v %q %v", all, next, err)
	}
	for _, other := range b.others {
		kept, err := v.Connections.Kept(ctx, other.ID)
		of, err1 := v.Index.SessionsOf(ctx, other.ID)
		doc, _, err2 := v.Documents.UserData(ctx, other.ID, "billing")
		if err := errors.Join(err, err1, err2); err != nil || len(kept) != 1 || len(of) != 1 || string(doc) != `{"basket":[1]}` {
			t.Errorf("%s has %d connections, %d sessions, data %q, %v", other.ID, len(kept), len(of), doc, err)
		}
	}
	if kept, err := v.Connections.Kept(ctx, b.id()); err != nil || len(kept) == 0 {
		t.Errorf("%d kept connections, %v", len(kept), err)
	}
	if doc, _, err := v.Documents.UserData(ctx, b.id(), "billing"); err != nil || string(doc) != `{"a":1}` {
		t.Errorf("data: %s %v", doc, err)
	}
	if of, err := v.Index.SessionsOf(ctx, b.id()); err != nil || len(of) < len(cookies) {
		t.Errorf("%d sessions, %v", len(of), err)
	}
}

// confirmed are those guesses of who is there that a dump confirms.
func (b *before) confirmed(dump []byte) (all []string) {
	for what, guess := range guesses(b.account, b.profile) {
		if bytes.Contains(dump, guess) {
			all = append(all, what)
		}
	}
	slices.Sort(all)
	return all
}

func rename(t *testing.T, v *vault.Vault, o vault.Renaming) vault.Renamed {
	t.Helper()
	found, err := v.Names.Rename(context.Background(), o)
	must(t, err)
	return found
}

// The attack: who has a dump, guesses who is in it and knows all about them, finds them before and not after. Nothing is
// lost by it, nor by going back; a dry run changes nothing.
func TestARenamedStoreConfirmsNoGuessAndLosesNothing(t *testing.T) {
	server := testenv.Redis(t, "--rdbcompression", "no")
	b := newBefore(t, server.URL, server.Client())
	cookie := b.lives(t)
	if len(b.confirmed(server.Dump())) == 0 {
		t.Fatal("a guess is not confirmed before: nothing is shown")
	}
	op := b.open(t, deaf)
	counted := rename(t, op, vault.Renaming{Dry: true})
	if counted.Names == 0 || counted.Unreadable != 0 || len(b.confirmed(server.Dump())) == 0 {
		t.Errorf("a dry run: %+v", counted)
	}
	b.whole(t, b.open(t, deaf), cookie)
	moved := rename(t, op, vault.Renaming{})
	if moved.Names != counted.Names || moved.Twice != 0 {
		t.Errorf("counted %+v, moved %+v", counted, moved)
	}
	if found := b.confirmed(server.Dump()); len(found) > 0 {
		t.Errorf("the dump confirms %q", found)
	}
	v := b.open(t, deaf)
	b.whole(t, v, cookie)
	jobs, err := v.Outbox.Due(context.Background(), 10, time.Minute)
	if err != nil || len(jobs) == 0 {
		t.Errorf("%d revocations wait, %v", len(jobs), err)
	}
	waiting := 0
	for {
		due, err := v.Events.Due(context.Background(), "a", 10, time.Minute)
		must(t, err)
		if len(due) == 0 {
			break
		}
		for _, d := range due {
			if !bytes.Contains(d.Body, []byte(b.id())) {
				t.Errorf("an event of somebody else: %s", d.Body)
			}
			waiting++
			must(t, v.Events.Delivered(context.Background(), d))
		}
	}
	if waiting < 3 {
		t.Errorf("%d events wait", waiting)
	}
	// And whatever is written from now on.
	b.lives(t)
	if found := b.confirmed(server.Dump()); len(found) > 0 {
		t.Errorf("after another sign-in the dump confirms %q", found)
	}
	if again := rename(t, op, vault.Renaming{Dry: true}); again != (vault.Renamed{}) {
		t.Errorf("something is left: %+v", again)
	}
	rename(t, op, vault.Renaming{Back: true})
	b.whole(t, b.open(t, deaf), cookie)
	if left := server.Client().Keys(context.Background(), "bff:v*").Val(); len(left) > 0 {
		t.Errorf("after the way back there is %q", left)
	}
}

// Whatever cannot open the secret of the names serves nobody, and ends nobody's session: an instance with another ring,
// one with an incomplete ring, and every instance while a renaming is not finished.
func TestWhoCannotReadTheNamesServesNobody(t *testing.T) {
	server := testenv.Redis(t)
	ctx := context.Background()
	b := newBefore(t, server.URL, server.Client())
	cookie := b.lives(t)
	other := open(t, server.URL, ring(vault.NewKey()), deaf)
	must(t, other.Names.Ready(ctx))
	_, theirs := signIn(t, other, vault.NewSession{Connection: google(vault.KeepUser)})

	op := b.open(t, deaf)
	before := server.Client().Keys(ctx, "*").Val()
	found, err := op.Names.Rename(ctx, vault.Renaming{})
	is(t, "a store that another ring uses, too", err, vault.ErrUnreadable)
	if now := server.Client().Keys(ctx, "*").Val(); found.Unreadable == 0 || len(now) != len(before) {
		t.Errorf("%+v; %d keys, before %d", found, len(now), len(before))
	}
	load(t, other, theirs)

	rename(t, op, vault.Renaming{Unreadable: true})
	b.whole(t, b.open(t, deaf), cookie)
	for who, v := range map[string]*vault.Vault{
		"another ring":       open(t, server.URL, ring(vault.NewKey()), deaf),
		"an incomplete ring": b.open(t, deaf, ring(vault.NewKey())),
	} {
		is(t, who, v.Names.Ready(ctx), vault.ErrUnavailable)
		is(t, who+" serves", v.Serves(ctx), vault.ErrUnavailable)
		for _, r := range []*http.Request{theirs, withCookie(cookie)} {
			_, err := v.Sessions.Load(r)
			is(t, who+" loads", err, vault.ErrUnavailable)
		}
		_, _, err := v.Users.Register(ctx, b.account, b.profile, nil)
		is(t, who+" registers", err, vault.ErrUnavailable)
		_, err = v.Names.Rename(ctx, vault.Renaming{})
		is(t, who+" renames", err, vault.ErrOtherRing)
	}
	if n := len(server.Client().Keys(ctx, "bff:{*").Val()); n != 0 {
		t.Errorf("%d keys were written that can be guessed", n)
	}
	rename(t, op, vault.Renaming{Back: true})
	fresh := open(t, server.URL, ring(vault.NewKey()), deaf)
	must(t, fresh.Names.Ready(ctx))
	load(t, other, theirs)
}

// The secret of the names follows the ring: after a round of maintenance the old key may go.
func TestTheNamesFollowTheRing(t *testing.T) {
	server := testenv.Redis(t)
	ctx := context.Background()
	b := newBefore(t, server.URL, server.Client())
	b.lives(t)
	rename(t, b.open(t, deaf), vault.Renaming{})
	newer := vault.NewKey()
	both := b.open(t, deaf, ring(newer, b.key))
	must(t, both.Names.Ready(ctx))
	maintain(t, both, 0)
	alone := b.open(t, deaf, ring(newer))
	must(t, alone.Names.Ready(ctx))
	if rec, err := alone.Users.Find(ctx, b.account); err != nil || rec.ID != b.id() {
		t.Errorf("under the new key alone: %q %v", rec.ID, err)
	}
}

// Names change while nobody runs: an instance, of whichever version, is on the bus and stops a renaming.
func TestNamesDoNotChangeUnderAnInstance(t *testing.T) {
	server := testenv.Redis(t)
	ctx := context.Background()
	b := newBefore(t, server.URL, server.Client())
	cookie := b.lives(t)
	op := b.open(t, deaf)
	bus := server.Client().Subscribe(ctx, "bff:bus")
	_, err := bus.Receive(ctx)
	must(t, err)
	_, err = op.Names.Rename(ctx, vault.Renaming{})
	is(t, "while an instance listens", err, vault.ErrListening)
	must(t, bus.Close())
	testenv.Eventually(t, "it is gone", func() bool {
		n := server.Client().PubSubNumSub(ctx, "bff:bus").Val()["bff:bus"]
		return n == 0
	})
	b.whole(t, b.open(t, deaf), cookie)
	rename(t, op, vault.Renaming{})
	b.whole(t, b.open(t, deaf), cookie)
}

// A store that does not answer is not one on which an instance runs: the operator is told what is the matter.
func TestNamesOfAStoreThatIsAway(t *testing.T) {
	server := testenv.Redis(t)
	b := newBefore(t, server.URL, server.Client())
	b.lives(t)
	op := b.open(t, deaf)
	server.Stop()
	for _, dry := range []bool{true, false} {
		_, err := op.Names.Rename(context.Background(), vault.Renaming{Dry: dry})
		is(t, "while the store is away", err, vault.ErrUnavailable)
		if errors.Is(err, vault.ErrListening) {
			t.Errorf("an instance is said to run on it: %v", err)
		}
	}
}

// An instance that was cut off while the names changed was not seen by the renaming. It answers nothing from before, and
// goes on with the new names.
func TestAnInstanceThatWasCutOffLearnsTheNames(t *testing.T) {
	server := testenv.Redis(t)
	ctx := context.Background()
	b := newBefore(t, server.URL, server.Client())
	cookie := b.lives(t)
	line := newLine(t, server.Addr)
	cut := b.open(t, func(c *vault.Config) { c.Store = "redis://" + line.addr })
	must(t, cut.Names.Ready(ctx))
	listening := func() bool { return server.Client().PubSubNumSub(ctx, "bff:bus").Val()["bff:bus"] == 1 }
	testenv.Eventually(t, "the instance listens", listening)
	line.cut()
	testenv.Eventually(t, "the instance is cut off", func() bool { return !listening() })
	rename(t, b.open(t, deaf), vault.Renaming{})
	line.repair()
	testenv.Eventually(t, "the instance listens again", listening)
	for {
		s, err := cut.Sessions.Load(withCookie(cookie))
		if errors.Is(err, vault.ErrUnavailable) {
			continue
		}
		must(t, err)
		if s.User.ID != b.id() {
			t.Errorf("%+v", s.User)
		}
		break
	}
	if n := len(server.Client().Keys(ctx, "bff:{*").Val()); n != 0 {
		t.Errorf("%d keys were written that can be guessed", n)
	}
}

// kill -9 after any command: what was sent is done, nothing comes after it, and nobody is served until the operator's
// next call has finished it. Then nothing is lost, and nothing can be guessed.
func TestARenamingThatIsKilledGoesOn(t *testing.T) {
	server := testenv.Redis(t, "--rdbcompression", "no")
	ctx := context.Background()
	killed := 0
	for first := 1; first <= 4; first++ {
		must(t, server.Client().FlushDB(ctx).Err())
		b := newBefore(t, server.URL, server.Client())
		cookie := b.lives(t)
		for n, done := first, false; !done; n += 4 {
			line := newLine(t, server.Addr)
			line.left.Store(int64(n))
			op := b.open(t, deaf, func(c *vault.Config) { c.Store = "redis://" + line.addr })
			_, err := op.Names.Rename(ctx, vault.Renaming{})
			if done = err == nil; done {
				break
			}
			killed++
			is(t, "killed", err, vault.ErrUnavailable)
			v := b.open(t, deaf)
			if server.Client().Exists(ctx, "bff:v").Val() == 0 {
				b.whole(t, v, cookie)
				continue
			}
			if err := v.Names.Ready(ctx); err == nil {
				b.whole(t, v, cookie) // all but the answer was done
			} else if _, err := v.Sessions.Load(withCookie(cookie)); !errors.Is(err, vault.ErrUnavailable) {
				t.Fatalf("in the middle a session is read: %v", err)
			}
		}
		b.whole(t, b.open(t, deaf), cookie)
		if found := b.confirmed(server.Dump()); len(found) > 0 {
			t.Fatalf("the dump confirms %q", found)
		}
	}
	if killed < 50 {
		t.Errorf("%d times killed", killed)
	}
}

// In a Cluster a tag's new name is in another slot: keys are copied, then deleted. Broken off at any time, it goes on.
func TestAClusterIsRenamed(t *testing.T) {
	c := testenv.Cluster(t)
	ctx := context.Background()
	var addrs []string
	for _, s := range c.Servers {
		addrs = append(addrs, s.Addr)
	}
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs})
	t.Cleanup(func() { _ = client.Close() })
	b := newBefore(t, c.URL, client)
	cookie := b.lives(t)
	for n := range 5 {
		b.others = append(b.others, register(t, b.open(t, deaf), n))
	}
	lasting := func() (n int) { // keys that do not end by themselves, but for the names' own
		for _, s := range c.Servers {
			for _, key := range s.Client().Keys(ctx, "bff:*").Val() {
				if key != "bff:v" && s.Client().PTTL(ctx, key).Val() < 0 {
					n++
				}
			}
		}
		return n
	}
	before := lasting()
	counted := rename(t, b.open(t, deaf), vault.Renaming{Dry: true})
	broken := 0
	for patience := 2010 * time.Millisecond; ; patience += patience / 4 {
		short, cancel := context.WithTimeout(ctx, patience)
		_, err := b.open(t, deaf).Names.Rename(short, vault.Renaming{})
		cancel()
		if err == nil {
			break
		}
		if broken++; broken == 1 {
			patience = 8 * time.Millisecond
		}
	}
	b.whole(t, b.open(t, deaf), cookie)
	if now := lasting(); now != before {
		t.Errorf("%d keys do not end by themselves, before %d", now, before)
	}
	for _, s := range c.Servers {
		if left := s.Client().Keys(ctx, "bff:{*").Val(); len(left) > 0 {
			t.Errorf("left: %q", left)
		}
		if found := b.confirmed(s.Dump()); len(found) > 0 {
			t.Errorf("the dump confirms %q", found)
		}
	}
	back := rename(t, b.open(t, deaf), vault.Renaming{Back: true})
	if back.Twice != 0 || back.Names < counted.Names {
		t.Errorf("back: %+v, there were %+v; broken off %d times", back, counted, broken)
	}
	t.Logf("broken off %d times", broken)
	b.whole(t, b.open(t, deaf), cookie)
}
