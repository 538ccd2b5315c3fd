package seal

import (
	"crypto/subtle"
	"strings"
)

const (
	// TagSize is the size of a user's tag, before it is spelled.
	TagSize    = 16
	finderSize = 16
	openerSize = 32
	ticketSize = TagSize + finderSize + openerSize
)

// A Ticket is the session cookie's value, parsed:
//
//	user's tag 16 | finder 16 | opener 32
//
// The first two find the record, the third opens it. Keep it hidden: secret.Hidden.
type Ticket [ticketSize]byte

// NewTicket makes a ticket for the user with this tag (TagSize bytes).
func NewTicket(tag []byte) *Ticket {
	t := new(Ticket)
	copy(t[:TagSize], tag)
	copy(t[TagSize:], Random(finderSize+openerSize))
	return t
}

// ParseTicket accepts exactly what NewTicket can have made. Whether the ticket is known is for the store to say.
func ParseTicket(s string) (*Ticket, bool) {
	t := new(Ticket)
	if !t.Parse(s) {
		return nil, false
	}
	return t, true
}

// Parse is ParseTicket into t, of which nothing holds after a refusal.
func (t *Ticket) Parse(s string) bool {
	var text [(ticketSize*8 + 5) / 6]byte
	if copy(text[:], s) != len(text) || len(s) != len(text) || strings.ContainsAny(s, "\r\n") {
		return false
	}
	n, err := b64.Decode(t[:], text[:])
	return err == nil && n == ticketSize
}

// Equal compares in constant time.
func (t *Ticket) Equal(o *Ticket) bool { return subtle.ConstantTimeCompare(t[:], o[:]) == 1 }

// Encode is the cookie's value.
func (t *Ticket) Encode() string { return Encode(t[:]) }

// Finder is what the session is located by.
func (t *Ticket) Finder() []byte { return t[:TagSize+finderSize] }

// Opener is the browser's half of the session's key.
func (t *Ticket) Opener() *Opener { return (*Opener)(t[TagSize+finderSize:]) }

// Tag is the user's tag, spelled.
func (t *Ticket) Tag() string { return Encode(t[:TagSize]) }

// Owner names the session in bindings: the same whichever key of the ring located it.
func (t *Ticket) Owner() string {
	return "s." + Encode(Digest("bff session owner v1", string(t.Finder()))[:16])
}

// An Opener is the half of a ticket, or of an attempt, that only the browser has.
type Opener [openerSize]byte

// NewOpener makes one.
func NewOpener() *Opener { return (*Opener)(Random(openerSize)) }

// ParseOpener reads what Encode spelled.
func ParseOpener(s string) (*Opener, bool) {
	raw, ok := DecodeExactly(s, openerSize)
	if !ok {
		return nil, false
	}
	return (*Opener)(raw), true
}

// Encode spells the opener.
func (o *Opener) Encode() string { return Encode(o[:]) }
