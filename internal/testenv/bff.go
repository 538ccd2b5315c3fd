package testenv

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// BFFProcess is one running bff.
type BFFProcess struct {
	Origin string // how browsers reach it, http://127.0.0.1:PORT: the same for all instances made by Another
	Addr   string // where this instance listens
	Admin  string // http://127.0.0.1:PORT of its admin listener

	tb     testing.TB
	args   []string // of the command, the listeners apart
	file   string
	env    []string
	binary string // another one than Binary
	p      *process
}

// BFF writes a configuration to a file, starts `bff serve` on free ports, and waits until it is ready. `origin`,
// `listen` and `admin` are chosen here where yaml does not say them; `session.keys` may be env:BFF_KEY. env is
// further environment, "NAME=value".
func BFF(tb testing.TB, yaml string, env ...string) *BFFProcess {
	tb.Helper()
	b := Unready(tb, yaml, env...)
	b.WaitReady()
	return b
}

// Unready is BFF without waiting, for one that starts while its store or its provider is down. It waits until the
// process lives.
func Unready(tb testing.TB, yaml string, env ...string) *BFFProcess {
	tb.Helper()
	addr := hostPort(FreePort(tb))
	b := &BFFProcess{tb: tb, Addr: addr, Origin: "http://" + addr, env: append([]string{"BFF_KEY=" + NewKey(tb)}, env...)}
	for line := range strings.Lines(yaml) {
		if v, ok := strings.CutPrefix(line, "origin:"); ok {
			b.Origin = strings.TrimSpace(v)
			if at, ok := strings.CutPrefix(b.Origin, "http://127.0.0.1:"); ok {
				b.Addr = "127.0.0.1:" + at // programs that know nothing but the origin find it there
			}
		}
	}
	if !strings.Contains("\n"+yaml, "\norigin:") {
		yaml = "origin: " + b.Origin + "\n" + yaml
	}
	b.file = filepath.Join(tb.TempDir(), "bff.yaml")
	if err := os.WriteFile(b.file, []byte(yaml), 0o600); err != nil {
		tb.Fatal(err)
	}
	b.args = []string{"serve", "--config", b.file}
	b.start()
	return b
}

// At is an instance that something else runs, at an origin, an address and an admin listener.
func At(tb testing.TB, origin, addr, admin string) *BFFProcess {
	return &BFFProcess{tb: tb, Origin: origin, Addr: addr, Admin: admin}
}

// Another starts a further instance on the same configuration and environment: the same store, keys and origin.
func (b *BFFProcess) Another() *BFFProcess {
	b.tb.Helper()
	n := &BFFProcess{tb: b.tb, Addr: hostPort(FreePort(b.tb)), Origin: b.Origin, file: b.file, env: b.env, args: b.args}
	n.start()
	n.WaitReady()
	return n
}

// Restart starts an instance that ended again, where it was.
func (b *BFFProcess) Restart() {
	b.tb.Helper()
	b.start()
	b.WaitReady()
}

func (b *BFFProcess) start() {
	b.tb.Helper()
	admin := b.Addr
	for admin == b.Addr { // which is free too until the process listens
		admin = hostPort(FreePort(b.tb))
	}
	b.Admin = "http://" + admin
	if b.binary == "" {
		b.binary = Binary(b.tb)
	}
	b.p = launch(b.tb, filepath.Dir(b.file), b.env, b.binary, append(b.args, "--listen", b.Addr, "--admin", admin)...)
	b.p.waitFor("lives", func() bool { return b.status("/healthz") == http.StatusOK })
}

