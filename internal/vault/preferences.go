package vault

import (
	"context"
	"errors"

	"bff/internal/audit"
	"bff/internal/vault/seal"
	"bff/internal/vault/store"
)

func preferencesBinding(userID string) seal.Binding {
	return seal.Binding{Kind: "preferences", Owner: userID}
}

// Preferences returns the user's JSON object, "{}" when there is none, with its version.
func (v *Sessions) Preferences(ctx context.Context, s *Session) (doc []byte, version string, err error) {
	value, err := v.db.Get(ctx, v.userKey(s.location.tag, "p"))
	if errors.Is(err, ErrNotFound) {
		return []byte("{}"), "", nil
	} else if err != nil {
		return nil, "", err
	}
	version = seal.Version(value)
	doc, err = v.ring().Open(preferencesBinding(s.User.ID), []byte(value))
	if err != nil {
		v.db.Warn("preferences do not open: their key was removed from the ring, or they were tampered with")
		return []byte("{}"), version, nil
	}
	if !v.ring().Current(value) { // nothing else may ever write them: whoever reads seals them under the ring's first key
		if next, err := v.writePreferences(ctx, s, doc, version, ""); err == nil {
			version = next
		}
	}
	return doc, version, nil
}

// SetPreferences writes doc if version is still what is stored, and returns the new one; else ErrConflict.
// ErrNotFound when s ended meanwhile.
func (v *Sessions) SetPreferences(ctx context.Context, s *Session, doc []byte, version string) (string, error) {
	ctx, cancel := detached(ctx)
	defer cancel()
	next, err := v.writePreferences(ctx, s, doc, version, Event{Kind: EventPreferences, User: s.User.ID}.encode())
	if err == nil {
		v.recorder.did(ctx, audit.Event{Kind: audit.PreferencesSet, User: s.User.ID, Session: s.ID})
	}
	return next, err
}

func (v *Sessions) writePreferences(ctx context.Context, s *Session, doc []byte, version, message string) (string,
	error) {
	value := v.ring().Seal(preferencesBinding(s.User.ID), doc)
	_, err := v.db.Run(ctx, onSession("preferences", s.location,
		store.Keys{"preferences": v.userKey(s.location.tag, "p")}, store.Args{
			"expected": version, "value": value, "channel": v.db.Channel(), "message": message}))
	return string(value[:seal.VersionSize]), err
}
