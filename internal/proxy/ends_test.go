package proxy_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"bff/internal/proxy"
	"bff/internal/testenv"
)

// endless has an upstream that never comes to an end by itself, and says when it was left.
func endless(t *testing.T) (r *rig, gone chan struct{}) {
	gone = make(chan struct{}, 1)
	r = newRig(t, func(w http.ResponseWriter, req *http.Request) {
		if req.Header.Get("Upgrade") != "" {
			c, err := websocket.Accept(w, req, nil)
			if err != nil {
				return
			}
			_, _, _ = c.Read(context.WithoutCancel(req.Context()))
			gone <- struct{}{}
			return
		}
		if req.Method == "POST" {
			_, _ = io.Copy(io.Discard, req.Body)
			gone <- struct{}{}
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_ = http.NewResponseController(w).Flush()
		for req.Context().Err() == nil && req.URL.Path == "/base/flood" { // the client does not read
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				break
			}
		}
		<-req.Context().Done()
		gone <- struct{}{}
	})
	return r, gone
}

// ending makes the session of the rig's next call end when done is closed.
func (r *rig) ending() (done chan struct{}) {
	done = make(chan struct{})
	r.set(func(c *proxy.Caller) { c.Done = done })
	return done
}

// Attack class 21: nothing that flows outlives its session.
func TestAnEventStreamEndsWithItsSession(t *testing.T) {
	t.Parallel()
	r, gone := endless(t)
	done := r.ending()
	res := r.do("GET", "/api/x/events", nil, "Accept: text/event-stream")
	close(done)
	if _, err := io.ReadAll(res.Body); err == nil {
		t.Error("it had a clean end")
	}
	testenv.Receive(t, "the end of the call", gone)
}

// Attack class 21.
func TestAWebSocketEndsWithItsSession(t *testing.T) {
	t.Parallel()
	r, gone := endless(t)
	done := r.ending()
	c, _, err := websocket.Dial(t.Context(), r.server.URL+"/api/x/socket", nil)
	if err != nil {
		t.Fatal(err)
	}
	close(done)
	if _, _, err := c.Read(t.Context()); err == nil {
		t.Error("it went on")
	}
	testenv.Receive(t, "the end of the call", gone)
}

// Attack class 21: also where the client does not send what the upstream waits for.
func TestAnUploadEndsWithItsSession(t *testing.T) {
	t.Parallel()
	r, gone := endless(t)
	done := r.ending()
	in, out := io.Pipe()
	defer out.Close()
	go func() {
		_, _ = io.WriteString(out, "piece")
		close(done)
	}()
	if res := r.do("POST", "/api/x/upload", in); res.StatusCode != 401 || !errors.Is(r.err(), proxy.ErrEnded) {
		t.Errorf("%d %v", res.StatusCode, r.err())
	}
	testenv.Receive(t, "the end of the call", gone)
}

// Attack class 21: also where the client does not read what the upstream sends.
func TestADownloadNobodyReadsEndsWithItsSession(t *testing.T) {
	t.Parallel()
	r, gone := endless(t)
	done, returned := r.ending(), make(chan struct{})
	r.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		defer close(returned)
		r.serve(w, req)
	})
	conn, err := net.Dial("tcp", r.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET /api/x/flood HTTP/1.1\r\nHost: a\r\n\r\n")
	close(done)
	testenv.Receive(t, "the end of the call", gone)
	testenv.Receive(t, "the return", returned)
}

// Attack class 21: the same where the browser speaks HTTP/2.
func TestAStreamOverHTTP2EndsWithItsSession(t *testing.T) {
	t.Parallel()
	r, gone := endless(t)
	front := httptest.NewUnstartedServer(http.HandlerFunc(r.serve))
	front.EnableHTTP2 = true
	front.StartTLS()
	defer front.Close()
	done := r.ending()
	res, err := front.Client().Get(front.URL + "/api/x/events")
	if err != nil || res.ProtoMajor != 2 {
		t.Fatal(err)
	}
	defer res.Body.Close()
	close(done)
	if _, err := io.ReadAll(res.Body); err == nil {
		t.Error("it had a clean end")
	}
	testenv.Receive(t, "the end of the call", gone)
}

// What is nearly done comes to its end: the caller had it allowed before the session ended.
func TestAnAnswerThatHasBegunMayEndAfterItsSession(t *testing.T) {
	t.Parallel()
	goOn := make(chan struct{})
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		_, _ = io.WriteString(w, "half")
		_ = http.NewResponseController(w).Flush()
		testenv.Receive(t, "leave to go on", goOn)
		_, _ = io.WriteString(w, " and half")
	})
	done := r.ending()
	res := r.do("GET", "/api/x/a", nil)
	done <- struct{}{} // taken by the look that finds the session over
	close(done)
	close(goOn)
	if got := text(t, res); got != "half and half" {
		t.Errorf("%q", got)
	}
}

