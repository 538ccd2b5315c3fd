package store

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

// commands are those of Redis that need no script.
type commands struct{ *server }

// Get reads a string.
func (s commands) Get(ctx context.Context, key string) (string, error) {
	value, err := s.client.Get(ctx, key).Result()
	return value, s.fault(ctx, err)
}

// Set writes a string that lives for ttl.
func (s commands) Set(ctx context.Context, key string, value any, ttl time.Duration) error {
	defer s.written(s.TagOf(key))
	return s.fault(ctx, s.client.Set(ctx, key, value, ttl).Err())
}

// SetAbsent writes a string where there is none, and says whether it did.
func (s commands) SetAbsent(ctx context.Context, key string, value any, ttl time.Duration) (bool, error) {
	defer s.written(s.TagOf(key))
	err := s.fault(ctx, s.client.SetArgs(ctx, key, value, redis.SetArgs{Mode: "NX", TTL: ttl}).Err())
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Delete removes keys of one slot.
func (s commands) Delete(ctx context.Context, keys ...string) error {
	defer s.written(s.TagOf(keys[0]))
	return s.fault(ctx, s.client.Del(ctx, keys...).Err())
}

// All reads a hash, empty where there is none.
func (s commands) All(ctx context.Context, key string) (map[string]string, error) {
	values, err := s.client.HGetAll(ctx, key).Result()
	return values, s.fault(ctx, err)
}

// DeleteFields removes fields of a hash.
func (s commands) DeleteFields(ctx context.Context, key string, fields ...string) error {
	defer s.written(s.TagOf(key))
	if len(fields) == 0 {
		return nil
	}
	return s.fault(ctx, s.client.HDel(ctx, key, fields...).Err())
}

// Claim sets a key that nobody has set, and returns its value, "" where it went away meanwhile. owner is a value of its
// own: a SET that ran twice after a lost answer still knows that it won.
func (s commands) Claim(ctx context.Context, key, owner string, ttl time.Duration) (holder string, err error) {
	won, err := s.SetAbsent(ctx, key, owner, ttl)
	if won || err != nil {
		return owner, err
	}
	holder, err = s.Get(ctx, key) // there is one
	if errors.Is(err, ErrNotFound) {
		return "", nil // whoever set it was first
	}
	return holder, err
}

// Score puts a member of a sorted set at a time, in milliseconds.
func (s commands) Score(ctx context.Context, key, member string, at float64) error {
	return s.fault(ctx, s.client.ZAdd(ctx, key, redis.Z{Score: at, Member: member}).Err())
}

// Lower moves a member of a sorted set to a time, in milliseconds, unless it is at an earlier one.
func (s commands) Lower(ctx context.Context, key, member string, at float64) error {
	args := redis.ZAddArgs{LT: true, Members: []redis.Z{{Score: at, Member: member}}}
	return s.fault(ctx, s.client.ZAddArgs(ctx, key, args).Err())
}

// Until are the first n members of a sorted set whose time has come.
func (s commands) Until(ctx context.Context, key, now string, n int) ([]string, error) {
	due := &redis.ZRangeBy{Min: "-inf", Max: now, Count: int64(n)}
	members, err := s.client.ZRangeByScore(ctx, key, due).Result()
	return members, s.fault(ctx, err)
}

// Note writes one field of a hash, has the hash live for ttl from now, and reads all of it.
func (s commands) Note(ctx context.Context, key, field string, value any, ttl time.Duration) (map[string]string, error) {
	pipe := s.client.TxPipeline()
	set := pipe.HSet(ctx, key, field, value)
	expire := pipe.PExpire(ctx, key, ttl)
	all := pipe.HGetAll(ctx, key)
	exec(ctx, pipe)
	return all.Val(), s.fault(ctx, errors.Join(set.Err(), expire.Err(), all.Err()))
}

// List reads a list, empty where there is none.
func (s commands) List(ctx context.Context, key string) ([]string, error) {
	values, err := s.client.LRange(ctx, key, 0, -1).Result()
	return values, s.fault(ctx, err)
}

// Enlist puts a user's id into a sorted set of ids.
func (s commands) Enlist(ctx context.Context, key, id string) error {
	return s.fault(ctx, s.client.ZAdd(ctx, key, redis.Z{Member: s.ID(id)}).Err())
}

// Time is what a server's clock says.
func (s commands) Time(ctx context.Context) (time.Time, error) {
	at, err := s.client.Time(ctx).Result()
	return at, s.fault(ctx, err)
}

// Delist takes a user's id out of a sorted set of ids.
func (s commands) Delist(ctx context.Context, key, id string) error {
	return s.fault(ctx, s.client.ZRem(ctx, key, s.ID(id)).Err())
}

// Listed are the next n ids behind after, in the order in which the store spells them.
func (s commands) Listed(ctx context.Context, key, after string, n int) ([]string, error) {
	from := "-"
	if after != "" {
		from = "(" + s.ID(after)
	}
	ids, err := s.client.ZRangeByLex(ctx, key, &redis.ZRangeBy{Min: from, Max: "+", Count: int64(n)}).Result()
	for i := range ids {
		ids[i] = s.IDOf(ids[i])
	}
	return ids, s.fault(ctx, err)
}
