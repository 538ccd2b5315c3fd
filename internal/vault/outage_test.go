package vault_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"bff/internal/secret"
	"bff/internal/testenv"
	"bff/internal/vault"
)

// every runs each method of the vault once, all at the same time, on a session s of the request r, and gives what it
// returned. It ends last, and tries one that ended before.
func every(t *testing.T, v *vault.Vault, s, last, ended *vault.Session, r *http.Request) map[string]error {
	ctx := context.Background()
	c := s.Connections[0]
	var mu sync.Mutex
	var all sync.WaitGroup
	out := map[string]error{}
	for name, f := range map[string]func() error{
		"Ping":       func() error { return v.Ping(ctx) },
		"Load":       func() error { _, err := v.Sessions.Load(r); return err },
		"LoadTicket": func() error { _, err := v.Sessions.LoadTicket(ctx, s.Ticket()); return err },
		"Create": func() error {
			_, err := v.Sessions.Create(httptest.NewRecorder(), r, vault.NewSession{User: ada()})
			return err
		},
		"Create, handle": func() error {
			_, err := v.Sessions.Create(httptest.NewRecorder(), r, vault.NewSession{User: ada(), Handle: "h"})
			return err
		},
		"Touch":     func() error { own := *s; return v.Sessions.Touch(ctx, &own) },
		"Sessions":  func() error { _, err := v.Index.Sessions(ctx, s); return err },
		"EndOne":    func() error { return v.Index.EndOne(ctx, s, "s_unknown", "logout") },
		"EndOthers": func() error { return v.Index.EndOthers(ctx, s, "logout") },
		"EndUser":   func() error { _, err := v.Index.EndUser(ctx, grace().ID, "logout"); return err },
		"EndHandle": func() error { _, err := v.Index.EndHandle(ctx, "h", "provider"); return err },
		"Erase":     func() error { return v.Index.Erase(ctx, grace().ID) },
		"Kept":      func() error { _, err := v.Connections.Kept(ctx, s.User.ID); return err },
		"Reload":    func() error { _, err := v.Connections.Reload(ctx, &c); return err },
		"Link":      func() error { _, err := v.Connections.Link(ctx, s, *google(vault.KeepUser)); return err },
		"Unlink": func() error {
			return v.Connections.Unlink(ctx, s, c.ID, func(vault.Connection) []byte { return []byte("job") })
		},
		"Update":         func() error { _, err := v.Connections.Update(ctx, &c, c); return err },
		"Preferences":    func() error { _, _, err := v.Sessions.Preferences(ctx, s); return err },
		"after the end":  func() error { return v.WritePreferences(ctx, ended, []byte(`{}`), "") },
		"SetPreferences": func() error { return v.WritePreferences(ctx, s, []byte(`{}`), "") },
		"Put":            func() error { _, _, err := v.Attempts.Put(ctx, []byte("p"), time.Minute); return err },
		"Take":           func() error { _, err := v.Attempts.Take(ctx, testState, secret.New(testState)); return err },
		"Once":           func() error { _, err := v.Once(ctx, "kind", "id", time.Minute); return err },
		"Lock":           func() error { _, _, err := v.Locks.Lock(ctx, &c); return err },
		"ClearIntent":    func() error { return v.Locks.ClearIntent(ctx, &c) },
		"Due":            func() error { _, err := v.Outbox.Due(ctx, 1, time.Second); return err },
		"End":            func() error { return v.Sessions.End(ctx, last, "logout") },
	} {
		all.Go(func() {
			err := f()
			mu.Lock()
			defer mu.Unlock()
			out[name] = err
		})
	}
	testenv.Finished(t, "every method", all.Wait)
	return out
}

const testState = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" // of the right form, and unknown

// reads are the methods that a store which takes no writes can still answer.
var reads = []string{"Load", "LoadTicket", "Kept", "Reload", "Preferences", "Ping", "Due"}

// shrinking are those that need no memory: a store that is full still ends sessions.
var shrinking = []string{
	"Sessions",
	"End",
	"EndOne",
	"EndOthers",
	"EndUser",
	"EndHandle",
	"Erase",
	"Take",
	"ClearIntent",
	"after the end",
}

