package vault

import (
	"context"

	"bff/internal/audit"
	"bff/internal/vault/seal"
	"bff/internal/vault/store"
)

// MaxData is how large the data of a service beside one user or session is at most, in bytes.
const MaxData = 16 << 10

func dataBinding(owner, client string) seal.Binding {
	return seal.Binding{Kind: "data", Owner: owner + "/" + client}
}

// Documents keeps what services store beside users and sessions.
type Documents struct {
	*core
	index *Index
}

// UserData reads what a service keeps beside a user: "{}" and version "" where there is nothing. ErrNotFound: no such
// user.
func (v *Documents) UserData(ctx context.Context, userID, client string) (doc []byte, version string, err error) {
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

func (v *Documents) openData(owner, client, value string) (doc []byte, version string, err error) {
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
func (v *Documents) SetUserData(ctx context.Context, userID, client string, doc []byte, version string) (string,
	error) {
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
		v.recorder.did(ctx, audit.Event{Kind: audit.DataSet, User: userID, Client: client})
	}
	return string(value[:seal.VersionSize]), err
}

// SessionData reads what a service keeps beside a live session.
func (v *Documents) SessionData(ctx context.Context, sessionID, client string) (doc []byte, version string, err error) {
	userID, err := v.index.SessionUser(ctx, sessionID)
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
func (v *Documents) SetSessionData(
	ctx context.Context,
	sessionID, client string,
	doc []byte,
	version string,
) (string, error) {
	if len(doc) > MaxData {
		return "", ErrTooLarge
	}
	userID, err := v.index.SessionUser(ctx, sessionID)
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
		v.recorder.did(ctx, audit.Event{Kind: audit.DataSet, User: userID, Session: sessionID, Client: client})
	}
	return string(value[:seal.VersionSize]), err
}
