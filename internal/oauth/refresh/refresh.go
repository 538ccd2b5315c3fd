package refresh

import (
	"context"
	"time"

	"bff/internal/oauth/client"
	"bff/internal/secret"
	"bff/internal/vault"

	"go.opentelemetry.io/otel/trace"
)

const (
	lockPatience = 15 * time.Second        // for others' refreshes, beyond the time of one's own call
	recheck      = 500 * time.Millisecond  // of a lock, in case a message was missed or its holder died
	lostGrace    = 2500 * time.Millisecond // for the holder of an answer to write it, or to take its lock again: two of its keeper's ticks
)

// A refresh is one attempt of this instance to have c's tokens renewed, by itself or by whoever is faster.
type refresh struct {
	b       *Refresher
	p       *provider
	had     vault.Connection // as of the caller's read
	refused secret.Text      // an access token that an API refused, or none
	events  <-chan vault.Event
	removed bool // the connection was unlinked
	waited  bool // for the holder of a lost answer, and the lock was free then
}

// An outcome is what a refresh came to, and the span that has its story.
type outcome struct {
	vault.Connection
	span trace.SpanContext
}

// other waits for whoever holds the lock, or for its lease to end. Its span is linked to the holder's.
func (r *refresh) other(ctx context.Context, held *vault.Lock) (now vault.Connection, done bool, err error) {
	ctx, span := r.b.cfg.Tracer.Start(ctx, "refresh waits for the lock")
	defer span.End()
	if holder := held.Holder(); span.IsRecording() && holder.IsValid() {
		span.AddLink(trace.Link{SpanContext: holder})
	}
	if now, done, err = r.look(ctx); done || err != nil {
		return now, done, err
	}
	if err = r.sleep(ctx, recheck+Jitter(recheck/4)); err != nil {
		return now, false, err
	}
	return r.look(ctx)
}

// look reads the connection again. done says that nothing is left to do.
func (r *refresh) look(ctx context.Context) (now vault.Connection, done bool, err error) {
	now, err = r.b.vault.Connections.Reload(ctx, &r.had)
	if err != nil {
		return vault.Connection{}, false, r.p.storeError(err)
	}
	now = r.b.held.over(now)
	switch {
	case now.Status == vault.StatusNeedsReauth:
		return vault.Connection{}, false, r.p.reauth(now.Reason)
	case r.refused.Equal(now.Tokens.Access):
		return now, false, nil
	case now.Tokens.Access.Equal(r.had.Tokens.Access):
		return now, r.b.phase(&now) == fresh, nil
	case r.refused.IsZero() && r.b.phase(&now) == spent:
		r.b.sight(&now) // it appeared since the caller's read, so it is new: the clock that wrote it is behind ours
	}
	return now, r.b.phase(&now) != spent, nil
}

// sleep waits for a message about the connection, at most d.
func (r *refresh) sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case e := <-r.events:
		r.removed = r.removed || e.Removed
	case <-t.C:
	case <-ctx.Done():
		return &client.Error{
			Kind:       client.KindUnavailable,
			Op:         "wait for a refresh at",
			Provider:   r.p.Name,
			RetryAfter: time.Second,
		}
	}
	return nil
}

// unlinked says whether the connection is gone because it was unlinked, which the bus tells, and not because its
// session ended.
func (r *refresh) unlinked(ctx context.Context) bool {
	for end := time.Now().Add(recheck); !r.removed && time.Now().Before(end); {
		if r.sleep(ctx, time.Until(end)) != nil {
			return false
		}
	}
	return r.removed
}
