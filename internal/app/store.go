package app

import (
	"context"
	"log/slog"
	"time"

	"bff/internal/audit"
)

// How often the store is looked at: while it cannot be used, and while it can; and how long one look may take.
const (
	storeRetry   = 2 * time.Second
	storeCheck   = 5 * time.Second
	storeTimeout = 15 * time.Second
)

// A storeWatch looks at the store again and again.
type storeWatch struct {
	now    func() *generation
	log    *slog.Logger
	record func(context.Context, audit.Event)
}

// run logs what an operator should know of the store, when it cannot be used, and when it is back. Nothing
// waits for it: bff starts without a store, too.
func (s storeWatch) run(ctx context.Context) {
	const unknown, usable, lost = 0, 1, 2
	state := unknown
	for ctx.Err() == nil {
		err := s.look(ctx, state == usable)
		wait := storeRetry
		switch {
		case ctx.Err() != nil: // draining already
			return
		case err != nil && state != lost:
			s.log.Warn("the store cannot be used; answers are 503 until it can", "error", err)
			state = lost
		case err == nil:
			if state == lost {
				s.log.Info("the store can be used again")
				s.record(ctx, audit.Event{Kind: audit.StoreFailed, Code: "store_unavailable"})
			}
			state, wait = usable, storeCheck
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// look examines the store. Where it was usable a moment ago, a read and a write that are answered are enough; they say
// nothing of why they are not.
func (s storeWatch) look(ctx context.Context, wasUsable bool) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if wasUsable && s.now().vault.Serves(ctx) == nil {
		return nil
	}
	return s.examine(ctx)
}

func (s storeWatch) examine(ctx context.Context) error {
	store, err := s.now().vault.Examine(ctx)
	if err != nil {
		return err
	}
	s.log.Info("the store answers", "store", store.Server)
	for _, w := range store.Warnings {
		s.log.Warn("the store may end sessions", "reason", w)
	}
	return nil
}
