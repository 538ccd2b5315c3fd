package proxy

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"bff/internal/proxy/coding"
	"bff/internal/proxy/wire"
)

// An exchange is one call under way. It is the context of the outbound request, so that every hook finds it, and the
// ResponseWriter that the answer is written to.
type exchange struct {
	life
	mount   *Mount
	w       http.ResponseWriter
	in      *http.Request
	call    *Call
	by      Caller
	before  http.Header // what the caller had set, once there is a 1xx: it clears it
	body    upload
	answer  download
	masks   masks
	guard   *coding.Guard // of a compressed body
	socket  bool          // a WebSocket handshake
	sparse  bool          // an event stream or a WebSocket: little at a time, many at once
	hints   int           // 1xx passed on
	url     url.URL       // of the outbound request
	out     flusher
	trace   httptrace.ClientTrace // where the transport is no wire.Client
	hinting sync.Mutex            // held while a 1xx is passed on
	hinted  bool                  // none is passed on any more; guarded by hinting
	wrote   bool                  // the final header went out, or the connection was taken over
	err     error

	// The clock looks at these.
	beats   atomic.Uint64 // bytes moved, in either direction
	waiting atomic.Int64  // since when the upstream owes a header, in Unix nanoseconds; 0: it does not
	reading atomic.Bool   // the client owes bytes of the body
	flowing atomic.Bool   // the answer's header is there
	mu      sync.Mutex    // guards what follows
	timer   *time.Timer
	over    bool
	ending  bool // the session ended, and the answer that flows has until the next look
	cut     bool
	seen    uint64    // beats at the last look
	moved   time.Time // when they last changed
	conn    net.Conn  // taken over
}

type exchangeKey struct{}

// Value lets hooks that see a derived context find the exchange.
func (x *exchange) Value(key any) any {
	switch key.(type) {
	case exchangeKey, wire.HolderKey:
		return x
	}
	return x.request.Value(key)
}

func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// glance is how often a call is looked at: for an ended session, for silence. The first look comes sooner: from then on
// a client that goes away ends the call at once.
const (
	glance = 2 * time.Second
	sooner = 50 * time.Millisecond
)

// start begins to watch.
func (x *exchange) start() {
	now := time.Now()
	x.moved = now
	x.owed(now)
	x.mu.Lock()
	x.timer = time.AfterFunc(min(sooner, x.mount.cfg.Timeout, x.mount.cfg.Idle, x.mount.cfg.Stall), x.look)
	x.mu.Unlock()
}

// owed starts the upstream's time for a header; the zero time stops it.
func (x *exchange) owed(since time.Time) {
	if since.IsZero() {
		x.waiting.Store(0)
		return
	}
	x.waiting.Store(since.UnixNano())
}

// look is run by the timer: no goroutine waits beside a call.
func (x *exchange) look() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.over {
		return
	}
	x.follow()
	select {
	case <-x.by.Done:
		if x.sparse || x.ending || !x.flowing.Load() {
			x.stop(ErrEnded)
			return
		}
		x.ending = true // most answers come to their end by themselves before anybody looks again
	default:
	}
	now := time.Now()
	if beats := x.beats.Load(); beats != x.seen {
		x.seen, x.moved = beats, now
	}
	left, late := x.moved.Add(x.mount.cfg.Idle).Sub(now), ErrUpstreamTimeout
	switch since, reading := x.waiting.Load(), x.reading.Load(); {
	case since != 0 && !reading:
		left = time.Unix(0, since).Add(x.mount.cfg.Timeout).Sub(now)
	case reading && !x.flowing.Load(): // who sends nothing holds a place at the upstream too
		left, late = min(left, x.moved.Add(x.mount.cfg.Stall).Sub(now)), ErrBadBody
	}
	if left <= 0 {
		x.stop(late)
		return
	}
	x.timer.Reset(min(max(left, time.Millisecond), glance))
}

// stop breaks the call off. The lock is held.
func (x *exchange) stop(cause error) {
	flowing := x.flowing.Load() // once: what begins to flow only now finds the call cut, and is not passed on
	x.cut = true
	x.end(cause)
	if x.conn != nil {
		_ = x.conn.Close()
		return
	}
	past := time.Unix(1, 0)
	rc := http.NewResponseController(x.w)
	if flowing { // a client that does not read must not keep the handler
		_ = rc.SetWriteDeadline(past)
	}
	if flowing || x.body.unread() { // nor one that does not send: http.Transport waits for its read
		_ = rc.SetReadDeadline(past)
	}
}

// stopped says whether the call was broken off.
func (x *exchange) stopped() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.cut
}

// finish ends the watch. After it nothing of the exchange touches the client's connection.
func (x *exchange) finish() {
	x.mu.Lock()
	x.over = true
	x.timer.Stop()
	taken := x.conn != nil
	x.mu.Unlock()
	x.body.shut()
	x.end(context.Canceled)
	if !taken { // a socket's other direction may still read
		x.masks.end()
		x.guard.Close()
		x.guard = nil
	}
}

// Header, Write and WriteHeader are the ResponseWriter ReverseProxy sees.
func (x *exchange) Header() http.Header { return x.w.Header() }

func (x *exchange) Write(p []byte) (int, error) {
	n, err := x.w.Write(p)
	if n > 0 {
		x.beats.Add(1)
	}
	return n, err
}

// WriteHeader passes on a status. Of informational ones it passes a few, filtered like an answer: ReverseProxy does
// not filter them, and clears the header map behind them, the caller's fields included.
func (x *exchange) WriteHeader(status int) {
	h := x.w.Header()
	if status < 200 && status != http.StatusSwitchingProtocols {
		if x.hints++; status == http.StatusContinue || x.hints > 16 || !x.in.ProtoAtLeast(1, 1) {
			return // net/http says 100 by itself, when the body is read
		}
		x.mount.filterBack(h)
		x.masks.header(h)
		x.mount.rewriting(x.call).header(h)
		x.w.WriteHeader(status)
		return
	}
	if x.hints > 0 {
		for name, values := range x.before {
			if _, ok := h[name]; !ok {
				h[name] = values
			}
		}
	}
	if _, ok := h["Content-Type"]; !ok {
		h["Content-Type"] = nil // or net/http would guess one, and a guess may be text/html
	}
	x.answerEarly()
	x.wrote = true
	x.w.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (x *exchange) Unwrap() http.ResponseWriter { return x.w }

// Hijack takes over the client's connection, and keeps it within reach of the clock.
func (x *exchange) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		return nil, nil, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.wrote, x.conn = true, conn
	return conn, rw, nil
}

// answerEarly lets an answer go out before the request's body has ended. HTTP/1 needs to be asked, and net/http cannot
// use such a connection again: it would wait for the body first, or fail when the two sides meet.
func (x *exchange) answerEarly() {
	if x.in.ProtoMajor == 1 && x.body.unread() {
		_ = http.NewResponseController(x.w).EnableFullDuplex()
		x.w.Header()["Connection"] = []string{"close"}
	}
}

// abandonBody gives a client that goes on sending a body nobody reads a few seconds to stop.
func (x *exchange) abandonBody() {
	if x.in.ProtoMajor == 1 && x.conn == nil && x.body.unread() {
		_ = http.NewResponseController(x.w).SetReadDeadline(time.Now().Add(5 * time.Second))
	}
}
