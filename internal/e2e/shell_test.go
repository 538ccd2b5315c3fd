package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"bff/internal/testenv"
)

// A shell runs shell commands of a document: in a folder of its own, with the built bff on the path.
type shell struct {
	t      *testing.T
	dir    string // where the commands run
	script string
	env    []string
}

func newShell(t *testing.T, script string) *shell {
	t.Helper()
	s := &shell{t: t, dir: t.TempDir(), script: script}
	bin := t.TempDir()
	if err := os.Symlink(testenv.Binary(t), filepath.Join(bin, "bff")); err != nil {
		t.Fatal(err)
	}
	s.env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "PYTHONDONTWRITEBYTECODE=1")
	return s
}

// replace takes the test's own in place of what a document can only give an example of: old, new, old, new …
func (s *shell) replace(pairs ...string) {
	s.t.Helper()
	s.script = replaced(s.t, s.script, pairs...)
}

// replaced is a text with other parts, each of which it must have.
func replaced(t *testing.T, text string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("%q is not in:\n%s", pairs[i], text)
		}
		text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
	}
	return text
}

// write puts a file into the folder.
func (s *shell) write(name, text string) {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	err := os.MkdirAll(filepath.Dir(path), 0o700)
	if err == nil {
		err = os.WriteFile(path, []byte(text), 0o600)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// start runs the script in a group of processes that ends with the test, whatever ends the test.
func (s *shell) start(env []string) (cmd *exec.Cmd, out *output, done chan error) {
	s.t.Helper()
	out, done = &output{}, make(chan error, 1)
	cmd = exec.Command("bash", "-c", "trap 'trap - TERM; kill -- -$$' TERM\n( set -euo pipefail\n"+s.script+") &\nwait $!")
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = s.dir, append(s.env, env...), out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { done <- cmd.Wait(); close(ended) }()
	s.t.Cleanup(func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); testenv.Receive(s.t, "its end", ended) })
	return cmd, out, done
}

// run runs the script to its end, which must be a good one, and returns what it printed.
func (s *shell) run(env ...string) string {
	s.t.Helper()
	_, out, done := s.start(env)
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Minute) // a loaded machine, with the race detector
	defer cancel()
	select {
	case err := <-done:
		if err != nil {
			s.t.Fatalf("%v of\n%s\nwhich printed\n%s", err, s.script, out)
		}
	case <-ctx.Done():
		s.t.Fatalf("never ended:\n%s\nwhich printed\n%s", s.script, out)
	}
	return out.String()
}

// serve runs a script whose last command goes on, until it answers as it should.
func (s *shell) serve(what string, ready func() bool, env ...string) {
	s.t.Helper()
	_, out, done := s.start(env)
	defer func() {
		if s.t.Failed() {
			s.t.Logf("it printed\n%s", out)
		}
	}()
	testenv.EventuallyAfterRetries(s.t, what, func() bool {
		select {
		case err := <-done:
			s.t.Fatalf("it ended (%v):\n%s\nwhich printed\n%s", err, s.script, out)
		default:
		}
		return ready()
	})
}

// answers says whether an address answers a GET, with that status.
func answers(url string, status int) bool {
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Get(url)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == status
}

// local is an address of this machine on which nobody listens.
func local(t *testing.T) string { t.Helper(); return fmt.Sprintf("127.0.0.1:%d", testenv.FreePort(t)) }

// An output is what commands print, while they run.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}
