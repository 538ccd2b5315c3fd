package vault

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"
)

// A reading is what one round trip brought, still sealed.
type reading struct {
	ticket *ticket
	place  place
	value  string            // the session
	own    map[string]string // its connections, by id
	kept   map[string]string // the user's, by id
}

// read brings a session and its connections in one round trip: one pipeline, all keys in one slot. It is the only reader of a
// proxied call, so an in-process cache (filled here, emptied by the store's own invalidation) would go here and nowhere else.
//
// To find nothing logs somebody out, so it is asked twice, and the second time of a server that takes writes.
func (v *Vault) read(ctx context.Context, t *ticket, got *reading) error {
	got.ticket, got.place = t, v.placeOf(t)
	err := v.readOnce(ctx, got, false)
	if errors.Is(err, ErrNotFound) {
		err = v.readOnce(ctx, got, true)
	}
	return err
}

func (v *Vault) readOnce(ctx context.Context, got *reading, master bool) error {
	keys := got.place.keys
	var getsArray [4]*redis.StringCmd
	var hashesArray [4]*redis.MapStringStringCmd
	gets, hashes := getsArray[:0], hashesArray[:0]
	pipe := v.client.Pipeline()
	var write *redis.IntCmd
	if master { // deletes nothing; a replica refuses it, one that was the master a moment ago too
		write = pipe.Del(ctx, v.userKey(got.place.user, "w"))
	}
	for i := len(keys) - 2; i >= 0; i -= 2 { // the oldest first: a session that moves to the first pair meanwhile is met there
		gets = append(gets, pipe.Get(ctx, keys[i]))
		hashes = append(hashes, pipe.HGetAll(ctx, keys[i+1]))
	}
	kept := pipe.HGetAll(ctx, v.userKey(got.place.user, "k"))
	_, _ = pipe.Exec(ctx) // each command has its own error
	if master && write.Err() != nil {
		return v.fault(ctx, write.Err())
	}
	for i := len(gets) - 1; i >= 0; i-- {
		value, err := gets[i].Result()
		if errors.Is(err, redis.Nil) || err == nil && len(value) < minValueSize {
			continue // nothing here, or a tombstone
		}
		if err = errors.Join(err, hashes[i].Err(), kept.Err()); err != nil {
			return v.fault(ctx, err)
		}
		got.value, got.own, got.kept = value, hashes[i].Val(), kept.Val()
		return nil
	}
	return ErrNotFound
}
