package vault

import (
	"time"

	"bff/internal/secret"
	"bff/internal/vault/seal"
)

// User is who a session belongs to.
type User struct {
	ID            string // "u_…", see UserID
	Provider      string
	Subject       string
	Name, Email   string
	EmailVerified bool
	Picture       string
	Rights        []string // what the user may do, sorted
	AppID         string   // the application's own id of this user
	CreatedAt     time.Time
	Identities    []Identity // accounts that sign in as this user
}

// A Session is what Load found, as of one read. Its lists are shared with other calls: nobody changes them. Only Touch
// changes SeenAt.
type Session struct {
	ID          string // "s_…": public, unrelated to the cookie
	User        User
	Device      string
	Front       string // the name of the front that it belongs to, "" for the first
	CreatedAt   time.Time
	AuthAt      time.Time // when the person authenticated: before CreatedAt where another front's session led to this one
	Handle      string    // the provider's name for the sign-in, or none: see EndHandle
	SeenAt      time.Time
	Connections []Connection // its own and the user's kept ones, the one linked first in front

	idle, lifetime time.Duration
	ticket         secret.Hidden[seal.Ticket]
	cookie         secret.Text // the ticket, spelled
	location       location
	version        string // of the stored value
	sum, userSum   uint64 // of the stored session and user: see core.sum
	current        bool   // sealed under the ring's first key
}

// IdleExpiresAt is when the session ends if nobody uses it.
func (s *Session) IdleExpiresAt() time.Time { return earlier(s.SeenAt.Add(s.idle), s.ExpiresAt()) }

// ExpiresAt is when the session ends in any case. It counts from the authentication: signing in on front after front
// makes none longer.
func (s *Session) ExpiresAt() time.Time { return s.AuthAt.Add(s.lifetime) }

// Ticket is the cookie's value, for an attempt to carry.
func (s *Session) Ticket() secret.Text {
	if s.cookie.IsZero() {
		return secret.New(s.ticket.Reveal().Encode())
	}
	return s.cookie
}

// Connection finds one of the session's by id.
func (s *Session) Connection(id string) (*Connection, bool) {
	for i := range s.Connections {
		if s.Connections[i].ID == id {
			return &s.Connections[i], true
		}
	}
	return nil, false
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func (s *Session) record(seen time.Time) *sessionRecord {
	return &sessionRecord{
		ID: s.ID, UserID: s.User.ID, Provider: s.User.Provider, Subject: s.User.Subject, Name: s.User.Name,
		Email: s.User.Email, EmailVerified: s.User.EmailVerified, Picture: s.User.Picture, Device: s.Device,
		Front: s.Front, Created: millis(s.CreatedAt), Seen: millis(seen), Auth: millis(s.AuthAt), Handle: s.Handle,
	}
}

// Own returns a copy that Touch may be given.
func (s *Session) Own() *Session {
	own := *s
	return &own
}
