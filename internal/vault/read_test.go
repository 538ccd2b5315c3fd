package vault_test

import (
	"context"
	"net"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"bff/internal/testenv"
	"bff/internal/vault"
)

// A counter is a wire that counts round trips: how often a client began to speak after the server had.
type counter struct {
	addr, upstream string
	trips          atomic.Int64
	lose           atomic.Int64 // the answer that many answers from now, and the connection with it
	lost           atomic.Int64
}

func newCounter(t testing.TB, upstream string) *counter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	c := &counter{addr: l.Addr().String(), upstream: upstream}
	go func() {
		for {
			down, err := l.Accept()
			if err != nil {
				return
			}
			up, err := net.Dial("tcp", upstream)
			if err != nil {
				_ = down.Close()
				continue
			}
			var asking atomic.Bool
			go c.pipe(up, down, func() {
				if !asking.Swap(true) {
					c.trips.Add(1)
				}
			})
			go c.pipe(down, up, func() { asking.Store(false) })
		}
	}()
	return c
}

func (c *counter) pipe(to, from net.Conn, seen func()) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			seen()
			if from.RemoteAddr().String() == c.upstream && c.lose.Load() > 0 && c.lose.Add(-1) == 0 {
				c.lost.Add(1)
				return
			}
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// Reading what a proxied call needs, the session and all its connections, is one round trip; whatever the ring holds,
// and whoever keeps them.
func TestLoadIsOneRoundTrip(t *testing.T) {
	server := testenv.Redis(t)
	wire := newCounter(t, server.Addr)
	older := vault.NewKey()
	for name, v := range map[string]*vault.Vault{
		"one key":    open(t, "redis://"+wire.addr, ring(older)),
		"three keys": open(t, "redis://"+wire.addr, ring(vault.NewKey(), vault.NewKey(), older)),
	} {
		_, r := signIn(t, open(t, server.URL, ring(older)), vault.NewSession{Connection: google(vault.KeepSession)})
		for range 20 {
			c := google(vault.KeepUser)
			c.Account.Subject = testenv.Random(t)
			if _, err := v.Connections.Link(context.Background(), load(t, v, r), *c); err != nil {
				t.Fatal(err)
			}
		}
		before := wire.trips.Load()
		for range 10 {
			if s := load(t, v, r); len(s.Connections) < 21 {
				t.Fatalf("%d connections", len(s.Connections))
			}
		}
		if n := wire.trips.Load() - before; n != 10 {
			t.Errorf("%s: %d round trips for 10 reads", name, n)
		}
		before = wire.trips.Load()
		_, err := v.Sessions.Load(httptest.NewRequest("GET", "/", nil))
		is(t, "no cookie", err, vault.ErrNotFound)
		if n := wire.trips.Load() - before; n != 0 {
			t.Errorf("%s: %d round trips for no cookie", name, n)
		}
		must(t, v.Index.Erase(context.Background(), ada().ID))
	}
}
