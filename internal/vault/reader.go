package vault

import (
	"context"
	"errors"
	"hash/maphash"
	"strings"
	"time"

	"bff/internal/secret"
	"bff/internal/vault/seal"
	"bff/internal/vault/store"
)

// A reader reads a session with its connections and opens both.
type reader struct{ *core }

// sealed is what one round trip brought, before it is opened.
type sealed struct {
	ticket   *seal.Ticket
	location location
	value    string            // the session
	own      map[string]string // its connections, by id
	kept     map[string]string // the user's, by id
	user     string            // the user's record, "" for none
	life     time.Duration     // of the session's key
	prior    *Session          // as it was read before, or nil
	batch    *store.Batch      // that brought it
}

// asked is Ask or AskSurely of the store.
type asked func(ctx context.Context, absent string, collect func(*store.Batch) (answer func() error)) error

// read brings a session and its connections in one round trip: one pipeline, all keys in one slot.
func (r *reader) read(ctx context.Context, t *seal.Ticket, ask asked) (*sealed, error) {
	got := &sealed{ticket: t, prior: r.cache.prior(t)}
	if got.prior != nil && len(got.prior.location.pairs) == 2*len(r.ring()) { // else keys came to the ring since
		got.location = got.prior.location
	} else {
		got.location = r.locate(t)
	}
	pairs := got.location.pairs
	err := ask(ctx, r.absent(got.location.tag), func(b *store.Batch) func() error {
		got.batch = b
		var textsArray [4]store.Text
		var hashesArray [4]store.Hash
		var livesArray [4]store.Life
		texts, hashes, lives := textsArray[:0], hashesArray[:0], livesArray[:0]
		// The oldest first: a session that moves to the first pair meanwhile is met there.
		for i := len(pairs) - 2; i >= 0; i -= 2 {
			texts = append(texts, b.Get(pairs[i]))
			hashes = append(hashes, b.All(pairs[i+1]))
			if r.cache.tracker != nil {
				lives = append(lives, b.Life(pairs[i]))
			}
		}
		kept, user := b.All(r.userKey(got.location.tag, "k")), b.Get(r.userKey(got.location.tag, "u"))
		return func() error {
			for i := len(texts) - 1; i >= 0; i-- {
				value, err := texts[i].Result()
				if errors.Is(err, ErrNotFound) || err == nil && len(value) < seal.MinSize {
					continue // nothing here, or a tombstone
				}
				if err != nil {
					return err
				}
				if len(lives) > 0 {
					got.life = lives[i].Result()
				}
				return got.fill(value, hashes[i], kept, user)
			}
			return ErrNotFound
		}
	})
	return got, err
}

func (s *sealed) fill(value string, own, kept store.Hash, user store.Text) (err error) {
	s.value = value
	if s.own, err = own.Result(); err != nil {
		return err
	}
	if s.kept, err = kept.Result(); err != nil {
		return err
	}
	s.user, err = user.Result()
	return unlessNone(err)
}

// loadTicket asks the store, and also gives what was read, still sealed.
func (r *reader) loadTicket(ctx context.Context, ticket secret.Text) (*Session, *sealed, error) {
	t, ok := seal.ParseTicket(ticket.Reveal())
	if !ok {
		return nil, nil, ErrNotFound
	}
	return r.load(ctx, t)
}

// load reads a session and opens it. ErrNotFound: there is none, it is over, or it does not open. What a key of the
// ring seems to have sealed and does not open is read once more, of a server that takes writes: an answer to somebody
// else, which a connection out of step brings, signs nobody out and hides no connection.
func (r *reader) load(ctx context.Context, t *seal.Ticket) (*Session, *sealed, error) {
	got, err := r.read(ctx, t, r.db.Ask)
	if err != nil {
		return nil, nil, err
	}
	s, err := r.open(got)
	if errors.Is(err, seal.ErrSealed) || err == nil && r.hides(s, got) {
		if got, err = r.read(ctx, t, r.db.AskSurely); err != nil {
			return nil, nil, err
		}
		s, err = r.open(got)
	}
	if err != nil {
		return nil, nil, ErrNotFound
	}
	return s, got, nil
}

// hides says whether there are connections that did not open although the ring has the key which they name.
func (r *reader) hides(s *Session, got *sealed) bool {
	if len(s.Connections) == len(got.own)+len(got.kept) {
		return false
	}
	for _, values := range [...]map[string]string{got.own, got.kept} {
		for id, value := range values {
			if _, opened := s.Connection(id); !opened && r.ring().Knows(value) {
				return true
			}
		}
	}
	return false
}

func sessionBinding(t *seal.Ticket) seal.Binding {
	return seal.Binding{Kind: "session", Owner: t.Owner(), Opener: t.Opener()}
}

// sum tells a stored value from others, together with its version: what was opened before is what this value holds.
// Nobody outside this process can make two of the same sum, since its seed is random.
func (c *core) sum(value string) uint64 { return maphash.String(c.seed, value) }

