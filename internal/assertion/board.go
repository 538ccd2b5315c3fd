package assertion

import (
	"context"
	"slices"
	"strings"
	"time"
)

// A Board is what the instances share: which lists of keys were published, and when last.
type Board interface {
	// PublishKeys notes that view, a comma-separated list of key ids, is published now. It returns when each list was
	// last published, view included. It may leave out lists that are older than a day.
	PublishKeys(ctx context.Context, view string) (map[string]time.Time, error)
}

const (
	// Published is for how long every instance must have published a key before it signs: the hour for which a verifier
	// may keep a JWK Set, the five minutes of a cache between them, the staleness that JWKS allows itself, and clocks
	// that are apart.
	Published = 75 * time.Minute
	// notedEvery is how long the board's answer is used.
	notedEvery = 20 * time.Second
	// staleAfter is how long JWKS answers although the board does not.
	staleAfter = 4 * time.Minute
	// boardTimeout bounds one question to the board.
	boardTimeout = 2 * time.Second
)

// choice is which key signs, and when the board was last heard of.
type choice struct {
	key   *keyPair
	noted time.Time
}

// current returns the choice, after a question to the board when the last one is notedEvery old. One caller asks; the
// others go on with the choice that there is. The error is the board's, and the choice may be there all the same.
func (s *Signer) current(ctx context.Context) (choice, error) {
	c := s.choice.Load()
	if c != nil && s.now().Sub(c.noted).Abs() < notedEvery {
		return *c, nil
	}
	if c == nil {
		s.asking.Lock()
	} else if !s.asking.TryLock() {
		return *c, nil
	}
	defer s.asking.Unlock()
	if c = s.choice.Load(); c != nil && s.now().Sub(c.noted).Abs() < notedEvery {
		return *c, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), boardTimeout)
	defer cancel()
	now := s.now()
	views, err := s.board.PublishKeys(ctx, s.view)
	if err != nil {
		if c == nil {
			return choice{}, err
		}
		return *c, err
	}
	next := choice{key: s.choose(views, now), noted: now}
	s.choice.Store(&next)
	return next, nil
}

// choose returns the first key of the ring that every list of the last Published has, and else the one that has been
// missing for the longest time.
func (s *Signer) choose(views map[string]time.Time, now time.Time) *keyPair {
	var best *keyPair
	var bestMissing time.Time
	for i := range s.keys {
		k := &s.keys[i]
		var missing time.Time // when a list without k was last published
		for view, at := range views {
			if at.After(missing) && !slices.Contains(strings.Split(view, ","), k.id) {
				missing = at
			}
		}
		if missing.IsZero() || now.Sub(missing) >= Published {
			return k
		}
		if best == nil || missing.Before(bestMissing) {
			best, bestMissing = k, missing
		}
	}
	s.log.Warn(
		"assertions are signed by a key that verifiers may not know yet: put the ring's previous key back behind the new one",
		"wait",
		Published.String(),
	)
	return best
}
