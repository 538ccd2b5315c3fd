package vault

import (
	"context"

	"github.com/gorilla/sessions"
)

// What the tests of this package need of its inside.

// Gorilla is the sessions.Store below Load, Create, Touch and End.
func (v *Vault) Gorilla() sessions.Store { return v.sessions }

// Seal and Open are seal and open for a kind, an owner, and the browser's half or nil.
func (v *Vault) Seal(kind, owner string, half *[32]byte, plain []byte) []byte {
	return v.seal(seat{kind, owner, (*opener)(half)}, plain)
}

func (v *Vault) Open(kind, owner string, half *[32]byte, value []byte) ([]byte, error) {
	return v.open(seat{kind, owner, (*opener)(half)}, value)
}

// Ticket reads a cookie's value, and gives what it was read from, the session's owner and the browser's half.
func Ticket(cookie string) (again, owner string, half *[32]byte, ok bool) {
	t, ok := parseTicket(cookie)
	if !ok {
		return "", "", nil, false
	}
	return t.encode(), t.owner(), (*[32]byte)(t.opener()), true
}

// Reading begins a read for the cache, and gives what ends it.
func (v *Vault) Reading(s *Session) (keep func(*Session)) { return v.cache.begin(s.ticket.Reveal()) }

// Cached is how many users the cache knows something of.
func (v *Vault) Cached() int {
	v.cache.mu.Lock()
	defer v.cache.mu.Unlock()
	return len(v.cache.users)
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

// Judge is what Examine says of a store whose INFO has these fields.
func (v *Vault) Judge(ctx context.Context, facts map[string]string) (server string, warnings []string) {
	return v.server(ctx, facts), v.warnings(ctx, facts)
}
