package live

import (
	"context"
	"errors"
	"sync"
	"time"

	"bff/internal/vault"
)

// Config is what Streams need.
type Config struct {
	Vault *vault.Vault     // required
	Now   func() time.Time // required
}

// Streams are the sessions that something long runs for, on this instance. One subscription and two goroutines serve
// all of it; a call that begins and ends costs a mutex and a map access. A session that ends between its read and its
// watch is caught by `ended`, which keeps the last ones for a while. It is safe for concurrent use.
type Streams struct {
	cfg   Config
	base  context.Context // ends with close
	stop  context.CancelFunc
	work  sync.WaitGroup
	poke  chan struct{} // there are suspects
	ready chan struct{} // closed when the store's announcements arrive for the first time

	mu        sync.Mutex
	closed    bool
	watched   map[string]*watched
	ended     map[string]end                    // sessions that ended lately
	uncertain int                               // so many ticks after a resync newcomers are suspect too
	listeners map[string]map[*listener]struct{} // by session id, and by user id for connections kept by the user
	interest  sync.Map                          // the keys of listeners, for the bus, which must not wait
}

// watched is one session that something runs for.
type watched struct {
	n        int // watchers; with none it stays until the next tick, since the next call is likely the same session's
	session  *vault.Session
	done     chan struct{} // closed when the session ended
	reason   string        // set before done is closed
	deadline time.Time
	suspect  bool   // its end may have been missed
	missing  bool   // it was not found; who ended it, and why, may still arrive
	release  func() // the same for every watcher: it gives back one
}

type end struct {
	reason string
	ticks  int // until it is dropped
}

const (
	streamTick = 2 * time.Second
	endedTicks = 30 // longer than a call may wait for its token
)

// closedChannel is what a session that is over is watched with.
func closedChannel() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

// New subscribes to the vault's bus: from now on no end is missed.
func New(cfg Config) *Streams {
	st := &Streams{cfg: cfg, poke: make(chan struct{}, 1), ready: make(chan struct{}), watched: map[string]*watched{},
		ended: map[string]end{}, listeners: map[string]map[*listener]struct{}{}}
	st.base, st.stop = context.WithCancel(context.Background())
	events, cancel := cfg.Vault.Subscribe(st.matters)
	st.work.Go(func() {
		defer cancel()
		st.listen(events)
	})
	st.work.Go(st.inspect)
	return st
}

// Close ends what still runs. It is for the very end: until then a proxied stream may finish.
func (st *Streams) Close() {
	st.mu.Lock()
	if st.closed {
		st.mu.Unlock()
		return
	}
	st.closed = true
	for _, w := range st.watched {
		close(w.done)
	}
	clear(st.watched)
	st.mu.Unlock()
	st.stop()
	st.work.Wait()
}

// Watch returns a channel that is closed within moments when the session ends anywhere. release is called once, when
// nobody looks at it any more.
func (st *Streams) Watch(session *vault.Session) (done <-chan struct{}, release func()) {
	w := st.enter(session)
	return w.done, w.release
}

func (st *Streams) enter(session *vault.Session) *watched {
	id := session.ID
	st.mu.Lock()
	defer st.mu.Unlock()
	if over, ok := st.ended[id]; ok || st.closed {
		return &watched{done: closedChannel(), reason: over.reason, release: func() {}}
	}
	w := st.watched[id]
	if w == nil {
		w = &watched{done: make(chan struct{}), suspect: st.uncertain > 0}
		w.release = func() {
			st.mu.Lock()
			w.n--
			st.mu.Unlock()
		}
		st.watched[id] = w
	}
	w.n++
	w.session, w.deadline = session, session.IdleExpiresAt()
	return w
}

// matters runs on the bus's own goroutine. An end is noted there and then: many at once, as when a user with many
// sessions is erased, would not fit into a subscriber's room, and a resync knows no reasons.
func (st *Streams) matters(e vault.Event) bool {
	switch e.Kind {
	case vault.EventSession:
		st.end(e.Session, e.Reason)
	case vault.EventConnection:
		_, ok := st.interest.Load(audience(e))
		return ok
	case vault.EventUser, vault.EventPreferences:
		_, ok := st.interest.Load(e.User)
		return ok
	}
	return false
}

