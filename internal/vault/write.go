package vault

import (
	"context"
	"time"
)

// write stores a session that gorilla's Save has sealed: a creation or a touch.
func (v *Vault) write(ctx context.Context, w *writing, value []byte) error {
	s := w.session
	left := s.ExpiresAt().Sub(w.seen)
	ttl := min(v.cfg.Idle, left)
	if ttl <= 0 {
		return ErrNotFound
	}
	p := s.place
	keys := append(p.keys[:len(p.keys):len(p.keys)], v.userKey(p.user, "i"))
	pairs := len(p.keys) / 2
	info := v.info(s, w.seen)
	if w.create == nil {
		err := v.run(ctx, scriptTouch, keys, pairs, s.version, value, ms(ttl), s.ID, info)
		if err == nil {
			s.version = string(value[:versionSize])
		}
		return err
	}
	var id string
	var sealed []byte
	if c := w.create.first; c != nil {
		next := v.fresh(s, *c)
		id, sealed = next.ID, v.sealConnection(&next)
	}
	return v.runDurably(ctx, scriptCreate, keys, pairs, value, ms(ttl), ms(v.indexLife()), s.ID, info, id, sealed, v.userKey(p.user, "s:"))
}

// bury ends a session: nothing that was in flight can bring it back.
func (v *Vault) bury(ctx context.Context, s *Session, reason string) error {
	keys := append(s.place.keys[:len(s.place.keys):len(s.place.keys)], v.userKey(s.place.user, "i"))
	return v.runDurably(ctx, scriptEnd, keys, len(s.place.keys)/2, v.tombstoneLife(), s.ID, v.channel(),
		Event{Kind: EventSession, Session: s.ID, User: s.User.ID, Reason: reason}.encode())
}

// tombstoneLife is how long one stands: as long as a late write could matter.
func (v *Vault) tombstoneLife() string { return ms(v.cfg.Lifetime + time.Minute) }
