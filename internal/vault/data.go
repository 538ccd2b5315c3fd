package vault

import (
	"context"
	"errors"

	"bff/internal/audit"
	"bff/internal/vault/seal"
	"bff/internal/vault/store"
)

// MaxData is how large the data of a service beside one user or session is at most, in bytes.
const MaxData = 16 << 10

func dataBinding(owner, client string) seal.Binding {
	return seal.Binding{Kind: "data", Owner: owner + "/" + client}
}

// UserData reads what a service keeps beside a user: "{}" and version "" where there is nothing. ErrNotFound: no such
// user.
func (v *users) UserData(ctx context.Context, userID, client string) (doc []byte, version string, err error) {
	t := tag(userID)
	var value string
	err = v.db.Ask(ctx, v.absent(t), func(b *store.Batch) func() error {
		user, data := b.Get(v.userKey(t, "u")), b.Field(v.userKey(t, "d"), client)
		return func() error {
			record, err := user.Result()
			if err == nil && len(record) < seal.MinSize {
				err = ErrNotFound
			}
			if err != nil {
				return err
			}
			value, err = data.Result()
			return unlessNone(err)
		}
	})
	if err != nil {
		return nil, "", err
	}
	return v.openData(userID, client, value)
}

func (v *users) openData(owner, client, value string) (doc []byte, version string, err error) {
	if value == "" {
		return []byte("{}"), "", nil
	}
	doc, err = v.ring().Open(dataBinding(owner, client), []byte(value))
	if err != nil {
		v.db.Warn("data of a service does not open: its key was removed from the ring, or it was tampered with")
		doc = []byte("{}")
	}
	return doc, seal.Version(value), nil
}

// SetUserData writes doc if version is what is stored, else ErrConflict. ErrNotFound: no such user.
func (v *users) SetUserData(ctx context.Context, userID, client string, doc []byte, version string) (string, error) {
	if len(doc) > MaxData {
		return "", ErrTooLarge
	}
	ctx, cancel := detached(ctx)
	defer cancel()
	t, value := tag(userID), v.ring().Seal(dataBinding(userID, client), doc)
	_, err := v.db.Run(
		ctx,
		store.Call{Script: "data", Keys: store.Keys{"user": v.userKey(t, "u"), "data": v.userKey(t, "d")},
			Args: store.Args{"client": client, "expected": version, "value": value}},
	)
	if err == nil {
		v.record(ctx, audit.Event{Kind: audit.DataSet, User: userID, Client: client})
	}
	return string(value[:seal.VersionSize]), err
}

// SessionUser returns the user of a live session. ErrNotFound: it ended, or never was.
func (v *users) SessionUser(ctx context.Context, sessionID string) (userID string, err error) {
	for _, key := range v.idKeys(sessionID) {
		entries, err := v.index.below(ctx, key)
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
		return rec.UserID, v.index.SessionLives(ctx, rec.UserID, sessionID)
	}
	return "", ErrNotFound
}

// EndSession ends a session by its public id. ErrNotFound: it ended, or never was.
func (v *users) EndSession(ctx context.Context, sessionID, reason string) error {
	userID, err := v.SessionUser(ctx, sessionID)
	if err != nil {
		return err
	}
	ended, err := v.index.end(ctx, tag(userID), userID, "one", reason, sessionID)
	if err == nil && len(ended) == 0 {
		return ErrNotFound
	}
	return v.settled(err)
}

// SessionData reads what a service keeps beside a live session.
func (v *users) SessionData(ctx context.Context, sessionID, client string) (doc []byte, version string, err error) {
	userID, err := v.SessionUser(ctx, sessionID)
	if err != nil {
		return nil, "", err
	}
	value := ""
	err = v.db.Read(ctx, func(b *store.Batch) func() error {
		text := b.Field(v.userKey(tag(userID), "b:"+sessionID), client)
		return func() (err error) {
			value, err = text.Result()
			return unlessNone(err)
		}
	})
	if err != nil {
		return nil, "", err
	}
	return v.openData(sessionID, client, value)
}

// SetSessionData writes doc if version is what is stored, else ErrConflict. It ends with the session.
func (v *users) SetSessionData(
	ctx context.Context,
	sessionID, client string,
	doc []byte,
	version string,
) (string, error) {
	if len(doc) > MaxData {
		return "", ErrTooLarge
	}
	userID, err := v.SessionUser(ctx, sessionID)
	if err != nil {
		return "", err
	}
	ctx, cancel := detached(ctx)
	defer cancel()
	t, value := tag(userID), v.ring().Seal(dataBinding(sessionID, client), doc)
	_, err = v.db.Run(ctx, store.Call{Script: "session_data",
		Keys: store.Keys{"index": v.userKey(t, "i"), "data": v.userKey(t, "b:"+sessionID)},
		Args: store.Args{"prefix": v.userKey(t, ""), "id": sessionID, "client": client, "expected": version, "value": value,
			"life": millisOf(v.indexLife())}})
	if err == nil {
		v.record(ctx, audit.Event{Kind: audit.DataSet, User: userID, Session: sessionID, Client: client})
	}
	return string(value[:seal.VersionSize]), err
}
