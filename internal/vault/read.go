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
func (v *Vault) read(ctx context.Context, t *ticket, got *reading) error {
	got.ticket, got.place = t, v.placeOf(t)
	keys := got.place.keys
	return v.ask(ctx, v.userKey(got.place.user, "w"), func(pipe redis.Pipeliner) func() error {
		var getsArray [4]*redis.StringCmd
		var hashesArray [4]*redis.MapStringStringCmd
		gets, hashes := getsArray[:0], hashesArray[:0]
		for i := len(keys) - 2; i >= 0; i -= 2 { // the oldest first: a session that moves to the first pair meanwhile is met there
			gets = append(gets, pipe.Get(ctx, keys[i]))
			hashes = append(hashes, pipe.HGetAll(ctx, keys[i+1]))
		}
		kept := pipe.HGetAll(ctx, v.userKey(got.place.user, "k"))
		return func() error {
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
	})
}

// ask sends commands in one round trip, and then reads their answers. To find nothing can log somebody out, so that is asked twice, and the second time
// of a server that takes writes: one that was the master a moment ago refuses to delete what is not there.
func (v *Vault) ask(ctx context.Context, absent string, send func(redis.Pipeliner) (answer func() error)) error {
	pipe := v.client.Pipeline()
	answer := send(pipe)
	_, _ = pipe.Exec(ctx) // each command has its own error
	err := answer()
	if !errors.Is(err, ErrNotFound) {
		return err
	}
	pipe = v.client.Pipeline()
	write := pipe.Del(ctx, absent)
	answer = send(pipe)
	_, _ = pipe.Exec(ctx)
	if err := write.Err(); err != nil {
		return v.fault(ctx, err)
	}
	return answer()
}
