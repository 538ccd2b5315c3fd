package vault

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"bff/internal/vault/seal"
	"bff/internal/vault/store"
)

var (
	// ErrTaken: the account is an identity of another user. It is an ErrConflict.
	ErrTaken = fmt.Errorf("the account is another user's: %w", ErrConflict)
	// ErrLastIdentity: without this account nobody could sign in as the user.
	ErrLastIdentity = errors.New("the last account that signs in")
)

// An identity's entry leads from an account to its user. It lies outside the user's slot, so the record decides: an
// entry counts only while the record that it leads to lists the account. Whoever writes a record looks at the entry
// afterwards.

func (i Identity) digest() []byte {
	return seal.Digest("bff identity v1", i.Provider, i.Issuer, i.Subject)
}

func (i Identity) binding() seal.Binding {
	return seal.Binding{Kind: "identity", Owner: seal.Encode(i.digest()[:16])}
}

// An entry is what stands at an identity's key.
type identityEntry struct {
	key    string // the first key of the ring's
	value  string // what stands there, "" for nothing
	userID string // where it leads, of whichever key of the ring
}

func (v *Users) entry(ctx context.Context, i Identity) (e identityEntry, err error) {
	keys := v.ringKeys("d:", string(i.digest()))
	e.key = keys[0]
	for n, key := range keys {
		value, err := v.db.Get(ctx, key)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return e, err
		}
		if n == 0 {
			e.value = value
		}
		if id, err := v.ring().Open(i.binding(), []byte(value)); err == nil && e.userID == "" {
			e.userID = string(id)
		}
	}
	return e, nil
}

// enter has the entry lead to a user, over what stands there. ErrConflict: something else stands there now.
func (v *Users) enter(ctx context.Context, i Identity, e identityEntry, userID string) error {
	_, err := v.db.RunDurably(ctx, store.Call{Script: "swap", Keys: store.Keys{"key": e.key},
		Args: store.Args{"expected": e.value, "value": v.ring().Seal(i.binding(), []byte(userID))}})
	return err
}

// leads reports whether the entry leads to the user.
func (v *Users) leads(ctx context.Context, i Identity, userID string) (bool, error) {
	e, err := v.entry(ctx, i)
	return e.userID == userID, err
}

// Find returns the user that an account signs in as. ErrNotFound when there is none.
func (v *Users) Find(ctx context.Context, i Identity) (UserRecord, error) {
	e, err := v.entry(ctx, i)
	if err != nil {
		return UserRecord{}, err
	}
	return v.holder(ctx, i, e)
}

// holder is the user that the entry leads to, if the record lists the account.
func (v *Users) holder(ctx context.Context, i Identity, e identityEntry) (UserRecord, error) {
	if e.userID == "" {
		return UserRecord{}, ErrNotFound
	}
	rec, err := v.Get(ctx, e.userID)
	if err == nil && !rec.has(i) {
		return UserRecord{}, ErrNotFound
	}
	return rec, err
}

// PlannedUserID is the id that Register would give to the user of an account that nobody has yet. Whoever has no key of
// the ring cannot tell whose it is. Where the version before kept something for this account, it is the id of then.
func (v *Users) PlannedUserID(ctx context.Context, i Identity) (string, error) {
	before := UserID(i.Provider, i.Issuer, i.Subject)
	known, err := v.keptBefore(ctx, before)
	if err != nil || known {
		return before, err
	}
	for n := 0; ; n++ {
		id := "u_" + v.ring()[0].Location(seal.Digest("bff user v2", strconv.Itoa(n), i.Provider, i.Issuer, i.Subject))
		_, err := v.db.Get(ctx, v.userKey(tag(id), "u")) // a record that lost this account, or was erased: not again
		if errors.Is(err, ErrNotFound) {
			return id, nil
		}
		if err != nil {
			return "", err
		}
	}
}

