package vault

import (
	"cmp"
	"context"
	"slices"
	"sort"
	"strings"
	"time"

	"bff/internal/audit"
	"bff/internal/vault/seal"
	"bff/internal/vault/store"
)

// Index knows the sessions of each user.
type Index struct {
	*core
	events *Events
}

// SessionInfo is one of a user's sessions, as the others may see it.
type SessionInfo struct {
	ID, Device        string
	Front             string // the name of its front, "" for the first
	CreatedAt, SeenAt time.Time
	AuthAt            time.Time
	Current           bool // the one that asks
}

func infoBinding(userID, sessionID string) seal.Binding {
	return seal.Binding{Kind: "index", Owner: userID + "/" + sessionID}
}

// info is an index entry: where the session is (hashSize characters), then what the others may see, sealed under the
// ring alone.
func (v *Index) info(s *Session, seen time.Time) []byte {
	rec := infoRecord{Device: s.Device, Created: millis(s.CreatedAt), Seen: millis(seen), Front: s.Front,
		Auth: millis(s.AuthAt)}
	return append([]byte(s.location.hash()), v.ring().Seal(infoBinding(s.User.ID, s.ID), encode(&rec))...)
}

// Sessions lists the live sessions of s's user, the one seen last in front. It is exact: an entry whose session is
// gone by its time is left out, and seen as an end.
func (v *Index) Sessions(ctx context.Context, s *Session) ([]SessionInfo, error) {
	all, err := v.list(ctx, s.location.tag, s.User.ID)
	for i := range all {
		all[i].Current = all[i].ID == s.ID
	}
	return all, err
}

// SessionsOf lists the live sessions of a user, the one seen last in front.
func (v *Index) SessionsOf(ctx context.Context, userID string) ([]SessionInfo, error) {
	return v.list(ctx, tag(userID), userID)
}

func (v *Index) list(ctx context.Context, tag, userID string) ([]SessionInfo, error) {
	flat, err := v.db.RunList(ctx, store.Call{Script: "list", Keys: store.Keys{"index": v.userKey(tag, "i")},
		Args: store.Args{"prefix": v.userKey(tag, "")}})
	if err != nil {
		return nil, err
	}
	out := make([]SessionInfo, 0, len(flat)/2)
	var gone []string
	for i := 0; i+1 < len(flat); i += 2 {
		if id, entry := flat[i], flat[i+1]; entry == "" {
			gone = append(gone, id)
		} else if len(entry) > hashSize {
			info := v.openInfo(userID, id, entry[hashSize:])
			if info.SeenAt.IsZero() || !v.expired(info.AuthAt, info.SeenAt) {
				out = append(out, info)
			}
		}
	}
	_ = v.expire(ctx, tag, userID, gone) // else the next list sees them
	sort.Slice(out, func(i, j int) bool {
		if !out[i].SeenAt.Equal(out[j].SeenAt) {
			return out[i].SeenAt.After(out[j].SeenAt)
		}
		return out[i].ID < out[j].ID
	})
	return out, nil
}

// openInfo opens an entry. One that does not open has an id and nothing else.
func (v *Index) openInfo(userID, id, value string) SessionInfo {
	info := SessionInfo{ID: id}
	var rec infoRecord
	plain, err := v.ring().Open(infoBinding(userID, id), []byte(value))
	if err == nil && decode(plain, &rec) == nil {
		info.Device, info.CreatedAt, info.SeenAt = rec.Device, fromMillis(rec.Created), fromMillis(rec.Seen)
		info.Front, info.AuthAt = rec.Front, fromMillis(cmp.Or(rec.Auth, rec.Created))
	}
	return info
}

// EndOne ends a session of s's user by its public id. ErrNotFound when it is not one of theirs.
func (v *Index) EndOne(ctx context.Context, s *Session, id, reason string) error {
	ended, err := v.end(ctx, s.location.tag, s.User.ID, "one", reason, id)
	if err == nil && len(ended) == 0 {
		return ErrNotFound
	}
	return v.settled(err)
}

// EndOthers ends all of the user's sessions but s.
func (v *Index) EndOthers(ctx context.Context, s *Session, reason string) error {
	_, err := v.end(ctx, s.location.tag, s.User.ID, "others", reason, s.ID)
	return v.settled(err)
}

// EndUser ends every session of a user and says how many there were.
func (v *Index) EndUser(ctx context.Context, userID, reason string) (int, error) {
	ended, err := v.end(ctx, tag(userID), userID, "all", reason, "")
	return len(ended), v.settled(err)
}

