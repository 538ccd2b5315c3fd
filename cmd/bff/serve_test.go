package main_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	bff "bff/cmd/bff"
	"bff/internal/testenv"
)

// patience bounds every wait of these tests: what takes longer hangs.
const patience = 2 * time.Minute

// next returns what a channel gives, and ends the test when that takes too long.
func next[T any](t *testing.T, what string, from <-chan T) (v T, ok bool) {
	t.Helper()
	select {
	case v, ok = <-from:
	case <-time.After(patience):
		t.Fatalf("waited too long for %s", what)
	}
	return v, ok
}

// served is one `bff serve` inside the test.
type served struct {
	t               *testing.T
	browsers, admin string // addresses
	lines           chan string
	stop            context.CancelFunc
	code            chan int
}

// serve runs `bff serve` on free ports until the test ends, with yaml below a configuration that can start anywhere.
func serve(t *testing.T, yaml string) *served {
	t.Helper()
	return serveOn(t, "memory:", yaml)
}

func serveOn(t *testing.T, store, yaml string) *served {
	t.Helper()
	file := filepath.Join(t.TempDir(), "bff.yaml")
	text := "origin: http://localhost:8080\nlisten: 127.0.0.1:0\nadmin: 127.0.0.1:0\nsession: {keys: [env:BFF_KEY], store: '" + store + "'}\n" + providers + yaml
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	r, w := io.Pipe()
	s := &served{t: t, stop: stop, code: make(chan int, 1), lines: make(chan string, 1000)}
	go func() {
		s.code <- bff.Run(ctx, []string{"serve", "--config", file}, environment, io.Discard, w)
		_ = w.Close()
	}()
	t.Cleanup(stop)
	go func() {
		defer close(s.lines)
		for lines := bufio.NewScanner(r); lines.Scan(); {
			s.lines <- lines.Text()
		}
	}()
	for s.browsers == "" || s.admin == "" {
		line, ok := next(t, "a line of the log", s.lines)
		if !ok {
			t.Fatalf("bff serve ended with %d", testenv.Receive(t, "the exit code", s.code))
		}
		var entry struct{ Msg, Listener, Addr string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("a log line is not JSON: %s", line)
		}
		switch {
		case entry.Msg == "listening" && entry.Listener == "browser":
			s.browsers = entry.Addr
		case entry.Msg == "listening" && entry.Listener == "admin":
			s.admin = entry.Addr
		}
	}
	return s
}

// rest stops it and returns its exit code, and what it logged meanwhile.
func (s *served) rest() (int, string) {
	s.stop()
	var log strings.Builder
	bound := time.After(patience)
	for {
		select {
		case line, ok := <-s.lines:
			if !ok {
				return testenv.Receive(s.t, "the exit code", s.code), log.String() // the log ends with the program
			}
			fmt.Fprintln(&log, line)
		case <-bound:
			return -1, log.String() + "it did not end in time\n"
		}
	}
}

