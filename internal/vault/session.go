package vault

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gorilla/sessions"

	"bff/internal/secret"
)

// User is who a session belongs to.
type User struct {
	ID            string // "u_…", see UserID
	Provider      string
	Subject       string
	Name, Email   string
	EmailVerified bool
	Picture       string
	Rights        []string // what the user may do, sorted
	AppID         string   // the application's own id of this user
}

// A Session is what Load found, as of one read. Treat it as read-only; only Touch changes SeenAt.
type Session struct {
	ID          string // "s_…": public, unrelated to the cookie
	User        User
	Device      string
	CreatedAt   time.Time
	SeenAt      time.Time
	Connections []Connection // its own and the user's kept ones, the one linked first in front

	v       *Vault
	ticket  secret.Hidden[ticket]
	place   place
	version string // of the stored value
	current bool   // sealed under the ring's first key
}

// IdleExpiresAt is when the session ends if nobody uses it.
func (s *Session) IdleExpiresAt() time.Time {
	return earlier(s.SeenAt.Add(s.v.cfg.Idle), s.ExpiresAt())
}

// ExpiresAt is when the session ends in any case.
func (s *Session) ExpiresAt() time.Time { return s.CreatedAt.Add(s.v.cfg.Lifetime) }

// Ticket is the cookie's value, for an attempt to carry.
func (s *Session) Ticket() secret.Text { return secret.New(s.ticket.Reveal().encode()) }