// audience is whom a change of a connection concerns: its session, or, when it is kept by the user, all of theirs.
func audience(e vault.Event) string {
	if e.Session != "" {
		return e.Session
	}
	return e.User
}

func (st *Streams) listen(events <-chan vault.Event) {
	tick := time.NewTicker(streamTick)
	defer tick.Stop()
	begun := sync.OnceFunc(func() { close(st.ready) })
	for {
		select {
		case <-st.base.Done():
			return
		case <-tick.C:
			st.tidy()
		case e := <-events:
			switch e.Kind {
			case vault.EventConnection:
				st.wake(audience(e))
			case vault.EventUser, vault.EventPreferences:
				st.wake(e.User)
			case vault.EventResync:
				st.suspectAll()
				begun()
			}
		}
	}
}

// end closes a session's done.
func (st *Streams) end(id, reason string) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.ended[id] = end{reason, endedTicks}
	if w := st.watched[id]; w != nil {
		w.reason = reason
		close(w.done)
		delete(st.watched, id)
	}
}

func (st *Streams) wake(key string) {
	st.mu.Lock()
	defer st.mu.Unlock()
	for l := range st.listeners[key] {
		l.wake()
	}
}

// suspectAll is for a resync: anything may have been missed.
func (st *Streams) suspectAll() {
	st.mu.Lock()
	for _, w := range st.watched {
		w.suspect = true
	}
	for _, set := range st.listeners {
		for l := range set {
			l.wake()
		}
	}
	st.uncertain = 2 + int(15*time.Second/streamTick)
	st.mu.Unlock()
	st.nudge()
}

// suspect has one session looked at.
func (st *Streams) suspect(id string) {
	st.mu.Lock()
	if w := st.watched[id]; w != nil {
		w.suspect = true
	}
	st.mu.Unlock()
	st.nudge()
}

func (st *Streams) nudge() {
	select {
	case st.poke <- struct{}{}:
	default:
	}
}

// tidy drops what nobody watches, and finds those whose time has passed.
func (st *Streams) tidy() {
	now, late := st.cfg.Now(), false
	st.mu.Lock()
	if st.uncertain > 0 {
		st.uncertain--
	}
	for id, e := range st.ended {
		if e.ticks--; e.ticks <= 0 {
			delete(st.ended, id)
		} else {
			st.ended[id] = e
		}
	}
	for id, w := range st.watched {
		switch {
		case w.n == 0:
			delete(st.watched, id)
		case !now.Before(w.deadline):
			w.suspect = true
			fallthrough
		case w.suspect:
			late = true
		}
	}
	st.mu.Unlock()
	if late {
		st.nudge()
	}
}

// inspect reads suspects again. It gives up at the first sign that the store is down: the next tick comes soon.
func (st *Streams) inspect() {
	for {
		select {
		case <-st.base.Done():
			return
		case <-st.poke:
		}
		for _, w := range st.suspects() {
			if !st.look(w) {
				break
			}
		}
	}
}

func (st *Streams) suspects() []*watched {
	st.mu.Lock()
	defer st.mu.Unlock()
	var out []*watched
	for _, w := range st.watched {
		if w.suspect && w.n > 0 {
			out = append(out, w)
		}
	}
	return out
}

// look reads one session again and says whether the store answered.
func (st *Streams) look(w *watched) bool {
	st.mu.Lock()
	session, deadline := w.session, w.deadline
	st.mu.Unlock()
	ctx, cancel := context.WithTimeout(st.base, 3*time.Second)
	defer cancel()
	again, err := st.cfg.Vault.Sessions.LoadTicket(ctx, session.Ticket())
	switch {
	case err == nil:
		st.seen(again)
	case !errors.Is(err, vault.ErrNotFound):
		return false
	case !st.cfg.Now().Before(deadline):
		st.end(session.ID, "expired")
	default:
		st.mu.Lock()
		before := w.missing
		w.missing = true
		st.mu.Unlock()
		if before { // a tick later still nothing arrived
			st.end(session.ID, "ended_elsewhere")
		}
	}
	return true
}

// seen notes that a session was just read.
func (st *Streams) seen(session *vault.Session) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if w := st.watched[session.ID]; w != nil {
		w.session, w.deadline, w.suspect, w.missing = session, session.IdleExpiresAt(), false, false
	}
}
