package proxy_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"bff/internal/proxy"
	"bff/internal/secret"
	"bff/internal/testenv"
)

// expect reads exactly want.
func expect(t *testing.T, r io.Reader, want string) {
	t.Helper()
	b := make([]byte, len(want))
	if _, err := io.ReadFull(r, b); err != nil || string(b) != want {
		t.Fatalf("%q, %v; want %q", b, err, want)
	}
}

// Both bodies flow at once: each side waits for the other's piece before it says the next. With anything buffered,
// nobody would go on.
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
		if res.Header.Get("X-Accel-Buffering") != "no" {
			t.Error("a front proxy may wait for more")
		}
		for i := range 20 {
			next <- fmt.Sprint(i)
			expect(t, res.Body, fmt.Sprintf("data: %d\n\n", i))
		}
		_ = res.Body.Close()
		testenv.Receive(t, "the end of the call", gone)
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
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int,
		h textproto.MIMEHeader) error {
		hint = h
		return nil
	}})
	req, _ := http.NewRequestWithContext(ctx, "POST", r.server.URL+"/api/x/a",
		struct{ io.Reader }{strings.NewReader("body")})
	req.Trailer = http.Header{"X-Check": {"9"}, "Authorization": {"planted"}, "X-Forwarded-User": {"planted"}}
	res, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got := text(t, res); got != "body" {
		t.Errorf("%q", got)
	}
	if hint["Set-Cookie"] != nil || hint.Get("X-Hint") != "1" ||
		hint.Get("Link") != "<"+r.server.URL+"/api/x/style>; rel=preload" {
		t.Errorf("103: %v", hint)
	}
	if got := testenv.Receive(t, "the trailer", trailer); got.Get("X-Check") != "9" || len(got) != 1 {
		t.Errorf("the upstream's view of the trailer: %v", got)
	}
	if res.Trailer.Get("X-Sum") != "42" || res.Trailer.Get("X-Late") != "7" || res.Trailer["Set-Cookie"] != nil ||
		res.Trailer["Bff-Error"] != nil || res.Header["Set-Cookie"] != nil {
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
			err = m.Serve(w, req, c, r.by)
		}
		if err != nil {
			t.Error(err)
		}
	}))
	defer s.Close()
	res, err := r.client.Get(s.URL + "/api/x/a")
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
		if got := text(t, res); got != "HTTP/2.0 /base/a%20b?c hello "+strings.TrimPrefix(up.URL,
			"https://") || res.Trailer.Get("X-Sum") != "1" {
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
	if res := r.do("GET", "/api/x/a", nil); res.StatusCode != 502 || !strings.HasSuffix(r.err().Error(),
		"its certificate is not trusted") {
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
		{"a part", "GET", 206, http.Header{"Content-Range": {"bytes 0-3/10"}, "Content-Length": {"4"},
			"Accept-Ranges": {"bytes"}, "Etag": {`"x"`}}, "abcd"},
		{"nothing new", "GET", 304, http.Header{"Etag": {`W/"x"`},
			"Last-Modified": {"Tue, 25 Nov 2025 12:00:00 GMT"}}, ""},
		{"a resumable upload goes on", "PUT", 308, http.Header{"Range": {"bytes=0-524287"}, "X-Range-Md5": {"x"},
			"Content-Length": {"0"}}, ""},
		{"a resumable upload without 308", "PUT", 200, http.Header{"X-Http-Status-Code-Override": {"308"},
			"Range": {"bytes=0-1"}, "Content-Length": {"0"}}, ""},
		{"compressed", "GET", 200, http.Header{"Content-Encoding": {"gzip"}, "Content-Length": {"25"}},
			string(gz([]byte("x"))[:25])},
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
		if req.Header.Get("Authorization") != "Bearer "+token || req.Header.Get("Origin") != "" ||
			req.Header.Get("Cookie") != "" {
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
	c, res, err := websocket.Dial(t.Context(), r.server.URL+"/api/x/socket",
		&websocket.DialOptions{Subprotocols: []string{"chat"},
			HTTPHeader: http.Header{"Origin": {"http://app"}, "Cookie": {"bff=1"}}})
	if err != nil {
		t.Fatal(err)
	}
	if c.Subprotocol() != "chat" || res.StatusCode != 101 {
		t.Errorf("%d %q", res.StatusCode, c.Subprotocol())
	}
	c.SetReadLimit(1 << 22)
	for _, row := range [][2]string{{"hello", "hello"}, {strings.Repeat("x", 1<<20), strings.Repeat("x", 1<<20)},
		{"secret", "it is " + strings.Repeat("*", len(token)) + "."}, {"", ""}} {
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
	r.set(func(c *proxy.Caller) { c.Credential = r.mount.Token(secret.New("another")) })
	if _, res, err := websocket.Dial(t.Context(), r.server.URL+"/api/x/socket",
		nil); err == nil || res.StatusCode != 401 {
		t.Errorf("a refused handshake: %v", err)
	}
}