func status(t *testing.T, addr, path string) int {
	t.Helper()
	resp, err := (&http.Client{}).Get("http://" + addr + path)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// Port 0 takes a free port and the log says which; browsers and operators each have their own surface.
func TestServe(t *testing.T) {
	s := serve(t, "")
	for _, c := range []struct {
		addr, path string
		want       int
	}{
		{s.browsers, "/bff/session", 200},
		{s.browsers, "/bff/client.js", 200},
		{s.browsers, "/bff/account", 200},
		{s.browsers, "/", 404},
		{s.browsers, "/healthz", 404},
		{s.browsers, "/metrics", 404},
		{s.browsers, "/introspect", 404},
		{s.admin, "/healthz", 200},
		{s.admin, "/readyz", 200},
		{s.admin, "/metrics", 200},
		{s.admin, "/bff/session", 404},
	} {
		if got := status(t, c.addr, c.path); got != c.want {
			t.Errorf("GET %s%s: %d, want %d", c.addr, c.path, got, c.want)
		}
	}
	if code, _ := s.rest(); code != 0 {
		t.Errorf("exit code %d after the end of its context, want 0", code)
	}
}

// The log says what the store is, why it cannot be used, and when it can be used again, however late the store answers.
func TestServeTellsOfTheStore(t *testing.T) {
	store := testenv.Redis(t)
	for name, c := range map[string]struct{ url, want string }{
		"a store":          {store.URL, `"the store answers","store":"redis `},
		"one that forgets": {store.URL, `"the store may end sessions","reason":"writes nothing to disk`},
		"a database too many": {"redis://" + store.Addr + "/99",
			`"the store cannot be used; answers are 503 until it can","error":"store unavailable: it has no database of this number`},
	} {
		s := serveOn(t, c.url, "")
		s.await(t, name, c.want)
		if code, _ := s.rest(); code != 0 {
			t.Errorf("%s: exit code %d", name, code)
		}
	}
	store.Stop()
	s := serveOn(t, store.URL, "")
	s.await(t, "a store that is away at the start", "the store cannot be used")
	store.Start()
	s.await(t, "the store that has come", "the store answers")
	store.Stop()
	s.await(t, "the store that has gone, and why", `the store cannot be used; answers are 503 until it can","error":"store unavailable: `)
	store.Start()
	s.await(t, "the store that is back", "the store can be used again")
	if code, _ := s.rest(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// await reads the log until a line has the text.
func (s *served) await(t *testing.T, what, text string) {
	t.Helper()
	bound := time.After(patience)
	for {
		select {
		case line, ok := <-s.lines:
			if !ok {
				t.Fatalf("%s: the log ended without %s", what, text)
			}
			if strings.Contains(line, text) {
				return
			}
		case <-bound:
			t.Fatalf("%s: the log does not say %s", what, text)
		}
	}
}

// A frontend's folder is served, and no link leads out of it.
func TestServeFrontend(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"dist/index.html": "the app", "dist/app.js": "code", "secret.txt": "secret"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../secret.txt", filepath.Join(dir, "dist/link.txt")); err != nil {
		t.Fatal(err)
	}
	s := serve(t, "frontend: {dir: "+filepath.Join(dir, "dist")+"}\n")
	for path, want := range map[string]int{"/": 200, "/app.js": 200, "/missing.js": 404, "/link.txt": 404} {
		if got := status(t, s.browsers, path); got != want {
			t.Errorf("GET %s: %d, want %d", path, got, want)
		}
	}
}

// What is in flight finishes: it was accepted before the end, and answered after it began.
func TestServeDrains(t *testing.T) {
	arrived, released := make(chan struct{}), make(chan struct{})
	release := sync.OnceFunc(func() { close(released) })
	defer release()
	var once sync.Once
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		once.Do(func() { close(arrived) })
		testenv.Receive(t, "leave to go on", released)
		_, _ = io.WriteString(w, "late, and whole")
	}))
	t.Cleanup(slow.Close) // after release, whatever fails
	s := serve(t, "frontend: {upstream: '"+slow.URL+"'}\nshutdown_timeout: 1m\n")
	type outcome struct {
		body string
		err  error
	}
	answered := make(chan outcome, 1)
	go func() {
		resp, err := (&http.Client{}).Get("http://" + s.browsers + "/slow")
		if err != nil {
			answered <- outcome{err: err}
			return
		}
		defer func() { _ = resp.Body.Close() }()
		body, err := io.ReadAll(io.LimitReader(resp.Body, 1000))
		answered <- outcome{string(body), err}
	}()
	next(t, "the call at the upstream", arrived)
	s.stop()
	testenv.Eventually(t, "readiness is false while draining", func() bool {
		resp, err := (&http.Client{}).Get("http://" + s.admin + "/readyz")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusServiceUnavailable
	})
	testenv.Eventually(t, "no new connection is taken while draining", func() bool {
		c, err := net.Dial("tcp", s.browsers)
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	})
	select {
	case got := <-answered:
		t.Fatalf("the call in flight was cut off: %q, %v", got.body, got.err)
	default:
	}
	release()
	if got, _ := next(t, "the answer", answered); got.err != nil || got.body != "late, and whole" {
		t.Errorf("the call in flight got %q, %v", got.body, got.err)
	}
	if code, _ := s.rest(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}

