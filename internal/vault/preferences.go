package vault

import (
	"context"
	"errors"
)

// Preferences returns the user's JSON object, "{}" when there is none, with its version.
func (v *Vault) Preferences(ctx context.Context, s *Session) (doc []byte, version string, err error) {
	value, err := v.client.Get(ctx, v.userKey(s.place.user, "p")).Bytes()
	if err := v.fault(ctx, err); errors.Is(err, ErrNotFound) {
		return []byte("{}"), "", nil
	} else if err != nil {
		return nil, "", err
	}
	doc, err = v.open(seat{"preferences", s.User.ID, nil}, value)
	if err != nil {
		v.warn("preferences do not open: their key was removed from the ring, or they were tampered with")
		return []byte("{}"), string(value[:min(len(value), versionSize)]), nil
	}
	version = string(value[:versionSize])
	if !v.current(string(value)) { // nothing else may ever write them: whoever reads seals them under the ring's first key
		if next, err := v.writePreferences(ctx, s, doc, version); err == nil {
			version = next
		}
	}
	return doc, version, nil
}

// SetPreferences writes doc if version is still what is stored, else ErrConflict. ErrNotFound when s ended meanwhile.
func (v *Vault) SetPreferences(ctx context.Context, s *Session, doc []byte, version string) error {
	ctx, cancel := detached(ctx)
	defer cancel()
	_, err := v.writePreferences(ctx, s, doc, version)
	return err
}

func (v *Vault) writePreferences(ctx context.Context, s *Session, doc []byte, version string) (next string, err error) {
	keys := append(s.place.keys[:len(s.place.keys):len(s.place.keys)], v.userKey(s.place.user, "p"))
	value := v.seal(seat{"preferences", s.User.ID, nil}, doc)
	err = v.run(ctx, scriptPreferences, keys, len(s.place.keys)/2, version, value)
	return string(value[:versionSize]), err
}
