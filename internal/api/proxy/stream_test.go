package proxy_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"bff/internal/api/proxy"
	"bff/internal/vault"
)

// expect reads exactly want.
func expect(t *testing.T, r io.Reader, want string) {
	t.Helper()
	b := make([]byte, len(want))
	if _, err := io.ReadFull(r, b); err != nil || string(b) != want {
		t.Fatalf("%q, %v; want %q", b, err, want)
	}
}

// Both bodies flow at once: each side waits for the other's piece before it says the next. With anything buffered, nobody would go on.
func TestBodiesFlowBothWaysAtOnce(t *testing.T) {
	for _, chunked := range []bool{true, false} {
		r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
			rc := http.NewResponseController(w)
			_ = rc.EnableFullDuplex()
			if !chunked {
				w.Header().Set("Content-Length", "60")
			}
			w.WriteHeader(200)
			_ = rc.Flush()
			buf := make([]byte, 6)
			for {
				if _, err := io.ReadFull(req.Body, buf); err != nil {
					return
				}
				_, _ = w.Write(bytes.ToUpper(buf))
				_ = rc.Flush()
			}
		})
		conn, err := net.Dial("tcp", r.server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "POST /api/x/a HTTP/1.1\r\nHost: a\r\nContent-Length: 60\r\n\r\n")
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		for range 10 {
			_, _ = io.WriteString(conn, "piece ")
			expect(t, res.Body, "PIECE ")
		}
		if n, err := res.Body.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("%d, %v", n, err)
		}
	}
}

func TestServerSentEventsFlow(t *testing.T) {
	next, gone := make(chan string), make(chan struct{})
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.WriteHeader(200)
		_ = http.NewResponseController(w).Flush()
		for {
			select {
			case s := <-next:
				fmt.Fprintf(w, "data: %s\n\n", s)
				_ = http.NewResponseController(w).Flush()
			case <-req.Context().Done():
				gone <- struct{}{}
				return
			}
		}
	})
	for _, accept := range []string{"text/event-stream", "*/*"} {
		res := r.do("GET", "/api/x/events", nil, "Accept: "+accept)
		for i := range 20 {
			next <- fmt.Sprint(i)
			expect(t, res.Body, fmt.Sprintf("data: %d\n\n", i))
		}
		_ = res.Body.Close()
		<-gone
	}
}

func TestInformationalAnswersAndTrailersPassFiltered(t *testing.T) {
	trailer := make(chan http.Header, 1)
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		h := w.Header()
		h.Set("Link", "<http://"+req.Host+"/base/style>; rel=preload")
		h.Set("Set-Cookie", "planted=1")
		h.Set("X-Hint", "1")
		w.WriteHeader(103)
		h.Del("Link")
		h.Set("Trailer", "X-Sum, Set-Cookie")
		body, _ := io.ReadAll(req.Body)
		trailer <- req.Trailer
		_, _ = w.Write(body)
		h.Set("X-Sum", "42")
		h.Set(http.TrailerPrefix+"X-Late", "7")
		h.Set(http.TrailerPrefix+"BFF-Error", "planted")
	})
	var hint textproto.MIMEHeader
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		hint = h
		return nil
	}})
	req, _ := http.NewRequestWithContext(ctx, "POST", r.server.URL+"/api/x/a", struct{ io.Reader }{strings.NewReader("body")})
	req.Trailer = http.Header{"X-Check": {"9"}, "Authorization": {"planted"}, "X-Forwarded-User": {"planted"}}
	res, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got := text(t, res); got != "body" {
		t.Errorf("%q", got)
	}
	if hint["Set-Cookie"] != nil || hint.Get("X-Hint") != "1" || hint.Get("Link") != "<"+r.server.URL+"/api/x/style>; rel=preload" {
		t.Errorf("103: %v", hint)
	}
	if got := <-trailer; got.Get("X-Check") != "9" || len(got) != 1 {
		t.Errorf("the upstream's view of the trailer: %v", got)
	}
	if res.Trailer.Get("X-Sum") != "42" || res.Trailer.Get("X-Late") != "7" || res.Trailer["Set-Cookie"] != nil || res.Trailer["Bff-Error"] != nil || res.Header["Set-Cookie"] != nil {
		t.Errorf("trailer %v, header %v", res.Trailer, res.Header)
	}
}

