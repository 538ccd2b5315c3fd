package oauth_test

import (
	"context"
	"strings"
	"sync"

	"bff/internal/audit"
)

// eventsSeen reads along.
type eventsSeen struct {
	mu  sync.Mutex
	all []audit.Event
}

func (e *eventsSeen) Record(_ context.Context, event audit.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, event)
}

// count is how many there are of a kind, for a reason that begins so.
func (e *eventsSeen) count(kind audit.Kind, reason string) (n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, event := range e.all {
		if event.Kind == kind && strings.HasPrefix(event.Reason, reason) {
			n++
		}
	}
	return n
}
