package vault

import (
	"context"
	"errors"
	"time"

	"bff/internal/secret"
	"bff/internal/vault/seal"
	"bff/internal/vault/store"
)

// Attempts keeps sign-ins under way, and ids that are accepted once.
type Attempts struct{ *core }

const stateSize = 32

// Attempts are kept for anybody who asks, so they are bounded: each, and all that were begun within their life
// together.
const (
	maxAttempt     = 8 << 10   // bytes of one
	maxHandover    = 256 << 10 // bytes of one that holds tokens: it stands for a sign-in that was finished
	maxAttempts    = 128 << 20 // bytes of all; one has about 700
	attemptsMinute = time.Minute
)

// Put stores payload for ttl. state goes through the provider, half into a cookie; neither alone opens it.
// ErrTooLarge for more than one attempt may hold, ErrFull while those under way fill their bound.
func (v *Attempts) Put(ctx context.Context, payload []byte, ttl time.Duration) (state string, half secret.Text,
	err error) {
	return v.put(ctx, payload, ttl, maxAttempt)
}

func (v *Attempts) put(ctx context.Context, payload []byte, ttl time.Duration, most int) (state string,
	half secret.Text,
	err error) {
	if len(payload) > most {
		return "", secret.Text{}, ErrTooLarge
	}
	state = seal.Encode(seal.Random(stateSize))
	opener := seal.NewOpener()
	value := v.ring().Seal(attemptBinding(state, opener), payload)
	if err := v.count(ctx, len(value), ttl); err != nil {
		return "", secret.Text{}, err
	}
	err = v.db.Set(ctx, v.attemptKeys(state)[0], value, ttl)
	return state, secret.New(opener.Encode()), err
}

// count adds an attempt of this size to those that were begun within ttl. One that ended early still counts: the bound
// is on what a flood can make the store hold.
func (v *Attempts) count(ctx context.Context, size int, ttl time.Duration) error {
	now := v.now()
	slot := now.UnixMilli() / attemptsMinute.Milliseconds()
	_, err := v.db.Run(ctx, store.Call{Script: "load", Keys: store.Keys{"load": v.db.Global("m")}, Args: store.Args{
		"slot": slot, "oldest": slot - int64(ttl/attemptsMinute), "size": size, "most": maxAttempts,
		"ttl": millisOf(ttl + attemptsMinute)}})
	if errors.Is(err, ErrConflict) {
		v.db.Warn("sign-ins under way fill their bound: no more begin until some end")
		return ErrFull
	}
	return err
}

// Take returns the payload and deletes it: of many takers one wins. A wrong opener is ErrNotFound and does not
// use the attempt up.
func (v *Attempts) Take(ctx context.Context, state string, half secret.Text) ([]byte, error) {
	return v.open(ctx, state, half, true)
}

// Open returns the payload of an attempt that nobody has taken, and leaves it there.
func (v *Attempts) Open(ctx context.Context, state string, half secret.Text) ([]byte, error) {
	return v.open(ctx, state, half, false)
}

func (v *Attempts) open(ctx context.Context, state string, half secret.Text, take bool) ([]byte, error) {
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
		payload, err := v.ring().Open(attemptBinding(state, opener), []byte(value))
		if err != nil {
			return nil, ErrNotFound
		}
		if !take {
			return payload, nil
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

func (v *Attempts) attempt(ctx context.Context, key string) (value string, err error) {
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
