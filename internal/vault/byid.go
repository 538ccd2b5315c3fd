package vault

import (
	"context"
	"errors"
)

// SessionUser returns the user of a live session. ErrNotFound: it ended, or never was.
func (v *Index) SessionUser(ctx context.Context, sessionID string) (userID string, err error) {
	for _, key := range v.idKeys(sessionID) {
		entries, err := v.hash(ctx, key)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return "", err
		}
		var rec handleRecord
		plain, err := v.ring().Open(handleBinding(sessionID, sessionID), []byte(entries[sessionID]))
		if err != nil || decode(plain, &rec) != nil {
			continue
		}
		return rec.UserID, v.SessionLives(ctx, rec.UserID, sessionID)
	}
	return "", ErrNotFound
}

// EndSession ends a session by its public id. ErrNotFound: it ended, or never was.
func (v *Index) EndSession(ctx context.Context, sessionID, reason string) error {
	userID, err := v.SessionUser(ctx, sessionID)
	if err != nil {
		return err
	}
	ended, err := v.end(ctx, tag(userID), userID, "one", reason, sessionID)
	if err == nil && len(ended) == 0 {
		return ErrNotFound
	}
	return v.settled(err)
}
