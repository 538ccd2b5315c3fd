package testenv

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
)

// Ports that tests give to servers: below the range from which the kernel gives ports to outgoing connections, so that
// a server which was stopped finds its own free when it comes back. Packages are tested side by side, so each process
// takes a block for itself: a port that one found free is not taken by another before its server listens.
const (
	firstPort = 20000
	blockSize = 200
	blocks    = 60
)

// A portBlock is the ports of this process.
type portBlock struct {
	lock  *os.File // holds the block until the process ends
	first int

	mu   sync.Mutex
	next int
}

var ownPorts = sync.OnceValues(takePorts)

// FreePort returns a loopback port on which nobody listens at this moment, and which no other test process gives away.
func FreePort(tb testing.TB) int {
	tb.Helper()
	own, err := ownPorts()
	if err != nil {
		tb.Fatal(err)
	}
	own.mu.Lock()
	defer own.mu.Unlock()
	for range blockSize {
		port := own.first + own.next%blockSize
		own.next++
		if l, err := net.Listen("tcp", hostPort(port)); err == nil {
			_ = l.Close()
			return port
		}
	}
	tb.Fatal("no free loopback port")
	return 0
}

// takePorts locks a block that no other process has.
func takePorts() (*portBlock, error) {
	dir := filepath.Join(os.TempDir(), "bff-test-ports")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	for n := range blocks {
		f, err := os.OpenFile(filepath.Join(dir, strconv.Itoa(n)), os.O_CREATE|os.O_RDWR, 0o666)
		if err != nil {
			return nil, err
		}
		if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			return &portBlock{lock: f, first: firstPort + n*blockSize}, nil
		}
		_ = f.Close()
	}
	return nil, fmt.Errorf("%s: all blocks of ports are taken", dir)
}

func hostPort(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
