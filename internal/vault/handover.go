package vault

import (
	"context"
	"time"

	"bff/internal/secret"
)

// A Handover is what a sign-in on the first front leaves for the front on which it began. It is kept as an attempt is:
// sealed, opened by the key ring and the half that the browser carries, and taken once.
type Handover struct {
	Note       []byte      // the caller's own
	User       User        // who signed in; zero for an account that is to be linked
	Connection *Connection // the account with its tokens, not stored yet; nil: none
}

type handoverRecord struct {
	Note       []byte            `cbor:"1,keyasint"`
	User       *sessionRecord    `cbor:"2,keyasint,omitempty"`
	Connection *connectionRecord `cbor:"3,keyasint,omitempty"`
}

// PutHandover stores h for ttl. name finds it and half opens it. ErrTooLarge for more than one may hold.
func (v *Attempts) PutHandover(ctx context.Context, h Handover, ttl time.Duration) (name string, half secret.Text,
	err error) {
	rec := handoverRecord{Note: h.Note}
	if h.User.ID != "" {
		rec.User = (&Session{User: h.User}).record(time.Time{})
	}
	if h.Connection != nil {
		c := h.Connection.record()
		rec.Connection = &c
	}
	return v.put(ctx, encode(rec), ttl, maxHandover)
}

// TakeHandover returns a handover and deletes it: of many takers one wins. ErrNotFound if the name is unknown, was
// taken, or is too old.
func (v *Attempts) TakeHandover(ctx context.Context, name string, half secret.Text) (Handover, error) {
	payload, err := v.Take(ctx, name, half)
	if err != nil {
		return Handover{}, err
	}
	var rec handoverRecord
	if decode(payload, &rec) != nil {
		return Handover{}, ErrNotFound
	}
	h := Handover{Note: rec.Note}
	if u := rec.User; u != nil {
		h.User = User{ID: u.UserID, Provider: u.Provider, Subject: u.Subject, Name: u.Name, Email: u.Email,
			EmailVerified: u.EmailVerified, Picture: u.Picture}
	}
	if rec.Connection != nil {
		c := rec.Connection.connection()
		h.Connection = &c
	}
	return h, nil
}
