package vault

import (
	"context"
	"errors"
	"net/http"
	"net/textproto"
	"strings"
	"time"

	"bff/internal/secret"
	"bff/internal/vault/seal"
	"bff/internal/vault/store"
)

// Sessions makes, finds, touches and ends sessions.
type Sessions struct {
	*core
	reader      *reader
	connections *Connections
	index       *Index
	gorilla     *gorilla
}

// LoadTicket is Load for a ticket that did not come in a cookie. It asks the store.
func (v *Sessions) LoadTicket(ctx context.Context, ticket secret.Text) (*Session, error) {
	s, _, err := v.reader.loadTicket(ctx, ticket)
	return s, err
}

// Load is LoadAt the first front, for a caller that changes what it gets.
func (v *Sessions) Load(r *http.Request) (*Session, error) {
	s, err := v.LoadAt(r, Front{})
	if err != nil {
		return nil, err
	}
	return s.Own(), nil
}

// LoadAt opens the request's session on a front in one round trip, through the gorilla store. No cookie, a malformed,
// unknown, expired or ended one is ErrNotFound, and so is one of another front: this is the one place where a browser's
// session is read. Of several cookies of the name the first counts: refusing them is the caller's. Other calls may have
// the same Session: see Own.
func (v *Sessions) LoadAt(r *http.Request, at Front) (*Session, error) {
	at = v.front(at)
	s, err := v.find(r, at.Cookie)
	if err == nil && s.Front != at.Name {
		return nil, ErrNotFound
	}
	return s, err
}

// find opens the session of a cookie of that name, of whichever front it is.
func (v *Sessions) find(r *http.Request, name string) (*Session, error) {
	value, ok := cookieOf(r, name)
	var t seal.Ticket
	if !ok || !t.Parse(value) {
		return nil, ErrNotFound
	}
	if s := v.cache.find(&t); s != nil {
		return s, nil
	}
	asked := t // t itself stays off the heap
	return v.ask(r, name, &asked)
}

// cookieOf returns the value of a request's first cookie of that name, as http.Request.Cookie finds it. It reads what
// browsers send by itself.
func cookieOf(r *http.Request, name string) (string, bool) {
	if lines := r.Header["Cookie"]; len(lines) == 1 {
		for rest := lines[0]; rest != ""; {
			var part string
			part, rest, _ = strings.Cut(rest, ";")
			of, value, _ := strings.Cut(textproto.TrimString(part), "=")
			if of != name {
				if textproto.TrimString(of) == name {
					break
				}
				continue
			}
			for i := range len(value) {
				if c := value[i]; !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
					return cookieByNetHTTP(r, name)
				}
			}
			return value, true
		}
	}
	return cookieByNetHTTP(r, name)
}

func cookieByNetHTTP(r *http.Request, name string) (string, bool) {
	cookie, err := r.Cookie(name)
	if err != nil {
		return "", false
	}
	return cookie.Value, true
}

// ask reads a session of the store, and has the cache keep it.
func (v *Sessions) ask(r *http.Request, name string, t *seal.Ticket) (*Session, error) {
	keep := v.cache.begin(r.Context(), t)
	s, from, err := v.load(r, name)
	keep(s, from)
	if errors.Is(err, ErrNotFound) {
		v.cache.forget(t)
	}
	return s, err
}

// load asks the store.
func (v *Sessions) load(r *http.Request, name string) (*Session, *sealed, error) {
	_, tr, err := v.gorilla.load(r, name)
	if err != nil {
		return nil, nil, err
	}
	if tr == nil {
		return nil, nil, ErrNotFound
	}
	return tr.session, tr.got, nil
}

