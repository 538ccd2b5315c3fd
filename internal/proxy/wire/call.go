package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
)

// call makes a round trip on a connection of this client's.
func (c *Client) call(r *http.Request, at host) (*http.Response, error) {
	ctx := r.Context()
	for {
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		n := c.get(at)
		if n == nil {
			var err error
			if n, err = c.dial(ctx, at); err != nil {
				return nil, fmt.Errorf("dial: %w", err)
			}
		}
		res, again, err := c.exchange(r, n)
		if err == nil {
			return res, nil
		}
		_ = n.Close()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if !again || !n.used {
			return nil, err
		}
	}
}

var errSwitched = errors.New("the upstream switched protocols when it was not asked to")

// exchange writes a request and reads the answer's header. again reports that the connection said nothing.
func (c *Client) exchange(r *http.Request, n *conn) (res *http.Response, again bool, err error) {
	ctx := r.Context()
	h := holderOf(ctx)
	n.asked = true
	if !h.Hold(n) {
		return nil, false, context.Cause(ctx)
	}
	defer func() {
		if err != nil {
			h.Let(n)
		}
	}()
	if !writeRequest(n.out, r) {
		err = r.Write(n.out)
	}
	if err == nil {
		err = n.out.Flush()
	}
	if err != nil { // an answer that may be there is to no request that was whole
		return nil, true, err
	}
	limit := c.standard.MaxResponseHeaderBytes
	if n.left = limit; limit <= 0 {
		n.left = 10 << 20
	}
	doubtful := false
	for first := true; ; first = false {
		header, err := n.peekHeader()
		if err != nil {
			return nil, first, unexpected(err)
		}
		made := new(reply)
		if size := readPlain(header, r, made); size > 0 {
			_, _ = n.in.Discard(size)
			made.length = lengthReader{n, made.ContentLength}
			if made.ContentLength > 0 {
				made.Body = &made.length
			}
			return c.answered(made, &made.Response, n, h, !doubtful)
		}
		doubtful = doubtful || doubt(header)
		res, err = http.ReadResponse(n.in, r)
		if err != nil {
			return nil, false, err
		}
		if res.StatusCode >= 200 {
			break
		}
		if res.StatusCode == http.StatusSwitchingProtocols || res.StatusCode < 100 {
			return nil, false, errSwitched
		}
		if err := h.Hint(res.StatusCode, textproto.MIMEHeader(res.Header)); err != nil {
			return nil, false, err
		}
	}
	return c.answered(new(reply), res, n, h, !doubtful && !res.Close && res.ProtoMajor == 1 && res.ProtoMinor == 1)
}

// answered gives an answer a body that gives the connection back. It is in the memory of made.
func (c *Client) answered(made *reply, res *http.Response, n *conn, h Holder,
	reusable bool) (*http.Response, bool, error) {
	n.unbounded()
	b := &made.body
	*b = body{client: c, conn: n, ctx: res.Request.Context(), holder: h, src: res.Body, reusable: reusable}
	res.TLS = n.tls
	if res.Body == http.NoBody {
		if !b.finish() {
			return nil, false, context.Cause(b.ctx)
		}
		return res, false, nil
	}
	res.Body = b
	return res, false, nil
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// A body is an answer's body as it comes. At its exact end the connection is free; in every other case it is closed.
// It is used by one goroutine at a time.
type body struct {
	client   *Client
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
	b.client.put(b.conn)
	return true
}
