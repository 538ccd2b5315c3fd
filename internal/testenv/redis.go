// Package testenv runs the real processes that tests talk to: redis-server, a certified OpenID Provider, bff itself.
// Everything listens on loopback, on free ports, in private folders, and ends with its test.
package testenv

import (
	"bytes"
	"context"
	"fmt"
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
	cmd  *exec.Cmd
}

// Redis starts a redis-server of the test's own. opts are further command-line options, "--maxmemory", "10mb".
func Redis(tb testing.TB, opts ...string) *RedisServer {
	tb.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		tb.Fatal("redis-server is missing: run `make tools`")
	}
	port := FreePort(tb)
	r := &RedisServer{tb: tb, dir: tb.TempDir(), Addr: fmt.Sprintf("127.0.0.1:%d", port)}
	r.URL = "redis://" + r.Addr + "/0"
	r.args = append([]string{"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", r.dir, "--save", "", "--enable-debug-command", "local"}, opts...)
	tb.Cleanup(r.Kill)
	r.Start()
	return r
}

// FreePort returns a loopback port that nobody listens on at this moment, below the range the kernel hands out.
func FreePort(tb testing.TB) int {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// Start starts the process again, on the same port and folder, and waits until it answers.
func (r *RedisServer) Start() {
	r.tb.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cmd = exec.Command("redis-server", r.args...)
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := r.cmd.Start(); err != nil {
		r.tb.Fatal(err)
	}
	c := r.client()
	defer c.Close()
	Eventually(r.tb, "redis-server answers", func() bool { return c.Ping(context.Background()).Err() == nil })
}

// Stop ends the process as an operator would: SIGTERM, and its data saved.
func (r *RedisServer) Stop() {
	c := r.client()
	_ = c.Save(context.Background()).Err()
	_ = c.Close()
	r.end(syscall.SIGTERM)
}

// Kill ends the process at once.
func (r *RedisServer) Kill() { r.end(syscall.SIGKILL) }

func (r *RedisServer) end(sig syscall.Signal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cmd == nil {
		return
	}
	_ = r.cmd.Process.Signal(syscall.SIGCONT)
	_ = r.cmd.Process.Signal(sig)
	_ = r.cmd.Wait()
	r.cmd = nil
}

// Pause freezes the process; Resume thaws it.
func (r *RedisServer) Pause()  { _ = r.cmd.Process.Signal(syscall.SIGSTOP) }
func (r *RedisServer) Resume() { _ = r.cmd.Process.Signal(syscall.SIGCONT) }

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

// Eventually waits for a condition, within a generous bound that only a broken program reaches.
func Eventually(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	for range 1500 {
		if ok() {
			return
		}
		<-time.After(20 * time.Millisecond)
	}
	tb.Fatalf("never happened: %s", what)
}