// Erase ends every session of a user, for the reason "erased", and deletes what was kept for them: connections and
// preferences. Revocations that wait for their provider stay until they are done.
func (v *Index) Erase(ctx context.Context, userID string) error {
	ended, err := v.end(ctx, tag(userID), userID, "erase", erased, "")
	if len(ended) > 0 {
		v.recorder.did(ctx, audit.Event{Kind: audit.UserErased, User: userID})
	}
	return v.settled(err)
}

// endOldest ends those of the user's sessions that are too many, the ones made first.
func (v *Index) endOldest(ctx context.Context, s *Session) error {
	all, err := v.list(ctx, s.location.tag, s.User.ID)
	if err != nil || len(all) <= maxSessions {
		return err
	}
	slices.SortStableFunc(all, func(a, b SessionInfo) int { return b.CreatedAt.Compare(a.CreatedAt) })
	for _, oldest := range all[maxSessions:] {
		if oldest.ID == s.ID {
			continue
		}
		if _, err := v.end(ctx, s.location.tag, s.User.ID, "one", endedTooMany, oldest.ID); err != nil {
			return err
		}
	}
	return v.settled(nil)
}

// end ends those of a user's sessions that which names ("one", "others" than id, "all", "erase": all and what is kept),
// in one atomic step, and returns which they were. Each is recorded.
func (v *Index) end(ctx context.Context, tag, userID, which, reason, id string) ([]string, error) {
	ctx, cancel := detached(ctx)
	defer cancel()
	const mark = `"%"` // the script puts each session's id here
	event := Event{Kind: EventSession, Session: "%", User: userID, Reason: noticeReason(reason)}
	head, tail, _ := strings.Cut(event.encode(), mark)
	notice := v.events.about("session.ended", queued{User: userID, Session: "%", Reason: noticeReason(reason), Many: true})
	if err := v.events.ahead(ctx, tag, notice); err != nil {
		return nil, err
	}
	defer v.events.point(ctx, tag, notice)
	itemHead, itemTail, _ := strings.Cut(notice.item, mark)
	ended, err := v.db.IDsDurably(ctx, store.Call{Script: "end_listed",
		Keys: store.Keys{"index": v.userKey(tag, "i"), "kept": v.userKey(tag, "k"), "preferences": v.userKey(tag, "p")},
		Args: store.Args{"run": seal.Nonce(), "prefix": v.userKey(tag, ""), "which": which, "id": id,
			"life": v.tombstoneLife(), "channel": v.db.Channel(), "head": head + `"`, "tail": `"` + tail,
			"programs": notice.programs, "item_head": itemHead + `"`, "item_tail": `"` + itemTail}})
	v.recorder.ends(ctx, userID, reason, ended)
	return ended, err
}

// expire takes the entries of sessions that are gone by their time away: their end is queued and recorded, once.
func (v *Index) expire(ctx context.Context, tag, userID string, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	ctx, cancel := detached(audit.As(ctx, audit.Actor{}))
	defer cancel()
	const mark = `"%"`
	notice := v.events.about("session.ended", queued{User: userID, Session: "%", Reason: endedExpired, Many: true})
	if err := v.events.ahead(ctx, tag, notice); err != nil {
		return err
	}
	defer v.events.point(ctx, tag, notice)
	head, tail, _ := strings.Cut(notice.item, mark)
	gone, err := v.db.IDsDurably(ctx, store.Call{Script: "expire", Keys: store.Keys{"index": v.userKey(tag, "i")},
		Args: store.Args{"run": seal.Nonce(), "prefix": v.userKey(tag, ""), "ids": strings.Join(ids, ","),
			"programs": notice.programs, "item_head": head + `"`, "item_tail": `"` + tail}})
	v.recorder.ends(ctx, userID, endedExpired, gone)
	return err
}

// indexLife is how long an index outlives its last session's creation: no clock of an instance makes a session outlive
// it, and MaintainUsers sees which ended by their time.
func (c *core) indexLife() time.Duration { return c.cfg.Lifetime + seenWithin }

// seenWithin is how long the end of a session by its time may take to be seen: some rounds of MaintainUsers.
const seenWithin = 6 * time.Hour

// maxSessions is how many sessions a user may have: one more ends the oldest. It bounds every script that walks over
// them.
const maxSessions = 100
