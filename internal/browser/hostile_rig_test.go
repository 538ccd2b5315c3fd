package browser_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"bff/internal/demo"
	"bff/internal/testenv"
)

// A site is an application of static files behind bff, with an api whose upstream is the test's own. Two instances
// answer for its origin; the test says which.
type site struct {
	*rig
	upstream http.Handler
	asked    []string // what the upstream was asked, "METHOD path"
	instance atomic.Int32
	lock     sync.Mutex
}

const stagePage = `<!doctype html><title>App</title><meta http-equiv="Content-Security-Policy" content="script-src 'self' 'unsafe-eval' 'wasm-unsafe-eval'">
<link rel=icon href=data:,><h1>The application</h1><a id=in href="/bff/login/demo?return_to=/inbox">Sign in</a> <a id=link href="/bff/connect/demo">Link</a>`

// hostile starts it with further files beside its page.
func hostile(t *testing.T, upstream http.Handler, files map[string]string) *site {
	t.Helper()
	at := address(t)
	s := &site{rig: &rig{t: t, marks: map[string]string{}}, upstream: upstream}
	s.origin = "http://localhost:" + at[strings.LastIndexByte(at, ':')+1:]
	var err error
	if s.demo, err = demo.Start(demo.Config{Origin: s.origin, TokenLifetime: time.Minute, Issued: s.mark}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.demo.Close)
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		s.lock.Lock()
		s.asked = append(s.asked, q.Method+" "+q.URL.Path)
		s.lock.Unlock()
		s.upstream.ServeHTTP(w, q)
	}))
	t.Cleanup(api.Close)
	dir := t.TempDir()
	for name, text := range files {
		write(t, filepath.Join(dir, name), text)
	}
	write(t, filepath.Join(dir, "index.html"), stagePage)
	yaml := strings.NewReplacer(s.demo.FilesURL, api.URL, `scopes: ["https://www.googleapis.com/auth/drive.readonly"]`, "",
		`[GET /files, "GET /files/{id}"]`, `["/{rest...}"]`).Replace(s.configuration()) + "frontend: {dir: " + dir + "}\n"
	one := testenv.BFF(t, yaml, "DEMO_CLIENT_SECRET="+s.demo.ClientSecret)
	s.balance(at, one, one.Another())
	s.browser = testenv.Chrome(t)
	s.tab = s.browser.Tab()
	return s
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// balance listens at the origin's address and passes to the instance that is chosen.
func (s *site) balance(at string, instances ...*testenv.BFFProcess) {
	s.t.Helper()
	var to []*url.URL
	for _, i := range instances {
		u, err := url.Parse("http://" + i.Addr)
		if err != nil {
			s.t.Fatal(err)
		}
		to = append(to, u)
	}
	front := &http.Server{Addr: at, ReadHeaderTimeout: time.Minute, Handler: &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to[int(s.instance.Load())%len(to)])
			r.Out.Host = r.In.Host
		}, FlushInterval: -1}}
	done := make(chan error, 1)
	go func() { done <- front.ListenAndServe() }()
	s.t.Cleanup(func() { _ = front.Close(); testenv.Receive(s.t, "the end of it", done) })
	client := &http.Client{Timeout: time.Second}
	testenv.Eventually(s.t, "the front proxy listens", func() bool {
		resp, err := client.Get("http://" + at + "/bff/client.js")
		return err == nil && resp.Body.Close() == nil
	})
}

// enter signs a person in by the application's page.
func (s *site) enter(person string) {
	s.t.Helper()
	s.open("/", "document.querySelector('#in')")
	click(s.tab, "#in")
	agree(s.tab, person)
	s.tab.Await("location.pathname == '/inbox' && document.querySelector('#in')")
}

// leave signs out, here and at the provider.
func (s *site) leave() {
	s.t.Helper()
	if status := testenv.Eval[int](s.tab, `fetch('/bff/logout', {method: 'POST'}).then(r => r.status)`); status != 200 {
		s.t.Fatalf("logout: %d", status)
	}
	s.tab.Do(chromedp.Navigate(s.origin + "/"))
}

// times is how often the upstream was asked for a path.
func (s *site) times(line string) (n int) {
	s.lock.Lock()
	defer s.lock.Unlock()
	for _, a := range s.asked {
		if a == line {
			n++
		}
	}
	return n
}

// who asks the provider whose token a call carries: the address of the person.
func (s *site) who(q *http.Request) string {
	r, err := http.NewRequest("GET", s.demo.Issuer+"/v1/userinfo", nil)
	if err != nil {
		return err.Error()
	}
	r.Header.Set("Authorization", q.Header.Get("Authorization"))
	resp, err := (&http.Client{Timeout: 10 * time.Second}).Do(r)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	var user struct{ Email string }
	if err := json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&user); err != nil {
		return err.Error()
	}
	return user.Email
}