// The timeout ends what does not end by itself.
func TestServeCutsOffAtTheTimeout(t *testing.T) {
	arrived := make(chan struct{})
	never := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
	}))
	defer never.Close()
	s := serve(t, "frontend: {upstream: '"+never.URL+"'}\nshutdown_timeout: 50ms\n")
	answered := make(chan error, 1)
	go func() {
		resp, err := (&http.Client{}).Get("http://" + s.browsers + "/never")
		if err == nil {
			_ = resp.Body.Close()
		}
		answered <- err
	}()
	next(t, "the call at the upstream", arrived)
	code, log := s.rest()
	if code != 0 || !strings.Contains(log, "cut off") {
		t.Errorf("exit code %d, want 0; the log is\n%s", code, log)
	}
	if err, _ := next(t, "the answer", answered); err == nil {
		t.Error("a call that never ends was answered")
	}
}

// A port that somebody else has is a failure, in plain words.
func TestServePortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	file := filepath.Join(t.TempDir(), "bff.yaml")
	text := "origin: http://localhost:8080\nlisten: 127.0.0.1:0\nsession: {keys: [env:BFF_KEY], store: 'memory:'}\n" + providers
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, flag := range []string{"--listen", "--admin"} {
		var stderr bytes.Buffer
		code := bff.Run(
			t.Context(),
			[]string{"serve", "--config", file, flag, l.Addr().String()},
			environment,
			io.Discard,
			&stderr,
		)
		want := fmt.Sprintf(
			"bff: %s is in use by another program; end it, or choose another with `%s ADDR`\n",
			l.Addr(),
			flag,
		)
		if code != 1 || stderr.String() != want {
			t.Errorf("%s: exit code %d and %q, want 1 and %q", flag, code, stderr.String(), want)
		}
	}
}

// The limits of the listeners hold: a header that is too large, and a client that never finishes one.
func TestServeBoundsHeaders(t *testing.T) {
	s := serve(t, "")
	for _, addr := range []string{s.browsers, s.admin} {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		go func() {
			_, _ = fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: x\r\nX-Large: %s\r\n\r\n", strings.Repeat("x", 200<<10))
		}()
		line, err := bufio.NewReader(c).ReadString('\n')
		if err != nil || !strings.HasPrefix(line, "HTTP/1.1 431") {
			t.Errorf("a header of 200 KiB got %q, %v; want 431", line, err)
		}
	}
}

// SIGTERM drains a real process and ends it with 0; a second one ends it at once. Neither a store nor a provider that
// is down keeps it from starting.
func TestServeSignals(t *testing.T) {
	arrived := make(chan struct{}, 10)
	never := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-r.Context().Done()
	}))
	defer never.Close()
	yaml := fmt.Sprintf(`session: {keys: [env:BFF_KEY], store: "redis://127.0.0.1:%d/0"}
providers: {acme: {issuer: "http://localhost:%d", client_id: x, client_secret: env:ACME}}
frontend: {upstream: %q}
shutdown_timeout: 1h
`, testenv.FreePort(t), testenv.FreePort(t), never.URL)
	b := testenv.Unready(t, yaml, "ACME=secret")
	if b.Ready() {
		t.Error("it is ready although its store is down")
	}
	if code := b.Term(); code != 0 {
		t.Errorf("exit code %d after SIGTERM, want 0\n%s", code, b.Log())
	}
	b = testenv.Unready(t, yaml, "ACME=secret")
	go func() {
		resp, err := (&http.Client{}).Get(b.Origin + "/never")
		if err == nil {
			_ = resp.Body.Close()
		}
	}()
	next(t, "the call at the upstream", arrived)
	b.Signal()
	testenv.Eventually(t, "it drains", func() bool { return strings.Contains(b.Log(), `"msg":"draining"`) })
	if code := b.Term(); code == 0 {
		t.Errorf("exit code %d after a second SIGTERM, want that of a process ended by it\n%s", code, b.Log())
	}
}
