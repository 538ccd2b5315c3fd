package coding

import (
	"errors"
	"io"
	"slices"
)

// errPaused says that a decoder wants more than there is at the moment.
var errPaused = errors.New("nothing more for the moment")

// A feed is what a decoder reads from. It keeps what was read until it is taken.
type feed struct {
	src    io.Reader
	buf    []byte
	at     int // read by the decoder
	taken  int // went out
	chunk  int // read at once
	err    error
	paused bool // Read returns errPaused instead of waiting for the source
}

// fill reads once from the source.
func (f *feed) fill() {
	if f.err != nil {
		return
	}
	if f.chunk == 0 {
		f.chunk = 4 << 10
	}
	f.buf = slices.Grow(f.buf, f.chunk)
	n, err := f.src.Read(f.buf[len(f.buf) : len(f.buf)+f.chunk])
	f.buf, f.err = f.buf[:len(f.buf)+n], err
	if n == f.chunk { // much of it comes at once: an event stream does not pay for this
		f.chunk = min(2*f.chunk, 32<<10)
	}
}

// take returns what was not taken before to.
func (f *feed) take(to int) []byte {
	to = max(to, f.taken)
	out := f.buf[f.taken:to]
	f.taken = to
	return out
}

// drop forgets what was taken.
func (f *feed) drop() {
	if n := min(f.taken, f.at); n > 0 {
		f.buf = f.buf[:copy(f.buf, f.buf[n:])]
		f.at, f.taken = f.at-n, f.taken-n
	}
}

func (f *feed) ready() error {
	for f.at == len(f.buf) {
		if f.err != nil {
			return f.err
		}
		if f.paused {
			return errPaused
		}
		f.fill()
	}
	return nil
}

// Read implements io.Reader.
func (f *feed) Read(p []byte) (int, error) {
	if err := f.ready(); err != nil {
		return 0, err
	}
	n := copy(p, f.buf[f.at:])
	f.at += n
	return n, nil
}

// ReadByte implements io.ByteReader.
func (f *feed) ReadByte() (byte, error) {
	if err := f.ready(); err != nil {
		return 0, err
	}
	f.at++
	return f.buf[f.at-1], nil
}

// Peek returns up to n bytes that come next. It waits for them.
func (f *feed) Peek(n int) ([]byte, error) {
	for len(f.buf)-f.at < n && f.err == nil {
		f.fill()
	}
	if b := f.buf[f.at:]; len(b) > 0 {
		return b[:min(n, len(b))], nil
	}
	return nil, f.err
}
