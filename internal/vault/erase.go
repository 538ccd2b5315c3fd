package vault

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"bff/internal/audit"
	"bff/internal/vault/seal"
	"bff/internal/vault/store"
)

// Erased says what an erasing deleted.
type Erased struct {
	Sessions, Connections, Revocations int
	Waiting                            []string // providers that have not confirmed a revocation yet
	CreatedAt                          time.Time
}

// Erase ends every session of a user, has the grants that are kept for the user revoked through the outbox, and
// deletes all that is kept: record, connections, preferences, data of services. ErrNotFound when there is no such user.
// Broken off, it is taken up by the next call.
func (v *Users) Erase(ctx context.Context, userID string, revocation func(Connection) []byte) (Erased, error) {
	return v.eraseUser(ctx, userID, "", revocation)
}

// eraseUser is Erase, recorded with a reason.
func (v *Users) eraseUser(ctx context.Context, userID, reason string, revocation func(Connection) []byte) (out Erased,
	err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	rec, err := v.Get(ctx, userID)
	if err != nil {
		return out, err
	}
	lines, err := v.called.linesOf(ctx, rec.Identities...)
	if err != nil {
		return out, err
	}
	out.CreatedAt, out.Waiting = rec.CreatedAt, []string{}
	// The sessions first: without one nothing is linked any more.
	ended, err := v.index.end(ctx, tag(userID), userID, "all", erased, "")
	if out.Sessions = len(ended); err != nil {
		return out, err
	}
	for {
		if err := v.unlinkAll(ctx, userID, revocation, &out); err != nil {
			return out, err
		}
		n, err := v.eraseRecords(ctx, userID, reason)
		if out.Sessions += n; !errors.Is(err, ErrConflict) { // a sign-in linked something meanwhile
			if err != nil {
				return out, err
			}
			break
		}
	}
	for _, i := range rec.Identities {
		v.forgetEntry(ctx, i, userID)
	}
	v.called.forget(ctx, lines)
	_ = v.db.Delist(ctx, v.roll(), userID) // one that stays leads nowhere
	return out, v.settled(nil)
}

func (v *Users) unlinkAll(ctx context.Context, userID string, revocation func(Connection) []byte, out *Erased) error {
	kept, err := v.connections.Kept(ctx, userID)
	if err != nil {
		return err
	}
	for i := range kept {
		waits := false
		err := v.connections.unlink(ctx, &kept[i], "user", func(c Connection) []byte {
			payload := revocation(c)
			waits = payload != nil
			return payload
		})
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		out.Connections++
		if waits {
			out.Revocations++
			out.Waiting = union(out.Waiting, []string{kept[i].Provider})
		}
	}
	return nil
}

// eraseRecords deletes what is kept in one step, and says how many sessions it ended. ErrConflict: there is a
// connection.
func (v *Users) eraseRecords(ctx context.Context, userID, reason string) (int, error) {
	t := tag(userID)
	notice := v.events.about("user.erased", queued{User: userID})
	if err := v.events.ahead(ctx, t, notice); err != nil {
		return 0, err
	}
	event := Event{Kind: EventSession, Session: "%", User: userID, Reason: erased}
	head, tail, _ := strings.Cut(event.encode(), `"%"`)
	done, err := v.db.IDsDurably(ctx, store.Call{Script: "erase",
		Keys: store.Keys{"user": v.userKey(t, "u"), "hook": v.userKey(t, "g"), "kept": v.userKey(t, "k"),
			"preferences": v.userKey(t, "p"), "data": v.userKey(t, "d"), "index": v.userKey(t, "i"),
			"seen": v.userKey(t, "t")},
		Args: store.Args{"run": seal.Nonce(), "prefix": v.userKey(t, ""), "life": v.tombstoneLife(),
			"erased_for": millisOf(erasedFor), "channel": v.db.Channel(), "head": head + `"`, "tail": `"` + tail,
			"message":  Event{Kind: EventUser, User: userID}.encode(),
			"programs": notice.programs, "item": notice.item}})
	if slices.Equal(done, []string{"kept"}) {
		return 0, ErrConflict
	}
	v.events.point(ctx, t, notice)
	if len(done) > 0 && done[0] == erased {
		done = done[1:]
		v.recorder.did(ctx, audit.Event{Kind: audit.UserErased, User: userID, Reason: reason})
	}
	v.recorder.ends(ctx, userID, erased, done)
	return len(done), err
}
