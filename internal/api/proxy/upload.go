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

// An upload is the client's body. It is read once; a second sending first gets what the first one got, as long as that was kept.
type upload struct {
	x     *exchange
	src   io.ReadCloser // nil: no body
	shot  atomic.Bool   // nothing is read any more
	ended atomic.Bool   // src said io.EOF
	total int64         // read; guarded by turn
	sent  http.Header   // the outbound request's trailer

	turn  sync.Mutex // held while reading from src, which may take as long as the client likes
	mu    sync.Mutex // guards what follows; never held while waiting
	first *uploadReader
	keep  bool // kept is all that was read
	again bool // a second sending began
	kept  []byte
	end   error // of src
}

// open prepares the body of r; keep says whether it may have to be sent again.
func (u *upload) open(x *exchange, r *http.Request, keep bool) {
	u.x = x
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return
	}
	u.src, u.keep = r.Body, keep
	u.first = &uploadReader{u: u}
}

// resend returns a reader of the whole body for a second sending, and ends the first one: what that is just reading is kept for the second. ok is false
// when more was read than was kept.
func (u *upload) resend() (body io.ReadCloser, ok bool) {
	if u.src == nil {
		return nil, true
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.keep || u.end != nil && u.end != io.EOF {
		return nil, false
	}
	u.again = true
	u.first.done.Store(true)
	return &uploadReader{u: u, second: true}, true
}

// unread says whether the client still has something to send.
func (u *upload) unread() bool { return u.src != nil && !u.ended.Load() }

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

// note keeps what a sending read, and how it ended.
func (u *upload) note(p []byte, err error, second bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case second || !u.keep: // there is no third sending
	case len(u.kept)+len(p) > replayLimit && !u.again:
		u.keep, u.kept = false, nil
	default:
		u.kept = append(u.kept, p...)
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
	u      *upload
	second bool
	pos    int // of a second sending, in what was kept
	done   atomic.Bool
}

func (r *uploadReader) Read(p []byte) (int, error) {
	if r.second {
		if n, _ := r.u.replay(p, r.pos); n > 0 { // without waiting for a client that may wait for us
			r.pos += n
			return n, nil
		}
	}
	r.u.turn.Lock()
	defer r.u.turn.Unlock()
	if r.done.Load() {
		return 0, http.ErrBodyReadAfterClose
	}
	if r.second {
		n, end := r.u.replay(p, r.pos) // what the first one was reading while we waited for our turn
		if r.pos += n; n > 0 || end != nil {
			return n, end
		}
	} else if end := r.u.ending(); end != nil {
		return 0, end
	}
	n, err := r.u.read(p)
	r.u.note(p[:n], err, r.second)
	return n, err
}

func (u *upload) ending() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.end
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
