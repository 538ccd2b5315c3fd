package vault

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// A handle is a name that somebody else has for sessions: a provider's session id. It lies outside any user's slot, so it is written before the
// session it leads to: one that leads nowhere is harmless.

// handleRecord says where the session is that was created with a handle.
type handleRecord struct {
	UserID   string `cbor:"1,keyasint"`
	Location string `cbor:"2,keyasint"` // at its creation
}

func handleSeat(handle, id string) seat {
	return seat{"handle", b64.EncodeToString(digest("bff handle v1", handle)[:16]) + "/" + id, nil}
}

// remember lets EndHandle find s.
func (v *Vault) remember(ctx context.Context, s *Session, handle string) error {
	rec := handleRecord{UserID: s.User.ID, Location: s.place.location()}
	value := v.seal(handleSeat(handle, s.ID), encode(&rec))
	return v.run(ctx, scriptRemember, v.handleKeys(handle)[:1], s.ID, value, ms(v.indexLife()))
}

// EndHandle ends every session that was created with the handle, and says how many there were.
func (v *Vault) EndHandle(ctx context.Context, handle, reason string) (n int, err error) {
	if handle == "" {
		return 0, nil
	}
	ctx, cancel := detached(ctx)
	defer cancel()
	defer func() { err = v.settled(err) }()
	for _, key := range v.handleKeys(handle) {
		entries, err := v.handle(ctx, key)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return n, err
		}
		for id, value := range entries {
			var rec handleRecord
			plain, err := v.open(handleSeat(handle, id), []byte(value))
			if err != nil || decode(plain, &rec) != nil {
				continue
			}
			ended, err := v.endRemembered(ctx, id, rec, reason)
			if n += ended; err != nil {
				return n, err
			}
		}
		// These, and none that came meanwhile.
		if err := v.client.HDel(ctx, key, slices.Collect(maps.Keys(entries))...).Err(); err != nil {
			return n, v.fault(ctx, err)
		}
	}
	return n, nil
}

func (v *Vault) handle(ctx context.Context, key string) (entries map[string]string, err error) {
	err = v.ask(ctx, key+":w", func(pipe redis.Pipeliner) func() error {
		all := pipe.HGetAll(ctx, key)
		return func() error {
			if entries = all.Val(); len(entries) == 0 && all.Err() == nil {
				return ErrNotFound
			}
			return v.fault(ctx, all.Err())
		}
	})
	return entries, err
}

// endRemembered ends one session. If a sign-in has written the handle and not yet the session, a tombstone goes where the session is about to be.
func (v *Vault) endRemembered(ctx context.Context, id string, rec handleRecord, reason string) (n int, err error) {
	user := partition(rec.UserID)
	for range 2 {
		if n, err = v.endListed(ctx, user, rec.UserID, "one", id, reason); err != nil || n > 0 {
			return n, err
		}
		buried, err := v.client.SetNX(ctx, v.userKey(user, "s:"+rec.Location), tombstone, time.Minute).Result()
		if err != nil || buried {
			return 0, v.fault(ctx, err)
		}
	}
	return n, nil // a tombstone was there already
}
