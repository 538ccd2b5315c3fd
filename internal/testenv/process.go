package testenv

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A process is a program that a test started, with everything it printed.
type process struct {
	tb   testing.TB
	name string
	cmd  *exec.Cmd
	out  *buffer
	done chan struct{} // closed when it has ended
	in   io.WriteCloser
}

// launch starts a program. It ends with the test at the latest.
func launch(tb testing.TB, dir string, env []string, name string, args ...string) *process {
	tb.Helper()
	p := &process{
		tb:   tb,
		name: filepath.Base(name),
		cmd:  exec.Command(name, args...),
		out:  &buffer{},
		done: make(chan struct{}),
	}
	p.cmd.Dir = dir
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := p.cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	p.in = in
	if err := p.cmd.Start(); err != nil {
		tb.Fatalf("start %s: %v", p.name, err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.done)
	}()
	tb.Cleanup(p.kill)
	return p
}

func (p *process) signal(sig syscall.Signal) { _ = p.cmd.Process.Signal(sig) }

// kill ends it at once, as `kill -9` does, and waits until it is gone.
func (p *process) kill() {
	if p.ended() {
		return
	}
	p.signal(syscall.SIGKILL)
	<-p.done
}

// term asks it to end, waits, and returns its exit code.
func (p *process) term() int {
	p.tb.Helper()
	p.signal(syscall.SIGCONT)
	p.signal(syscall.SIGTERM)
	return p.exit()
}

func (p *process) exit() int {
	p.tb.Helper()
	select {
	case <-p.done:
	case <-time.After(time.Minute):
		p.signal(syscall.SIGQUIT) // a Go program tells what it waits for
		select {
		case <-p.done:
		case <-time.After(10 * time.Second):
			p.kill()
		}
		p.tb.Fatalf("%s did not end within a minute of being asked to:\n%s", p.name, p.out)
	}
	return p.cmd.ProcessState.ExitCode()
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// waitFor waits until ok, longer than a busy machine needs to start a program, and fails at once when the program
// ends before.
func (p *process) waitFor(what string, ok func() bool) {
	p.tb.Helper()
	within(p.tb, 2*time.Minute, p.name+" "+what, func() bool {
		if p.ended() {
			p.tb.Fatalf("%s ended (%s) before it %s:\n%s", p.name, p.cmd.ProcessState, what, p.out)
		}
		return ok()
	})
}

const (
	sigstop = syscall.SIGSTOP
	sigcont = syscall.SIGCONT
	sigterm = syscall.SIGTERM
)

// Random is a fresh secret of 256 bits, that a search for leaks cannot mistake for anything else.
func Random(tb testing.TB) string {
	tb.Helper()
	var b [32]byte
	if _, err := rand.Read(b[:]); err != nil {
		tb.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// A buffer keeps what a process prints. It is safe for concurrent use.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) Bytes() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return bytes.Clone(b.b.Bytes())
}

func (b *buffer) String() string { return string(b.Bytes()) }

// Root is the folder of the module.
func Root(tb testing.TB) string {
	tb.Helper()
	root, err := moduleRoot()
	if err != nil {
		tb.Fatal(err)
	}
	return root
}

func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
	}
	return "", errors.New("no go.mod above the test's folder")
}

// lock waits until no other process holds the folder: packages are tested side by side, and builds and installations
// are shared.
func lock(dir string) (release func(), err error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(d.Fd()), syscall.LOCK_EX); err != nil {
		_ = d.Close()
		return nil, err
	}
	return func() { _ = d.Close() }, nil
}

// Eventually waits for a condition, within a generous bound that only a broken program reaches.
func Eventually(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	within(tb, time.Minute, what, ok)
}

// EventuallyAfterRetries is Eventually with five minutes, for what comes after leases and waits between attempts.
func EventuallyAfterRetries(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	within(tb, 5*time.Minute, what, ok)
}

// Receive returns the next value of a channel, or the zero value of a closed one, within five minutes. A test that
// waits longer fails and says what it waited for. In a goroutine other than the test's it ends that goroutine too.
func Receive[T any](tb testing.TB, what string, from <-chan T) (value T) {
	tb.Helper()
	select {
	case value = <-from:
	case <-time.After(5 * time.Minute):
		tb.Fatalf("never came: %s", what)
	}
	return value
}

// Finished returns when wait has, which is the Wait of a sync.WaitGroup, within the bound of Receive.
func Finished(tb testing.TB, what string, wait func()) {
	tb.Helper()
	done := make(chan struct{})
	go func() { wait(); close(done) }()
	Receive(tb, what, done)
}

func within(tb testing.TB, bound time.Duration, what string, ok func() bool) {
	tb.Helper()
	for end := time.Now().Add(bound); time.Now().Before(end); {
		if ok() {
			return
		}
		<-time.After(20 * time.Millisecond)
	}
	tb.Fatalf("never happened: %s", what)
}