// Due says whether Touch has something to write: a tenth of the idle time, at most 60 s, has passed, or an old key
// sealed a record. A clock that is ahead has not bought the session time: the store counts from the write.
func (v *Sessions) Due(s *Session) bool {
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

// Touch slides the idle time and re-seals what an old key sealed. It is detached from ctx's cancellation and updates
// s.SeenAt. That somebody else wrote, or that the session ended meanwhile, is no error.
func (v *Sessions) Touch(ctx context.Context, s *Session) error {
	ctx, cancel := detached(ctx)
	defer cancel()
	for i := range s.Connections {
		if err := v.connections.reseal(ctx, &s.Connections[i]); err != nil {
			return err
		}
	}
	seen := v.now()
	err := v.saveTouch(ctx, s, seen)
	if err == nil {
		s.SeenAt, s.current = seen.Truncate(time.Millisecond), true
		return nil
	}
	if errors.Is(err, ErrConflict) || errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// saveTouch writes s as seen at seen, over its version.
func (v *Sessions) saveTouch(ctx context.Context, s *Session, seen time.Time) error {
	ttl := v.timeToLive(s, seen)
	if ttl <= 0 {
		return ErrNotFound
	}
	write := func(ctx context.Context, value []byte) error {
		_, err := v.db.Run(
			ctx,
			onSession("touch", s.location, store.Keys{"index": v.userKey(s.location.tag, "i"),
				"user": v.userKey(s.location.tag, "u"), "seen": v.userKey(s.location.tag, "t")}, store.Args{
				"expected": s.version, "value": value, "ttl": millisOf(ttl), "id": s.ID, "info": v.index.info(s, seen),
				"index_life": millisOf(v.indexLife()), "seen_value": v.sealSeen(s.User.ID, seen)}),
		)
		if err == nil {
			s.version = string(value[:seal.VersionSize])
		}
		return err
	}
	return v.save(ctx, s, seen, write)
}

func (v *Sessions) timeToLive(s *Session, seen time.Time) time.Duration {
	return min(v.cfg.Idle, s.ExpiresAt().Sub(seen))
}

// save has the gorilla store seal s, and write what it sealed.
func (v *Sessions) save(ctx context.Context, s *Session, seen time.Time,
	write func(ctx context.Context, value []byte) error) error {
	tr := &transfer{s: v, ticket: s.ticket.Reveal(), record: s.record(seen), write: write}
	return v.gorilla.save(ctx, tr, int(v.cfg.Lifetime/time.Second)+1)
}

// End ends a session everywhere: tombstone, its connections' records deleted, announced on the bus. Ending an ended one
// is fine.
func (v *Sessions) End(ctx context.Context, s *Session, reason string) error {
	return v.settled(v.end(ctx, s, reason))
}

func (v *Sessions) end(ctx context.Context, s *Session, reason string) error {
	ctx, cancel := detached(ctx)
	defer cancel()
	run := seal.Nonce()
	end := func(ctx context.Context) error {
		event := Event{Kind: EventSession, Session: s.ID, User: s.User.ID, Reason: noticeReason(reason)}
		notice := v.index.events.about("session.ended",
			queued{User: s.User.ID, Session: s.ID, Reason: noticeReason(reason)})
		if err := v.index.events.ahead(ctx, s.location.tag, notice); err != nil {
			return err
		}
		defer v.index.events.point(ctx, s.location.tag, notice)
		ended, err := v.db.IDsDurably(ctx, onSession("end", s.location, store.Keys{"index": v.userKey(s.location.tag, "i")},
			store.Args{"run": run, "life": v.tombstoneLife(), "id": s.ID, "channel": v.db.Channel(), "message": event.encode(),
				"prefix": v.userKey(s.location.tag, ""), "programs": notice.programs, "item": notice.item}))
		v.recorder.ends(ctx, s.User.ID, reason, ended)
		return err
	}
	return v.gorilla.save(ctx, &transfer{s: v, ticket: s.ticket.Reveal(), end: end}, -1)
}

// StillLive reads again whether s lives, of the store: nil, ErrNotFound or ErrUnavailable. For whoever waited since s
// was loaded.
func (v *Sessions) StillLive(ctx context.Context, s *Session) error {
	return v.db.Ask(ctx, v.absent(s.location.tag), func(b *store.Batch) func() error {
		var texts []store.Text
		for i := len(s.location.pairs) - 2; i >= 0; i -= 2 { // the oldest first: see read
			texts = append(texts, b.Get(s.location.pairs[i]))
		}
		return func() error {
			for _, text := range texts {
				value, err := text.Result()
				if errors.Is(err, ErrNotFound) || err == nil && len(value) < seal.MinSize {
					continue
				}
				return err
			}
			return ErrNotFound
		}
	})
}

// setCookie writes the session cookie of a front: no Domain, no Expires, under 200 bytes.
func (v *Sessions) setCookie(w http.ResponseWriter, at Front, value string, maxAge int) {
	at = v.front(at)
	http.SetCookie(w, &http.Cookie{Name: at.Cookie, Value: value, Path: "/", MaxAge: maxAge,
		Secure: at.Secure, HttpOnly: true, SameSite: http.SameSiteStrictMode})
}

// ClearCookie tells the browser to forget the session cookie of a front.
func (v *Sessions) ClearCookie(w http.ResponseWriter, at Front) { v.setCookie(w, at, "", -1) }
