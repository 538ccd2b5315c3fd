package vault

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"
)

// A reading is what one round trip brought, still sealed.
type reading struct {
	ticket ticket
	place  place
	found  int               // index of the pair in place.keys
	value  string            // the session
	own    map[string]string // its connections, by id
	kept   map[string]string // the user's, by id
}

// read brings a session and its connections in one round trip: one pipeline, all keys in one slot. It is the only reader of a
// proxied call, so an in-process cache (filled here, emptied by the store's own invalidation) would go here and nowhere else.
func (v *Vault) read(ctx context.Context, t *ticket, got *reading) error {
	got.ticket, got.place = *t, v.placeOf(t)
	n := len(got.place.keys)
	var getsArray [4]*redis.StringCmd
	var hashesArray [4]*redis.MapStringStringCmd
	gets, hashes := getsArray[:0], hashesArray[:0]
	pipe := v.client.Pipeline()
	for i := 0; i < n; i += 2 {
		gets = append(gets, pipe.Get(ctx, got.place.keys[i]))
		hashes = append(hashes, pipe.HGetAll(ctx, got.place.keys[i+1]))
	}
	kept := pipe.HGetAll(ctx, v.userKey(got.place.user, "k"))
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return v.fault(ctx, err)
	}
	for i := range gets {
		value, err := gets[i].Result()
		if errors.Is(err, redis.Nil) || err == nil && len(value) < minValueSize {
			continue // nothing here, or a tombstone
		}
		if err != nil {
			return v.fault(ctx, err)
		}
		if hashes[i].Err() != nil || kept.Err() != nil {
			return v.fault(ctx, errors.Join(hashes[i].Err(), kept.Err()))
		}
		got.found, got.value, got.own, got.kept = i, value, hashes[i].Val(), kept.Val()
		return nil
	}
	return ErrNotFound
}
