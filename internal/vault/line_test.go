package vault_test

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// A line leads to a server until it is cut, or until so many requests went over it: the last one arrives, its answer does
// not.
type line struct {
	addr, upstream string
	left           atomic.Int64 // requests; 0: no bound
	broken         atomic.Bool
	mu             sync.Mutex
	open           []net.Conn
}

func newLine(t *testing.T, upstream string) *line {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	made := &line{addr: l.Addr().String(), upstream: upstream}
	go func() {
		for {
			down, err := l.Accept()
			if err != nil {
				return
			}
			up, err := net.Dial("tcp", upstream)
			if err != nil || made.broken.Load() {
				_ = down.Close()
				continue
			}
			made.mu.Lock()
			made.open = append(made.open, up, down)
			made.mu.Unlock()
			go made.carry(up, down, true)
			go made.carry(down, up, false)
		}
	}()
	return made
}

func (l *line) carry(to, from net.Conn, requests bool) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 && !l.broken.Load() {
			last := requests && l.left.Load() > 0 && l.left.Add(-1) == 0
			if last {
				l.broken.Store(true)
			}
			_, _ = to.Write(buf[:n])
			if last {
				l.cut()
			}
		}
		if err != nil {
			_, _ = to.Close(), from.Close()
			return
		}
	}
}

func (l *line) cut() {
	l.broken.Store(true)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.open {
		_ = c.Close()
	}
	l.open = nil
}

func (l *line) repair() { l.broken.Store(false) }
