package vault

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gorilla/sessions"
	"github.com/rbcervilla/redisstore/v9"
	"github.com/redis/go-redis/v9"
)

// redisstore is a hundred lines over Get, Set and Del of a client, with a serializer that is handed the session and its id. All that it gets wrong
// is mended at those seams, and each mend has a test of its name:
//
//	guard       its client: the cookie is parsed before it can choose a key; Get is the read, Set the compare-and-set, Del the tombstone;
//	            Ping is fine without a store, so that a store that is down does not stop the start
//	serializer  seals and opens; a session's record never leaves in clear
//	KeyGen      refuses: ids come from Create alone
//	store       the sessions.Store handed out: an unknown cookie value is never adopted, a store error is an error
type store struct{ inner *redisstore.RedisStore }

func newStore(v *Vault) *store {
	inner, err := redisstore.NewRedisStore(context.Background(), &guard{UniversalClient: v.client, v: v})
	if err != nil {
		panic("vault: the guard's ping cannot fail")
	}
	inner.KeyPrefix("")
	inner.KeyGen(func() (string, error) { return "", errors.New("session ids are made by Create") })
	inner.Serializer(serializer{v})
	inner.Options(sessions.Options{Path: "/", HttpOnly: true, Secure: v.cfg.Secure, SameSite: http.SameSiteStrictMode, MaxAge: int(v.cfg.Lifetime / time.Second)})
	return &store{inner: inner}
}

// Get is New: the request's registry would keep a session beyond the read it belongs to.
func (s *store) Get(r *http.Request, name string) (*sessions.Session, error) { return s.New(r, name) }

// New opens the request's session. One that is not known has no id.
func (s *store) New(r *http.Request, name string) (*sessions.Session, error) {
	gs, err := s.inner.New(r, name)
	if errors.Is(err, ErrNotFound) {
		err = nil // found, but expired or not to be opened
	}
	if err != nil {
		return nil, err
	}
	if gs.IsNew {
		gs.ID = "" // never adopt what a browser brought
	}
	return gs, nil
}

// Save writes a session that Create, Touch or End prepared. The guard refuses anything else, also what is saved past this method: a session that
// redisstore made saves itself there.
func (s *store) Save(r *http.Request, w http.ResponseWriter, gs *sessions.Session) error {
	return s.inner.Save(r, w, gs)
}

var errNotPrepared = errors.New("a session is saved by Create, Touch or End")

type (
	recordKey  struct{} // of sessions.Session.Values
	readingKey struct{} // of the context: *reading
	writingKey struct{} // of the context: *writing
)

// writing is what a save needs beyond the sealed bytes.
type writing struct {
	session *Session
	seen    time.Time
	create  *creation // nil for a touch
	reason  string    // of an end
}

type creation struct{ first *Connection }

type guard struct {
	redis.UniversalClient
	v *Vault
}

func (g *guard) Ping(ctx context.Context) *redis.StatusCmd {
	return redis.NewStatusResult("PONG", nil)
}

func (g *guard) Get(ctx context.Context, cookie string) *redis.StringCmd {
	t, ok := parseTicket(cookie)
	if !ok {
		return redis.NewStringResult("", redis.Nil)
	}
	got, ok := ctx.Value(readingKey{}).(*reading)
	if !ok {
		got = &reading{}
	}
	if err := g.v.read(ctx, t, got); err != nil {
		if errors.Is(err, ErrNotFound) {
			err = redis.Nil
		}
		return redis.NewStringResult("", err)
	}
	return redis.NewStringResult(got.value, nil)
}

func (g *guard) Set(ctx context.Context, _ string, value any, _ time.Duration) *redis.StatusCmd {
	w, ok := ctx.Value(writingKey{}).(*writing)
	sealed, isBytes := value.([]byte)
	if !ok || !isBytes {
		return redis.NewStatusResult("", errNotPrepared)
	}
	return redis.NewStatusResult("OK", g.v.write(ctx, w, sealed))
}

func (g *guard) Del(ctx context.Context, _ ...string) *redis.IntCmd {
	w, ok := ctx.Value(writingKey{}).(*writing)
	if !ok {
		return redis.NewIntResult(0, errNotPrepared)
	}
	return redis.NewIntResult(1, g.v.bury(ctx, w.session, w.reason))
}

type serializer struct{ v *Vault }

func (z serializer) Serialize(gs *sessions.Session) ([]byte, error) {
	t, ok := parseTicket(gs.ID)
	rec, known := gs.Values[recordKey{}].(*sessionRecord)
	if !ok || !known {
		return nil, errors.New("not a session of this vault")
	}
	return z.v.seal(seat{"session", t.owner(), t.opener()}, encode(rec)), nil
}

func (z serializer) Deserialize(b []byte, gs *sessions.Session) error {
	t, ok := parseTicket(gs.ID)
	if !ok {
		return ErrNotFound
	}
	rec, err := z.v.openSession(t, string(b))
	if err != nil {
		return ErrNotFound
	}
	gs.Values[recordKey{}] = rec
	return nil
}

// discard is a ResponseWriter for saves that set no cookie.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}