// What the caller of Serve has set stays, although an informational answer clears the header map.
func TestAnInformationalAnswerTakesNothingFromTheCaller(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		w.WriteHeader(103)
		w.WriteHeader(200)
	})
	m := r.mount
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "https://other.example.com")
		c, err := m.Find(req)
		if err == nil {
			err = m.Serve(w, req, c, r.cred)
		}
		if err != nil {
			t.Error(err)
		}
	}))
	defer s.Close()
	res, err := http.Get(s.URL + "/api/x/a")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.Header.Get("Access-Control-Allow-Origin") != "https://other.example.com" {
		t.Errorf("%v", res.Header)
	}
}

func TestContinueIsAskedOfTheUpstream(t *testing.T) {
	refuse := true
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		if refuse {
			w.Header().Set("Connection", "close")
			w.WriteHeader(413)
			return
		}
		body, _ := io.ReadAll(req.Body)
		fmt.Fprintf(w, "got %s", body)
	})
	dial := func() (net.Conn, *bufio.Reader) {
		conn, err := net.Dial("tcp", r.server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(conn, "PUT /api/x/a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
		return conn, bufio.NewReader(conn)
	}
	conn, in := dial()
	defer conn.Close()
	if line, _ := in.ReadString('\n'); !strings.Contains(line, "413") {
		t.Errorf("the body was asked for although the upstream did not want it: %q", line)
	}
	refuse = false
	conn, in = dial()
	defer conn.Close()
	if line, _ := in.ReadString('\n'); line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("%q", line)
	}
	_, _ = in.ReadString('\n')
	_, _ = io.WriteString(conn, "hello")
	res, err := http.ReadResponse(in, nil)
	if err != nil || text(t, res) != "got hello" {
		t.Fatal(err)
	}
}

func TestAnHTTP2UpstreamIsSpokenTo(t *testing.T) {
	up := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		body, _ := io.ReadAll(req.Body)
		fmt.Fprintf(w, "%s %s %s %s", req.Proto, req.RequestURI, body, req.Host)
		w.Header().Set("X-Sum", "1")
	}))
	up.EnableHTTP2 = true
	up.StartTLS()
	defer up.Close()
	transport := proxy.NewTransport()
	transport.TLSClientConfig = up.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	transport.TLSClientConfig.NextProtos = nil
	r := newRig(t, nil, func(c *proxy.Config) { c.Upstream, c.Transport = up.URL+"/base", transport })
	for range 3 {
		res := r.do("POST", "/api/x/a%20b?c", strings.NewReader("hello"), "TE: trailers")
		if got := text(t, res); got != "HTTP/2.0 /base/a%20b?c hello "+strings.TrimPrefix(up.URL, "https://") || res.Trailer.Get("X-Sum") != "1" {
			t.Errorf("%q %v", got, res.Trailer)
		}
	}
	transport.CloseIdleConnections()
}

func TestAnUntrustedCertificateFails(t *testing.T) {
	up := httptest.NewTLSServer(http.NotFoundHandler())
	up.Config.ErrorLog = quiet()
	defer up.Close()
	r := newRig(t, nil, func(c *proxy.Config) { c.Upstream = up.URL })
	if res := r.do("GET", "/api/x/a", nil); res.StatusCode != 502 || !strings.HasSuffix(r.err().Error(), "its certificate is not trusted") {
		t.Errorf("%d %v", res.StatusCode, r.err())
	}
}

