package proxy

import (
	"context"
	"io"
	"sync"
	"time"
)

// A life is the context of an exchange: it ends with the call, with the request's own context, or when the call is
// broken off. It is what context.WithCancelCause gives, and closes a connection at its end without a registration for
// each: a call makes one with the request.
type life struct {
	request context.Context
	unwatch func() bool // of the request's end

	mu    sync.Mutex // guards what follows
	done  chan struct{}
	err   error
	cause error
	held  io.Closer        // closed at the end
	after map[*func()]bool // called at the end
}

// live begins. end must be called.
func (l *life) live(request context.Context) {
	l.request = request
	if request.Done() != nil {
		l.unwatch = context.AfterFunc(request, func() { l.finish(request.Err(), context.Cause(request)) })
	}
}

// end ends it, for a reason of this side. The first reason stays.
func (l *life) end(cause error) {
	l.finish(context.Canceled, cause)
	if l.unwatch != nil {
		l.unwatch()
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
		if l.err != nil {
			close(l.done)
		}
	}
	return l.done
}

// Err implements context.Context.
func (l *life) Err() error {
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
