package testenv

import (
	"net"
	"sync/atomic"
	"testing"
)

// A Counter listens, closes each connection that comes, and counts them.
type Counter struct {
	Addr    string
	Dialled atomic.Int32

	l    net.Listener
	over chan struct{}
}

// CountDials starts a Counter on a free port of loopback. It ends with the test, or by Close.
func CountDials(tb testing.TB) *Counter {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	c := &Counter{Addr: l.Addr().String(), l: l, over: make(chan struct{})}
	go func() {
		defer close(c.over)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			c.Dialled.Add(1)
			_ = conn.Close()
		}
	}()
	tb.Cleanup(c.Close)
	return c
}

// Close stops listening. What was accepted before is counted when it returns.
func (c *Counter) Close() {
	_ = c.l.Close()
	<-c.over
}