// Statuses and headers of media transfers mean something to the client and nothing to the proxy.
func TestTransfersPassUntouched(t *testing.T) {
	a := &answerer{}
	r := newRig(t, a.ServeHTTP)
	for _, row := range []struct {
		name, method string
		status       int
		header       http.Header
		body         string
	}{
		{"a part", "GET", 206, http.Header{"Content-Range": {"bytes 0-3/10"}, "Content-Length": {"4"}, "Accept-Ranges": {"bytes"}, "Etag": {`"x"`}}, "abcd"},
		{"nothing new", "GET", 304, http.Header{"Etag": {`W/"x"`}, "Last-Modified": {"Tue, 25 Nov 2025 12:00:00 GMT"}}, ""},
		{"a resumable upload goes on", "PUT", 308, http.Header{"Range": {"bytes=0-524287"}, "X-Range-Md5": {"x"}, "Content-Length": {"0"}}, ""},
		{"a resumable upload without 308", "PUT", 200, http.Header{"X-Http-Status-Code-Override": {"308"}, "Range": {"bytes=0-1"}, "Content-Length": {"0"}}, ""},
		{"compressed", "GET", 200, http.Header{"Content-Encoding": {"gzip"}, "Content-Length": {"25"}}, string(gz([]byte("x"))[:25])},
		{"a head", "HEAD", 200, http.Header{"Content-Length": {"123456"}, "Content-Type": {"video/mp4"}}, ""},
		{"no range", "GET", 416, http.Header{"Content-Range": {"bytes */10"}, "Content-Length": {"0"}}, ""},
		{"a redirect", "GET", 302, http.Header{"Location": {"https://else.example/x"}, "Content-Length": {"0"}}, ""},
		{"patience", "GET", 503, http.Header{"Retry-After": {"7"}, "Content-Length": {"2"}}, "no"},
		{"a teapot", "GET", 418, http.Header{"Content-Length": {"0"}}, ""},
	} {
		a.status, a.header, a.body = row.status, row.header, []byte(row.body)
		res := r.do(row.method, "/api/x/a", nil, "Range: bytes=0-3", "Accept-Encoding: gzip")
		got := text(t, res)
		if res.StatusCode != row.status || got != row.body || len(r.lines()) != 1 {
			t.Errorf("%s: %d %q", row.name, res.StatusCode, got)
		}
		for name, want := range row.header {
			if have := res.Header.Get(name); have != want[0] {
				t.Errorf("%s: %s %q, want %q", row.name, name, have, want[0])
			}
		}
	}
}

func TestWebSocketFlows(t *testing.T) {
	r, trips, _ := wired(t, func(w http.ResponseWriter, req *http.Request) {
		if req.Header.Get("Authorization") != "Bearer "+token || req.Header.Get("Origin") != "" || req.Header.Get("Cookie") != "" {
			w.WriteHeader(401)
			return
		}
		c, err := websocket.Accept(w, req, &websocket.AcceptOptions{Subprotocols: []string{"chat"}})
		if err != nil {
			return
		}
		defer c.CloseNow()
		c.SetReadLimit(1 << 22)
		for {
			kind, b, err := c.Read(req.Context())
			if err != nil {
				return
			}
			if string(b) == "secret" {
				b = []byte("it is " + token + ".")
			}
			_ = c.Write(req.Context(), kind, b)
		}
	})
	c, res, err := websocket.Dial(t.Context(), r.server.URL+"/api/x/socket", &websocket.DialOptions{Subprotocols: []string{"chat"}, HTTPHeader: http.Header{"Origin": {"http://app"}, "Cookie": {"bff=1"}}})
	if err != nil {
		t.Fatal(err)
	}
	if c.Subprotocol() != "chat" || res.StatusCode != 101 {
		t.Errorf("%d %q", res.StatusCode, c.Subprotocol())
	}
	c.SetReadLimit(1 << 22)
	for _, row := range [][2]string{{"hello", "hello"}, {strings.Repeat("x", 1<<20), strings.Repeat("x", 1<<20)}, {"secret", "it is " + strings.Repeat("*", len(token)) + "."}, {"", ""}} {
		if err := c.Write(t.Context(), websocket.MessageText, []byte(row[0])); err != nil {
			t.Fatal(err)
		}
		if _, b, err := c.Read(t.Context()); err != nil || string(b) != row[1] {
			t.Fatalf("%.100q, %v; want %.100q", b, err, row[1])
		}
	}
	if err := c.Close(websocket.StatusNormalClosure, "bye"); err != nil || trips.Load() != 1 {
		t.Errorf("%v, %d trips", err, trips.Load())
	}
	r.set(func(c *proxy.Credential) { c.Token = vault.NewSecret("another") })
	if _, res, err := websocket.Dial(t.Context(), r.server.URL+"/api/x/socket", nil); err == nil || res.StatusCode != 401 {
		t.Errorf("a refused handshake: %v", err)
	}
}