// Guarantee 4: whatever is wrong with the store, the answer is ErrUnavailable, never "not found"; and the same cookie
// works when it is back.
func TestWhateverIsWrongWithTheStoreNobodyIsLoggedOut(t *testing.T) {
	ctx := context.Background()
	for _, row := range []struct {
		name            string
		break_, restore func(*testenv.RedisServer)
		answers         []string
	}{
		{"killed, and its port refuses", (*testenv.RedisServer).Kill, nil, nil},
		{"stopped in the middle of everything, connections open", (*testenv.RedisServer).Pause, (*testenv.RedisServer).Resume, nil},
		{"restarted with what it had", (*testenv.RedisServer).Stop, (*testenv.RedisServer).Start, nil},
		{"a password was set, and bff does not know it", func(r *testenv.RedisServer) {
			c := r.Client()
			c.ConfigSet(ctx, "requirepass", "p")
			c.Do(ctx, "CLIENT", "KILL", "TYPE", "normal")
		}, func(r *testenv.RedisServer) {
			c := redis.NewClient(&redis.Options{Addr: r.Addr, Password: "p"})
			defer c.Close()
			c.ConfigSet(ctx, "requirepass", "")
		}, nil},
		{"out of memory", func(r *testenv.RedisServer) { r.Client().ConfigSet(ctx, "maxmemory", "1") },
			func(r *testenv.RedisServer) { r.Client().ConfigSet(ctx, "maxmemory", "0") }, append(shrinking, reads...)},
		{"a replica now, of a master that is away", func(r *testenv.RedisServer) { r.Client().Do(ctx, "REPLICAOF", "127.0.0.1", "1") },
			func(r *testenv.RedisServer) { r.Client().Do(ctx, "REPLICAOF", "NO", "ONE") }, reads},
		{"a replica that answers nothing before it is in step", func(r *testenv.RedisServer) {
			r.Client().ConfigSet(ctx, "replica-serve-stale-data", "no")
			r.Client().Do(ctx, "REPLICAOF", "127.0.0.1", "1")
		}, func(r *testenv.RedisServer) { r.Client().Do(ctx, "REPLICAOF", "NO", "ONE") }, []string{"Ping"}},
		{"too few replicas for a write", func(r *testenv.RedisServer) { r.Client().ConfigSet(ctx, "min-replicas-to-write", "1") },
			func(r *testenv.RedisServer) { r.Client().ConfigSet(ctx, "min-replicas-to-write", "0") }, reads},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			server := testenv.Redis(t)
			v := open(t, server.URL)
			_, r := signIn(t, v, vault.NewSession{Connection: google(vault.KeepSession)})
			s := load(t, v, r)
			last, _ := signIn(t, v, vault.NewSession{})
			ended, _ := signIn(t, v, vault.NewSession{})
			must(t, v.Sessions.End(ctx, ended, "logout"))
			row.break_(server)
			_, unknown := v.Sessions.LoadTicket(ctx, secret.New(s.Ticket().Reveal()[:30]+"AAAAAA"+s.Ticket().Reveal()[36:]))
			if row.restore != nil || row.answers == nil {
				checkErrors(t, every(t, v, s, last, ended, r), row.answers)
			}
			if errors.Is(unknown, vault.ErrNotFound) && row.name != "out of memory" {
				t.Errorf("a ticket that this store does not know, which may be behind: %v", unknown)
			}
			if row.restore == nil {
				return
			}
			row.restore(server)
			testenv.Eventually(t, "the same cookie works", func() bool {
				_, err := v.Sessions.Load(r)
				if errors.Is(err, vault.ErrNotFound) {
					t.Fatal("logged out by an outage")
				}
				return err == nil
			})
		})
	}
}

func checkErrors(t *testing.T, got map[string]error, answers []string) {
	t.Helper()
	mayAnswer := map[string]bool{}
	for _, name := range answers {
		mayAnswer[name] = true
	}
	for name, err := range got {
		switch {
		case mayAnswer["End"] && slices.Contains(shrinking, name) && errors.Is(err, vault.ErrUnavailable):
			t.Errorf("%s needs no memory: %v", name, err)
		case mayAnswer[name] && (err == nil || errors.Is(err, vault.ErrUnavailable) || errors.Is(err, vault.ErrNotFound) && slices.Contains(shrinking, name)):
		case !errors.Is(err, vault.ErrUnavailable):
			t.Errorf("%s: %v, want ErrUnavailable", name, err)
		}
	}
}