// An answer that comes while the call is being broken off is not begun: the client gets the reason, and does not see a
// connection that breaks.
func TestAnAnswerThatComesAfterItsSessionIsNotBegun(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Length", "100000")
		w.WriteHeader(401)
		_, _ = w.Write(make([]byte, 100000))
	})
	done := r.ending()
	r.set(func(c *proxy.Caller) {
		c.Renew = func(ctx context.Context) (proxy.Credential, error) {
			done <- struct{}{}
			<-ctx.Done()    // the call is being broken off
			return nil, nil // so that the upstream's 401 is the answer
		}
	})
	if res := r.do("GET", "/api/x/a", nil); res.StatusCode != 401 || res.Header.Get("BFF-Error") == "" ||
		!errors.Is(r.err(), proxy.ErrEnded) {
		t.Errorf("%d %v", res.StatusCode, r.err())
	}
}

// A body that breaks off is not one that ended: the upstream sees it break off, and so does a client that still reads.
func TestABodyThatBreaksOffIsNoEnd(t *testing.T) {
	ends := make(chan error, 1)
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		_, err := io.Copy(io.Discard, req.Body)
		ends <- err
	})
	for _, framing := range []string{"Content-Length: 100\r\n\r\nhalf",
		"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n"} {
		conn, err := net.Dial("tcp", r.server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "POST /api/x/a HTTP/1.1\r\nHost: a\r\n%s", framing)
		_ = conn.(*net.TCPConn).CloseWrite()
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || res.StatusCode != 400 || !errors.Is(r.err(), proxy.ErrBadBody) {
			t.Errorf("%q: %v, %v", framing, err, r.err())
		}
		_ = conn.Close()
		if err := testenv.Receive(t, "an end", ends); err == nil {
			t.Errorf("%q: a clean end", framing)
		}
	}
}

func TestAnUpstreamThatBreaksOffBreaksOffTheClient(t *testing.T) {
	for _, answer := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n",
	} {
		r := newRig(t, nil, func(c *proxy.Config) { c.Upstream = onceUpstream(t, answer) })
		res, err := r.client.Get(r.server.URL + "/api/x/a")
		if err != nil {
			continue // it broke off before anything was sent
		}
		if b, err := io.ReadAll(res.Body); err == nil || !strings.HasPrefix("half", string(b)) {
			t.Errorf("%q: a clean end: %q", answer, b)
		}
		_ = res.Body.Close()
	}
}

// onceUpstream answers one request with bytes, and hangs up.
func onceUpstream(t *testing.T, answer string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			in := bufio.NewReader(conn)
			for {
				if line, err := in.ReadString('\n'); err != nil || line == "\r\n" {
					break
				}
			}
			_, _ = io.WriteString(conn, answer)
			_ = conn.Close()
		}
	}()
	return "http://" + l.Addr().String()
}

func TestUpstreamsThatDoNotAnswer(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	slow := func(c *proxy.Config) { c.Timeout = 50 * time.Millisecond }
	for _, row := range []struct {
		name   string
		change func(*proxy.Config)
		want   error
		text   string
	}{
		{"no header in time", slow, proxy.ErrUpstreamTimeout, "no byte in time"},
		{"nobody listens", func(c *proxy.Config) { c.Upstream = "http://" + closed.Addr().String() },
			proxy.ErrUpstreamFailed, "connection refused"},
		{"no such name", func(c *proxy.Config) { c.Upstream = "http://nobody.invalid" }, proxy.ErrUpstreamFailed,
			"its name cannot be resolved"},
		{"it hangs up", func(c *proxy.Config) { c.Upstream = onceUpstream(t, "") }, proxy.ErrUpstreamFailed, ""},
		{"it does not speak HTTP", func(c *proxy.Config) { c.Upstream = onceUpstream(t, "SSH-2.0-secret_stuff\r\n") },
			proxy.ErrUpstreamFailed, "its answer cannot be read"},
		{"its status is none", func(c *proxy.Config) {
			c.Upstream = onceUpstream(t,
				"HTTP/1.1 099 No\r\nContent-Length: 0\r\n\r\n")
		}, proxy.ErrUpstreamFailed, "its answer cannot be read"},
		{"it does not speak TLS", func(c *proxy.Config) {
			c.Upstream = strings.Replace(c.Upstream, "http:", "https:",
				1)
		}, proxy.ErrUpstreamFailed, "it does not speak TLS"},
		{"its header is endless", func(c *proxy.Config) {
			c.Upstream = onceUpstream(t, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 1<<20))
		}, proxy.ErrUpstreamFailed, ""},
		{"it never stops saying that it will answer", func(c *proxy.Config) {
			c.Upstream = onceUpstream(t, strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 1000))
		}, proxy.ErrUpstreamFailed, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
				_, _ = io.Copy(io.Discard, req.Body)
				<-req.Context().Done()
			}, row.change)
			r.upstream.Config.ErrorLog = quiet()
			for _, method := range []string{"GET", "POST"} {
				var body io.Reader
				if method == "POST" {
					body = strings.NewReader("hello")
				}
				res := r.do(method, "/api/x/a", body)
				if err := r.err(); !errors.Is(err, row.want) || !strings.HasSuffix(err.Error(),
					row.text) || strings.Contains(err.Error(), "secret") || res.StatusCode < 502 {
					t.Errorf("%s: %d, %v", method, res.StatusCode, err)
				}
			}
		})
	}
}

