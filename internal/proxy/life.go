package proxy

import (
	"context"
	"io"
	"sync"
	"time"
)

// A life is the context of an exchange: it ends with the call, with the request's own context, or when the call is
// broken off. It is what context.WithCancelCause gives, and closes a connection at its end without a registration for
// each. With the request's context it registers only when somebody waits for its own end, or when follow is called:
// most calls are over before.
type life struct {
	request context.Context

	mu      sync.Mutex  // guards what follows
	unwatch func() bool // of the request's end; nil: nothing is registered
	done    chan struct{}
	err     error
	cause   error
	held    io.Closer        // closed at the end
	after   map[*func()]bool // called at the end
}

// live begins. end must be called.
func (l *life) live(request context.Context) { l.request = request }

// follow has it end with the request from now on, whoever looks.
func (l *life) follow() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.followLocked()
}

func (l *life) followLocked() {
	if l.unwatch == nil && l.err == nil && l.request.Done() != nil {
		l.unwatch = context.AfterFunc(l.request, l.follows)
	}
}

// follows ends it when the request has ended.
func (l *life) follows() {
	if err := l.request.Err(); err != nil {
		l.finish(err, context.Cause(l.request))
	}
}

// end ends it, for a reason of this side. The first reason stays.
func (l *life) end(cause error) {
	l.finish(context.Canceled, cause)
	l.mu.Lock()
	unwatch := l.unwatch
	l.mu.Unlock()
	if unwatch != nil {
		unwatch()
	}
}

func (l *life) finish(err, cause error) {
	l.mu.Lock()
	if l.err != nil {
		l.mu.Unlock()
		return
	}
	l.err, l.cause = err, cause
	if l.done != nil {
		close(l.done)
	}
	held, after := l.held, l.after
	l.held, l.after = nil, nil
	l.mu.Unlock()
	if held != nil {
		_ = held.Close()
	}
	for f := range after {
		go (*f)()
	}
}

// why is the reason for which it ended, nil before.
func (l *life) why() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cause
}

// Hold implements wire.Holder.
func (l *life) Hold(c io.Closer) bool {
	l.follows()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return false
	}
	l.held = c
	return true
}

// Let implements wire.Holder.
func (l *life) Let(c io.Closer) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held != c {
		return false
	}
	l.held = nil
	return true
}

// Deadline implements context.Context.
func (l *life) Deadline() (time.Time, bool) { return l.request.Deadline() }

// Done implements context.Context.
func (l *life) Done() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done == nil {
		l.done = make(chan struct{})
		l.followLocked()
		if l.err != nil {
			close(l.done)
		}
	}
	return l.done
}

// Err implements context.Context.
func (l *life) Err() error {
	l.follows()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// AfterFunc is what package context looks for in a parent, so that it needs no goroutine to watch it.
func (l *life) AfterFunc(f func()) (stop func() bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		go f()
		return func() bool { return false }
	}
	l.followLocked()
	if l.after == nil {
		l.after = map[*func()]bool{}
	}
	key := &f
	l.after[key] = true
	return func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		was := l.after[key]
		delete(l.after, key)
		return was
	}
}
