package vault

import (
	"errors"
	"strconv"
	"time"

	"bff/internal/vault/seal"
	"bff/internal/vault/store"
)

// userRecord is a user as it is sealed. What the hook said stands beside it: a call does not read that.
type userRecord struct {
	ID            string              `cbor:"1,keyasint"`
	Identities    []identityRecord    `cbor:"2,keyasint,omitempty"`
	Name          string              `cbor:"3,keyasint,omitempty"`
	Email         string              `cbor:"4,keyasint,omitempty"`
	EmailVerified bool                `cbor:"5,keyasint,omitempty"`
	Picture       string              `cbor:"6,keyasint,omitempty"`
	Provider      string              `cbor:"7,keyasint,omitempty"`
	Subject       string              `cbor:"8,keyasint,omitempty"`
	Created       int64               `cbor:"9,keyasint"`
	Seen          int64               `cbor:"10,keyasint"`
	Rights        map[string][]string `cbor:"11,keyasint,omitempty"`
	AppID         string              `cbor:"12,keyasint,omitempty"`
	HookAnswered  bool                `cbor:"13,keyasint,omitempty"`
	Uses          []useRecord         `cbor:"14,keyasint,omitempty"`
}

type identityRecord struct {
	Provider string `cbor:"1,keyasint"`
	Issuer   string `cbor:"2,keyasint,omitempty"`
	Subject  string `cbor:"3,keyasint"`
	Linked   int64  `cbor:"4,keyasint,omitempty"`
	Named    string `cbor:"5,keyasint,omitempty"`
}

type useRecord struct {
	Client     string `cbor:"1,keyasint"`
	Provider   string `cbor:"2,keyasint"`
	Connection string `cbor:"3,keyasint"`
	Reason     string `cbor:"4,keyasint,omitempty"`
	At         int64  `cbor:"5,keyasint"`
}

func userBinding(userID string) seal.Binding { return seal.Binding{Kind: "user", Owner: userID} }
func hookBinding(userID string) seal.Binding { return seal.Binding{Kind: "hook", Owner: userID} }
func seenBinding(userID string) seal.Binding { return seal.Binding{Kind: "seen", Owner: userID} }

// sealSeen seals when a user was seen. It stands beside the record: a touch neither reads nor writes that.
func (c *core) sealSeen(userID string, at time.Time) []byte {
	return c.ring().Seal(seenBinding(userID), strconv.AppendInt(nil, at.UnixMilli(), 10))
}

// noteSeen has r say when the user was seen last: at the last sign-in, or at the last touch of a session since.
func (c *core) noteSeen(r *UserRecord, text store.Text) error {
	value, err := text.Result()
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	plain, err := c.ring().Open(seenBinding(r.ID), []byte(value))
	if err != nil {
		return nil // its key was removed from the ring: the next touch writes it again
	}
	if at, err := strconv.ParseInt(string(plain), 10, 64); err == nil && fromMillis(at).After(r.LastSeenAt) {
		r.LastSeenAt = fromMillis(at)
	}
	return nil
}

func (c *core) sealUser(r *UserRecord) []byte {
	rec := userRecord{ID: r.ID, Name: r.Profile.Name, Email: r.Profile.Email, EmailVerified: r.Profile.EmailVerified,
		Picture: r.Profile.Picture, Provider: r.Provider, Subject: r.Subject, Created: millis(r.CreatedAt),
		Seen: millis(r.LastSeenAt), Rights: r.Rights, AppID: r.AppID, HookAnswered: r.HookAnswered}
	for _, i := range r.Identities {
		rec.Identities = append(rec.Identities, identityRecord{i.Provider, i.Issuer, i.Subject, millis(i.LinkedAt), i.Named})
	}
	for _, u := range r.Uses {
		rec.Uses = append(rec.Uses, useRecord{u.Client, u.Provider, u.Connection, u.Reason, millis(u.At)})
	}
	return c.ring().Seal(userBinding(r.ID), encode(&rec))
}

// openUser opens a record. What is no record, or not this user's, is ErrNotFound.
func (c *core) openUser(userID, value string) (UserRecord, error) {
	plain, err := c.ring().Open(userBinding(userID), []byte(value))
	var rec userRecord
	if err == nil {
		err = decode(plain, &rec)
	}
	if err != nil || rec.ID != userID {
		if len(value) >= seal.MinSize {
			c.db.Warn("a user record does not open: its key was removed from the ring, or it was tampered with")
		}
		return UserRecord{}, ErrNotFound
	}
	r := UserRecord{ID: rec.ID, Provider: rec.Provider, Subject: rec.Subject, CreatedAt: fromMillis(rec.Created),
		Profile:    Profile{Name: rec.Name, Email: rec.Email, EmailVerified: rec.EmailVerified, Picture: rec.Picture},
		LastSeenAt: fromMillis(rec.Seen), Rights: rec.Rights, AppID: rec.AppID, HookAnswered: rec.HookAnswered,
		Version: seal.Version(value), current: c.ring().Current(value)}
	for _, i := range rec.Identities {
		r.Identities = append(r.Identities, Identity{i.Provider, i.Issuer, i.Subject, fromMillis(i.Linked), i.Named})
	}
	for _, u := range rec.Uses {
		r.Uses = append(r.Uses, Use{u.Client, u.Provider, u.Connection, u.Reason, fromMillis(u.At)})
	}
	return r, nil
}
