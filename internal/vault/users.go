package vault

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"bff/internal/vault/seal"
	"bff/internal/vault/store"
)

// Users keeps who is registered: records, the accounts that sign in as them, and what services keep beside them.
type Users struct {
	*core
	connections *Connections
	index       *Index
	events      *Events
	called      *Accounts
}

// erased is what remains of a user: nothing that was in flight can bring the record back.
const erased = "erased"

// erasedFor is how long it remains. The id is not given again meanwhile.
const erasedFor = 400 * 24 * time.Hour

// Get reads a user. ErrNotFound when there is none, or no longer.
func (v *Users) Get(ctx context.Context, userID string) (UserRecord, error) {
	if !strings.HasPrefix(userID, "u_") {
		return UserRecord{}, ErrNotFound
	}
	t := tag(userID)
	var rec UserRecord
	err := v.db.Ask(ctx, v.absent(t), func(b *store.Batch) func() error {
		user, hook, seen := b.Get(v.userKey(t, "u")), b.Get(v.userKey(t, "g")), b.Get(v.userKey(t, "t"))
		return func() error {
			value, err := user.Result()
			if err != nil {
				return err
			}
			if rec, err = v.openUser(userID, value); err != nil {
				return err
			}
			if err := v.noteSeen(&rec, seen); err != nil {
				return err
			}
			rec.HookData, err = v.openHookData(userID, hook)
			return err
		}
	})
	return rec, err
}

func (v *Users) openHookData(userID string, text store.Text) ([]byte, error) {
	value, err := text.Result()
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	data, err := v.ring().Open(hookBinding(userID), []byte(value))
	if err != nil {
		return nil, nil // its key was removed from the ring: the next sign-in brings it again
	}
	return data, nil
}

// Update changes a user, whoever else writes: change may run again. Rights that were taken away count when it comes
// back, on every instance. An error of change aborts, and is returned.
func (v *Users) Update(ctx context.Context, userID string, change func(*UserRecord) error) (UserRecord, error) {
	return v.update(ctx, userID, "user.changed", change)
}

// NoteUse notes that a service had a token of the user's while nobody was there.
func (v *Users) NoteUse(ctx context.Context, userID string, use Use) error {
	_, err := v.update(ctx, userID, "", func(r *UserRecord) error {
		r.Uses = append(slices.Clone(r.Uses), use)
		r.Uses = r.Uses[max(0, len(r.Uses)-maxUses):]
		return nil
	})
	return err
}

func (v *Users) update(
	ctx context.Context,
	userID, event string,
	f func(*UserRecord) error,
) (rec UserRecord, err error) {
	ctx, cancel := detached(ctx)
	defer cancel()
	err = change(func() error {
		before, err := v.Get(ctx, userID)
		if err != nil {
			return err
		}
		rec = before.clone()
		if err := f(&rec); err != nil {
			return err
		}
		return v.write(ctx, &before, &rec, event)
	})
	return rec, err
}

// write writes next over before, which is zero for a new record.
func (v *Users) write(ctx context.Context, before, next *UserRecord, event string) error {
	t := tag(next.ID)
	if event == "user.changed" && before.equal(next) {
		event = ""
	}
	notice := v.events.about(event, queued{User: next.ID})
	if err := v.events.ahead(ctx, t, notice); err != nil {
		return err
	}
	value := v.sealUser(next)
	hook := ""
	switch {
	case string(before.HookData) == string(next.HookData):
	case len(next.HookData) == 0:
		hook = "-"
	default:
		hook = string(v.ring().Seal(hookBinding(next.ID), next.HookData))
	}
	message := ""
	if event != "" {
		message = Event{Kind: EventUser, User: next.ID}.encode()
	}
	_, err := v.db.RunDurably(ctx, store.Call{Script: "user",
		Keys: store.Keys{"user": v.userKey(t, "u"), "hook": v.userKey(t, "g")},
		Args: store.Args{"expected": before.Version, "value": value, "hook_value": hook, "channel": v.db.Channel(),
			"message": message, "prefix": v.userKey(t, ""), "programs": notice.programs, "item": notice.item}})
	if err != nil {
		return err
	}
	next.Version, next.current = string(value[:seal.VersionSize]), true
	v.events.point(ctx, t, notice)
	if before.ID != "" { // Register records a new one
		v.recorder.user(ctx, before, next)
	}
	if before.loses(next) {
		return v.settled(nil)
	}
	return nil
}

// A UserQuery selects users. Limit is at most 200.
type UserQuery struct {
	Email string // "" for all
	After string // the id that the page before ended with
	Limit int
}

const (
	scanned = 200    // records read in one round trip, at most
	perPage = 10_000 // records looked at for one page, more or less
)

// List returns a page of users in the order of their ids, and the id to go on after, "" at the end. Where few match,
// a page is shorter than the limit, or empty, before the end: no query looks at everybody.
func (v *Users) List(ctx context.Context, q UserQuery) (page []UserRecord, next string, err error) {
	after, read := q.After, scanned
	if q.Email == "" {
		read = min(scanned, q.Limit+1)
	}
	for seen := 0; ; seen += read {
		if seen >= perPage {
			return page, after, nil
		}
		ids, err := v.db.Listed(ctx, v.roll(), after, read)
		if err != nil || len(ids) == 0 {
			return page, "", err
		}
		all, err := v.readUsers(ctx, ids)
		if err != nil {
			return nil, "", err
		}
		for i, id := range ids {
			if len(page) == q.Limit {
				return page, after, nil
			}
			after = id
			if all[i].ID != "" && (q.Email == "" || strings.EqualFold(all[i].Profile.Email, q.Email)) {
				page = append(page, all[i])
			}
		}
	}
}

// roll is the sorted set of all user ids. An id that leads nowhere is harmless.
func (v *Users) roll() string { return v.db.Global("users") }

// readUsers reads records in one round trip; those that are not there are zero.
func (v *Users) readUsers(ctx context.Context, ids []string) ([]UserRecord, error) {
	all := make([]UserRecord, len(ids))
	err := v.db.Read(ctx, func(b *store.Batch) func() error {
		texts, seen := make([]store.Text, len(ids)), make([]store.Text, len(ids))
		for i, id := range ids {
			t := tag(id)
			texts[i], seen[i] = b.Get(v.userKey(t, "u")), b.Get(v.userKey(t, "t"))
		}
		return func() error {
			for i, text := range texts {
				value, err := text.Result()
				if err != nil && !errors.Is(err, ErrNotFound) {
					return err
				}
				rec, err := v.openUser(ids[i], value)
				if err != nil {
					continue
				}
				if err := v.noteSeen(&rec, seen[i]); err != nil {
					return err
				}
				all[i] = rec
			}
			return nil
		}
	})
	return all, err
}
