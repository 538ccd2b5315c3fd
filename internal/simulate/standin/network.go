package standin

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// A Network carries requests to stand-ins instead of the network: every host leads to them, and nothing leaves the
// process. It speaks plain HTTP over pipes, so that answers can be slow, cut off and endless.
type Network struct {
	*http.Transport
	server *http.Server
	pipes  *pipes
	down   atomic.Pointer[func(host string) bool]
}

// NewNetwork returns a network on which h answers for all hosts. Close it.
func NewNetwork(h http.Handler) *Network {
	n := &Network{pipes: &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}}
	n.Transport = &http.Transport{DialContext: n.dial, DialTLSContext: n.dial, DisableKeepAlives: true}
	n.server = &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)}
	go func() { _ = n.server.Serve(n.pipes) }() // until Close
	return n
}

// Refuse has connections to hosts refused as long as down says so.
func (n *Network) Refuse(down func(host string) bool) { n.down.Store(&down) }

func (n *Network) dial(ctx context.Context, _, address string) (net.Conn, error) {
	host, _, _ := net.SplitHostPort(address)
	if down := n.down.Load(); down != nil && (*down)(host) {
		return nil, errors.New("connection refused")
	}
	here, there := net.Pipe()
	select {
	case n.pipes.conns <- there:
		return here, nil
	case <-n.pipes.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Close cuts off every connection.
func (n *Network) Close() error { return n.server.Close() }

// pipes is the listener of a network.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// Accept, Addr and Close are net.Listener's.
func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Addr is the address of a pipe.
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }

// Close ends Accept.
func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}
