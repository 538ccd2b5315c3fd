package vault

import (
	"context"
	"errors"
	"time"

	"bff/internal/secret"
	"bff/internal/vault/seal"
	"bff/internal/vault/store"
)

// attempts keeps sign-ins under way, and ids that are accepted once.
type attempts struct{ *core }

const stateSize = 32

// PutAttempt stores payload for ttl. state goes through the provider, half into a cookie; neither alone opens it.
func (v *attempts) PutAttempt(ctx context.Context, payload []byte, ttl time.Duration) (state string, half secret.Text,
	err error) {
	state = seal.Encode(seal.Random(stateSize))
	opener := seal.NewOpener()
	err = v.db.Set(ctx, v.attemptKeys(state)[0], v.ring.Seal(attemptBinding(state, opener), payload), ttl)
	return state, secret.New(opener.Encode()), err
}

// TakeAttempt returns the payload and deletes it: of many takers one wins. A wrong opener is ErrNotFound and does not use
// the attempt up.
func (v *attempts) TakeAttempt(ctx context.Context, state string, half secret.Text) ([]byte, error) {
	opener, ok := seal.ParseOpener(half.Reveal())
	if _, sane := seal.DecodeExactly(state, stateSize); !ok || !sane {
		return nil, ErrNotFound
	}
	for _, key := range v.attemptKeys(state) {
		value, err := v.attempt(ctx, key)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		payload, err := v.ring.Open(attemptBinding(state, opener), []byte(value))
		if err != nil {
			return nil, ErrNotFound
		}
		ctx, cancel := detached(ctx)
		defer cancel()
		_, err = v.db.Run(ctx, store.Call{Script: "take", Keys: store.Keys{"key": key},
			Args: store.Args{"value": value, "taker": seal.Nonce()}})
		if err != nil {
			return nil, err
		}
		return payload, nil
	}
	return nil, ErrNotFound
}

func (v *attempts) attempt(ctx context.Context, key string) (value string, err error) {
	err = v.db.Ask(ctx, key+":w", func(b *store.Batch) func() error {
		text := b.Get(key)
		return func() (err error) {
			value, err = text.Result()
			return err
		}
	})
	return value, err
}

func attemptBinding(state string, opener *seal.Opener) seal.Binding {
	return seal.Binding{Kind: "attempt", Owner: seal.Encode(seal.Digest("bff attempt v1", state)[:16]), Opener: opener}
}
