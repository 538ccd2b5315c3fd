package vault

import (
	"context"
	"errors"
	"sort"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// SessionInfo is one of a user's sessions, as the others may see it.
type SessionInfo struct {
	ID, Device        string
	CreatedAt, SeenAt time.Time
	Current           bool // the one that asks
}

// info is an index entry: where the session is (22 characters), then what the others may see, sealed under the ring alone.
func (v *Vault) info(s *Session, seen time.Time) []byte {
	rec := infoRecord{Device: s.Device, Created: millis(s.CreatedAt), Seen: millis(seen)}
	return append([]byte(s.place.location()), v.seal(seat{"index", s.User.ID + "/" + s.ID, nil}, encode(&rec))...)
}

// Sessions lists the live sessions of s's user, the one seen last in front. It is exact: an entry whose session is gone is dropped by the script that reads.
func (v *Vault) Sessions(ctx context.Context, s *Session) ([]SessionInfo, error) {
	listed, err := v.list(ctx, s.place.user)
	if err != nil {
		return nil, err
	}
	out := make([]SessionInfo, 0, len(listed))
	for id, value := range listed {
		info := SessionInfo{ID: id, Current: id == s.ID}
		var rec infoRecord
		plain, err := v.open(seat{"index", s.User.ID + "/" + id, nil}, []byte(value[22:]))
		if err == nil && decode(plain, &rec) == nil {
			info.Device, info.CreatedAt, info.SeenAt = rec.Device, fromMillis(rec.Created), fromMillis(rec.Seen)
			if v.expired(info.CreatedAt, info.SeenAt) {
				continue
			}
		}
		out = append(out, info)
	}
	sort.Slice(out, func(i, j int) bool {
		if !out[i].SeenAt.Equal(out[j].SeenAt) {
			return out[i].SeenAt.After(out[j].SeenAt)
		}
		return out[i].ID < out[j].ID
	})
	return out, nil
}

// list returns the entries of live sessions by session id.
func (v *Vault) list(ctx context.Context, user string) (map[string]string, error) {
	flat, err := scriptList.Run(ctx, v.client, []string{v.userKey(user, "i")}, v.userKey(user, "s:")).StringSlice()
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, v.fault(ctx, err)
	}
	out := make(map[string]string, len(flat)/2)
	for i := 0; i+1 < len(flat); i += 2 {
		if len(flat[i+1]) > 22 {
			out[flat[i]] = flat[i+1]
		}
	}
	return out, nil
}

// EndOne ends a session of s's user by its public id. ErrNotFound when it is not one of theirs.
func (v *Vault) EndOne(ctx context.Context, s *Session, id, reason string) error {
	n, err := v.endListed(ctx, s.place.user, s.User.ID, "one", id, reason)
	if err == nil && n == 0 {
		return ErrNotFound
	}
	return v.settled(err)
}

// EndOthers ends all of the user's sessions but s.
func (v *Vault) EndOthers(ctx context.Context, s *Session, reason string) error {
	_, err := v.endListed(ctx, s.place.user, s.User.ID, "others", s.ID, reason)
	return v.settled(err)
}

// EndUser ends every session of a user and says how many there were.
func (v *Vault) EndUser(ctx context.Context, userID, reason string) (int, error) {
	n, err := v.endListed(ctx, partition(userID), userID, "all", "", reason)
	return n, v.settled(err)
}

// Erase ends every session of a user, for the reason "erased", and deletes what was kept for them: connections and preferences. Revocations that wait
// for their provider stay until they are done.
func (v *Vault) Erase(ctx context.Context, userID string) error {
	_, err := v.endListed(ctx, partition(userID), userID, "erase", "", "erased")
	return v.settled(err)
}

// endListed ends those of a user's sessions that which names ("one", "others" than id, "all", "erase": all and what is kept), in one atomic step.
func (v *Vault) endListed(ctx context.Context, user, userID, which, id, reason string) (int, error) {
	ctx, cancel := detached(ctx)
	defer cancel()
	const mark = `"%"` // the script puts each session's id here
	head, tail, _ := strings.Cut(Event{Kind: EventSession, Session: "%", User: userID, Reason: reason}.encode(), mark)
	keys := []string{v.userKey(user, "i"), v.userKey(user, "k"), v.userKey(user, "p")}
	n, err := v.evalDurably(ctx, scriptEndListed, keys, v.userKey(user, ""), which, id, v.tombstoneLife(), v.channel(), head+`"`, `"`+tail).Int()
	return n, v.fault(ctx, err)
}

// indexLife is how long an index outlives its last session's creation: no clock of an instance makes a session outlive it.
func (v *Vault) indexLife() time.Duration { return v.cfg.Lifetime + 5*time.Minute }
