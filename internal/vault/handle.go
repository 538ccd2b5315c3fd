package vault

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"bff/internal/vault/seal"
	"bff/internal/vault/store"
)

// A handle is a name that somebody else has for sessions: a provider's session id. It lies outside any user's slot, so
// it is written before the session it leads to: one that leads nowhere is harmless.

// handleRecord says where the session is that was created with a handle.
type handleRecord struct {
	UserID   string `cbor:"1,keyasint"`
	Location string `cbor:"2,keyasint"` // at its creation
	Tag      string `cbor:"3,keyasint,omitempty"`
}

func handleBinding(handle, id string) seal.Binding {
	return seal.Binding{Kind: "handle", Owner: seal.Encode(seal.Digest("bff handle v1", handle)[:16]) + "/" + id}
}

// remember lets EndHandle find s.
func (v *Index) remember(ctx context.Context, s *Session, handle string) error {
	return v.rememberAt(ctx, s, handle, v.handleKeys(handle)[0])
}

func (v *Index) rememberAt(ctx context.Context, s *Session, handle, key string) error {
	rec := handleRecord{UserID: s.User.ID, Location: s.location.hash(), Tag: s.location.tag}
	_, err := v.db.Run(ctx, store.Call{Script: "remember", Keys: store.Keys{"handle": key},
		Args: store.Args{"id": s.ID, "value": v.ring().Seal(handleBinding(handle, s.ID), encode(&rec)),
			"ttl": millisOf(v.indexLife())}})
	return err
}

// EndHandle ends every session that was created with the handle, and says how many there were.
func (v *Index) EndHandle(ctx context.Context, handle, reason string) (n int, err error) {
	if handle == "" {
		return 0, nil
	}
	ctx, cancel := detached(ctx)
	defer cancel()
	defer func() { err = v.settled(err) }()
	for _, key := range v.handleKeys(handle) {
		entries, err := v.hash(ctx, key)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return n, err
		}
		for id, value := range entries {
			var rec handleRecord
			plain, err := v.ring().Open(handleBinding(handle, id), []byte(value))
			if err != nil || decode(plain, &rec) != nil {
				continue
			}
			ended, err := v.endRemembered(ctx, id, rec, reason)
			if n += ended; err != nil {
				return n, err
			}
		}
		// These, and none that came meanwhile.
		if err := v.db.DeleteFields(ctx, key, slices.Collect(maps.Keys(entries))...); err != nil {
			return n, err
		}
	}
	return n, nil
}

// endRemembered ends one session. If a sign-in has written the handle and not yet the session, a tombstone goes where
// the session is about to be.
func (v *Index) endRemembered(ctx context.Context, id string, rec handleRecord, reason string) (n int, err error) {
	if rec.Tag == "" { // of the version before
		rec.Tag = tag(rec.UserID)
	}
	for range 2 {
		ended, err := v.end(ctx, rec.Tag, rec.UserID, "one", reason, id)
		if err != nil || len(ended) > 0 {
			return len(ended), err
		}
		set, err := v.db.SetAbsent(ctx, v.userKey(rec.Tag, "s:"+rec.Location), tombstone, time.Minute)
		if err != nil || set {
			return 0, err
		}
	}
	return 0, nil // a tombstone was there already
}

// tombstone is what scripts write: shorter than any sealed value.
const tombstone = "ended"
