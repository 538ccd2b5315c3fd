package proxy_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"bff/internal/proxy"
	"bff/internal/proxy/wire"
	"bff/internal/secret"
)

const (
	token   = "ya29.a0AfB_byC-test-access-token-0123456789abcdefghijklmnopqrstuvwxyz0171"
	refresh = "1//0gTestRefreshToken-ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// A rig is a mount behind a real server and in front of a real upstream.
type rig struct {
	t        testing.TB
	mount    *proxy.Mount
	server   *httptest.Server
	upstream *httptest.Server
	client   *http.Client

	mu   sync.Mutex
	by   proxy.Caller
	errs []error
	seen []string
}

// newRig mounts an upstream at /api/x below /base.
func newRig(t testing.TB, upstream http.HandlerFunc, change ...func(*proxy.Config)) *rig {
	t.Helper()
	r := &rig{t: t}
	r.upstream = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		r.seen = append(r.seen, req.Method+" "+req.RequestURI)
		r.mu.Unlock()
		upstream(w, req)
	}))
	t.Cleanup(r.upstream.Close)
	r.build(change...)
	r.by = proxy.Caller{Credential: r.mount.Token(secret.New(token)), Secrets: []secret.Text{secret.New(refresh)}}
	return r
}

func (r *rig) build(change ...func(*proxy.Config)) {
	r.t.Helper()
	r.server = httptest.NewUnstartedServer(http.HandlerFunc(r.serve))
	transport := wire.New(proxy.NewTransport())
	r.t.Cleanup(transport.CloseIdleConnections)
	cfg := proxy.Config{Name: "x", Path: "/api/x", Origin: "http://" + r.server.Listener.Addr().String(),
		Upstream: r.upstream.URL + "/base",
		Allow:    []string{"/"}, Transport: transport}
	for _, f := range change {
		f(&cfg)
	}
	m, err := proxy.New(cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	r.mount = m
	r.server.Start()
	r.t.Cleanup(r.server.Close)
	r.client = &http.Client{Transport: &http.Transport{DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	r.t.Cleanup(r.client.CloseIdleConnections)
}

// serve is what the api does around a mount, and no more.
func (r *rig) serve(w http.ResponseWriter, req *http.Request) {
	var call *proxy.Call
	check := proxy.CheckLine
	if r.mount.Serves(req) {
		check = r.mount.CheckLine
	}
	err := check(req)
	if err == nil && !r.mount.Serves(req) {
		http.NotFound(w, req)
		return
	}
	if err == nil {
		call, err = r.mount.Find(req)
	}
	if err == nil {
		r.mu.Lock()
		by := r.by
		r.mu.Unlock()
		err = r.mount.Serve(w, req, call, by)
	}
	if err == nil {
		return
	}
	r.mu.Lock()
	r.errs = append(r.errs, err)
	r.mu.Unlock()
	var challenge *proxy.ScopeChallenge
	status := http.StatusInternalServerError
	switch {
	case errors.Is(err, context.Canceled):
		return
	case errors.Is(err, proxy.ErrBadPath), errors.Is(err, proxy.ErrBadBody):
		status = http.StatusBadRequest
	case errors.Is(err, proxy.ErrNotAllowed), errors.As(err, &challenge):
		status = http.StatusForbidden
	case errors.Is(err, proxy.ErrBodyTooLarge):
		status = http.StatusRequestEntityTooLarge
	case errors.Is(err, proxy.ErrUpstreamTimeout):
		status = http.StatusGatewayTimeout
	case errors.Is(err, proxy.ErrUpstreamFailed):
		status = http.StatusBadGateway
	case errors.Is(err, proxy.ErrEnded):
		status = http.StatusUnauthorized
	}
	w.Header().Set("BFF-Error", "1")
	http.Error(w, err.Error(), status)
}

func (r *rig) set(f func(*proxy.Caller)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(&r.by)
}

// lines are the request lines the upstream saw since the last call.
func (r *rig) lines() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.seen
	r.seen = nil
	return out
}

// err is the last error of Serve or ServeWebSocket.
func (r *rig) err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.errs) == 0 {
		return nil
	}
	return r.errs[len(r.errs)-1]
}

