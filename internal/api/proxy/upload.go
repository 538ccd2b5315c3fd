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

// An upload is the client's body. It is read once; a second reader first gets what the first one got, as long as that was kept.
type upload struct {
	x    *exchange
	src  io.ReadCloser // nil: no body
	shot atomic.Bool   // nothing is read any more

	mu    sync.Mutex // held while reading: a reader left behind by the transport must not get bytes the next one needs
	keep  bool
	kept  []byte
	total int64
	end   error       // of src
	ended atomic.Bool // end is io.EOF
	sent  http.Header // the outbound request's trailer
}

// open prepares the body of r; keep says whether it may have to be sent again.
func (u *upload) open(x *exchange, r *http.Request, keep bool) {
	u.x = x
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return
	}
	u.src, u.keep = r.Body, keep
}

// reader returns a reader of the whole body.
func (u *upload) reader() io.ReadCloser {
	if u.src == nil {
		return http.NoBody
	}
	return &uploadReader{u: u}
}

// replayable says whether a reader made now would get the whole body.
func (u *upload) replayable() bool {
	if u.src == nil {
		return true
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.keep && (u.end == nil || u.end == io.EOF)
}

// unread says whether the client still has something to send. It does not wait for a reader.
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

// read takes from the client. The lock is held.
func (u *upload) read(p []byte) (int, error) {
	if u.end != nil {
		return 0, u.end
	}
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
		n, err = 0, ErrBodyTooLarge
	}
	if u.keep {
		if len(u.kept)+n > replayLimit {
			u.keep, u.kept = false, nil
		} else {
			u.kept = append(u.kept, p[:n]...)
		}
	}
	if err != nil {
		u.end = err
		if err == io.EOF {
			u.ended.Store(true)
			u.copyTrailer()
		}
	}
	return n, err
}

// copyTrailer hands on the trailer fields that were announced and may leave: the server knows their values at the end of the body only.
func (u *upload) copyTrailer() {
	for name := range u.sent {
		u.sent[name] = u.x.in.Trailer[name]
	}
}

// An uploadReader is one sending of the body.
type uploadReader struct {
	u    *upload
	pos  int
	done atomic.Bool
}

func (r *uploadReader) Read(p []byte) (int, error) {
	r.u.mu.Lock()
	defer r.u.mu.Unlock()
	if r.done.Load() {
		return 0, http.ErrBodyReadAfterClose
	}
	if r.pos < len(r.u.kept) {
		n := copy(p, r.u.kept[r.pos:])
		r.pos += n
		return n, nil
	}
	n, err := r.u.read(p)
	r.pos += n
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
