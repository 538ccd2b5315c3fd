package vault

import "context"

// SessionLives asks the store whether a user has a live session of that public id. ErrNotFound when it ended, or
// never was.
func (v *Index) SessionLives(ctx context.Context, userID, sessionID string) error {
	all, err := v.SessionsOf(ctx, userID)
	if err != nil {
		return err
	}
	for _, s := range all {
		if s.ID == sessionID && !s.SeenAt.IsZero() {
			return nil
		}
	}
	return ErrNotFound
}
