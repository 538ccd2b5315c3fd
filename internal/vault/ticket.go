package vault

const (
	userSize   = 16
	finderSize = 16
	openerSize = 32
	ticketSize = userSize + finderSize + openerSize
)

// A ticket is the cookie's value, parsed: see doc.go. What is kept is kept hidden.
type ticket [ticketSize]byte

func newTicket(userID string) *ticket {
	t := new(ticket)
	copy(t[:], userDigest(userID))
	copy(t[userSize:], random(finderSize+openerSize))
	return t
}

// parseTicket accepts exactly what newTicket can have written. Whether the ticket is known is for the store to say.
func parseTicket(s string) (*ticket, bool) {
	raw, ok := decodeExactly(s, ticketSize)
	if !ok {
		return nil, false
	}
	return (*ticket)(raw), true
}

func (t *ticket) encode() string  { return b64.EncodeToString(t[:]) }
func (t *ticket) finder() []byte  { return t[:userSize+finderSize] }
func (t *ticket) opener() *opener { return (*opener)(t[userSize+finderSize:]) }
func (t *ticket) user() string    { return b64.EncodeToString(t[:userSize]) }

// An opener is the half of a ticket, or of an attempt, that only the browser has.
type opener [openerSize]byte

// owner names the session in sealed bindings: the same whichever key located it.
func (t *ticket) owner() string {
	return "s." + b64.EncodeToString(digest("bff session owner v1", string(t.finder()))[:16])
}

// UserID derives a user's public id, "u_…", from the provider's name, its issuer and the subject. All three take part:
// a provider that is pointed at another issuer has other users.
func UserID(provider, issuer, subject string) string {
	return "u_" + b64.EncodeToString(digest("bff user v1", provider, issuer, subject)[:16])
}

// userDigest is the part of the ticket, and of every store key, that names the user.
func userDigest(userID string) []byte { return digest("bff partition v1", userID)[:userSize] }

func newID(kind string) string { return kind + b64.EncodeToString(random(12)) }
