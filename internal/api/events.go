package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"bff/internal/vault"
)

const (
	maxEventStreams = 16 // of one session on one instance: a leader tab needs one
	heartbeat       = 15 * time.Second
	writePatience   = 10 * time.Second // a client that takes nothing for so long is gone
	eventsRetry     = 2 * time.Second  // what a client waits before it connects again
)

// A listener is one open stream of /bff/events.
type listener struct {
	*watched
	changed chan struct{} // holds one: a connection may have changed
	close   func()
}

func (l *listener) wake() {
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

// join makes a listener for the session and its user's kept connections; nil when the session has too many.
func (st *streams) join(session *vault.Session) *listener {
	w := st.enter(session)
	l := &listener{watched: w, changed: make(chan struct{}, 1)}
	keys := []string{session.ID, session.User.ID}
	st.mu.Lock()
	defer st.mu.Unlock()
	if len(st.listeners[session.ID]) >= maxEventStreams {
		w.n--
		return nil
	}
	for _, key := range keys {
		if st.listeners[key] == nil {
			st.listeners[key] = map[*listener]struct{}{}
			st.interest.Store(key, struct{}{})
		}
		st.listeners[key][l] = struct{}{}
	}
	l.close = func() {
		st.mu.Lock()
		defer st.mu.Unlock()
		for _, key := range keys {
			if delete(st.listeners[key], l); len(st.listeners[key]) == 0 {
				delete(st.listeners, key)
				st.interest.Delete(key)
			}
		}
		w.n--
	}
	return l
}

// hears waits until the store's announcements are heard, so that a stream which says it is open misses nothing. Only the first of an instance waits.
func (st *streams) hears(ctx context.Context) {
	select {
	case <-st.ready:
	case <-ctx.Done():
	case <-time.After(2 * time.Second): // it will look again when they are
	}
}

// events streams what happens to this session: that it ended, that a connection changed. It never slides the session, and holds nothing that
// GET /bff/session would not tell.
func (s *Server) events(c *call) error {
	l := s.streams.join(c.session)
	if l == nil {
		return newProblem(codeRateLimited).because("The session has too many event streams open.").after(5 * time.Second)
	}
	defer l.close()
	h := c.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // nginx
	out := &eventWriter{w: c.w, rc: http.NewResponseController(c.w)}
	if c.r.Method == http.MethodHead {
		c.w.WriteHeader(http.StatusOK)
		return nil
	}
	s.streams.hears(c.ctx())
	s.metrics.streams.Inc()
	defer s.metrics.streams.Dec()
	out.write(fmt.Sprintf("retry: %d\n\n", eventsRetry.Milliseconds()))
	s.tell(c, l, out)
	return nil // the answer has begun: nothing can go wrong that a client could still be told
}

// tell runs a stream until the session, the client, or this instance's time is over.
func (s *Server) tell(c *call, l *listener, out *eventWriter) {
	known := s.visible(c.session)
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	var again <-chan time.Time
	for out.err == nil {
		select {
		case <-l.done:
			if l.reason != "" {
				out.event("session.ended", map[string]string{"reason": l.reason})
			}
			return
		case <-c.ctx().Done():
			return
		case <-s.draining:
			return // the client comes back, to another instance
		case <-beat.C:
			out.write(":\n\n")
			continue
		case <-l.changed:
		case <-again:
		}
		again = nil
		now, err := s.reread(c)
		switch {
		case err == nil:
			s.streams.seen(now)
			known = s.tellChanges(out, known, s.visible(now))
		case errors.Is(err, vault.ErrNotFound):
			s.streams.suspect(c.session.ID) // done is closed in a moment, with a reason
		default:
			again = time.After(time.Second) // the store is down: what changed is told when it is back
		}
	}
}

func (s *Server) reread(c *call) (*vault.Session, error) {
	ctx, cancel := context.WithTimeout(c.ctx(), 3*time.Second)
	defer cancel()
	return s.cfg.Vault.LoadTicket(ctx, c.session.Ticket())
}

// visible is what a browser may see of each connection, encoded, by id. When it was last used is no change.
func (s *Server) visible(session *vault.Session) map[string]string {
	out := make(map[string]string, len(session.Connections))
	for i := range session.Connections {
		j := s.connectionJSON(&session.Connections[i])
		j.UsedAt = nil
		b, _ := json.Marshal(j) // plain fields: it cannot fail
		out[j.ID] = string(b)
	}
	return out
}

// tellChanges writes the difference of two readings, in the order of the ids.
func (s *Server) tellChanges(out *eventWriter, before, now map[string]string) map[string]string {
	var ids []string
	for id, b := range now {
		if before[id] != b {
			ids = append(ids, id)
		}
	}
	for id := range before {
		if _, ok := now[id]; !ok {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	for _, id := range ids {
		if b, ok := now[id]; ok {
			out.event("connection.changed", json.RawMessage(b))
		} else {
			out.event("connection.changed", map[string]string{"id": id, "status": "removed"})
		}
	}
	return now
}

// An eventWriter writes events; each has a time to get through, so that a client that is gone is noticed.
type eventWriter struct {
	w   http.ResponseWriter
	rc  *http.ResponseController
	err error
}

func (e *eventWriter) event(name string, data any) {
	b, err := json.Marshal(data)
	if err != nil {
		e.err = err
		return
	}
	e.write("event: " + name + "\ndata: " + string(b) + "\n\n") // JSON has no line ends of its own
}

func (e *eventWriter) write(text string) {
	if e.err != nil {
		return
	}
	if err := e.rc.SetWriteDeadline(time.Now().Add(writePatience)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		e.err = err
		return
	}
	if _, e.err = e.w.Write([]byte(text)); e.err == nil {
		e.err = e.rc.Flush()
	}
}
