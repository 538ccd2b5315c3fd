package wire

import (
	"context"
	"io"
	"net/http"
)

// A body is an answer's body as it comes. At its exact end the connection is free; in every other case it is closed.
// It is used by one goroutine at a time.
type body struct {
	idle     *pool
	conn     *conn
	ctx      context.Context
	holder   Holder
	src      io.ReadCloser
	reusable bool
	end      error // what Read says from now on
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if b.end != nil {
		return 0, b.end
	}
	n, err := b.src.Read(p)
	switch {
	case err == nil:
		return n, nil
	case err == io.EOF:
		b.end = io.EOF
		b.finish()
	default:
		b.end = err
		b.drop()
		if b.ctx.Err() != nil {
			b.end = context.Cause(b.ctx)
		}
	}
	return n, b.end
}

// Close implements io.Closer. An answer that was not read to its end takes the connection with it.
func (b *body) Close() error {
	if b.end == nil {
		b.end = http.ErrBodyReadAfterClose
		b.drop()
	}
	return nil
}

func (b *body) drop() {
	b.holder.Let(b.conn)
	_ = b.conn.Close()
}

// Buffered returns how many bytes of the body are here. It counts what may be behind it, too.
func (b *body) Buffered() int {
	if b.end != nil {
		return 0
	}
	return b.conn.in.Buffered()
}

// finish gives the connection back when nothing speaks against it. It reports whether the call was still wanted.
func (b *body) finish() bool {
	if !b.holder.Let(b.conn) { // it is being closed
		_ = b.conn.Close()
		return false
	}
	b.conn.asked = false
	if !b.reusable || b.conn.in.Buffered() > 0 {
		_ = b.conn.Close()
		return true
	}
	b.conn.used = true
	b.idle.put(b.conn)
	return true
}

// A lengthReader reads a body of a length.
type lengthReader struct {
	conn *conn
	left int64
}

// Read implements io.Reader. The last bytes come with io.EOF.
func (l *lengthReader) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, io.EOF
	}
	if int64(len(p)) > l.left {
		p = p[:l.left]
	}
	n, err := l.conn.in.Read(p)
	if l.left -= int64(n); l.left > 0 && err == io.EOF {
		return n, io.ErrUnexpectedEOF
	}
	if l.left == 0 && err == nil {
		err = io.EOF
	}
	return n, err
}

// Close implements io.Closer.
func (l *lengthReader) Close() error { return nil }
