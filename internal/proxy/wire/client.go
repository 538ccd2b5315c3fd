package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http/httpguts"
)

const (
	learnedFor  = 5 * time.Minute // what a host speaks over TLS
	mostLearned = 4096            // hosts
)

// A Client makes round trips. It is safe for concurrent use.
type Client struct {
	standard *http.Transport
	idle     pool

	mu      sync.Mutex           // guards what follows
	learned map[string]time.Time // hosts that speak HTTP/1.1 over TLS, until when that is believed
}

// New returns a Client beside a transport, which does what the Client does not, and dials for both.
func New(standard *http.Transport) *Client {
	return &Client{standard: standard, idle: pool{free: map[host][]*conn{}}, learned: map[string]time.Time{}}
}

type besideKey struct{}

// Beside marks a request that the transport beside this client carries whatever it is: its connections are not to be
// shared with other calls to the same address.
func Beside(ctx context.Context) context.Context { return context.WithValue(ctx, besideKey{}, true) }

// Hints says that informational answers are passed to a Holder.
func (c *Client) Hints() {}

// RoundTrip implements http.RoundTripper.
func (c *Client) RoundTrip(r *http.Request) (*http.Response, error) {
	at, ok := c.mayCarry(r)
	if !ok {
		return c.standard.RoundTrip(traced(r))
	}
	if at.scheme == "https" && !c.speaksHTTP1(at.address) {
		res, err := c.standard.RoundTrip(traced(r))
		if err == nil && res.ProtoMajor == 1 {
			c.learn(at.address)
		}
		return res, err
	}
	return c.call(r, at)
}

// mayCarry reports whether a request is for this client, and where it goes.
func (c *Client) mayCarry(r *http.Request) (at host, ok bool) {
	u := r.URL
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead,
		r.Body != nil && r.Body != http.NoBody, r.ContentLength != 0, len(r.TransferEncoding) > 0, len(r.Trailer) > 0, r.Close,
		u.Scheme != "http" && u.Scheme != "https", u.Opaque != "", u.User != nil, r.Context().Value(besideKey{}) != nil:
		return at, false
	}
	for name, values := range r.Header {
		switch name {
		case "Expect", "Upgrade", "Connection", "Transfer-Encoding", "Content-Length":
			return at, false
		}
		if !httpguts.ValidHeaderFieldName(name) {
			return at, false
		}
		for _, v := range values {
			if !httpguts.ValidHeaderFieldValue(v) {
				return at, false
			}
		}
	}
	if c.standard.Proxy != nil {
		if by, err := c.standard.Proxy(r); by != nil || err != nil {
			return at, false
		}
	}
	at = host{u.Scheme, u.Host}
	if u.Port() == "" {
		port := "80"
		if u.Scheme == "https" {
			port = "443"
		}
		at.address = net.JoinHostPort(u.Hostname(), port)
	}
	return at, isPlain(at.address) && u.Hostname() != ""
}

// isPlain reports whether a host needs no further reading: names in other alphabets are http.Transport's.
func isPlain(address string) bool {
	for i := range len(address) {
		if address[i] <= ' ' || address[i] >= 0x7f {
			return false
		}
	}
	return true
}

func (c *Client) speaksHTTP1(address string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	until, ok := c.learned[address]
	if ok && time.Now().After(until) {
		delete(c.learned, address)
		ok = false
	}
	return ok
}

func (c *Client) learn(address string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.learned) >= mostLearned {
		clear(c.learned)
	}
	c.learned[address] = time.Now().Add(learnedFor)
}

// call makes a round trip on a connection of this client's.
func (c *Client) call(r *http.Request, at host) (*http.Response, error) {
	ctx := r.Context()
	for {
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		n := c.idle.get(at)
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

// dial makes a connection. ctx bounds all of it.
func (c *Client) dial(ctx context.Context, at host) (*conn, error) {
	raw, err := c.standard.DialContext(ctx, "tcp", at.address)
	if err != nil {
		return nil, err
	}
	if at.scheme == "http" {
		return newConn(raw, raw, at), nil
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.standard.TLSClientConfig != nil {
		cfg = c.standard.TLSClientConfig.Clone()
	}
	if cfg.ServerName == "" {
		name, _, _ := net.SplitHostPort(at.address)
		cfg.ServerName = strings.TrimSuffix(name, ".")
	}
	cfg.NextProtos = []string{"http/1.1"}
	sealed := tls.Client(raw, cfg)
	ctx, cancel := context.WithTimeout(ctx, c.standard.TLSHandshakeTimeout)
	defer cancel()
	if err := sealed.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, err
	}
	n, state := newConn(sealed, raw, at), sealed.ConnectionState()
	n.tls = &state
	return n, nil
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
	*b = body{idle: &c.idle, conn: n, ctx: res.Request.Context(), holder: h, src: res.Body, reusable: reusable}
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

// CloseIdleConnections closes the connections that no call uses.
func (c *Client) CloseIdleConnections() {
	c.standard.CloseIdleConnections()
	c.idle.close()
}
