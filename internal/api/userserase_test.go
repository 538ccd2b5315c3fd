package api_test

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"bff/internal/api"
	"bff/internal/demo/trouble"
	"bff/internal/testenv"
	"bff/internal/users"
	"bff/internal/vault"
)

// offlineToo lets the service "billing" have tokens by a user's id.
func offlineToo(s *settings) {
	before := s.api
	s.api = func(c *api.Config) {
		before(c)
		for i := range c.Clients {
			if c.Clients[i].Name == "billing" {
				c.Clients[i].Offline = []string{"demo"}
			}
		}
	}
}

// inFlight is a refresh of ada's kept connection that her provider works on while she is erased.
type inFlight struct {
	t        *testing.T
	one, two *world
	store    *testenv.RedisServer
	b        *browser
	user     string
	clock    *shiftedClock // of both instances
}

func newInFlight(t *testing.T) *inFlight {
	t.Helper()
	store := testenv.Redis(t)
	keys := []vault.Key{vault.NewKey()}
	clock := &shiftedClock{}
	set := both(func(s *settings) { s.store, s.keys, s.cache, s.now = store.URL, keys, true, clock.now },
		withUsers(users.Config{}), offlineToo, keptByUser)
	one := newWorld(t, set)
	two := newWorld(t, set, func(s *settings) { s.demo, s.origin = one.demo, one.origin })
	f := &inFlight{t: t, one: one, two: two, store: store, b: one.browser(), clock: clock}
	f.user = userOf(f.b.signIn("ada"))
	return f
}

// erasedDuring has ada erased at one instance while what ask does at the other waits for the provider. It returns what
// ask returned, after the erasing was answered.
func (f *inFlight) erasedDuring(mode trouble.Mode, ask func() *http.Response) *http.Response {
	f.t.Helper()
	f.clock.add(time.Minute) // her access token is spent
	if err := f.one.demo.Delay(mode, 1500*time.Millisecond); err != nil {
		f.t.Fatal(err)
	}
	before := f.one.demo.Counts()
	answers := make(chan *http.Response, 1)
	go func() { answers <- ask() }()
	testenv.Eventually(f.t, "the refresh is under way", func() bool {
		n := f.one.demo.Counts()
		return n.TokenCalls > before.TokenCalls && (mode != trouble.Late || n.Refreshes > before.Refreshes)
	})
	if resp := manage(f.t, f.one, "DELETE", "/users/"+f.user, ""); resp.StatusCode != http.StatusOK {
		f.t.Fatalf("erase: %d %s", resp.StatusCode, text(resp))
	}
	resp := testenv.Receive(f.t, "an answer", answers)
	if err := f.one.demo.Switch(trouble.Up); err != nil {
		f.t.Fatal(err)
	}
	return resp
}

// nothingLives fails while a grant of ada's lives at the provider, or something of hers is in the store.
func (f *inFlight) nothingLives() {
	f.t.Helper()
	testenv.EventuallyAfterRetries(f.t, "the provider has no grant of hers", func() bool {
		return f.one.demo.Live("ada") == 0
	})
	var rest []string
	defer func() { f.t.Logf("left in the store: %q", rest) }()
	testenv.Eventually(f.t, "nothing of her is left in the store", func() bool {
		rest = left(f.store.Client())
		return len(rest) == 0
	})
	if f.b.session()["authenticated"] != false {
		f.t.Error("the session of an erased user lives")
	}
	refused(f.t, manage(f.t, f.two, "GET", "/users/"+f.user, ""), 404, "not_found")
}

// left are the keys of users that hold more than that something ended.
func left(c *redis.Client) (all []string) {
	ctx := context.Background()
	for _, key := range c.Keys(ctx, "bff:{*}:*").Val() {
		_, kind, _ := strings.Cut(key, "}:")
		switch value, _ := c.Get(ctx, key).Result(); {
		case value == "erased", value == "ended", strings.HasPrefix(kind, "y:"), strings.HasPrefix(kind, "e:"):
		case strings.HasPrefix(kind, "l:"), strings.HasPrefix(kind, "n:"), kind == "w": // they end by their seconds
		default:
			all = append(all, key)
		}
	}
	return all
}

// A refresh that the provider works on, or has done, while the user is erased brings nothing back: the caller gets no
// answer of the upstream, the store keeps nothing, and the rotated grant is revoked as well.
func TestErasingWinsAgainstARefreshUnderWay(t *testing.T) {
	for _, mode := range []trouble.Mode{trouble.Slow, trouble.Late} {
		t.Run(string(mode), func(t *testing.T) {
			f := newInFlight(t)
			resp := f.erasedDuring(mode, func() *http.Response { return f.b.at(f.two).fetch("GET", calendars, "") })
			if resp.StatusCode == http.StatusOK {
				t.Errorf("a call of an erased user was carried after the erasing was answered")
			}
			f.nothingLives()
		})
	}
}

// A service that asked for the user's token before the erasing gets none after it.
func TestErasingWinsAgainstAnOfflineExchangeUnderWay(t *testing.T) {
	for _, mode := range []trouble.Mode{trouble.Slow, trouble.Late} {
		t.Run(string(mode), func(t *testing.T) {
			f := newInFlight(t)
			resp := f.erasedDuring(mode, func() *http.Response {
				return post(t, f.two, "/token", userRequest(f.user, "reason", "nightly")...)
			})
			if body := text(resp); resp.StatusCode == http.StatusOK || strings.Contains(body, "access_token") {
				t.Errorf("a service got a token of an erased user: %d", resp.StatusCode)
			}
			f.nothingLives()
		})
	}
}

// onMessage calls f in the goroutine that logs a message, before that goes on.
type onMessage struct {
	slog.Handler
	message string
	f       func()
}

func (h onMessage) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == h.message {
		h.f()
	}
	return h.Handler.Handle(ctx, r)
}

// The same where the token is at hand, so that nothing of the user's is read or written for it any more: the erasing is
// answered between the moment when the token is taken and the one when its use is noted beside the user.
func TestAnErasingBeforeTheUseIsNotedWinsAgainstATokenAtHand(t *testing.T) {
	var one, two *world
	var user string
	erase := sync.OnceFunc(func() {
		if resp := manage(t, one, "DELETE", "/users/"+user, ""); resp.StatusCode != http.StatusOK {
			t.Errorf("erase: %d %s", resp.StatusCode, text(resp))
		}
	})
	watched := func(s *settings) {
		before := s.api
		s.api = func(c *api.Config) {
			before(c)
			c.Log = slog.New(onMessage{c.Log.Handler(), "access token handed to a service", erase})
		}
	}
	one, two = twins(t, both(withUsers(users.Config{}), keptByUser),
		both(withUsers(users.Config{}), offlineToo, keptByUser, watched))
	user = userOf(one.browser().signIn("ada"))
	before := one.demo.Counts().TokenCalls
	resp := post(t, two, "/token", userRequest(user, "reason", "nightly")...)
	if body := text(resp); resp.StatusCode != http.StatusBadRequest || !strings.Contains(body, "invalid_target") {
		t.Errorf("a service asked for the token of an erased user: %d %s", resp.StatusCode, body)
	}
	if n := one.demo.Counts().TokenCalls - before; n != 0 {
		t.Errorf("the provider was asked %d times: the token was not at hand", n)
	}
}
