package wire_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"bff/internal/dial"
	"bff/internal/proxy/wire"
	"bff/internal/testenv"
)

func newTransport() *http.Transport {
	return &http.Transport{DialContext: dial.Context(net.Dialer{Timeout: 5 * time.Second}), TLSHandshakeTimeout: 5 * time.Second,
		MaxResponseHeaderBytes: 64 << 10, DisableCompression: true, MaxIdleConnsPerHost: 16, ForceAttemptHTTP2: true}
}

func newClient(t testing.TB) *wire.Client {
	c := wire.New(newTransport())
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// A script is a server that speaks as a test sets: the n-th connection is handed to it.
type script struct {
	net.Listener
	conns atomic.Int32
	all   sync.WaitGroup
}

func serve(t testing.TB, on func(n int, c net.Conn, in *bufio.Reader)) *script {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &script{Listener: l}
	s.all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			n := int(s.conns.Add(1))
			s.all.Go(func() {
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(20 * time.Second))
				on(n, c, bufio.NewReader(c))
			})
		}
	})
	t.Cleanup(func() { _ = l.Close() })
	return s
}

func (s *script) url(path string) string { return "http://" + s.Addr().String() + path }

// request reads one request and returns its path; "" at the end.
func request(in *bufio.Reader) string {
	r, err := http.ReadRequest(in)
	if err != nil {
		return ""
	}
	return r.URL.Path
}

func answer(c net.Conn, body string) {
	fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// get makes a call and reads the answer.
func get(ctx context.Context, c http.RoundTripper, method, url string) (status int, body string, err error) {
	r, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return 0, "", err
	}
	res, err := c.RoundTrip(r)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	return res.StatusCode, string(b), err
}

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestAConnectionIsUsedAgainAfterEveryExactAnswer(t *testing.T) {
	for name, raw := range map[string]string{
		"a length":        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"chunks":          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n",
		"a trailer":       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n5\r\nhello\r\n0\r\nX: 1\r\n\r\n",
		"no content":      "HTTP/1.1 204 No Content\r\n\r\n",
		"not modified":    "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
		"nothing":         "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		"hints before":    "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"a long header":   "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 9000) + "\r\nContent-Length: 5\r\n\r\nhello",
		"a long body":     "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("x", 100000),
		"in small pieces": "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
	} {
		s := serve(t, func(_ int, c net.Conn, in *bufio.Reader) {
			for request(in) != "" {
				if name != "in small pieces" {
					_, _ = io.WriteString(c, raw)
					continue
				}
				for i := range len(raw) {
					_, _ = io.WriteString(c, raw[i:i+1])
				}
			}
		})
		c := newClient(t)
		for i := range 3 {
			if _, _, err := get(within(t), c, "GET", s.url("/a")); err != nil {
				t.Fatalf("%s, call %d: %v", name, i, err)
			}
		}
		if n := s.conns.Load(); n != 1 {
			t.Errorf("%s: %d connections for three calls", name, n)
		}
	}
}

// A byte that nobody asked for, or the end, while a connection is idle: the next call has a new one.
func TestAnIdleConnectionThatSpeaksOrEndsIsNotUsed(t *testing.T) {
	const poison = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nPOISON"
	for name, misbehave := range map[string]func(net.Conn){
		"an answer to nothing": func(c net.Conn) { _, _ = io.WriteString(c, poison) },
		"a byte":               func(c net.Conn) { _, _ = io.WriteString(c, "\n") },
		"the end":              func(c net.Conn) { _ = c.Close() },
		"half an end":          func(c net.Conn) { _ = c.(*net.TCPConn).CloseWrite() },
		"a reset":              func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0); _ = c.Close() },
	} {
		done, go1 := make(chan bool), make(chan bool)
		s := serve(t, func(n int, c net.Conn, in *bufio.Reader) {
			for request(in) != "" {
				answer(c, fmt.Sprint(n))
				if n == 1 {
					testenv.Receive(t, "leave to go on", go1)
					misbehave(c)
					close(done)
					_, _ = io.Copy(io.Discard, in)
					return
				}
			}
		})
		c := newClient(t)
		if _, body, err := get(within(t), c, "GET", s.url("/a")); err != nil || body != "1" {
			t.Fatalf("%s: %q, %v", name, body, err)
		}
		close(go1)
		testenv.Receive(t, "the end of it", done)
		if _, body, err := get(within(t), c, "GET", s.url("/b")); err != nil || body != "2" {
			t.Errorf("%s: the next call is answered with %q, %v", name, body, err)
		}
	}
}

