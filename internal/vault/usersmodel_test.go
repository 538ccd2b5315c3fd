package vault_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"bff/internal/testenv"
	"bff/internal/vault"
)

// people is what a store should hold, beside two instances that hold it.
type people struct {
	t         *rapid.T
	ctx       context.Context
	instances []*vault.Vault
	wire      *counter // of the last instance, which loses answers
	client    *redis.Client
	clock     *atomic.Int64               // nanoseconds that have passed: no two sessions begin at one time
	holder    map[int]string              // identity -> user id
	sessions  map[string][]*vault.Session // of a user, the oldest in front
}

const (
	manyIdentities = 5
	capOfSessions  = 100 // of one user: one more ends the oldest
)

// identityN are accounts of two people: the provider calls every other one alike.
func identityN(n int) vault.Identity {
	return vault.Identity{Provider: "p", Issuer: "https://i", Subject: fmt.Sprint(n), Named: fmt.Sprint("person ", n%2)}
}

// do has an instance do what f does. Where the answer was lost, the outcome is unknown, and the next instance does it
// again, as whoever asked for it would.
func (p *people) do(f func(v *vault.Vault) error) error {
	n := rapid.IntRange(0, len(p.instances)-1).Draw(p.t, "instance")
	if n == len(p.instances)-1 {
		p.wire.lose.Store(int64(rapid.IntRange(0, 8).Draw(p.t, "lose")))
	}
	err := f(p.instances[n])
	p.wire.lose.Store(0)
	if errors.Is(err, vault.ErrUnavailable) {
		err = f(p.instances[0])
	}
	return err
}

func (p *people) must(err error) {
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *people) is(what string, err, want error) {
	if !errors.Is(err, want) {
		p.t.Fatalf("%s: %v, want %v", what, err, want)
	}
}

func (p *people) identity() int { return rapid.IntRange(0, manyIdentities-1).Draw(p.t, "identity") }

// user is one of those that there are, "" where there is none.
func (p *people) user() string {
	ids := p.users()
	if len(ids) == 0 {
		return ""
	}
	return rapid.SampledFrom(ids).Draw(p.t, "user")
}

