package wire

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http/httpguts"
)

const (
	mostIdle    = 512 // connections of a host
	idleFor     = 90 * time.Second
	sweepEvery  = 15 * time.Second
	learnedFor  = 5 * time.Minute // what a host speaks over TLS
	mostLearned = 4096            // hosts
)

// A Client makes round trips. It is safe for concurrent use.
type Client struct {
	standard *http.Transport

	mu      sync.Mutex // guards what follows
	idle    map[host][]*conn
	learned map[string]time.Time // hosts that speak HTTP/1.1 over TLS, until when that is believed
	sweeps  bool                 // a timer runs
}

// A host is where a connection leads.
type host struct{ scheme, address string }

// New returns a Client beside a transport, which does what the Client does not, and dials for both.
func New(standard *http.Transport) *Client {
	return &Client{standard: standard, idle: map[host][]*conn{}, learned: map[string]time.Time{}}
}

type besideKey struct{}

// Beside marks a request that the transport beside this client carries whatever it is: its connections are not to be
// shared with other calls to the same address.
func Beside(ctx context.Context) context.Context { return context.WithValue(ctx, besideKey{}, true) }

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

// get returns an idle connection that nobody has closed or spoken on, or nil.
func (c *Client) get(at host) *conn {
	for {
		c.mu.Lock()
		all := c.idle[at]
		if len(all) == 0 {
			c.mu.Unlock()
			return nil
		}
		last := all[len(all)-1]
		all[len(all)-1] = nil
		c.idle[at] = all[:len(all)-1]
		c.mu.Unlock()
		if last.silent() && time.Since(last.since) < idleFor {
			return last
		}
		_ = last.Close()
	}
}

// put keeps a connection for the next call.
func (c *Client) put(n *conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.idle[n.at]) >= mostIdle {
		_ = n.Close()
		return
	}
	n.since = time.Now()
	c.idle[n.at] = append(c.idle[n.at], n)
	if !c.sweeps {
		c.sweeps = true
		time.AfterFunc(sweepEvery, c.sweep)
	}
}

// sweep closes the connections that were idle for long, or that the other side has closed.
func (c *Client) sweep() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for at, all := range c.idle {
		kept := all[:0]
		for _, n := range all {
			if time.Since(n.since) < idleFor && n.silent() {
				kept = append(kept, n)
			} else {
				_ = n.Close()
			}
		}
		clear(all[len(kept):])
		if c.idle[at] = kept; len(kept) == 0 {
			delete(c.idle, at)
		}
	}
	if c.sweeps = len(c.idle) > 0; c.sweeps {
		time.AfterFunc(sweepEvery, c.sweep)
	}
}

// CloseIdleConnections closes the connections that no call uses.
func (c *Client) CloseIdleConnections() {
	c.standard.CloseIdleConnections()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, all := range c.idle {
		for _, n := range all {
			_ = n.Close()
		}
	}
	clear(c.idle)
}