// A connection that was used before, took the request and said nothing: once more on another one.
func TestACallIsSentAgainOnlyWhenAUsedConnectionSaidNothing(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	s := serve(t, func(n int, c net.Conn, in *bufio.Reader) {
		for i := 0; ; i++ {
			path := request(in)
			if path == "" {
				return
			}
			mu.Lock()
			seen = append(seen, path)
			mu.Unlock()
			switch {
			case path == "/never", path == "/later" && n == 1:
				return
			case path == "/half":
				_, _ = io.WriteString(c, "HTTP/1.1 2")
				return
			}
			answer(c, path)
		}
	})
	c := newClient(t)
	for _, call := range []struct {
		path string
		ok   bool
		sent int
	}{{"/a", true, 1}, {"/later", true, 2}, {"/never", false, 2}, {"/never", false, 1}, {"/b", true, 1}, {"/half", false, 1}} {
		seen = nil
		_, body, err := get(within(t), c, "GET", s.url(call.path))
		mu.Lock()
		sent := len(seen)
		mu.Unlock()
		if (err == nil) != call.ok || call.ok && body != call.path || sent != call.sent {
			t.Errorf("%s: %q, %v, sent %d times", call.path, body, err, sent)
		}
	}
}

func TestTheEndOfACallEndsItsWait(t *testing.T) {
	for _, where := range []string{"before the header", "in the header", "in the body"} {
		came := make(chan bool, 1)
		s := serve(t, func(_ int, c net.Conn, in *bufio.Reader) {
			request(in)
			switch where {
			case "in the header":
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n")
			case "in the body":
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
			}
			came <- true
			_, _ = io.Copy(io.Discard, in) // until the client closes
			came <- true
		})
		c := newClient(t)
		why := errors.New("it is over")
		ctx, cancel := context.WithCancelCause(context.Background())
		go func() {
			testenv.Receive(t, "the request", came)
			cancel(why)
		}()
		_, _, err := get(ctx, c, "GET", s.url("/a"))
		if !errors.Is(err, why) {
			t.Errorf("%s: %v", where, err)
		}
		select {
		case <-came:
		case <-time.After(10 * time.Second):
			t.Errorf("%s: the connection is still open", where)
		}
	}
}

// What this client does not carry goes through the transport beside it.
func TestWhatIsNotForThisClientIsTheTransports(t *testing.T) {
	var conns sync.Map
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s %d", r.Proto, r.Method, b, r.ContentLength)
	}))
	srv.Config.ConnState = func(c net.Conn, s http.ConnState) { conns.Store(c, s) }
	srv.Start()
	t.Cleanup(srv.Close)
	c := newClient(t)
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
		r, _ := http.NewRequestWithContext(within(t), method, srv.URL, strings.NewReader("body"))
		res, err := c.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if string(b) != "HTTP/1.1 "+method+" body 4" {
			t.Errorf("%s: %q", method, b)
		}
	}
}

