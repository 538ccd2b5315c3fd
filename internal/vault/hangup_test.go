package vault_test

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"bff/internal/testenv"
)

// A server that hangs up, as one does that wants TLS, is named so, however it does it and whatever bff was about to do.
func TestExamineSaysThatAServerHangsUp(t *testing.T) {
	for name, serve := range map[string]func(c *net.TCPConn){
		"before it reads":              func(c *net.TCPConn) {},
		"after it read":                func(c *net.TCPConn) { _, _ = c.Read(make([]byte, 4096)) },
		"with a reset":                 func(c *net.TCPConn) { _, _ = c.Read(make([]byte, 1)); _ = c.SetLinger(0) },
		"with a reset before it reads": func(c *net.TCPConn) { _ = c.SetLinger(0) },
		"in the middle of an answer": func(c *net.TCPConn) {
			_, _ = c.Read(make([]byte, 4096))
			_, _ = io.WriteString(c, "%1\r\n$6\r\nser")
		},
		"for writing alone": func(c *net.TCPConn) { _ = c.CloseWrite(); _, _ = io.Copy(io.Discard, c) },
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			must(t, err)
			done := make(chan struct{})
			go func() {
				defer close(done)
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					go func() { serve(c.(*net.TCPConn)); _ = c.Close() }()
				}
			}()
			for range 5 {
				_, err = open(t, "redis://"+l.Addr().String()).Examine(t.Context())
				wantReason(t, name, err, "it hangs up; does it want TLS (rediss://)?")
			}
			must(t, l.Close())
			testenv.Receive(t, "the end of it", done)
		})
	}
}

// A server whose handshake takes longer than serving waits for it is named by what the handshake comes to, not by the
// time it took.
func TestExamineWaitsForAHandshakeThatIsSlow(t *testing.T) {
	addr := redisWithTLS(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	var work sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); testenv.Finished(t, "the work", work.Wait) })
	work.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", addr)
			if err != nil {
				_ = near.Close()
				continue
			}
			work.Go(func() { defer far.Close(); _, _ = io.Copy(far, near) })
			work.Go(func() {
				defer near.Close()
				first := make([]byte, 4096)
				n, _ := far.Read(first)
				<-time.After(800 * time.Millisecond) // more than a connection may take for serving
				_, _ = near.Write(first[:n])
				_, _ = io.Copy(near, far)
			})
		}
	})
	_, err = open(t, "rediss://"+l.Addr().String()).Examine(t.Context())
	wantReason(t, "a slow handshake", err, "its certificate is not one that this machine trusts")
}
