package vault

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"bff/internal/secret"
)

const stateSize = 32

// PutAttempt stores payload for ttl. state goes through the provider, half into a cookie; neither alone opens it.
func (v *Vault) PutAttempt(ctx context.Context, payload []byte, ttl time.Duration) (state string, half secret.Text, err error) {
	state = b64.EncodeToString(random(stateSize))
	raw := opener(random(openerSize))
	value := v.seal(attemptSeat(state, &raw), payload)
	err = v.client.Set(ctx, v.attemptKeys(state)[0], value, ttl).Err()
	return state, secret.New(b64.EncodeToString(raw[:])), v.fault(ctx, err)
}

// TakeAttempt returns the payload and deletes it: of many takers one wins. A wrong opener is ErrNotFound and does not use the attempt up.
func (v *Vault) TakeAttempt(ctx context.Context, state string, secret secret.Text) ([]byte, error) {
	half, ok := decodeExactly(secret.Reveal(), openerSize)
	if _, sane := decodeExactly(state, stateSize); !ok || !sane {
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
		payload, err := v.open(attemptSeat(state, (*opener)(half)), value)
		if err != nil {
			return nil, ErrNotFound
		}
		ctx, cancel := detached(ctx)
		defer cancel()
		if err := v.run(ctx, scriptTake, []string{key}, value, nonce()); err != nil {
			return nil, err
		}
		return payload, nil
	}
	return nil, ErrNotFound
}

func (v *Vault) attempt(ctx context.Context, key string) (value []byte, err error) {
	err = v.ask(ctx, key+":w", func(pipe redis.Pipeliner) func() error {
		get := pipe.Get(ctx, key)
		return func() (err error) {
			value, err = get.Bytes()
			return v.fault(ctx, err)
		}
	})
	return value, err
}

func attemptSeat(state string, half *opener) seat {
	return seat{"attempt", b64.EncodeToString(digest("bff attempt v1", state)[:16]), half}
}

// Once marks id as seen for ttl and says whether this was the first time. An error is not a first time.
func (v *Vault) Once(ctx context.Context, kind, id string, ttl time.Duration) (first bool, err error) {
	key := v.cfg.Prefix + ":x:" + b64.EncodeToString(digest("bff once v1", kind, id)[:16])
	return v.claim(ctx, key, nonce(), ttl)
}

// claim sets a key that nobody has set. owner is a value of its own: a SET that ran twice after a lost answer still knows that it won.
func (v *Vault) claim(ctx context.Context, key, owner string, ttl time.Duration) (won bool, err error) {
	err = v.fault(ctx, v.client.SetArgs(ctx, key, owner, redis.SetArgs{Mode: "NX", TTL: ttl}).Err())
	if !errors.Is(err, ErrNotFound) {
		return err == nil, err
	}
	holder, err := v.client.Get(ctx, key).Result() // NX: there is one
	if err = v.fault(ctx, err); errors.Is(err, ErrNotFound) {
		return false, nil // it went away in between; whoever set it was first
	}
	return err == nil && holder == owner, err
}

func nonce() string { return b64.EncodeToString(random(16)) }