// Connection finds one of the session's by id.
func (s *Session) Connection(id string) (*Connection, bool) {
	for i := range s.Connections {
		if s.Connections[i].ID == id {
			return &s.Connections[i], true
		}
	}
	return nil, false
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// Load opens the request's session in one round trip, through the gorilla store. No cookie, a malformed, unknown, expired or ended one is
// ErrNotFound. Of several cookies of the name the first counts: refusing them is the caller's.
func (v *Vault) Load(r *http.Request) (*Session, error) {
	if v.cache == nil {
		return v.load(r)
	}
	cookie, err := r.Cookie(v.cfg.Cookie)
	if err != nil {
		return nil, ErrNotFound
	}
	t, ok := parseTicket(cookie.Value)
	if !ok {
		return nil, ErrNotFound
	}
	if s := v.cache.find(t); s != nil {
		return s, nil
	}
	keep := v.cache.begin(t)
	s, err := v.load(r)
	keep(s)
	return s, err
}

// load asks the store.
func (v *Vault) load(r *http.Request) (*Session, error) {
	ctx := r.Context()
	got := &reading{}
	gs, err := v.sessions.New(r.WithContext(context.WithValue(ctx, readingKey{}, got)), v.cfg.Cookie)
	if err != nil {
		return nil, err
	}
	if gs.IsNew {
		return nil, ErrNotFound
	}
	return v.session(got, gs.Values[recordKey{}].(*sessionRecord)), nil
}

// LoadTicket is Load for a ticket that did not come in a cookie.
func (v *Vault) LoadTicket(ctx context.Context, secret secret.Text) (*Session, error) {
	s, _, err := v.loadTicket(ctx, secret)
	return s, err
}

// loadTicket also gives what was read, still sealed.
func (v *Vault) loadTicket(ctx context.Context, secret secret.Text) (*Session, *reading, error) {
	t, ok := parseTicket(secret.Reveal())
	if !ok {
		return nil, nil, ErrNotFound
	}
	got := &reading{}
	if err := v.read(ctx, t, got); err != nil {
		return nil, nil, err
	}
	rec, err := v.openSession(t, got.value)
	if err != nil {
		return nil, nil, ErrNotFound
	}
	return v.session(got, rec), got, nil
}

// openSession opens what read found, and holds its sealed times against the clock.
func (v *Vault) openSession(t *ticket, value string) (*sessionRecord, error) {
	at := seat{"session", t.owner(), t.opener()}
	rec := &sessionRecord{}
	if known, ok := v.memo.find(at, value).(sessionRecord); ok {
		*rec = known
	} else {
		plain, err := v.open(at, []byte(value))
		if err == nil {
			err = decode(plain, rec)
		}
		if err != nil {
			v.warn("a session record does not open: its key was removed from the ring, or it was tampered with")
			return nil, err
		}
		v.memo.keep(at, value, *rec)
	}
	if v.expired(fromMillis(rec.Created), fromMillis(rec.Seen)) {
		return nil, ErrNotFound
	}
	if now := v.now(); rec.Created > millis(now.Add(clockSkew)) {
		// Only an instance can have sealed this: its clock was wrong. That is nobody's reason to be logged out, and none for a longer life:
		// it counts from now, and the touch that is due writes that down.
		rec.Created = millis(now)
	}
	return rec, nil
}

// clockSkew is how far the clocks of instances may be apart without anybody being logged out by it.
const clockSkew = 2 * time.Minute

// expired holds sealed times against the clock. The time to live in the store is what ends a session, by one clock for all; this is for a store that
// does not do its part.
func (v *Vault) expired(created, seen time.Time) bool {
	now := v.now().Add(-clockSkew)
	return !now.Before(seen.Add(v.cfg.Idle)) || !now.Before(created.Add(v.cfg.Lifetime))
}

func (v *Vault) session(got *reading, rec *sessionRecord) *Session {
	s := &Session{
		ID: rec.ID, Device: rec.Device, CreatedAt: fromMillis(rec.Created), SeenAt: fromMillis(rec.Seen),
		User: User{ID: rec.UserID, Provider: rec.Provider, Subject: rec.Subject, Name: rec.Name, Email: rec.Email,
			EmailVerified: rec.EmailVerified, Picture: rec.Picture},
		v: v, ticket: secret.Hide(got.ticket), place: got.place, version: got.value[:versionSize], current: v.current(got.value),
	}
	s.Connections = v.openConnections(s, got)
	return s
}

func (s *Session) record(seen time.Time) *sessionRecord {
	return &sessionRecord{
		ID: s.ID, UserID: s.User.ID, Provider: s.User.Provider, Subject: s.User.Subject, Name: s.User.Name, Email: s.User.Email,
		EmailVerified: s.User.EmailVerified, Picture: s.User.Picture, Device: s.Device, Created: millis(s.CreatedAt), Seen: millis(seen),
	}
}

// Due says whether Touch has something to write: a tenth of the idle time, at most 60 s, has passed, or an old key sealed a record. A clock that
// is ahead has not bought the session time: the store counts from the write.
func (v *Vault) Due(s *Session) bool {
	if v.now().Sub(s.SeenAt).Abs() >= min(v.cfg.Idle/10, time.Minute) || !s.current {
		return true
	}
	for i := range s.Connections {
		if !s.Connections[i].current {
			return true
		}
	}
	return false
}

// Touch slides the idle time and re-seals what an old key sealed. It is detached from ctx's cancellation and updates s.SeenAt.
// That somebody else wrote, or that the session ended meanwhile, is no error.
func (v *Vault) Touch(ctx context.Context, s *Session) error {
	ctx, cancel := detached(ctx)
	defer cancel()
	for i := range s.Connections {
		if err := v.reseal(ctx, &s.Connections[i]); err != nil {
			return err
		}
	}
	seen := v.now()
	err := v.save(ctx, s, seen, nil)
	if err == nil {
		s.SeenAt, s.current = seen.Truncate(time.Millisecond), true
		return nil
	}
	if errors.Is(err, ErrConflict) || errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// NewSession is what Create needs.
type NewSession struct {
	User       User          // required
	Device     string        // the User-Agent in words
	Connection *Connection   // the account that signs in, if it is kept; linked in the same breath
	Previous   []secret.Text // the tickets of the sessions this sign-in replaces: they end
	Handle     string        // a name under which EndHandle finds the session again, or none
}

// Create makes a session with a new ticket and sets the cookie on w, in that order: nothing reaches the browser that is not stored. The session
// before it ends last, so that a store that fails in between logs nobody out.
func (v *Vault) Create(w http.ResponseWriter, r *http.Request, in NewSession) (*Session, error) {
	ctx, cancel := detached(r.Context())
	defer cancel()
	now := v.now().Truncate(time.Millisecond)
	t := newTicket(in.User.ID)
	s := &Session{ID: newID("s_"), User: in.User, Device: in.Device, CreatedAt: now, SeenAt: now, v: v, ticket: secret.Hide(t), place: v.placeOf(t), current: true}
	first := in.Connection
	if first != nil && first.Keep == KeepUser {
		first = nil // it is merged with what the user has: Link
	}
	if in.Handle != "" {
		if err := v.remember(ctx, s, in.Handle); err != nil {
			return nil, err
		}
	}
	if err := v.save(ctx, s, now, &creation{first}); err != nil {
		return nil, err
	}
	if in.Connection != nil && in.Connection.Keep == KeepUser {
		if _, err := v.Link(ctx, s, *in.Connection); err != nil && !errors.Is(err, ErrFull) {
			return nil, err
		}
	}
	made, err := v.LoadTicket(ctx, s.Ticket())
	if err != nil {
		return nil, err
	}
	v.setCookie(w, t.encode(), int(v.cfg.Lifetime/time.Second))
	for _, ticket := range in.Previous {
		v.replace(ctx, ticket)
	}
	return made, nil
}

// replace ends the session before. It is tried until it is done, within a bound, behind the sign-in's answer if need be.
func (v *Vault) replace(ctx context.Context, previous secret.Text) {
	end := func(ctx context.Context) error {
		old, err := v.LoadTicket(ctx, previous)
		if err == nil {
			err = v.end(ctx, old, "logout")
		}
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		return err
	}
	if end(ctx) == nil {
		return
	}
	v.work.Go(func() {
		for range 20 {
			ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
			err := end(ctx)
			cancel()
			if err == nil {
				return
			}
			select {
			case <-time.After(500 * time.Millisecond): // the store is down; bounded by the loop
			case <-v.closing:
				return
			}
		}
		v.warn("a replaced session could not be ended; it ends by its idle time")
	})
}

// End ends a session everywhere: tombstone, its connections' records deleted, announced on the bus. Ending an ended one is fine.
func (v *Vault) End(ctx context.Context, s *Session, reason string) error {
	return v.settled(v.end(ctx, s, reason))
}

func (v *Vault) end(ctx context.Context, s *Session, reason string) error {
	ctx, cancel := detached(ctx)
	defer cancel()
	gs := sessions.NewSession(v.sessions, v.cfg.Cookie)
	gs.ID = s.ticket.Reveal().encode()
	gs.Options = &sessions.Options{MaxAge: -1}
	r := (&http.Request{}).WithContext(context.WithValue(ctx, writingKey{}, &writing{session: s, reason: reason}))
	return v.sessions.Save(r, discard{}, gs)
}

// save seals and writes the session through the gorilla store.
func (v *Vault) save(ctx context.Context, s *Session, seen time.Time, create *creation) error {
	gs := sessions.NewSession(v.sessions, v.cfg.Cookie)
	gs.ID = s.ticket.Reveal().encode()
	gs.Options = &sessions.Options{MaxAge: int(v.cfg.Lifetime/time.Second) + 1}
	gs.Values[recordKey{}] = s.record(seen)
	w := &writing{session: s, seen: seen, create: create}
	return v.sessions.Save((&http.Request{}).WithContext(context.WithValue(ctx, writingKey{}, w)), discard{}, gs)
}

// setCookie writes the session cookie: no Domain, no Expires, under 200 bytes.
func (v *Vault) setCookie(w http.ResponseWriter, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{Name: v.cfg.Cookie, Value: value, Path: "/", MaxAge: maxAge,
		Secure: v.cfg.Secure, HttpOnly: true, SameSite: http.SameSiteStrictMode})
}

// ClearCookie tells the browser to forget the session cookie.
func (v *Vault) ClearCookie(w http.ResponseWriter) { v.setCookie(w, "", -1) }
