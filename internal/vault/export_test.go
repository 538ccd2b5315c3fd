package vault

import (
	"context"
	"time"

	gorillasessions "github.com/gorilla/sessions"

	"bff/internal/vault/seal"
	"bff/internal/vault/store"
)

// What the tests of this package need of its inside.

// Gorilla is the gorillasessions.Store below Load, Create, Touch and End.
func (v *Vault) Gorilla() gorillasessions.Store { return v.Sessions.gorilla }

// Seal and Open are seal and open for a kind, an owner, and the browser's half or nil.
func (v *Vault) Seal(kind, owner string, half *[32]byte, plain []byte) []byte {
	return v.ring().Seal(seal.Binding{Kind: kind, Owner: owner, Opener: (*seal.Opener)(half)}, plain)
}

func (v *Vault) Open(kind, owner string, half *[32]byte, value []byte) ([]byte, error) {
	return v.ring().Open(seal.Binding{Kind: kind, Owner: owner, Opener: (*seal.Opener)(half)}, value)
}

// Ticket reads a cookie's value, and gives what it was read from, the session's owner and the browser's half.
func Ticket(cookie string) (again, owner string, half *[32]byte, ok bool) {
	t, ok := seal.ParseTicket(cookie)
	if !ok {
		return "", "", nil, false
	}
	return t.Encode(), t.Owner(), (*[32]byte)(t.Opener()), true
}

// Reading begins a read for the cache, and gives what ends it.
func (v *Vault) Reading(s *Session) (keep func(*Session)) {
	done := v.cache.begin(context.Background(), s.ticket.Reveal())
	return func(s *Session) { done(s, &sealed{life: time.Hour, batch: &store.Batch{}}) }
}

// Once claims an id and says at once that its work is done; first is false where it was done before, or is being done.
func (v *Vault) Once(ctx context.Context, kind, id string, ttl time.Duration) (first bool, err error) {
	c, state, err := v.Attempts.Claim(ctx, kind, id)
	if err != nil || state != ClaimHeld {
		return false, err
	}
	return true, c.Done(ctx, ttl)
}

// Cached is how many users the cache knows something of.
func (v *Vault) Cached() int {
	n := 0
	for range v.cache.held.Keys() {
		n++
	}
	return n
}

// Record takes a connection through its stored form.
func (c Connection) Record() (Connection, error) {
	rec, out := c.record(), connectionRecord{}
	err := decode(encode(&rec), &out)
	return out.connection(), err
}

// Decode reads b as each of the records.
func Decode(b []byte) {
	_ = decode(b, &sessionRecord{})
	_ = decode(b, &connectionRecord{})
	_ = decode(b, &infoRecord{})
	_ = decode(b, &jobRecord{})
	_ = decode(b, &handleRecord{})
}

// SealedUser is where a record stands, and how. The name in the list of all users is the id.
func (v *Vault) SealedUser(r *UserRecord) (key, value, list string) {
	return v.userKey(tag(r.ID), "u"), string(v.sealUser(r)), v.Users.roll()
}

// WritePreferences is SetPreferences for tests that do not look at the new version.
func (v *Vault) WritePreferences(ctx context.Context, s *Session, doc []byte, version string) error {
	_, err := v.Sessions.SetPreferences(ctx, s, doc, version)
	return err
}
