package vault

import (
	"context"
	"errors"
	"time"
)

const attemptSize = 32 // bytes of a state, and of an opener

// PutAttempt stores payload for ttl. state goes through the provider, opener into a cookie; neither alone opens it.
func (v *Vault) PutAttempt(ctx context.Context, payload []byte, ttl time.Duration) (state string, opener Secret, err error) {
	state = b64.EncodeToString(random(attemptSize))
	half := random(attemptSize)
	value := v.seal(attemptSeat(state, half), payload)
	err = v.client.Set(ctx, v.attemptKeys(state)[0], value, ttl).Err()
	return state, NewSecret(b64.EncodeToString(half)), v.fault(ctx, err)
}

// TakeAttempt returns the payload and deletes it: of many takers one wins. A wrong opener is ErrNotFound and does not use the attempt up.
func (v *Vault) TakeAttempt(ctx context.Context, state string, opener Secret) ([]byte, error) {
	half, err := b64.DecodeString(opener.Reveal())
	if raw, serr := b64.DecodeString(state); err != nil || serr != nil || len(half) != attemptSize || len(raw) != attemptSize {
		return nil, ErrNotFound
	}
	for _, key := range v.attemptKeys(state) {
		value, err := v.client.Get(ctx, key).Bytes()
		if err := v.fault(ctx, err); errors.Is(err, ErrNotFound) {
			continue
		} else if err != nil {
			return nil, err
		}
		payload, err := v.open(attemptSeat(state, half), value)
		if err != nil {
			return nil, ErrNotFound
		}
		ctx, cancel := detached(ctx)
		defer cancel()
		if err := v.run(ctx, scriptTake, []string{key}, value); err != nil {
			return nil, err
		}
		return payload, nil
	}
	return nil, ErrNotFound
}

func attemptSeat(state string, half []byte) seat {
	return seat{"attempt", b64.EncodeToString(digest("bff attempt v1", state)[:16]), half}
}

// Once marks id as seen for ttl and says whether this was the first time. An error is not a first time.
func (v *Vault) Once(ctx context.Context, kind, id string, ttl time.Duration) (first bool, err error) {
	key := v.cfg.Prefix + ":x:" + b64.EncodeToString(digest("bff once v1", kind, id)[:16])
	first, err = v.client.SetNX(ctx, key, 1, ttl).Result()
	return first && err == nil, v.fault(ctx, err)
}
