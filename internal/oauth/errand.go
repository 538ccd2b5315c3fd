package oauth

import (
	"context"
	"sync"
)

// errands are what goes on without a caller: refreshes, writes of held tokens, revocations of tokens that nobody kept.
type errands struct {
	mu   sync.Mutex
	n    int
	idle chan struct{} // closed when n falls to 0; nil when nobody waits
}

func (e *errands) begin() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.n++
}

func (e *errands) end() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.n--; e.n == 0 && e.idle != nil {
		close(e.idle)
		e.idle = nil
	}
}

// run does f behind everybody's back.
func (e *errands) run(f func()) {
	e.begin()
	go func() {
		defer e.end()
		f()
	}()
}

// wait waits until nothing is under way, or ctx ends.
func (e *errands) wait(ctx context.Context) error {
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
