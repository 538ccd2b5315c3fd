package frontproxy_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"bff/internal/testenv"
)

// A site is an application behind a front proxy, which asks bff who may pass.
type site struct {
	t       *testing.T
	origin  string
	further string // the origin of the second front
	bff     *testenv.BFFProcess
	store   *testenv.RedisServer
	op      *testenv.OIDCProvider
	app     *application
	asked   atomic.Int64 // bytes of bodies that reached the admin listener
	client  *testenv.Client
}

// An application keeps what it was sent, and answers with its path.
type application struct {
	mu     sync.Mutex
	got    []*http.Request
	bodies []int64
}

func (a *application) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n, _ := io.Copy(io.Discard, r.Body)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.got, a.bodies = append(a.got, r), append(a.bodies, n)
	w.Header().Set("Content-Type", "text/html")
	if r.URL.Path == "/refuses" {
		w.WriteHeader(http.StatusUnauthorized)
	}
	_, _ = fmt.Fprintf(w, "<title>app</title><p id=at>%s for %s</p>", r.URL.RequestURI(), r.Header.Get("BFF-User"))
}

// last returns the newest request, and how many there were.
func (a *application) last() (*http.Request, int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.got) == 0 {
		return nil, 0
	}
	return a.got[len(a.got)-1], len(a.got)
}

// asked returns the newest request for an address.
func (a *application) asked(address string) *http.Request {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, r := range slices.Backward(a.got) {
		if r.RequestURI == address {
			return r
		}
	}
	return nil
}

// newestBody is how many bytes the newest request brought.
func (a *application) newestBody() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.bodies[len(a.bodies)-1]
}

const configuration = `
origin: %s
trusted_proxies: [127.0.0.0/8]
session:
  store: %s
  keys: [env:BFF_KEY]
fronts: [{origin: %s}]
users: {rights: {editor: ["provider:op"], "may, too": ["provider:op"]}}
providers:
%s
`

// proxies starts each front proxy: at the origin's address, in front of bff, its admin listener and the application.
var proxies = map[string]func(s *site, admin, app string){"nginx": nginx, "caddy": caddy, "traefik": traefik}

// open builds a site behind that front proxy.
func open(t *testing.T, proxy string) *site {
	t.Helper()
	// Other sites than the provider's localhost and than a stranger's 127.0.0.1, so that SameSite is real.
	port := strconv.Itoa(testenv.FreePort(t))
	s := &site{
		t:       t,
		origin:  "http://127.0.0.2:" + port,
		further: "http://127.0.0.3:" + port,
		store:   testenv.Redis(t),
		op:      testenv.OIDC(t, testenv.OIDCOptions{}),
		app:     &application{},
	}
	s.op.Register("op", s.origin)
	s.bff = testenv.BFF(t, fmt.Sprintf(configuration, s.origin, s.store.URL, s.further, s.op.YAML("op")), s.op.Env())
	app := httptest.NewServer(s.app)
	t.Cleanup(app.Close)
	admin, err := url.Parse(s.bff.Admin)
	if err != nil {
		t.Fatal(err)
	}
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(admin)
		for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
			if said, ok := r.In.Header[name]; ok {
				r.Out.Header[name] = said
			}
		}
		r.Out.Host = r.In.Host
	}}
	counted := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = &counter{r.Body, &s.asked}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(counted.Close)
	proxies[proxy](s, strings.TrimPrefix(counted.URL, "http://"), strings.TrimPrefix(app.URL, "http://"))
	at := *s.bff
	at.Addr = address(s.origin)
	s.client = testenv.NewClient(&at)
	testenv.Eventually(t, proxy+" serves", func() bool {
		resp, err := (&http.Client{Timeout: time.Second}).Get(s.origin + "/bff/session")
		return err == nil && resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
	})
	return s
}

type counter struct {
	io.ReadCloser
	n *atomic.Int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.n.Add(int64(n))
	return n, err
}

func address(origin string) string { return strings.TrimPrefix(origin, "http://") }

const nginxConfiguration = `
daemon off;
worker_processes 1;
pid %[1]s/pid;
error_log stderr warn;
events { worker_connections 256; }
http {
    access_log off;
    client_max_body_size 0;
    client_body_temp_path %[1]s/body;
    proxy_temp_path %[1]s/proxy;
    fastcgi_temp_path %[1]s/fastcgi;
    uwsgi_temp_path %[1]s/uwsgi;
    scgi_temp_path %[1]s/scgi;
    upstream bff       { server %[2]s; }
    upstream bff_admin { server %[3]s; }
    upstream app       { server %[4]s; }
    map $http_upgrade $connection_upgrade { default upgrade; "" ""; }
    server {
        listen %[5]s;
        listen %[6]s;
        include %[7]s;
    }
}
`

func nginx(s *site, admin, app string) {
	dir := s.t.TempDir()
	text := fmt.Sprintf(nginxConfiguration, dir, s.bff.Addr, admin, app, address(s.origin), address(s.further),
		filepath.Join(testenv.Root(s.t), "deploy", "nginx", "bff.conf"))
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.run(nil, "nginx", "/usr/sbin/nginx", "-e", "stderr", "-p", dir, "-c", file)
}

func caddy(s *site, admin, app string) {
	dir := s.t.TempDir()
	env := []string{"SITE=" + s.origin + ", " + s.further, "BFF=" + s.bff.Addr, "BFF_ADMIN=" + admin, "APP=" + app,
		"HOME=" + dir, "XDG_CONFIG_HOME=" + dir, "XDG_DATA_HOME=" + dir}
	// The one change: no administration endpoint, which has a fixed port.
	text, err := os.ReadFile(filepath.Join(testenv.Root(s.t), "deploy", "caddy", "Caddyfile"))
	if err != nil {
		s.t.Fatal(err)
	}
	file := filepath.Join(dir, "Caddyfile")
	if err := os.WriteFile(file, append([]byte("{\n\tadmin off\n\tauto_https off\n}\n"), text...), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.run(env, "caddy", "/usr/bin/caddy", "run", "--adapter", "caddyfile", "--config", file)
}

// run starts a front proxy that ends with the test.
func (s *site) run(env []string, debian, program string, args ...string) {
	s.t.Helper()
	if _, err := os.Stat(program); err != nil {
		s.t.Fatalf("%s is missing: run `make tools`, which installs %s", program, debian)
	}
	var out bytes.Buffer
	cmd := exec.Command(program, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = append(os.Environ(), env...), &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // its workers end with it
		_ = cmd.Wait()
		if s.t.Failed() {
			s.t.Logf("%s printed:\n%.4000s", program, out.String())
		}
	})
}
