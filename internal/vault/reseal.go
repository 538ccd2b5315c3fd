package vault

import (
	"context"
	"errors"
	"slices"

	"bff/internal/vault/seal"
	"bff/internal/vault/store"
)

// reseal writes all that is kept of a user under the ring's first key: the record and the entries of its identities,
// what the hook said, preferences, data of services, kept connections. Whatever else writes comes first. It says
// whether there was something to write.
func (v *Upkeep) reseal(ctx context.Context, r *UserRecord) (bool, error) {
	if len(v.cfg.Keys) < 2 { // nothing can be sealed under another
		return false, nil
	}
	rest, err := v.resealRest(ctx, r.ID)
	if err != nil || r.current {
		return rest, err
	}
	for _, i := range slices.Clone(r.Identities) {
		e, err := v.users.entry(ctx, i)
		if err != nil {
			return false, err
		}
		if e.value == "" && e.userID == r.ID {
			if err := v.users.enter(ctx, i, e, r.ID); err != nil && !errors.Is(err, ErrConflict) {
				return false, err
			}
		}
		if err := v.users.called.enter(ctx, i); err != nil {
			return false, err
		}
	}
	_, err = v.users.update(ctx, r.ID, "", func(*UserRecord) error { return nil })
	return err == nil, unlessNone(err)
}

// resealRest is reseal of what is beside the record.
func (v *Upkeep) resealRest(ctx context.Context, userID string) (bool, error) {
	t, wrote := tag(userID), false
	texts := map[string]seal.Binding{ // by key
		v.userKey(t, "g"): hookBinding(userID),
		v.userKey(t, "p"): preferencesBinding(userID),
		v.userKey(t, "t"): seenBinding(userID),
	}
	values, data, err := v.readRest(ctx, texts, v.userKey(t, "d"))
	if err != nil {
		return false, err
	}
	for key, was := range values {
		did, err := v.resealValue(ctx, texts[key], was, func(value []byte) store.Call {
			return store.Call{Script: "swap", Keys: store.Keys{"key": key},
				Args: store.Args{"expected": was, "value": value}}
		})
		if wrote = wrote || did; err != nil {
			return wrote, err
		}
	}
	for client, was := range data {
		did, err := v.resealValue(ctx, dataBinding(userID, client), was, func(value []byte) store.Call {
			return store.Call{Script: "data", Keys: store.Keys{"user": v.userKey(t, "u"), "data": v.userKey(t, "d")},
				Args: store.Args{"client": client, "expected": seal.Version(was), "value": value}}
		})
		if wrote = wrote || did; err != nil {
			return wrote, err
		}
	}
	kept, err := v.resealKept(ctx, userID)
	return wrote || kept, err
}

// readRest reads the texts of these keys, "" where there is none, and a hash.
func (v *Upkeep) readRest(
	ctx context.Context,
	texts map[string]seal.Binding,
	hash string,
) (values, data map[string]string, err error) {
	values = map[string]string{}
	err = v.db.Read(ctx, func(b *store.Batch) func() error {
		answers := map[string]store.Text{}
		for key := range texts {
			answers[key] = b.Get(key)
		}
		all := b.All(hash)
		return func() (err error) {
			for key, answer := range answers {
				if values[key], err = answer.Result(); unlessNone(err) != nil {
					return err
				}
			}
			data, err = all.Result()
			return err
		}
	})
	return values, data, err
}

// resealValue seals a value under the first key where another sealed it, and says whether it did.
func (v *Upkeep) resealValue(
	ctx context.Context,
	b seal.Binding,
	was string,
	call func(value []byte) store.Call,
) (bool, error) {
	if was == "" || v.ring().Current(was) {
		return false, nil
	}
	plain, err := v.ring().Open(b, []byte(was))
	if err != nil {
		return false, nil // it opens for nobody any more
	}
	_, err = v.db.Run(ctx, call(v.ring().Seal(b, plain)))
	if errors.Is(err, ErrConflict) || errors.Is(err, ErrNotFound) {
		return false, nil // somebody else wrote, under the first key
	}
	return err == nil, err
}

func (v *Upkeep) resealKept(ctx context.Context, userID string) (wrote bool, err error) {
	kept, err := v.connections.Kept(ctx, userID)
	for i := range kept {
		if err == nil && !kept[i].current {
			wrote, err = true, v.connections.resealBy(ctx, &kept[i], "user")
		}
	}
	return wrote, err
}