func TestOverTLSHTTP2StaysTheTransportsAndHTTP1IsCarried(t *testing.T) {
	for _, h2 := range []bool{true, false} {
		var conns atomic.Int32
		srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, r.Proto)
		}))
		srv.EnableHTTP2 = h2
		srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
			if s == http.StateNew {
				conns.Add(1)
			}
		}
		srv.StartTLS()
		t.Cleanup(srv.Close)
		transport := newTransport()
		transport.TLSClientConfig = srv.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
		c := wire.New(transport)
		t.Cleanup(c.CloseIdleConnections)
		want, most := "HTTP/1.1", int32(2) // the transport's, and one of the client's own
		if h2 {
			want, most = "HTTP/2.0", 1
		}
		for range 5 {
			if _, body, err := get(within(t), c, "GET", srv.URL); err != nil || body != want {
				t.Fatalf("HTTP/2 %v: %q, %v", h2, body, err)
			}
		}
		if conns.Load() != most {
			t.Errorf("HTTP/2 %v: %d connections", h2, conns.Load())
		}
		transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
		strict := wire.New(newTransport())
		if _, _, err := get(within(t), strict, "GET", srv.URL); err == nil {
			t.Error("a certificate that nobody signed is trusted")
		}
	}
}

func TestInformationalAnswersAreShown(t *testing.T) {
	s := serve(t, func(_ int, c net.Conn, in *bufio.Reader) {
		for request(in) != "" {
			_, _ = io.WriteString(c, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n")
			answer(c, "x")
		}
	})
	var got []string
	ctx := httptrace.WithClientTrace(within(t), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			got = append(got, fmt.Sprint(code, h["Link"]))
			return nil
		}})
	if _, body, err := get(ctx, newClient(t), "GET", s.url("/")); err != nil || body != "x" ||
		fmt.Sprint(got) != "[103 [</a>] 102 []]" {
		t.Errorf("%q, %v, %v", body, err, got)
	}
}

// Many calls at once on few connections: each has its own answer.
func TestEveryCallHasItsOwnAnswer(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "3") {
			w.(http.Flusher).Flush() // chunks
		}
		_, _ = io.WriteString(w, strings.Repeat(r.URL.Path+" ", 1+len(r.URL.Path)*200))
	}))
	t.Cleanup(srv.Close)
	c := newClient(t)
	var all sync.WaitGroup
	for g := range 16 {
		all.Go(func() {
			for i := range 60 {
				path := fmt.Sprintf("/%d/%d", g, i)
				ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
				if i%7 == 0 { // some give up at any moment
					go func() {
						<-time.After(time.Duration(i*13%900) * time.Microsecond)
						cancel()
					}()
				}
				_, body, err := get(ctx, c, "GET", srv.URL+path)
				cancel()
				want := strings.Repeat(path+" ", 1+len(path)*200)
				if err == nil && body != want || err != nil && i%7 != 0 || !strings.HasPrefix(want, body) {
					t.Errorf("%s: %d bytes of %d, %v", path, len(body), len(want), err)
				}
			}
		})
	}
	testenv.Finished(t, "all of them", all.Wait)
}

// A call that is given up, while it waits for the header or in the middle of the body, ends its connection by a reset: a
// connection that this side closed otherwise would hold its port for a minute, and ports are what a storm of such calls
// uses up. One that came to its end is closed as usual.
func TestACallThatIsGivenUpHoldsNoPort(t *testing.T) {
	ends := make(chan error, 1)
	asked := make(chan struct{}, 1)
	s := serve(t, func(_ int, c net.Conn, in *bufio.Reader) {
		switch request(in) {
		case "/body":
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello")
		case "/whole":
			answer(c, "hello")
		}
		asked <- struct{}{}
		_, err := in.ReadByte()
		ends <- err
	})
	for path, want := range map[string]error{"/silent": syscall.ECONNRESET, "/body": syscall.ECONNRESET, "/whole": io.EOF} {
		c := newClient(t)
		ctx, giveUp := context.WithCancel(within(t))
		r, err := http.NewRequestWithContext(ctx, "GET", s.url(path), nil)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			if res, err := c.RoundTrip(r); err == nil {
				_, _ = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
			}
		}()
		testenv.Receive(t, "the request", asked)
		if path == "/whole" {
			testenv.Receive(t, "the end of it", done)
			c.CloseIdleConnections()
		}
		giveUp()
		testenv.Receive(t, "the end of it", done)
		if err := testenv.Receive(t, "an end", ends); !errors.Is(err, want) {
			t.Errorf("%s: the upstream sees %v, want %v", path, err, want)
		}
	}
}
