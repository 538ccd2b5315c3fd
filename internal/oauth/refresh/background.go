package refresh

import (
	"context"
	"sync"
)

// Background is what goes on without a caller: refreshes, writes of held tokens, revocations of tokens that nobody
// kept.
type Background struct {
	mu   sync.Mutex
	n    int
	idle chan struct{} // closed when n falls to 0; nil when nobody waits
}

// Begin notes that something is under way. [Background.End] must follow.
func (e *Background) Begin() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.n++
}

// End is the end of what Begin noted.
func (e *Background) End() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.n--; e.n == 0 && e.idle != nil {
		close(e.idle)
		e.idle = nil
	}
}

// Go runs f; nobody waits for it but Wait.
func (e *Background) Go(f func()) {
	e.Begin()
	go func() {
		defer e.End()
		f()
	}()
}

// Wait waits until nothing is under way, or ctx ends.
func (e *Background) Wait(ctx context.Context) error {
	e.mu.Lock()
	if e.n == 0 {
		e.mu.Unlock()
		return nil
	}
	if e.idle == nil {
		e.idle = make(chan struct{})
	}
	idle := e.idle
	e.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
