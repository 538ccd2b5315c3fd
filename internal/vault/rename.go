package vault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"bff/internal/vault/seal"
	"bff/internal/vault/store"
)

// A store that a version filled whose names can be guessed gets other names when its operator says so, and never by
// itself: see Rename. From then on the secret of the names stands in it, sealed under the ring, which every instance
// needs. One that cannot open it serves nobody, rather than to take the store for empty.

// namesRecord is what stands at the store's NamesKey.
type namesRecord struct {
	Secret []byte `cbor:"1,keyasint"`
	Moving bool   `cbor:"2,keyasint,omitempty"` // a renaming began, and did not end
}

var namesBinding = seal.Binding{Kind: "names", Owner: "store"}

var (
	errOtherNames  = errors.New("its names are sealed under a key that the ring lacks")
	errNamesMoving = errors.New("its names are being changed; run `bff user hide-names` again, until it ends")
)

func (v *Names) readNames(value string) (rec namesRecord, err error) {
	plain, err := v.ring().Open(namesBinding, []byte(value))
	if err != nil || decode(plain, &rec) != nil || len(rec.Secret) != seal.NamesSize {
		return rec, errOtherNames
	}
	return rec, nil
}

// open is what the store asks before its first command.
func (v *Names) open(value string) (*seal.Names, error) {
	rec, err := v.readNames(value)
	switch {
	case err != nil:
		return nil, err
	case rec.Moving:
		return nil, errNamesMoving
	}
	return seal.NewNames(rec.Secret), nil
}

// Errors of Rename.
var (
	// ErrListening: an instance runs on the store.
	ErrListening = store.ErrListening
	// ErrUnreadable: there are values that another ring sealed, or a key that was removed.
	ErrUnreadable = errors.New("values of another ring")
	// ErrOtherRing: another ring has the names of this store.
	ErrOtherRing = errOtherNames
	// ErrNames: the store answers, and what it holds cannot be found. It is ErrUnavailable too.
	ErrNames = store.ErrNames
)

// A Renaming says what Rename is to do.
type Renaming struct {
	Dry        bool // count, and change nothing
	Back       bool // to the names of the versions before
	Unreadable bool // although there are values that this ring cannot open
}

// Renamed says what it found: names that were changed, or would be; values that this ring cannot open; names that stand
// in both spellings with different values, and stay.
type Renamed = store.Renamed

// Names changes how a store spells names, and reads how it does.
type Names struct{ *core }

// Ready reads how the store spells names. A command asks for it before anything else.
func (v *Names) Ready(ctx context.Context) error { return v.db.Ready(ctx) }

// Rename has the store spell its names so that nobody without the keys can guess who is in it, or as before. No
// instance of any version may run, which ErrListening says; whatever is cut off in the middle goes on with the next
// call, and nobody is served before it ended.
func (v *Names) Rename(ctx context.Context, o Renaming) (found Renamed, err error) {
	if err := v.db.Quiet(ctx); err != nil {
		return found, err
	}
	value, rec, err := v.current(ctx)
	if err != nil || value == "" && o.Back {
		return found, err
	}
	r := store.Renaming{Names: seal.NewNames(rec.Secret), Back: o.Back, Knows: v.ring().Knows, Item: renamedItem}
	found, err = v.db.Survey(ctx, r)
	switch {
	case err != nil || o.Dry:
		return found, err
	case found.Unreadable > 0 && !o.Unreadable && !o.Back:
		return found, ErrUnreadable
	case found.Names == 0 && value != "" && !rec.Moving && !o.Back:
		return found, nil // done before
	}
	if value, err = v.begin(ctx, value, rec); err != nil {
		return found, err
	}
	moved, err := v.db.Rename(ctx, r)
	if err != nil || o.Back && moved.Twice > 0 { // what stays needs the secret
		return moved, err
	}
	return moved, v.end(ctx, value, rec, o.Back)
}

// current is what stands at the store's NamesKey, "" and a fresh secret where there is none.
func (v *Names) current(ctx context.Context) (value string, rec namesRecord, err error) {
	value, err = v.db.Get(ctx, v.db.NamesKey())
	if errors.Is(err, ErrNotFound) {
		return "", namesRecord{Secret: seal.Random(seal.NamesSize)}, nil
	}
	if err == nil {
		rec, err = v.readNames(value)
	}
	return value, rec, err
}

// begin has instances wait that start from now on. It returns when a replica has the mark that says so, so that a
// failover does not lose it. An instance that read the layout just before subscribes soon, which the caller looks for.
func (v *Names) begin(ctx context.Context, was string, rec namesRecord) (value string, err error) {
	began := rec.Moving
	rec.Moving = true
	value = v.sealNames(rec)
	if _, err = v.db.RunConfirmed(ctx, swap(v.db.NamesKey(), was, value)); err != nil || began {
		return value, err
	}
	select {
	case <-time.After(renameWait):
		return value, nil
	case <-ctx.Done():
		return value, ctx.Err()
	}
}

// end has instances serve again.
func (v *Names) end(ctx context.Context, was string, rec namesRecord, back bool) error {
	if back {
		_, err := v.db.RunDurably(ctx, swap(v.db.NamesKey(), was, ""))
		return err
	}
	rec.Moving = false
	_, err := v.write(ctx, was, rec)
	return err
}

const renameWait = 2 * time.Second

func swap(key, expected string, value any) store.Call {
	return store.Call{Script: "swap", Keys: store.Keys{"key": key}, Args: store.Args{"expected": expected, "value": value}}
}

func (v *Names) sealNames(rec namesRecord) string {
	return string(v.ring().Seal(namesBinding, encode(&rec)))
}

func (v *Names) write(ctx context.Context, expected string, rec namesRecord) (string, error) {
	value := v.sealNames(rec)
	_, err := v.db.RunDurably(ctx, swap(v.db.NamesKey(), expected, value))
	return value, err
}

// reseal seals the secret of the names under the ring's first key where another one did.
func (v *Names) reseal(ctx context.Context) error {
	value, err := v.db.Get(ctx, v.db.NamesKey())
	if err != nil || v.ring().Current(value) {
		return unlessNone(err)
	}
	rec, err := v.readNames(value)
	if err != nil || rec.Moving {
		return nil // who has the key does it
	}
	if _, err = v.write(ctx, value, rec); errors.Is(err, ErrConflict) {
		return nil
	}
	return err
}

// renamedItem is a queued event with its user's id as names spells it.
func renamedItem(names func(string) string, item string) string {
	var q queued
	if json.Unmarshal([]byte(item), &q) != nil {
		return item
	}
	q.User = names(q.User)
	b, err := json.Marshal(q)
	if err != nil {
		panic(fmt.Sprint("vault: an event of plain fields did not encode: ", err))
	}
	return string(b)
}
