package vault

import (
	"context"
	"errors"
	"time"

	"bff/internal/vault/seal"
)

// takerSize is the length of the name that a taker leaves in place of the attempt: shorter than anything sealed.
const takerSize = 22

// SetOutcome keeps what became of an attempt for ttl, sealed under the ring: a callback that comes again is led by it.
func (v *Attempts) SetOutcome(ctx context.Context, state string, payload []byte, ttl time.Duration) error {
	ctx, cancel := detached(ctx)
	defer cancel()
	return v.db.Set(ctx, v.outcomeKeys(state)[0], v.ring().Seal(outcomeBinding(state), payload), ttl)
}

// Outcome returns what SetOutcome was given. pending says that the attempt was taken and its outcome is not known yet.
// ErrNotFound: there is neither, or no longer.
func (v *Attempts) Outcome(ctx context.Context, state string) (payload []byte, pending bool, err error) {
	if _, sane := seal.DecodeExactly(state, stateSize); !sane {
		return nil, false, ErrNotFound
	}
	for _, key := range v.outcomeKeys(state) {
		value, err := v.attempt(ctx, key)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, false, err
		}
		if payload, err = v.ring().Open(outcomeBinding(state), []byte(value)); err != nil {
			return nil, false, ErrNotFound
		}
		return payload, false, nil
	}
	for _, key := range v.attemptKeys(state) {
		value, err := v.attempt(ctx, key)
		switch {
		case err == nil:
			return nil, len(value) == takerSize, nil
		case !errors.Is(err, ErrNotFound):
			return nil, false, err
		}
	}
	return nil, false, ErrNotFound
}

func (c *core) outcomeKeys(state string) []string { return c.ringKeys("b:", state) }

func outcomeBinding(state string) seal.Binding {
	return seal.Binding{Kind: "outcome", Owner: seal.Encode(seal.Digest("bff outcome v1", state)[:16])}
}

// endedLife is how long it is known that a user ended one of the own sessions, so that doing it again is no error.
const endedLife = time.Hour

// NoteEnded keeps that s's user ended the session id.
func (v *Attempts) NoteEnded(ctx context.Context, s *Session, id string) error {
	ctx, cancel := detached(ctx)
	defer cancel()
	return v.db.Set(ctx, v.endedKey(s, id), []byte("1"), endedLife)
}

// EndedLately says whether NoteEnded was called for that session.
func (v *Attempts) EndedLately(ctx context.Context, s *Session, id string) (bool, error) {
	_, err := v.attempt(ctx, v.endedKey(s, id))
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

func (c *core) endedKey(s *Session, id string) string {
	return c.userKey(s.location.tag, "e:"+seal.Encode(seal.Digest("bff ended v1", id)[:16]))
}
