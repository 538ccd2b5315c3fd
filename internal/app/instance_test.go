package app_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"bff/internal/app"
	"bff/internal/config"
	"bff/internal/demo"
	"bff/internal/demo/provider"
	"bff/internal/testenv"
)

// A log is what an instance said.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *log) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.b.String(), text)
}

func (l *log) times(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), text)
}

// A running is an instance with its file, its provider and one signed-in browser.
type running struct {
	t        *testing.T
	dir      string
	in       *app.Instance
	log      *log
	origin   string
	admin    string
	store    string // its URL
	demo     *demo.Demo
	upstream *httptest.Server
	browser  *http.Client
	lines    chan string // that the upstream's stream sends
}

// start runs an instance whose file is text below a common part.
func start(t *testing.T, text string, change ...func(*app.Options)) *running {
	t.Helper()
	browsers, admin := listener(t), listener(t)
	r := &running{
		t:      t,
		dir:    t.TempDir(),
		log:    &log{},
		lines:  make(chan string),
		origin: "http://" + browsers.Addr().String(),
		admin:  "http://" + admin.Addr().String(),
		store:  testenv.Redis(t).URL,
	}
	r.upstream = httptest.NewServer(http.HandlerFunc(r.serveUpstream))
	t.Cleanup(r.upstream.Close)
	level := new(slog.LevelVar)
	options := app.Options{
		Log:    slog.New(slog.NewJSONHandler(r.log, &slog.HandlerOptions{Level: level})),
		Level:  level,
		Reload: r.read,
		Record: true,
	}
	for _, f := range change {
		f(&options)
	}
	d, err := demo.Start(demo.Config{Origin: r.origin, Provider: "acme", Habits: &provider.Habits{}, Now: options.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	r.demo = d
	r.write("secret", "first-secret\n")
	r.write("key", key1+"\n")
	r.configure("keys: [file:key]", text)
	cfg, report := r.read()
	if report != "" {
		t.Fatal(report)
	}
	r.in, err = app.New(cfg, options)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.in.Run(ctx, app.Listeners{Browsers: browsers, Admin: admin}) }()
	t.Cleanup(func() {
		stop()
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(time.Minute):
			t.Error("the instance does not end")
		}
	})
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	r.browser = &http.Client{Jar: jar, Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	r.signIn()
	return r
}

const (
	key1 = "bffk1_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
	key2 = "bffk1_HxwdHhscGRoXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA"
)

func listener(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// serveUpstream answers at once, but for a stream, which sends what the test gives it.
func (r *running) serveUpstream(w http.ResponseWriter, q *http.Request) {
	if q.URL.Path != "/v1/stream" && q.URL.Path != "/v2/stream" {
		_, _ = io.WriteString(w, q.URL.Path)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	for {
		_ = http.NewResponseController(w).Flush()
		select {
		case line := <-r.lines:
			_, _ = fmt.Fprintf(w, "data: %s\n\n", line)
		case <-q.Context().Done():
			return
		}
	}
}

func (r *running) write(name, text string) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// configure writes the file.
func (r *running) configure(keys, rest string) {
	r.write("bff.yaml", "origin: "+r.origin+"\nsession: {store: '"+r.store+"', "+keys+"}\nproviders:\n  acme: {issuer: '"+
		r.demo.Issuer+"', client_id: "+r.demo.ClientID+", client_secret: env:CLIENT_SECRET}\nshutdown_timeout: 2s\n"+
		strings.ReplaceAll(rest, "UPSTREAM", r.upstream.URL))
}

func (r *running) read() (*config.Config, string) {
	return config.Load(filepath.Join(r.dir, "bff.yaml"), strings.NewReader(""), func(name string) string {
		return map[string]string{"CLIENT_SECRET": r.demo.ClientSecret}[name]
	})
}

func (r *running) get(url string, headers ...string) (int, string) {
	q, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, url, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	q.Header.Set("Sec-Fetch-Site", "same-origin")
	for i := 0; i+1 < len(headers); i += 2 {
		q.Header.Set(headers[i], headers[i+1])
	}
	resp, err := r.browser.Do(q)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if location := resp.Header.Get("Location"); location != "" {
		return resp.StatusCode, location
	}
	return resp.StatusCode, string(body)
}

func (r *running) signIn() {
	r.t.Helper()
	navigate := []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Fetch-User", "?1"}
	_, to := r.get(r.origin+"/bff/login/acme", navigate...)
	back, err := r.demo.Approve(to, "ada")
	if err != nil {
		r.t.Fatal(err)
	}
	if status, to := r.get(back, append(navigate, "Sec-Fetch-Site", "cross-site")...); status != http.StatusSeeOther ||
		strings.Contains(to, "bff_error") {
		r.t.Fatalf("the sign-in ended with %d %s", status, to)
	}
}

// introspects reports whether the admin listener takes a client's secret.
func (r *running) introspects(secret string) bool {
	q, err := http.NewRequestWithContext(
		r.t.Context(),
		http.MethodPost,
		r.admin+"/introspect",
		strings.NewReader("token=x"),
	)
	if err != nil {
		r.t.Fatal(err)
	}
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	q.SetBasicAuth("billing", secret)
	resp, err := (&http.Client{Timeout: time.Minute}).Do(q)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}
