package proxy

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// replayLimit is how much of a request's body is kept while it streams, in case it must be sent again.
const replayLimit = 64 << 10

// An upload is the client's body. It is read once; a further sending first gets what those before it got, as long as
// that was kept.
type upload struct {
	x     *exchange
	src   io.ReadCloser // nil: no body
	shot  atomic.Bool   // nothing is read any more
	ended atomic.Bool   // src said io.EOF
	total int64         // read; guarded by turn
	sent  http.Header   // the outbound request's trailer

	turn sync.Mutex // held while reading from src, which may take as long as the client likes
	mu   sync.Mutex // guards what follows; never held while waiting
	last *uploadReader
	keep bool // kept is all that was read
	kept []byte
	end  error // of src
}

// open prepares the body of r.
func (u *upload) open(x *exchange, r *http.Request) {
	u.x = x
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return
	}
	u.src, u.keep = r.Body, true
	u.last = &uploadReader{u: u}
}

// resend returns a reader of the whole body for a further sending, and ends the one before: what that is just reading
// is kept for the new one. It fails when more was read than was kept. It is the outbound request's GetBody too, for a
// connection that took nothing (RFC 9110 section 9.2.2, RFC 9113 section 8.7).
func (u *upload) resend() (io.ReadCloser, error) {
	if u.src == nil {
		return http.NoBody, nil
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.keep || u.end != nil && u.end != io.EOF {
		return nil, errSent
	}
	u.last.done.Store(true)
	u.last = &uploadReader{u: u}
	return u.last, nil
}

var errSent = errors.New("the body cannot be sent again")

// unread says whether the client still has something to send.
func (u *upload) unread() bool { return u.src != nil && !u.ended.Load() }

// close ends the reader of the sending under way.
func (u *upload) close() {
	u.mu.Lock()
	defer u.mu.Unlock()
	_ = u.last.Close()
}

func (u *upload) shut() { u.shot.Store(true) }

// failure is what went wrong with the body, on this side of the wire.
func (u *upload) failure() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.end == io.EOF {
		return nil
	}
	return u.end
}

// read takes from the client. The turn is the caller's.
func (u *upload) read(p []byte) (int, error) {
	if u.shot.Load() {
		return 0, http.ErrBodyReadAfterClose
	}
	u.x.reading.Store(true)
	n, err := u.src.Read(p)
	u.x.reading.Store(false)
	if n > 0 {
		u.x.beats.Add(1)
		if u.x.waiting.Load() != 0 {
			u.x.owed(time.Now())
		}
	}
	if u.total += int64(n); u.x.mount.cfg.MaxBody > 0 && u.total > u.x.mount.cfg.MaxBody {
		return 0, ErrBodyTooLarge
	}
	if err == io.EOF {
		u.ended.Store(true)
		for name := range u.sent { // the server knows a trailer's values at the end of the body only
			u.sent[name] = u.x.in.Trailer[name]
		}
	}
	return n, err
}

// note keeps what r read for those after it, and how the body ended.
func (u *upload) note(r *uploadReader, p []byte, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch fits := len(u.kept)+len(p) <= replayLimit; {
	case u.keep && fits || r != u.last: // the last one is waiting for what the one before it got
		u.kept = append(u.kept, p...)
		u.keep = u.keep && fits
		r.pos += len(p)
	default:
		u.keep, u.kept = false, nil
	}
	if err != nil {
		u.end = err
	}
}

// replay gives bytes that were kept.
func (u *upload) replay(p []byte, pos int) (n int, end error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if pos < len(u.kept) {
		return copy(p, u.kept[pos:]), nil
	}
	return 0, u.end
}

// An uploadReader is one sending of the body.
type uploadReader struct {
	u    *upload
	pos  int // in what is kept
	done atomic.Bool
}

func (r *uploadReader) Read(p []byte) (int, error) {
	if n, _ := r.u.replay(p, r.pos); n > 0 && !r.done.Load() { // without waiting for a client that may wait for us
		r.pos += n
		return n, nil
	}
	r.u.turn.Lock()
	defer r.u.turn.Unlock()
	if r.done.Load() {
		return 0, http.ErrBodyReadAfterClose
	}
	n, end := r.u.replay(p, r.pos) // what the one before was reading while we waited for our turn
	if r.pos += n; n > 0 || end != nil {
		return n, end
	}
	n, err := r.u.read(p)
	r.u.note(r, p[:n], err)
	return n, err
}

func (r *uploadReader) Close() error {
	r.done.Store(true)
	return nil
}

// bodyError says what an error of the body means for the call; nil when it is none of ours.
func bodyError(err error) error {
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil, errors.Is(err, http.ErrBodyReadAfterClose):
		return nil
	case errors.Is(err, ErrBodyTooLarge), errors.As(err, &tooLarge):
		return ErrBodyTooLarge
	}
	return ErrBadBody
}