// do sends a request with Go's client; header lines are "Name: value".
func (r *rig) do(method, path string, body io.Reader, header ...string) *http.Response {
	r.t.Helper()
	req, err := http.NewRequest(method, r.server.URL+path, body)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		req.Header.Add(name, value)
	}
	res, err := r.client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

func text(t testing.TB, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// raw writes bytes to the server and reads one answer.
func (r *rig) raw(request string) *http.Response {
	r.t.Helper()
	conn, err := net.Dial("tcp", r.server.Listener.Addr().String())
	if err != nil {
		r.t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		r.t.Fatal(err)
	}
	method, _, _ := strings.Cut(request, " ")
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		r.t.Fatalf("%q: %v", request, err)
	}
	body, _ := io.ReadAll(res.Body)
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res
}

func TestACallIsCarried(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		fmt.Fprintf(w, "%s|%s|%s|%s", req.Header.Get("Authorization"), req.Host, req.Header.Get("Cookie"), body)
	})
	res := r.do("POST", "/api/x/a%20b?q=1&bff_connection=c_1&r=%2f;", strings.NewReader("hello"), "Cookie: bff=1",
		"Authorization: Bearer mine")
	want := fmt.Sprintf("Bearer %s|%s||hello", strings.Repeat("*", len(token)),
		strings.TrimPrefix(r.upstream.URL, "http://"))
	if got := text(t, res); res.StatusCode != 200 || got != want {
		t.Fatalf("%d %q, want %q", res.StatusCode, got, want)
	}
	if got := r.lines(); len(got) != 1 || got[0] != "POST /base/a%20b?q=1&r=%2f;" {
		t.Fatalf("%q", got)
	}
	for name, want := range map[string]string{"Cache-Control": "private, no-cache",
		"Vary":                   "Cookie, BFF-Connection, Sec-Fetch-Dest",
		"X-Content-Type-Options": "nosniff"} {
		if got := res.Header.Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestTheConnectionsNameIsTakenOutOfTheQuery(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {})
	for in, want := range map[string]string{
		"":                                       "",
		"?":                                      "?",
		"?a=%2F&b=;&&c&d=%zz+x":                  "?a=%2F&b=;&&c&d=%zz+x",
		"?bff_connection=c_1":                    "",
		"?bff_connection=c_1&a":                  "?a",
		"?a&bff_connection=c_1":                  "?a",
		"?a&bff_connection&&b=%20":               "?a&&b=%20",
		"?bff%5Fconnection=c_1&a=%41":            "?a=%41",
		"?a=bff_connection":                      "?a=bff_connection",
		"?bff_connections=1":                     "?bff_connections=1",
		"?bff_connection=1&bff_connection=2&x=1": "?x=1",
	} {
		r.raw("GET /api/x/a" + in + " HTTP/1.1\r\nHost: a\r\nBFF-Connection: c_1\r\nConnection: close\r\n\r\n")
		if got := r.lines(); len(got) != 1 || got[0] != "GET /base/a"+want {
			t.Errorf("%q became %q", in, got)
		}
	}
}

// Whatever spelling is taken out of the query was understood first: a call never goes through another account than
// the one it named.
func TestAConnectionIsNamedInWhateverIsTakenOut(t *testing.T) {
	for query, want := range map[string]string{
		"":                                   "",
		"a=bff_connection&bff_connections=1": "",
		"bff_connection=c_1":                 "c_1",
		"%62ff%5Fconnection=c%5F1":           "c_1",
		"x&bff_connection=c_1&&y=%zz":        "c_1",
		"bff_connection=c_1&bff_connection=2&bff_connection": "c_1 2 ",
		"bff_connection=c_1;x=1":                             "c_1;x=1", // no pair ends there: it names none
		"bff_connection=c_1%":                                "c_1%",
	} {
		req := httptest.NewRequest("GET", "/api/x/a?"+query, nil)
		if got := strings.Join(proxy.ConnectionNames(req), " "); got != want {
			t.Errorf("%q names %q", query, got)
		}
		req.Header.Set("BFF-Connection", "c_h")
		if got := proxy.ConnectionNames(req); got[0] != "c_h" || len(req.Header["Bff-Connection"]) != 1 {
			t.Errorf("%q: with a header %q", query, got)
		}
	}
}

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }
