package vault

import (
	"time"

	"bff/internal/secret"
	"bff/internal/vault/seal"
)

// Keep says who owns a connection.
type Keep string

// A connection kept by the session dies with it; one kept by the user is found again at the next sign-in.
const (
	KeepSession Keep = "session"
	KeepUser    Keep = "user"
)

// The status of a connection.
const (
	StatusActive      = "active"
	StatusNeedsReauth = "needs_reauth"
)

// Account is whose account at the provider it is.
type Account struct{ Subject, Email, Name string }

// Tokens are what the provider granted.
type Tokens struct {
	Access        secret.Text
	ObtainedAt    time.Time
	Expiry        time.Time   // zero: the provider gave none
	Refresh       secret.Text // zero: none
	RefreshExpiry time.Time   // zero: unknown
}

// A Connection is one account at one provider with its tokens, as of one read.
type Connection struct {
	ID          string // "c_…"
	Provider    string
	Keep        Keep
	Account     Account
	Status      string
	Reason      string   // of StatusNeedsReauth: revoked, expired, session_policy, rotated_away, unknown
	Scopes      []string // granted
	ConnectedAt time.Time
	UsedAt      time.Time // when a token was last granted; no call writes it
	Tokens      Tokens

	Withheld   []string          // scopes that the last consent was to bring and did not
	WithheldAt time.Time         // when that was
	Values     map[string]string // kept with the connection: variables of its provider, and what the provider said once

	owner   owner
	version string
	sum     uint64 // of the stored value: see core.sum
	current bool   // sealed under the ring's first key
}

// An owner is who keeps a connection, and what opens it.
type owner struct {
	location location
	name     string                     // of the sealed binding
	opener   secret.Hidden[seal.Opener] // none for KeepUser
	session  string                     // session id, "" for KeepUser
	user     string                     // user id
}

// Key names the record in the store: equal for one connection read twice, on any instance; different for any other.
func (c *Connection) Key() string { return string(c.AppendKey(nil)) }

// AppendKey appends Key to b.
func (c *Connection) AppendKey(b []byte) []byte {
	return append(append(append(b, c.owner.name...), '/'), c.ID...)
}

// Version changes with every write.
func (c *Connection) Version() string { return c.version }

// UserID is the user that c belongs to.
func (c *Connection) UserID() string { return c.owner.user }

func ownerOf(s *Session, keep Keep) owner {
	if keep == KeepUser {
		return owner{location: s.location, name: "u." + s.User.ID, user: s.User.ID}
	}
	t := s.ticket.Reveal()
	return owner{location: s.location, name: t.Owner(), opener: secret.Hide(t.Opener()), session: s.ID, user: s.User.ID}
}

// userOwner is the user as the owner of what is kept, without a session.
func userOwner(tag, userID string) owner {
	return owner{location: location{tag: tag, pairs: []string{}}, name: "u." + userID, user: userID}
}

func (o owner) binding(id string) seal.Binding {
	return seal.Binding{Kind: "connection", Owner: o.name + "/" + id, Opener: o.opener.Reveal()}
}

// hash is what the scripts call the hash that c is in.
func (c *Connection) hash() string {
	if c.Keep == KeepUser {
		return "kept"
	}
	return "own"
}
