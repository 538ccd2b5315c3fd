package vault

import (
	"context"
	"errors"
	"net/http"
	"time"

	gorillasessions "github.com/gorilla/sessions"
	"github.com/rbcervilla/redisstore/v9"
	"github.com/redis/go-redis/v9"

	"bff/internal/vault/seal"
)

// gorilla is the one place where gorilla/sessions and redisstore stand. redisstore is a hundred lines over Get, Set
// and Del of a client, with a serializer. Each load, creation, touch and end is a transfer of its own: redisstore's
// client and serializer for as long as it takes, which knows the parsed ticket and what is to be done. All that
// redisstore gets wrong is put right there, and each has a test of its name:
//
//	Get         is the one read of session and connections; the ticket has been parsed, so no cookie chooses a key;
//	            it opens what it read
//	Set, Del    are the script that creates, touches or ends; a transfer that was not made for it refuses
//	Ping        says nothing: a store that is down does not stop a start, and is asked by Get, Set and Del themselves
//	Serialize   seals, Get opens; a session's record never leaves in clear
//	KeyGen      refuses: ids come from Create alone
type gorilla struct{ s *Sessions }

// Get is New: the request's registry would keep a session beyond the read it belongs to.
func (g *gorilla) Get(r *http.Request, name string) (*gorillasessions.Session, error) {
	return g.New(r, name)
}

// New opens the request's session. One that is not known has no id, and a store error is an error.
func (g *gorilla) New(r *http.Request, name string) (*gorillasessions.Session, error) {
	gs, _, err := g.load(r, name)
	return gs, err
}

// Save refuses: a session is saved by Create, Touch or End.
func (g *gorilla) Save(*http.Request, http.ResponseWriter, *gorillasessions.Session) error {
	return errNotPrepared
}

var errNotPrepared = errors.New("a session is saved by Create, Touch or End")

// load opens the request's session; the transfer has what was read.
func (g *gorilla) load(r *http.Request, name string) (*gorillasessions.Session, *transfer, error) {
	unknown := gorillasessions.NewSession(g, name)
	unknown.IsNew = true
	cookie, err := r.Cookie(name)
	if err != nil {
		return unknown, nil, nil
	}
	t, ok := seal.ParseTicket(cookie.Value)
	if !ok {
		return unknown, nil, nil
	}
	tr := &transfer{s: g.s, ticket: t}
	gs, err := tr.store().New(r, name)
	switch {
	case errors.Is(err, ErrNotFound): // nothing there, expired, or not to be opened
		return unknown, nil, nil
	case err != nil:
		return nil, nil, err
	case gs.IsNew:
		return unknown, nil, nil // never adopt what a browser brought
	}
	return gs, tr, nil
}

// save writes what tr was made for.
func (g *gorilla) save(ctx context.Context, tr *transfer, maxAge int) error {
	gs := gorillasessions.NewSession(g, g.s.cfg.Cookie)
	gs.ID = tr.ticket.Encode()
	gs.Options = &gorillasessions.Options{MaxAge: maxAge}
	return tr.store().Save((&http.Request{}).WithContext(ctx), discard{}, gs)
}

// A transfer is one load or one save.
type transfer struct {
	redis.UniversalClient // nil: redisstore uses nothing but what is below

	s       *Sessions
	ticket  *seal.Ticket
	got     *sealed                                        // by a load
	session *Session                                       // found by a load
	record  *sessionRecord                                 // to be saved
	write   func(ctx context.Context, sealed []byte) error // of a creation or a touch
	end     func(ctx context.Context) error                // of an end
}

func (tr *transfer) store() *redisstore.RedisStore {
	inner, err := redisstore.NewRedisStore(context.Background(), tr)
	if err != nil {
		panic("vault: a ping that says nothing cannot fail")
	}
	inner.KeyPrefix("")
	inner.KeyGen(func() (string, error) { return "", errNotPrepared })
	inner.Serializer(tr)
	return inner
}

func (tr *transfer) Ping(ctx context.Context) *redis.StatusCmd { return redis.NewStatusCmd(ctx) }

func (tr *transfer) Get(ctx context.Context, _ string) *redis.StringCmd {
	cmd := redis.NewStringCmd(ctx)
	var err error
	if tr.session, tr.got, err = tr.s.reader.load(ctx, tr.ticket); err != nil {
		cmd.SetErr(err)
		return cmd
	}
	cmd.SetVal(tr.got.value)
	return cmd
}

func (tr *transfer) Set(ctx context.Context, _ string, value any, _ time.Duration) *redis.StatusCmd {
	cmd := redis.NewStatusCmd(ctx)
	sealed, ok := value.([]byte)
	if !ok || tr.write == nil {
		cmd.SetErr(errNotPrepared)
	} else if err := tr.write(ctx, sealed); err != nil {
		cmd.SetErr(err)
	}
	return cmd
}

func (tr *transfer) Del(ctx context.Context, _ ...string) *redis.IntCmd {
	cmd := redis.NewIntCmd(ctx)
	if tr.end == nil {
		cmd.SetErr(errNotPrepared)
	} else if err := tr.end(ctx); err != nil {
		cmd.SetErr(err)
	}
	return cmd
}

// Serialize seals the record that this transfer is to save.
func (tr *transfer) Serialize(*gorillasessions.Session) ([]byte, error) {
	if tr.record == nil {
		return nil, errNotPrepared
	}
	return tr.s.ring().Seal(sessionBinding(tr.ticket), encode(tr.record)), nil
}

// Deserialize has nothing to do: Get opened what it read.
func (tr *transfer) Deserialize([]byte, *gorillasessions.Session) error { return nil }

// discard is a ResponseWriter for saves that set no cookie.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}