// Dev starts `bff dev` on a free port, and waits until it serves its page.
func Dev(tb testing.TB, args ...string) *BFFProcess {
	tb.Helper()
	addr := hostPort(FreePort(tb))
	b := &BFFProcess{tb: tb, Addr: addr, Origin: "http://" + addr}
	b.p = launch(tb, tb.TempDir(), nil, Binary(tb), append([]string{"dev", "--listen", addr}, args...)...)
	b.p.waitFor("serves its page", func() bool {
		resp, err := probe().Get(b.Origin + "/bff/session")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return b
}

// WaitReady waits until readiness is true; WaitUnready until it is not.
func (b *BFFProcess) WaitReady() {
	b.tb.Helper()
	b.p.waitFor("is ready", b.Ready)
}

func (b *BFFProcess) WaitUnready() {
	b.tb.Helper()
	b.p.waitFor("is not ready", func() bool { return !b.Ready() })
}

// Ready says what /readyz says.
func (b *BFFProcess) Ready() bool { return b.status("/readyz") == http.StatusOK }

// Kill is kill -9. Term asks it to end, as an orchestrator does, and returns its exit code; Signal only sends
// SIGTERM, Exit only waits.
func (b *BFFProcess) Kill()     { b.p.kill() }
func (b *BFFProcess) Term() int { b.tb.Helper(); return b.p.term() }
func (b *BFFProcess) Signal()   { b.p.signal(sigterm) }
func (b *BFFProcess) Exit() int { b.tb.Helper(); return b.p.exit() }

// Quit makes the process print the traces of all its goroutines and end, as a crash does.
func (b *BFFProcess) Quit() {
	b.p.signal(syscall.SIGQUIT)
	<-b.p.done
}

// Pause freezes the process, Resume thaws it.
func (b *BFFProcess) Pause()  { b.p.signal(sigstop) }
func (b *BFFProcess) Resume() { b.p.signal(sigcont) }

// Log is what it printed, on both outputs.
func (b *BFFProcess) Log() string { return b.p.out.String() }

// Config is the folder and the path of its configuration file.
func (b *BFFProcess) Config() string { return b.file }

// Env is its environment, "NAME=value", beside that of the test.
func (b *BFFProcess) Env() []string { return b.env }

// Metrics is what /metrics says.
func (b *BFFProcess) Metrics() string {
	b.tb.Helper()
	resp, err := probe().Get(b.Admin + "/metrics")
	if err != nil {
		b.tb.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		b.tb.Fatal(err)
	}
	return string(body)
}

// Ask posts a form to the admin listener as a service does, with HTTP Basic when a name is given.
func (b *BFFProcess) Ask(path, name, secret string, form url.Values) *Answer {
	b.tb.Helper()
	r, err := http.NewRequest("POST", b.Admin+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.tb.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if name != "" {
		r.SetBasicAuth(name, secret)
	}
	resp, err := probe().Do(r)
	if err != nil {
		b.tb.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		b.tb.Fatal(err)
	}
	return &Answer{Status: resp.StatusCode, URL: r.URL.String(), Header: resp.Header, Body: body}
}

func (b *BFFProcess) status(path string) int {
	resp, err := probe().Get(b.Admin + path)
	if err != nil {
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

func probe() *http.Client {
	return &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
}

// NewKey is a fresh value for session.keys.
func NewKey(tb testing.TB) string { return "bffk1_" + Random(tb) }

// Command runs bff with arguments until it ends, and returns its output and exit code.
func Command(tb testing.TB, env []string, args ...string) (string, int) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, Binary(tb), args...)
	cmd.Dir = tb.TempDir()
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		tb.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// Binary is the path of the built cmd/bff, with the race detector when the test has it.
func Binary(tb testing.TB) string {
	tb.Helper()
	path, err := built()
	if err != nil {
		tb.Fatal(err)
	}
	return path
}

// built builds once for every test binary; go build itself leaves a file alone that is up to date. A failure is
// remembered too, so that it is reported by every test and not tried by each.
var built = sync.OnceValues(build)

func build() (string, error) {
	if race {
		return buildAs("bff.test.race", func() ([]string, error) { return []string{"-race"}, nil })
	}
	return buildAs("bff.test", func() ([]string, error) { return nil, nil })
}

// buildAs builds cmd/bff into the module's bin, one build at a time over all processes.
func buildAs(name string, flags func() ([]string, error)) (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	bin := filepath.Join(root, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return "", err
	}
	release, err := lock(bin)
	if err != nil {
		return "", err
	}
	defer release()
	args, err := flags()
	if err != nil {
		return "", err
	}
	out := filepath.Join(bin, name)
	cmd := exec.Command("go", append(append([]string{"build", "-o", out}, args...), "./cmd/bff")...)
	cmd.Dir = root
	if msg, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build bff: %w\n%s", err, msg)
	}
	return out, nil
}

// PID is the process's id, for what reads /proc.
func (b *BFFProcess) PID() int { return b.p.cmd.Process.Pid }

// Run runs another command of bff with this one's configuration and environment, until it ends.
func (b *BFFProcess) Run(args ...string) (out string, code int) {
	b.tb.Helper()
	return Command(b.tb, b.env, append(args, "--config", b.file)...)
}

// Rewrite changes the configuration file. The process reads it at its next start, or after Hangup.
func (b *BFFProcess) Rewrite(change func(yaml string) string) {
	b.tb.Helper()
	text, err := os.ReadFile(b.file)
	if err == nil {
		err = os.WriteFile(b.file, []byte(change(string(text))), 0o600)
	}
	if err != nil {
		b.tb.Fatal(err)
	}
}

// Hangup sends SIGHUP: the process reads its configuration again.
func (b *BFFProcess) Hangup() { b.p.signal(syscall.SIGHUP) }