// Guarantee 4, LOADING: a server that is reading its dump has every key, and says so when it has read them.
func TestAStoreThatIsLoadingKnowsNothingYet(t *testing.T) {
	server := testenv.Redis(t, "--key-load-delay", "20000", "--loading-process-events-interval-bytes", "1024")
	ctx := context.Background()
	v := open(t, server.URL)
	_, r := signIn(t, v, vault.NewSession{Connection: google(vault.KeepSession)})
	for i := range 150 {
		server.Client().Set(ctx, fmt.Sprint("filler", i), testenv.Random(t)+testenv.Random(t), 0)
	}
	server.Stop()
	var started sync.WaitGroup
	started.Go(server.Start)
	defer testenv.Finished(t, "the start of the call", started.Wait)
	met := false
	testenv.Eventually(t, "the session is back", func() bool {
		_, err := v.Sessions.Load(r)
		if err != nil && !errors.Is(err, vault.ErrUnavailable) {
			t.Fatalf("while loading: %v", err)
		}
		met = met || err != nil && loading(server)
		return err == nil
	})
	if !met {
		t.Fatal("the server was never met while loading")
	}
}

func loading(server *testenv.RedisServer) bool {
	c := redis.NewClient(&redis.Options{Addr: server.Addr, MaxRetries: -1, DialerRetries: 1})
	defer c.Close()
	return redis.HasErrorPrefix(c.Get(context.Background(), "k").Err(), "LOADING")
}

// A caller's own cancellation is not the store's fault, and a deadline that passes while the store is silent is.
func TestACallersCancellationComesBackAsItIs(t *testing.T) {
	server := testenv.Redis(t)
	v := open(t, server.URL)
	_, r := signIn(t, v, vault.NewSession{Connection: google(vault.KeepSession)})
	s := load(t, v, r)
	c := s.Connections[0]
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	late, cancel := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
	defer cancel()
	for ctx, want := range map[context.Context]error{gone: context.Canceled, late: vault.ErrUnavailable} {
		_, err := v.Sessions.Load(r.WithContext(ctx))
		is(t, "load", err, want)
		_, err = v.Connections.Reload(ctx, &c)
		is(t, "reload", err, want)
		_, err = v.Index.Sessions(ctx, s)
		is(t, "sessions", err, want)
		_, err = v.Connections.Update(ctx, &c, c)
		is(t, "update", err, want)
		_, _, err = v.Sessions.Preferences(ctx, s)
		is(t, "preferences", err, want)
		is(t, "ping", v.Ping(ctx), want)
	}
	server.Pause()
	defer server.Resume()
	patient := make(chan struct{})
	go func() {
		defer close(patient)
		_, _ = v.Sessions.Load(r)
	}()
	soon, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	for range 5 {
		_, err := v.Sessions.Load(r.WithContext(soon))
		is(t, "a deadline that passes while the store is silent", err, vault.ErrUnavailable)
		var again context.CancelFunc
		soon, again = context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer again()
	}
	select {
	case <-patient:
		t.Error("a reader with a deadline waited as long as one without")
	default:
	}
	waiting, cancel := context.WithCancel(context.Background())
	go cancel()
	_, err := v.Sessions.Load(r.WithContext(waiting))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that hung up while the store is silent: %v", err)
	}
}

// Attack class 16: an answer that came too late for one reader is not given to the next.
func TestALateAnswerIsNobodyElses(t *testing.T) {
	server := testenv.Redis(t)
	wire := testenv.Toxi(t, server.Addr)
	v := open(t, "redis://"+wire.Addr)
	_, r1 := signIn(t, v, vault.NewSession{})
	_, r2 := signIn(t, v, vault.NewSession{User: grace()})
	want := map[*http.Request]string{r1: ada().ID, r2: grace().ID}
	for range 4 {
		slow := wire.Slow(60, 60)
		var all sync.WaitGroup
		for range 8 {
			for r, user := range want {
				all.Go(func() {
					ctx, cancel := context.WithTimeout(context.Background(), 60*time.Millisecond)
					defer cancel()
					s, err := v.Sessions.Load(r.WithContext(ctx))
					if err == nil && s.User.ID != user || errors.Is(err, vault.ErrNotFound) {
						t.Errorf("read somebody else's answer (%v)", err)
					}
				})
			}
		}
		testenv.Finished(t, "all of them", all.Wait)
		slow.End()
		for r, user := range want {
			testenv.Eventually(t, "an answer", func() bool {
				s, err := v.Sessions.Load(r)
				return err == nil && s.User.ID == user
			})
		}
	}
}