func (p *people) users() []string {
	var ids []string
	for _, id := range p.holder {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func (p *people) signIn() {
	n := p.identity()
	var rec vault.UserRecord
	p.must(p.do(func(v *vault.Vault) (err error) {
		rec, _, err = v.Users.Register(p.ctx, identityN(n), vault.Profile{Name: fmt.Sprint(n)}, nil)
		return err
	}))
	if known, ok := p.holder[n]; ok && known != rec.ID {
		p.t.Fatalf("identity %d is of %s, and signed in %s", n, known, rec.ID)
	}
	if _, ok := p.holder[n]; !ok && slices.Contains(p.users(), rec.ID) {
		p.t.Fatalf("identity %d is nobody's, and signed in %s, who exists", n, rec.ID)
	}
	p.holder[n] = rec.ID
	_, version, err := p.instances[0].Documents.UserData(p.ctx, rec.ID, "billing")
	p.must(err)
	_, err = p.instances[0].Documents.SetUserData(p.ctx, rec.ID, "billing", []byte(`{"basket":[1]}`), version)
	p.must(err)
	p.begin(rec, 1)
}

// begin has a user begin so many sessions. Those that are too many end others, the oldest first.
func (p *people) begin(rec vault.UserRecord, n int) {
	for range n {
		p.clock.Add(int64(time.Millisecond))
		s, err := p.instances[0].Sessions.Create(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil),
			vault.NewSession{User: rec.User(), Connection: google(vault.KeepSession)})
		p.must(err)
		of := append(p.sessions[rec.ID], s)
		p.sessions[rec.ID] = of[max(0, len(of)-capOfSessions):]
	}
}

// crowd has a user sign in on more devices than one may have sessions, now and then.
func (p *people) crowd() {
	id := p.user()
	if id == "" || rapid.IntRange(0, 19).Draw(p.t, "crowd") > 0 {
		return
	}
	rec, err := p.instances[0].Users.Get(p.ctx, id)
	p.must(err)
	p.begin(rec, capOfSessions+1-len(p.sessions[id])/2)
}

func (p *people) link() {
	id, n := p.user(), p.identity()
	if id == "" {
		return
	}
	err := p.do(func(v *vault.Vault) error { _, err := v.Users.AddIdentity(p.ctx, id, identityN(n)); return err })
	if known, ok := p.holder[n]; ok && known != id {
		p.is("another user's identity", err, vault.ErrTaken)
		return
	}
	p.must(err)
	p.holder[n] = id
}

func (p *people) unlink() {
	id := p.user()
	if id == "" {
		return
	}
	var own []int
	for n := range manyIdentities {
		if p.holder[n] == id {
			own = append(own, n)
		}
	}
	n := rapid.SampledFrom(own).Draw(p.t, "identity")
	err := p.do(func(v *vault.Vault) error { _, err := v.Users.RemoveIdentity(p.ctx, id, identityN(n)); return err })
	if len(own) == 1 {
		p.is("the last identity", err, vault.ErrLastIdentity)
		return
	}
	p.must(err)
	delete(p.holder, n)
}

func (p *people) end() {
	id := p.user()
	if len(p.sessions[id]) == 0 {
		return
	}
	s := p.sessions[id][0]
	p.must(p.do(func(v *vault.Vault) error { return v.Sessions.End(p.ctx, s, "logout") }))
	p.sessions[id] = p.sessions[id][1:]
}

func (p *people) erase() {
	id := p.user()
	if id == "" {
		return
	}
	err := p.do(func(v *vault.Vault) error {
		_, err := v.Users.Erase(p.ctx, id, func(vault.Connection) []byte { return nil })
		return err
	})
	if !errors.Is(err, vault.ErrNotFound) { // it was done, and the answer lost
		p.must(err)
	}
	delete(p.sessions, id)
	for n, of := range p.holder {
		if of == id {
			delete(p.holder, n)
		}
	}
}

// crash begins something at an instance that loses an answer of the store in the middle, and leaves it: nobody does it
// again. What became of it is what the store says; agree holds the rest against that.
func (p *people) crash() {
	n, id := p.identity(), p.user()
	v := p.instances[len(p.instances)-1]
	p.wire.lose.Store(int64(rapid.IntRange(1, 8).Draw(p.t, "lose")))
	switch what := rapid.SampledFrom([]string{"sign in", "link", "unlink", "erase"}).Draw(p.t, "what"); {
	case what == "sign in":
		_, _, _ = v.Users.Register(p.ctx, identityN(n), vault.Profile{Name: fmt.Sprint(n)}, nil)
	case id == "":
	case what == "link":
		_, _ = v.Users.AddIdentity(p.ctx, id, identityN(n))
	case what == "unlink":
		_, _ = v.Users.RemoveIdentity(p.ctx, id, identityN(n))
	case what == "erase":
		_, _ = v.Users.Erase(p.ctx, id, func(vault.Connection) []byte { return nil })
	}
	p.wire.lose.Store(0)
	p.look(id)
	p.look(p.holder[n])
	rec, err := p.instances[0].Users.Find(p.ctx, identityN(n))
	switch known, ok := p.holder[n]; {
	case err == nil && ok && rec.ID != known:
		p.t.Fatalf("identity %d was of %s, and a crash gave it to %s", n, known, rec.ID)
	case err == nil && !ok && slices.Contains(p.users(), rec.ID) && rec.ID != id:
		p.t.Fatalf("a crash gave identity %d to %s, who did nothing", n, rec.ID)
	case err == nil:
		p.holder[n] = rec.ID
	default:
		p.is(fmt.Sprintf("identity %d", n), err, vault.ErrNotFound)
		delete(p.holder, n)
	}
}

// look takes over what a crash left of a user: nothing, or the record with or without sessions. Half of the sessions is
// no answer.
func (p *people) look(id string) {
	if id == "" {
		return
	}
	of, err := p.instances[0].Index.SessionsOf(p.ctx, id)
	p.must(err)
	if len(of) != 0 && len(of) != len(p.sessions[id]) {
		p.t.Fatalf("a crash ended some of %d sessions: %d are left", len(p.sessions[id]), len(of))
	}
	if len(of) == 0 {
		delete(p.sessions, id)
	}
	rec, err := p.instances[0].Users.Get(p.ctx, id)
	if errors.Is(err, vault.ErrNotFound) && len(of) > 0 {
		p.t.Fatalf("a user is erased and has %d sessions", len(of))
	}
	for n, holder := range p.holder {
		if holder == id && !slices.ContainsFunc(rec.Identities, func(i vault.Identity) bool {
			return i.Subject == fmt.Sprint(n)
		}) {
			delete(p.holder, n)
		}
	}
}

// expire has the store end every session by its time.
func (p *people) expire() {
	for _, kind := range []string{"s", "c"} {
		keys, err := p.client.Keys(p.ctx, "*}:"+kind+":*").Result()
		p.must(err)
		if len(keys) > 0 {
			p.must(p.client.Del(p.ctx, keys...).Err())
		}
	}
	clear(p.sessions)
}

// agree holds what the store says against what it should hold.
func (p *people) agree(*rapid.T) {
	v := p.instances[0]
	for n := range manyIdentities {
		rec, err := v.Users.Find(p.ctx, identityN(n))
		if want, ok := p.holder[n]; !ok {
			p.is(fmt.Sprintf("identity %d", n), err, vault.ErrNotFound)
		} else if err != nil || rec.ID != want {
			p.t.Fatalf("identity %d is of %q (%v), want %q", n, rec.ID, err, want)
		} else if called, err := v.Accounts.Called(p.ctx, identityN(n)); err != nil || !slices.Contains(called, identityN(n)) {
			p.t.Fatalf("identity %d is called %q, and by that name there are %v (%v)", n, identityN(n).Named, called, err)
		}
	}
	all, _, err := v.Users.List(p.ctx, vault.UserQuery{Limit: 200})
	p.must(err)
	var listed []string
	for _, rec := range all {
		listed = append(listed, rec.ID)
		for _, i := range rec.Identities {
			if n := int(i.Subject[0] - '0'); p.holder[n] != rec.ID {
				p.t.Fatalf("%s lists identity %d, which is of %q", rec.ID, n, p.holder[n])
			}
		}
	}
	slices.Sort(listed)
	if !slices.Equal(listed, p.users()) {
		p.t.Fatalf("listed %v, want %v", listed, p.users())
	}
	for _, id := range p.users() {
		if of, err := v.Index.SessionsOf(p.ctx, id); err != nil || len(of) != len(p.sessions[id]) {
			p.t.Fatalf("%s has %d sessions (%v), want %d", id, len(of), err, len(p.sessions[id]))
		} else {
			for _, s := range p.sessions[id] {
				if !slices.ContainsFunc(of, func(i vault.SessionInfo) bool { return i.ID == s.ID }) {
					p.t.Fatalf("%s has other sessions than it should: %s is none", id, s.ID)
				}
			}
		}
	}
	p.indexes()
}

// indexes holds every key of the store against what there should be: each live session has one entry in its user's
// index, and an entry nothing but such a session; nothing is kept below a tag that is no user's.
func (p *people) indexes() {
	owner := map[string]string{} // of a tag
	for _, id := range p.users() {
		key, _, _ := p.instances[0].SealedUser(&vault.UserRecord{ID: id})
		owner[strings.TrimSuffix(key, "u")] = id
	}
	keys, err := p.client.Keys(p.ctx, "bff:{*").Result()
	p.must(err)
	live, connections := map[string]int{}, map[string]int{}
	for _, key := range keys {
		below, what, _ := strings.Cut(key, "}:")
		below += "}:"
		kind, _, _ := strings.Cut(what, ":")
		id, known := owner[below]
		switch {
		case kind == "s" && p.client.StrLen(p.ctx, key).Val() > 60: // no tombstone
			live[id]++
		case kind == "c":
			connections[id]++
		case !known && strings.Contains("ikpdgtb", kind):
			p.t.Fatalf("%s is kept, and is no user's", key)
		}
	}
	if live[""] > 0 || connections[""] > 0 {
		p.t.Fatalf("%d sessions and connections of %d are no user's", live[""], connections[""])
	}
	for below, id := range owner {
		want := len(p.sessions[id])
		if in := int(p.client.HLen(p.ctx, below+"i").Val()); in != want || live[id] != want || connections[id] != want {
			p.t.Fatalf("%s: %d in the index, %d sessions, connections of %d; want %d", id, in, live[id], connections[id], want)
		}
	}
}

// Thousands of sign-ins, links, unlinks, ends, expiries, erasings and sessions that are too many, over instances one of
// which loses answers of the store and leaves things half done: after each of them users, identities, the list, the
// sessions, their index and every key of the store agree.
func TestUsersIdentitiesAndSessionsAgreeWhateverHappens(t *testing.T) {
	server := testenv.Redis(t)
	wire := newCounter(t, server.Addr)
	key := ring(vault.NewKey())
	begun, passed := time.Now(), &atomic.Int64{}
	clock := func(c *vault.Config) {
		c.Now = func() time.Time { return begun.Add(time.Duration(passed.Load())) }
	}
	instances := []*vault.Vault{open(t, server.URL, key, clock), open(t, server.URL, key, clock),
		open(t, "redis://"+wire.addr, key, clock)}
	client := server.Client()
	rapid.Check(t, func(t *rapid.T) {
		if err := client.FlushDB(context.Background()).Err(); err != nil {
			t.Fatal(err)
		}
		p := &people{t: t, ctx: context.Background(), instances: instances, wire: wire, client: client, clock: passed,
			holder: map[int]string{}, sessions: map[string][]*vault.Session{}}
		t.Repeat(map[string]func(*rapid.T){
			"sign in": func(*rapid.T) { p.signIn() }, "link": func(*rapid.T) { p.link() },
			"unlink": func(*rapid.T) { p.unlink() }, "end": func(*rapid.T) { p.end() },
			"erase": func(*rapid.T) { p.erase() }, "crash": func(*rapid.T) { p.crash() },
			"expire": func(*rapid.T) { p.expire() }, "crowd": func(*rapid.T) { p.crowd() }, "": p.agree,
		})
	})
	if wire.lost.Load() == 0 {
		t.Error("no answer was lost: nothing was shown")
	}
}
