package vault

import (
	"context"
	"errors"

	"bff/internal/vault/seal"
	"bff/internal/vault/store"
)

// A provider whose accounts more than its issuer distinguishes orders by the subject that it knows: it says whom,
// and not which of the accounts. The hash of that name lists them. It lies outside any user's slot, so a line may lead
// nowhere: one counts only while the account signs somebody in, as Users.Find says.
//
// The rules are: a line is written once the account's entry leads to the user and before the record lists the account,
// so that no account of a record is missed. It is deleted only as it was before the record lost the account, so that
// nobody takes away the line of who has the account next.

// Accounts lists the accounts that a provider calls by one name.
type Accounts struct{ *core }

func (i Identity) nameDigest() []byte {
	return seal.Digest("bff named v1", i.Provider, i.Issuer, i.Named)
}

func (i Identity) nameBinding(field string) seal.Binding {
	return seal.Binding{Kind: "named", Owner: seal.Encode(i.nameDigest()[:16]) + "/" + field}
}

func (i Identity) nameField() string { return seal.Encode(i.digest()[:16]) }

// Called lists the accounts that a provider calls by i's Named, of i's provider and issuer. Some of them may sign nobody
// in any more.
func (v *Accounts) Called(ctx context.Context, i Identity) (all []Identity, err error) {
	seen := map[string]bool{}
	for _, key := range v.ringKeys("s:", string(i.nameDigest())) {
		lines, err := v.lines(ctx, key)
		if err != nil {
			return nil, err
		}
		for field, value := range lines {
			subject, err := v.ring().Open(i.nameBinding(field), []byte(value))
			if err != nil || seen[field] {
				continue
			}
			seen[field] = true
			all = append(all, Identity{Provider: i.Provider, Issuer: i.Issuer, Subject: string(subject), Named: i.Named})
		}
	}
	return all, nil
}

func (v *Accounts) lines(ctx context.Context, key string) (map[string]string, error) {
	lines, err := v.hash(ctx, key)
	return lines, unlessNone(err)
}

// enter has the name lead to the account. Each line has a version of its own.
func (v *Accounts) enter(ctx context.Context, i Identity) error {
	if i.Named == "" {
		return nil
	}
	key, field := v.ringKeys("s:", string(i.nameDigest()))[0], i.nameField()
	return change(func() error {
		lines, err := v.lines(ctx, key)
		if err != nil {
			return err
		}
		return v.swap(ctx, key, field, lines[field], v.ring().Seal(i.nameBinding(field), []byte(i.Subject)))
	})
}

func (v *Accounts) swap(ctx context.Context, key, field, expected string, value []byte) error {
	_, err := v.db.RunDurably(ctx, store.Call{Script: "swap_field", Keys: store.Keys{"hash": key},
		Args: store.Args{"field": field, "expected": expected, "value": value}})
	return err
}

// A nameLine is what stands at a key for an account.
type nameLine struct{ key, field, value string }

// linesOf are the lines of accounts, as they are before a record loses them.
func (v *Accounts) linesOf(ctx context.Context, accounts ...Identity) (found []nameLine, err error) {
	for _, i := range accounts {
		if i.Named == "" {
			continue
		}
		for _, key := range v.ringKeys("s:", string(i.nameDigest())) {
			lines, err := v.lines(ctx, key)
			if err != nil {
				return nil, err
			}
			if value := lines[i.nameField()]; value != "" {
				found = append(found, nameLine{key, i.nameField(), value})
			}
		}
	}
	return found, nil
}

// forget deletes lines that nobody wrote anew. One that stays is harmless.
func (v *Accounts) forget(ctx context.Context, lines []nameLine) {
	for _, l := range lines {
		if err := v.swap(ctx, l.key, l.field, l.value, nil); err != nil && !errors.Is(err, ErrConflict) {
			return
		}
	}
}

// named is i as the record has it.
func (r *UserRecord) named(i Identity) Identity {
	for _, one := range r.Identities {
		if one.same(i) {
			return one
		}
	}
	return i
}

// name notes what the provider calls an account of the record, and reports whether that is new.
func (r *UserRecord) name(i Identity) (isNew bool) {
	for n := range r.Identities {
		if one := &r.Identities[n]; one.same(i) && i.Named != "" && one.Named != i.Named {
			one.Named, isNew = i.Named, true
		}
	}
	return isNew
}