// A connection that breaks in the middle of an answer has the write run again, and it is one write.
func TestAWriteWhoseAnswerIsLostIsOneWrite(t *testing.T) {
	server := testenv.Redis(t)
	wire := testenv.Toxi(t, server.Addr)
	v := open(t, "redis://"+wire.Addr)
	ctx := context.Background()
	_, r := signIn(t, v, vault.NewSession{Connection: google(vault.KeepSession)})
	for n := range 12 {
		s := load(t, v, r)
		c := s.Connections[0]
		next := c
		next.Tokens.Refresh = secret.New(fmt.Sprint("rt-", n))
		broken := wire.BreakAfter(1 + n) // bytes of the answer
		_, err := v.Connections.Update(ctx, &c, next)
		broken.End()
		if err != nil && !errors.Is(err, vault.ErrUnavailable) {
			t.Fatalf("%d bytes of an answer: %v", n, err)
		}
		testenv.Eventually(t, "a whole wire", func() bool { return v.Ping(ctx) == nil })
		again, err := v.Connections.Reload(ctx, &c)
		if err != nil || again.Tokens.Refresh.Reveal() != fmt.Sprint("rt-", n) && again.Version() != c.Version() {
			t.Fatalf("%d bytes of an answer: %v", n, err)
		}
	}
}

// What is claimed by a command whose answer is lost, and that go-redis sends again, is claimed.
func TestAClaimWhoseAnswerIsLostIsOurs(t *testing.T) {
	server := testenv.Redis(t)
	wire := newCounter(t, server.Addr)
	v := open(t, "redis://"+wire.addr)
	ctx := context.Background()
	_, r := signIn(t, v, vault.NewSession{Connection: google(vault.KeepSession)})
	must(t, allWrites(ctx, v, r)) // now the store knows the scripts: each is one answer
	state, half, err := v.Attempts.Put(ctx, []byte("payload"), time.Minute)
	must(t, err)
	if _, err := v.Attempts.Take(ctx, state, half); err != nil {
		t.Fatal(err)
	}
	s := load(t, v, r)
	c := s.Connections[0]
	wire.lose.Store(1)
	first, err := v.Once(ctx, "jti", "1", time.Minute)
	if !first || err != nil {
		t.Errorf("once: %v %v", first, err)
	}
	wire.lose.Store(1)
	if _, state, err := v.Attempts.Claim(ctx, "logout", "1"); state != vault.ClaimHeld || err != nil {
		t.Errorf("a token's id: %v %v", state, err)
	}
	wire.lose.Store(1)
	lock, ok, err := v.Locks.Lock(ctx, &c)
	if !ok || err != nil {
		t.Fatalf("lock: %v %v", ok, err)
	}
	wire.lose.Store(1)
	if intent, err := v.Locks.SetIntent(ctx, lock, &c); err != nil || intent != nil {
		t.Errorf("an intent that is ours was taken for another's: %+v %v", intent, err)
	}
	wire.lose.Store(1)
	if c, err = v.Connections.Update(ctx, &c, c); err != nil {
		t.Errorf("a token: %v", err)
	}
	state, half, err = v.Attempts.Put(ctx, []byte("payload"), time.Minute)
	must(t, err)
	wire.lose.Store(2) // of the script that takes it
	if _, err = v.Attempts.Take(ctx, state, half); err != nil {
		t.Errorf("an attempt: %v", err)
	}
	wire.lose.Store(2) // of the script that removes it
	if err := v.Connections.Unlink(ctx, s, c.ID, func(vault.Connection) []byte { return nil }); err != nil {
		t.Errorf("an unlink: %v", err)
	}
	if wire.lost.Load() != 7 {
		t.Errorf("%d answers were lost", wire.lost.Load())
	}
}
