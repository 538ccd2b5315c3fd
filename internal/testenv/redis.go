package testenv

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// RedisServer is one redis-server process.
type RedisServer struct {
	Addr string // host:port
	URL  string // redis://host:port/0

	tb   testing.TB
	dir  string
	args []string
	mu   sync.Mutex
	p    *process
}

// Redis starts a redis-server of the test's own. opts are further command-line options, "--maxmemory", "10mb".
func Redis(tb testing.TB, opts ...string) *RedisServer {
	tb.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		tb.Fatal("redis-server is missing: run `make tools`")
	}
	r := &RedisServer{tb: tb, dir: tb.TempDir()}
	for range 5 {
		port := FreePort(tb)
		r.Addr = hostPort(port)
		r.URL = "redis://" + r.Addr + "/0"
		r.args = append(
			[]string{
				"--port",
				strconv.Itoa(port),
				"--bind",
				"127.0.0.1",
				"--dir",
				r.dir,
				"--save",
				"",
				"--enable-debug-command",
				"local",
			},
			opts...)
		if r.try() {
			return r
		}
	}
	tb.Fatalf("redis-server does not start:\n%s", r.p.out)
	return nil
}

// Start starts the process again, on the same port and folder, and waits until it answers.
func (r *RedisServer) Start() {
	r.tb.Helper()
	if !r.try() {
		r.tb.Fatalf("redis-server does not start:\n%s", r.p.out)
	}
}

// try says whether the process answers; it is false when somebody else took the port first.
func (r *RedisServer) try() bool {
	r.tb.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.p = launch(r.tb, r.dir, nil, "redis-server", r.args...)
	up := false
	Eventually(r.tb, "redis-server answers or ends", func() bool {
		up = !r.p.ended() && pong(r.Addr)
		return up || r.p.ended()
	})
	return up
}

// pong says whether a server answers PING: not yet while it loads its file.
func pong(addr string) bool {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	_, _ = io.WriteString(conn, "PING\r\n")
	line, _ := bufio.NewReader(conn).ReadString('\n')
	return line == "+PONG\r\n"
}

// Stop ends the process as an operator would: what was acknowledged is saved, and nothing is acknowledged after that.
func (r *RedisServer) Stop() {
	c := r.client()
	_ = c.ShutdownSave(context.Background()).Err()
	_ = c.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.p.exit()
}

// Kill ends the process at once; what it holds is lost.
func (r *RedisServer) Kill() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.p.kill()
}

// Pause freezes the process: connections stay open and nothing answers. Resume thaws it.
func (r *RedisServer) Pause()  { r.p.signal(syscall.SIGSTOP) }
func (r *RedisServer) Resume() { r.p.signal(syscall.SIGCONT) }

func (r *RedisServer) client() *redis.Client {
	return redis.NewClient(&redis.Options{Addr: r.Addr, MaxRetries: -1, DialerRetries: 1})
}

// Client is a client of the test's own.
func (r *RedisServer) Client() *redis.Client {
	c := r.client()
	r.tb.Cleanup(func() { _ = c.Close() })
	return c
}

// Dump is the RDB file of everything in the store.
func (r *RedisServer) Dump() []byte {
	r.tb.Helper()
	c := r.client()
	defer c.Close()
	if err := c.Save(context.Background()).Err(); err != nil {
		r.tb.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(r.dir, "dump.rdb"))
	if err != nil {
		r.tb.Fatal(err)
	}
	return b
}

// Monitor records every command the server runs from now on; the function returned gives what was recorded so far.
func (r *RedisServer) Monitor() func() []byte {
	r.tb.Helper()
	conn, err := net.Dial("tcp", r.Addr)
	if err != nil {
		r.tb.Fatal(err)
	}
	r.tb.Cleanup(func() { _ = conn.Close() })
	if _, err := conn.Write([]byte("MONITOR\r\n")); err != nil {
		r.tb.Fatal(err)
	}
	var mu sync.Mutex
	var seen bytes.Buffer
	go func() {
		buf := make([]byte, 64<<10)
		for {
			n, err := conn.Read(buf)
			mu.Lock()
			seen.Write(buf[:n])
			mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return func() []byte {
		mu.Lock()
		defer mu.Unlock()
		return bytes.Clone(seen.Bytes())
	}
}
