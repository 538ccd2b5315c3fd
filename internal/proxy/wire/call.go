package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
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
	stop := context.AfterFunc(ctx, func() { _ = n.Close() })
	defer func() {
		if err != nil {
			stop()
		}
	}()
	if err = r.Write(n.out); err == nil {
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
		if err := hinted(ctx, res); err != nil {
			return nil, false, err
		}
	}
	n.unbounded()
	b := &body{client: c, conn: n, ctx: ctx, stop: stop, src: res.Body,
		reusable: !doubtful && !res.Close && res.ProtoMajor == 1 && res.ProtoMinor == 1}
	res.TLS = n.tls
	if res.Body == http.NoBody {
		if !b.finish() {
			return nil, false, context.Cause(ctx)
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

// hinted shows an informational answer to whoever wants to see it.
func hinted(ctx context.Context, res *http.Response) error {
	if t := httptrace.ContextClientTrace(ctx); t != nil && t.Got1xxResponse != nil {
		return t.Got1xxResponse(res.StatusCode, textproto.MIMEHeader(res.Header))
	}
	return nil
}

// A body is an answer's body as it comes. At its exact end the connection is free; in every other case it is closed.
// It is used by one goroutine at a time.
type body struct {
	client   *Client
	conn     *conn
	ctx      context.Context
	stop     func() bool
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
	b.stop()
	_ = b.conn.Close()
}

// finish gives the connection back when nothing speaks against it. It reports whether the call was still wanted.
func (b *body) finish() bool {
	if !b.stop() { // it is being closed
		_ = b.conn.Close()
		return false
	}
	if !b.reusable || b.conn.in.Buffered() > 0 {
		_ = b.conn.Close()
		return true
	}
	b.conn.used = true
	b.client.put(b.conn)
	return true
}