// Attack class 21: nothing that flows outlives its session.
func TestStreamsEndWithTheirSession(t *testing.T) {
	gone := make(chan struct{}, 1)
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
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
	end := func() chan struct{} {
		done := make(chan struct{})
		r.set(func(c *proxy.Credential) { c.Done = done })
		return done
	}

	done := end()
	res := r.do("GET", "/api/x/events", nil, "Accept: text/event-stream")
	close(done)
	if _, err := io.ReadAll(res.Body); err == nil {
		t.Error("an event stream had a clean end")
	}
	<-gone

	done = end()
	c, _, err := websocket.Dial(t.Context(), r.server.URL+"/api/x/socket", nil)
	if err != nil {
		t.Fatal(err)
	}
	close(done)
	if _, _, err := c.Read(t.Context()); err == nil {
		t.Error("a WebSocket went on")
	}
	<-gone

	done = end()
	in, out := io.Pipe()
	defer out.Close()
	go func() {
		_, _ = io.WriteString(out, "piece")
		close(done)
	}()
	if res := r.do("POST", "/api/x/upload", in); res.StatusCode != 401 || !errors.Is(r.err(), proxy.ErrEnded) {
		t.Errorf("an upload: %d %v", res.StatusCode, r.err())
	}
	<-gone

	done = end()
	conn, err := net.Dial("tcp", r.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET /api/x/flood HTTP/1.1\r\nHost: a\r\n\r\n")
	close(done)
	<-gone
}

func TestAClientThatHangsUpEndsTheCall(t *testing.T) {
	started, gone := make(chan struct{}), make(chan struct{})
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		close(started)
		<-req.Context().Done()
		close(gone)
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-started
		cancel()
	}()
	req, _ := http.NewRequestWithContext(ctx, "GET", r.server.URL+"/api/x/a", nil)
	if _, err := r.client.Do(req); err == nil {
		t.Error("answered")
	}
	<-gone
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
		{"nobody listens", func(c *proxy.Config) { c.Upstream = "http://" + closed.Addr().String() }, proxy.ErrUpstreamFailed, "connection refused"},
		{"no such name", func(c *proxy.Config) { c.Upstream = "http://nobody.invalid" }, proxy.ErrUpstreamFailed, "its name cannot be resolved"},
		{"it hangs up", func(c *proxy.Config) { c.Upstream = onceUpstream(t, "") }, proxy.ErrUpstreamFailed, ""},
		{"it does not speak HTTP", func(c *proxy.Config) { c.Upstream = onceUpstream(t, "SSH-2.0-secret_stuff\r\n") }, proxy.ErrUpstreamFailed, "its answer cannot be read"},
		{"it does not speak TLS", func(c *proxy.Config) { c.Upstream = strings.Replace(c.Upstream, "http:", "https:", 1) }, proxy.ErrUpstreamFailed, "it does not speak TLS"},
		{"its header is endless", func(c *proxy.Config) {
			c.Upstream = onceUpstream(t, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 1<<20))
		}, proxy.ErrUpstreamFailed, ""},
		{"it never stops saying that it will answer", func(c *proxy.Config) {
			slow(c)
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
				if err := r.err(); !errors.Is(err, row.want) || !strings.HasSuffix(err.Error(), row.text) || strings.Contains(err.Error(), "secret") || res.StatusCode < 502 {
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
	}, func(c *proxy.Config) { c.Timeout = 100 * time.Millisecond })
	in, out := io.Pipe()
	tick := time.NewTicker(40 * time.Millisecond)
	defer tick.Stop()
	go func() {
		for range 10 {
			<-tick.C
			_, _ = io.WriteString(out, "x")
		}
		_ = out.Close()
	}()
	if got := text(t, r.do("POST", "/api/x/a", in)); got != "10" {
		t.Errorf("%q", got)
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
	<-gone
}

func TestABodyOverTheLimitIsRefused(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) { _, _ = io.Copy(io.Discard, req.Body) }, func(c *proxy.Config) { c.MaxBody = 10 })
	for _, row := range []struct {
		body   io.Reader
		status int
	}{{strings.NewReader("0123456789"), 200}, {strings.NewReader("0123456789x"), 413}, {struct{ io.Reader }{strings.NewReader("0123456789")}, 200}, {struct{ io.Reader }{strings.NewReader("0123456789x")}, 413}} {
		if res := r.do("POST", "/api/x/a", row.body); res.StatusCode != row.status {
			t.Errorf("%d, want %d: %v", res.StatusCode, row.status, r.err())
		}
	}
}
