package vault

import "context"

// SessionLives asks the store whether a user has a live session of that public id. ErrNotFound when it ended, or
// never was.
func (v *Vault) SessionLives(ctx context.Context, userID, sessionID string) error {
	listed, err := v.list(ctx, partition(userID))
	if err != nil {
		return err
	}
	value, ok := listed[sessionID]
	if !ok {
		return ErrNotFound
	}
	var rec infoRecord
	plain, err := v.open(seat{"index", userID + "/" + sessionID, nil}, []byte(value[22:]))
	if err != nil || decode(plain, &rec) != nil || v.expired(fromMillis(rec.Created), fromMillis(rec.Seen)) {
		return ErrNotFound
	}
	return nil
}
