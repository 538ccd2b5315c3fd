package live

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"bff/internal/api/metrics"
	"bff/internal/api/problem"
	"bff/internal/api/route"
	"bff/internal/vault"
)

const (
	maxEventStreams = 16 // of one session on one instance: a leader tab needs one
	heartbeat       = 15 * time.Second
	writePatience   = 10 * time.Second // a client that takes nothing for so long is gone
	eventsRetry     = 2 * time.Second  // what a client waits before it connects again
	readPatience    = 3 * time.Second  // for one reading of the store
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
func (st *Streams) join(session *vault.Session) *listener {
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

// arriving waits until the store's announcements arrive, so that a stream which says it is open misses nothing. Only
// the first of an instance waits.
func (st *Streams) arriving(ctx context.Context) {
	select {
	case <-st.ready:
	case <-ctx.Done():
	case <-time.After(2 * time.Second): // it will look again when they are
	}
}

// Events answers GET /bff/events.
type Events struct {
	Streams  *Streams
	Draining <-chan struct{} // closed when the instance stops: the client comes back, to another one
	Metrics  *metrics.Metrics
	// Visible encodes what a browser may see of each connection, by id. What it leaves out is no change.
	Visible func(*vault.Session) map[string][]byte
	// User encodes what a browser may see of the user.
	User func(*vault.Session) []byte
	// Preferences returns the entity tag of the user's preferences.
	Preferences func(context.Context, *vault.Session) (string, error)
}

// A view is what a stream has reported so far.
type view struct {
	connections map[string][]byte
	user        []byte
	preferences string
}

// look returns what there is to see of a session.
func (e *Events) look(ctx context.Context, session *vault.Session) (view, error) {
	ctx, cancel := context.WithTimeout(ctx, readPatience)
	defer cancel()
	tag, err := e.Preferences(ctx, session)
	return view{connections: e.Visible(session), user: e.User(session), preferences: tag}, err
}

// Serve streams what happens to this session: that it ended, that a connection, the user or the preferences changed.
// It never slides the session, and holds nothing that GET /bff/session would not say.
func (e *Events) Serve(c *route.Call) error {
	l := e.Streams.join(c.Session)
	if l == nil {
		return problem.New(problem.RateLimited).Because("The session has too many event streams open.").After(5 * time.Second)
	}
	defer l.close()
	h := c.W.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // nginx
	out := &eventWriter{w: c.W, rc: http.NewResponseController(c.W)}
	if c.R.Method == http.MethodHead {
		return c.Empty(http.StatusOK)
	}
	e.Streams.arriving(c.Ctx())
	known, err := e.look(
		c.Ctx(),
		c.Session,
	) // before the stream says that it is open: what changes from then on is an event
	if err != nil {
		return err
	}
	defer e.Metrics.Streaming()()
	out.write(fmt.Sprintf("retry: %d\n\n", eventsRetry.Milliseconds()))
	e.follow(c, l, out, known)
	return nil // the answer has begun: an error could not reach the client
}

// follow runs a stream until the session, the client, or this instance's time is over.
func (e *Events) follow(c *route.Call, l *listener, out *eventWriter, known view) {
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
		case <-c.Ctx().Done():
			return
		case <-e.Draining:
			return
		case <-beat.C:
			out.write(":\n\n")
			continue
		case <-l.changed:
		case <-again:
		}
		again = nil
		now, err := e.Streams.reread(c.Ctx(), c.Session)
		var next view
		if err == nil {
			e.Streams.seen(now)
			next, err = e.look(c.Ctx(), now)
		}
		switch {
		case err == nil:
			out.changes(&known, &next)
			known = next
		case errors.Is(err, vault.ErrNotFound):
			e.Streams.suspect(c.Session.ID) // done is closed in a moment, with a reason
		default:
			again = time.After(time.Second) // the store is down: what changed is sent when it is back
		}
	}
}

func (st *Streams) reread(ctx context.Context, session *vault.Session) (*vault.Session, error) {
	ctx, cancel := context.WithTimeout(ctx, readPatience)
	defer cancel()
	return st.cfg.Vault.Sessions.LoadTicket(ctx, session.Ticket())
}

// An eventWriter writes events; each has a time to get through, so that a client that is gone is noticed.
type eventWriter struct {
	w   http.ResponseWriter
	rc  *http.ResponseController
	err error
}

// changes writes the difference of two readings.
func (e *eventWriter) changes(before, now *view) {
	e.connections(before.connections, now.connections)
	if !bytes.Equal(before.user, now.user) {
		e.event("user.changed", struct{}{})
	}
	if before.preferences != now.preferences {
		e.event("preferences.changed", map[string]string{"etag": now.preferences})
	}
}

// connections writes which connections differ, in the order of their ids.
func (e *eventWriter) connections(before, now map[string][]byte) {
	var ids []string
	for id, b := range now {
		if !bytes.Equal(before[id], b) {
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
			e.event("connection.changed", json.RawMessage(b))
		} else {
			e.event("connection.changed", map[string]string{"id": id, "status": "removed"})
		}
	}
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