// open opens what read found, and holds its sealed times against the clock. What has the bytes that it had before was
// opened then. The session may be one that other calls have too.
func (r *reader) open(got *sealed) (*Session, error) {
	if got.user == erased { // a sign-in was under way when the user was erased
		return nil, ErrNotFound
	}
	s, sum, userSum := got.prior, r.sum(got.value), r.sum(got.user)
	if s == nil || s.version != seal.Version(got.value) || s.sum != sum || s.userSum != userSum {
		rec, err := r.openSession(got.ticket, got.value)
		if err != nil {
			return nil, err
		}
		s = r.session(got, rec)
		s.sum, s.userSum = sum, userSum
	}
	if r.expired(s.AuthAt, s.SeenAt) {
		return nil, ErrNotFound
	}
	if s == got.prior {
		if r.sameConnections(got) {
			return s, nil
		}
		own := *s
		s = &own
	}
	s.Connections = r.openConnections(s, got)
	return s, nil
}

func (r *reader) openSession(t *seal.Ticket, value string) (*sessionRecord, error) {
	rec := &sessionRecord{}
	plain, err := r.ring().Open(sessionBinding(t), []byte(value))
	if err == nil && decode(plain, rec) != nil {
		err = seal.ErrSealed
	}
	if err != nil {
		r.db.Warn("a session record does not open: its key was removed from the ring, or it was tampered with")
		return nil, err
	}
	if now := r.now(); rec.Created > millis(now.Add(store.ClockSkew)) {
		// Only an instance can have sealed this: its clock was wrong. That is nobody's reason to be logged out, and
		// none for a longer life: it counts from now, and the touch that is due writes that down.
		rec.Created, rec.Auth = millis(now), millis(now)
	}
	return rec, nil
}

// expired holds sealed times against the clock. The time to live in the store is what ends a session, by one clock for
// all; this is for a store that does not do its part.
func (c *core) expired(authenticated, seen time.Time) bool {
	now := c.now().Add(-store.ClockSkew)
	return !now.Before(seen.Add(c.cfg.Idle)) || !now.Before(authenticated.Add(c.cfg.Lifetime))
}

// session is what was read, without its connections. The rights are always those of the user's record; a session of
// before there were users has none.
func (r *reader) session(got *sealed, rec *sessionRecord) *Session {
	s := &Session{
		ID: rec.ID, Device: rec.Device, Front: rec.Front, CreatedAt: fromMillis(rec.Created), SeenAt: fromMillis(rec.Seen),
		AuthAt: fromMillis(rec.authenticated()), Handle: rec.Handle,
		User: User{ID: rec.UserID, Provider: rec.Provider, Subject: rec.Subject, Name: rec.Name, Email: rec.Email,
			EmailVerified: rec.EmailVerified, Picture: rec.Picture},
		idle: r.cfg.Idle, lifetime: r.cfg.Lifetime, ticket: secret.Hide(got.ticket), location: got.location,
		cookie:  secret.New(got.ticket.Encode()),
		version: strings.Clone(seal.Version(got.value)), current: r.ring().Current(got.value),
	}
	if got.user != "" {
		if user, err := r.openUser(rec.UserID, got.user); err == nil {
			user.describe(&s.User)
		}
	}
	return s
}

// sameConnections says whether the connections are those of prior.
func (r *reader) sameConnections(got *sealed) bool {
	if len(got.prior.Connections) != len(got.own)+len(got.kept) {
		return false
	}
	for i := range got.prior.Connections {
		c := &got.prior.Connections[i]
		values := got.own
		if c.owner.session == "" {
			values = got.kept
		}
		if !r.same(c, values[c.ID]) {
			return false
		}
	}
	return true
}

// same says whether value is what c was opened from.
func (r *reader) same(c *Connection, value string) bool {
	return c.version == seal.Version(value) && c.sum == r.sum(value)
}

func (r *reader) openConnection(o owner, id, value string) (Connection, error) {
	plain, err := r.ring().Open(o.binding(id), []byte(value))
	var rec connectionRecord
	if err == nil {
		err = decode(plain, &rec)
	}
	if err != nil {
		return Connection{}, err
	}
	c := rec.connection()
	c.ID, c.owner, c.version, c.current = id, o, strings.Clone(seal.Version(value)), r.ring().Current(value)
	c.sum = r.sum(value)
	return c, nil
}

// openConnections opens all that was read. One that does not open is left out: it takes nothing else down.
func (r *reader) openConnections(s *Session, got *sealed) []Connection {
	out := make([]Connection, 0, len(got.own)+len(got.kept))
	if len(got.own) > 0 {
		out = r.openHash(out, ownerOf(s, KeepSession), got.own, got.prior)
	}
	if len(got.kept) > 0 {
		out = r.openHash(out, ownerOf(s, KeepUser), got.kept, got.prior)
	}
	sortConnections(out)
	return out
}

// openHash opens all of one owner, but for those that prior has and that are the same.
func (r *reader) openHash(out []Connection, o owner, values map[string]string, prior *Session) []Connection {
	for id, value := range values {
		if prior != nil {
			if c, ok := prior.Connection(id); ok && c.owner.session == o.session && r.same(c, value) {
				out = append(out, *c)
				continue
			}
		}
		c, err := r.openConnection(o, id, value)
		if err != nil {
			r.db.Warn("a connection record does not open: its key was removed from the ring, or it was tampered with")
			continue
		}
		out = append(out, c)
	}
	return out
}