func TestAnUploadHasTimeAsLongAsItFlows(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		n, _ := io.Copy(io.Discard, req.Body)
		fmt.Fprint(w, n)
	}, func(c *proxy.Config) { c.Timeout = 500 * time.Millisecond })
	in, out := io.Pipe()
	go func() {
		for range 3 {
			<-time.After(700 * time.Millisecond) // longer than the upstream has: the client is slow, not the upstream
			_, _ = io.WriteString(out, "x")
		}
		_ = out.Close()
	}()
	if got := text(t, r.do("POST", "/api/x/a", in)); got != "3" {
		t.Errorf("%q", got)
	}
}

// Who announces a body and does not send it holds a connection, a place and the upstream, which waits for the rest: a
// minute, and not as long as a stream may be silent. Once the answer flows, the two talk to each other.
func TestAnUploadThatStallsIsBrokenOff(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{}, 2)
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/base/talk" {
			_ = http.NewResponseController(w).EnableFullDuplex()
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
		}
		_, err := io.Copy(w, req.Body)
		if err != nil {
			gone <- struct{}{}
		}
	}, func(c *proxy.Config) { c.Stall = time.Second })
	front := httptest.NewUnstartedServer(http.HandlerFunc(r.serve))
	front.EnableHTTP2 = true
	front.StartTLS()
	defer front.Close()
	for name, at := range map[string]struct {
		client *http.Client
		url    string
	}{"HTTP/1.1": {r.client, r.server.URL}, "HTTP/2": {front.Client(), front.URL}} {
		in, out := io.Pipe()
		go func() { _, _ = io.WriteString(out, "some") }()
		res, err := at.client.Post(at.url+"/api/x/upload", "text/plain", in)
		if err != nil || res.StatusCode != http.StatusBadRequest || !errors.Is(r.err(), proxy.ErrBadBody) {
			t.Errorf("%s: %v %v, %v", name, res, err, r.err())
		}
		testenv.Receive(t, "the end of the call", gone)
		_ = out.Close()
	}
	in, out := io.Pipe()
	go func() { _, _ = io.WriteString(out, "some") }()
	res := r.do("POST", "/api/x/talk", in)
	go func() {
		<-time.After(3 * time.Second) // two looks longer than an upload may be silent
		_, _ = io.WriteString(out, ", more")
		_ = out.Close()
	}()
	if got := text(t, res); got != "some, more" {
		t.Errorf("an answer that flows: %q, %v", got, r.err())
	}
}

func TestSilenceEndsAStream(t *testing.T) {
	gone := make(chan struct{})
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		_, _ = io.WriteString(w, "x")
		_ = http.NewResponseController(w).Flush()
		<-req.Context().Done()
		close(gone)
	}, func(c *proxy.Config) { c.Idle = 50 * time.Millisecond })
	res := r.do("GET", "/api/x/a", nil)
	if _, err := io.ReadAll(res.Body); err == nil {
		t.Error("a clean end")
	}
	testenv.Receive(t, "the end of the call", gone)
}

func TestSilenceEndsAWebSocket(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		if c, err := websocket.Accept(w, req, nil); err == nil {
			_, _, _ = c.Read(context.WithoutCancel(req.Context()))
		}
	}, func(c *proxy.Config) { c.Idle = 50 * time.Millisecond })
	c, _, err := websocket.Dial(t.Context(), r.server.URL+"/api/x/a", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Read(t.Context()); err == nil {
		t.Error("it went on")
	}
}

func TestABodyOverTheLimitIsRefused(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) { _, _ = io.Copy(io.Discard, req.Body) },
		func(c *proxy.Config) { c.MaxBody = 10 })
	for _, row := range []struct {
		body   io.Reader
		status int
	}{{strings.NewReader("0123456789"), 200}, {strings.NewReader("0123456789x"),
		413}, {struct{ io.Reader }{strings.NewReader("0123456789")}, 200}, {struct{ io.Reader }{strings.NewReader("0123456789x")}, 413}} {
		if res := r.do("POST", "/api/x/a", row.body); res.StatusCode != row.status {
			t.Errorf("%d, want %d: %v", res.StatusCode, row.status, r.err())
		}
	}
}