// keptBefore reports whether something is kept for an id of before there were users that no record has.
func (v *Users) keptBefore(ctx context.Context, userID string) (bool, error) {
	t, found := tag(userID), false
	err := v.db.Read(ctx, func(b *store.Batch) func() error {
		user, preferences := b.Get(v.userKey(t, "u")), b.Get(v.userKey(t, "p"))
		kept, index := b.All(v.userKey(t, "k")), b.All(v.userKey(t, "i"))
		return func() error {
			if _, err := user.Result(); !errors.Is(err, ErrNotFound) {
				return err
			}
			chosen, err := preferences.Result()
			connections, err1 := kept.Result()
			sessions, err2 := index.Result()
			found = chosen != "" || len(connections) > 0 || len(sessions) > 0
			return errors.Join(unlessNone(err), err1, err2)
		}
	})
	return found, err
}

// unlessNone is err unless it says that there is nothing.
func unlessNone(err error) error {
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// registrations is how often a registration begins again after somebody else was faster.
const registrations = 8

// Register finds the user of an account, or makes one; of two at once, one does. It notes the sign-in and the profile,
// and makes change in the same write. An error of change aborts, and is returned.
func (v *Users) Register(ctx context.Context, i Identity, p Profile, change func(*UserRecord) error) (rec UserRecord,
	isNew bool, err error) {
	ctx, cancel := detached(ctx)
	defer cancel()
	for range registrations {
		rec, isNew, err = v.register(ctx, i, p, change)
		if !errors.Is(err, ErrConflict) {
			if err == nil && isNew {
				v.recorder.user(ctx, &UserRecord{}, &rec)
			}
			return rec, isNew, err
		}
	}
	return rec, isNew, errors.Join(ErrUnavailable, err)
}

func (v *Users) register(ctx context.Context, i Identity, p Profile, change func(*UserRecord) error) (UserRecord, bool,
	error) {
	e, err := v.entry(ctx, i)
	if err != nil {
		return UserRecord{}, false, err
	}
	before, err := v.holder(ctx, i, e)
	isNew := errors.Is(err, ErrNotFound)
	if err != nil && !isNew {
		return UserRecord{}, false, err
	}
	now := v.now()
	next := before.clone()
	if isNew {
		if next, err = v.fresh(ctx, i); err != nil {
			return UserRecord{}, false, err
		}
	}
	next.Profile, next.Provider, next.Subject, next.LastSeenAt = p, i.Provider, i.Subject, now
	if change != nil {
		if err := change(&next); err != nil {
			return UserRecord{}, false, err
		}
	}
	if isNew || e.value == "" {
		if err := v.claim(ctx, i, e, next.ID); err != nil {
			return UserRecord{}, false, err
		}
	}
	if named := next.name(i); named || isNew {
		if err := v.called.enter(ctx, i); err != nil {
			return UserRecord{}, false, err
		}
	}
	event := "user.changed"
	if isNew {
		event = "user.created"
		if err := v.db.Enlist(ctx, v.roll(), next.ID); err != nil {
			return UserRecord{}, false, err
		}
	}
	if err := v.write(ctx, &before, &next, event); err != nil {
		return UserRecord{}, false, err
	}
	if mine, err := v.leads(ctx, i, next.ID); err != nil || !mine {
		return UserRecord{}, false, errors.Join(err, ErrConflict)
	}
	return next, isNew, nil
}

// fresh is the record that a registration makes.
func (v *Users) fresh(ctx context.Context, i Identity) (UserRecord, error) {
	id, err := v.PlannedUserID(ctx, i)
	i.LinkedAt = v.now()
	return UserRecord{ID: id, CreatedAt: v.now(), Rights: map[string][]string{}, Identities: []Identity{i}}, err
}

// claim has the entry of an account lead to a user, unless the user that it led to got the account meanwhile.
func (v *Users) claim(ctx context.Context, i Identity, e identityEntry, userID string) error {
	if err := v.enter(ctx, i, e, userID); err != nil {
		return err
	}
	if e.userID == "" || e.userID == userID {
		return nil
	}
	other, err := v.Get(ctx, e.userID)
	if errors.Is(err, ErrNotFound) || err == nil && !other.has(i) {
		return nil
	}
	if err != nil {
		return err
	}
	now, err := v.entry(ctx, i)
	if err == nil {
		err = v.enter(ctx, i, now, e.userID)
	}
	return errors.Join(err, ErrTaken)
}

// AddIdentity makes an account one more way to sign in as a user. ErrTaken when it is another user's; doing it again is
// fine.
func (v *Users) AddIdentity(ctx context.Context, userID string, i Identity) (rec UserRecord, err error) {
	ctx, cancel := detached(ctx)
	defer cancel()
	err = change(func() error {
		e, err := v.entry(ctx, i)
		if err != nil {
			return err
		}
		holder, err := v.holder(ctx, i, e)
		switch {
		case err == nil && holder.ID != userID:
			return errTaken
		case err == nil && !holder.name(i):
			rec = holder
			return nil
		case err == nil: // linked before accounts had names
			if err := v.called.enter(ctx, i); err != nil {
				return err
			}
			rec, err = v.Update(ctx, userID, func(r *UserRecord) error { r.name(i); return nil })
			return err
		case !errors.Is(err, ErrNotFound):
			return err
		}
		if _, err := v.Get(ctx, userID); err != nil {
			return err
		}
		if err := v.claim(ctx, i, e, userID); err != nil {
			return taken(err)
		}
		if err := v.called.enter(ctx, i); err != nil {
			return err
		}
		i.LinkedAt = v.now()
		if rec, err = v.Update(ctx, userID, func(r *UserRecord) error {
			if !r.has(i) {
				r.Identities = append(r.Identities, i)
			}
			return nil
		}); err != nil {
			return err
		}
		if mine, err := v.leads(ctx, i, userID); err != nil || mine {
			return err
		}
		if _, err := v.Update(ctx, userID, func(r *UserRecord) error { r.drop(i); return nil }); err != nil {
			return err
		}
		return errTaken
	})
	if errors.Is(err, errTaken) {
		err = ErrTaken
	}
	return rec, err
}

// errTaken is ErrTaken where a conflict would be tried again.
var errTaken = errors.New("taken")

func taken(err error) error {
	if errors.Is(err, ErrTaken) {
		return errTaken
	}
	return err
}

// drop takes an account and its rights away.
func (r *UserRecord) drop(i Identity) {
	r.Identities = slices.DeleteFunc(r.Identities, i.same)
	delete(r.Rights, RightsOf(i.Provider, i.Subject))
}

// RemoveIdentity takes an account away from those that sign in as a user. ErrLastIdentity for the last one; doing it
// again is fine.
func (v *Users) RemoveIdentity(ctx context.Context, userID string, i Identity) (UserRecord, error) {
	var lines []nameLine
	rec, err := v.Update(ctx, userID, func(r *UserRecord) (err error) {
		if r.has(i) && len(r.Identities) == 1 {
			return ErrLastIdentity
		}
		if lines, err = v.called.linesOf(ctx, r.named(i)); err != nil || r.has(i) {
			r.drop(i)
			return err
		}
		mine, err := v.leads(ctx, i, userID) // else it is another user's, and so is its name
		if !mine {
			lines = nil
		}
		return err
	})
	if err == nil {
		v.forgetEntry(ctx, i, userID)
		v.called.forget(ctx, lines)
	}
	return rec, err
}

// forgetEntry deletes an entry that leads to a user who no longer has the account. One that stays is harmless.
func (v *Users) forgetEntry(ctx context.Context, i Identity, userID string) {
	for _, key := range v.ringKeys("d:", string(i.digest())) {
		value, err := v.db.Get(ctx, key)
		if err != nil {
			continue
		}
		if id, err := v.ring().Open(i.binding(), []byte(value)); err == nil && string(id) == userID {
			_, _ = v.db.RunDurably(ctx, store.Call{Script: "swap", Keys: store.Keys{"key": key},
				Args: store.Args{"expected": value, "value": ""}})
		}
	}
}
