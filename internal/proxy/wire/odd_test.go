package wire_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bff/internal/testenv"
)

// oddAnswers are what a server may say that is broken, is attacked, or attacks.
func oddAnswers() []string {
	const poison = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nPOISON"
	before := []string{"", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n"}
	framings := []string{"Content-Length: 5", "Content-Length: 5\r\nContent-Length: 5", "Content-Length: 5\r\nContent-Length: 9",
		"Content-Length: 5, 5", "Content-Length: +5", "Content-Length: -5", "Content-Length: 0x5", "Content-Length: 5 5",
		"Content-Length:", "Content-Length: 99999999999999999999", "Content-Length : 5", "Content-Length\t: 5",
		"Content-Length: 5\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 2",
		"Transfer-Encoding: chunked", "Transfer-Encoding: chunked, chunked", "Transfer-Encoding: identity",
		"Transfer-Encoding: gzip, chunked", "Transfer-Encoding: xchunked", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
		"Transfer-Encoding:\r\n chunked", "Transfer-Encoding: chunked\x00", "Transfer-Encoding:\x0bchunked", "X: 1",
		"Content-Length: 5\nX: 1", "X: a\r\n b\r\nContent-Length: 5", " Content-Length: 5", "Content-Length: 0",
		"Content-Length: 5\r\nConnection: close", "Connection: keep-alive, close\r\nContent-Length: 5", "X: a\rContent-Length: 5"}
	bodies := []string{"hello", "5\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n0\r\nX: 1\r\n\r\n", "5;a=\"\n\"\r\nhello\r\n0\r\n\r\n",
		"05\nhello\n0\n\n", "5\r\nhelloXX0\r\n\r\n", "-5\r\nhello\r\n0\r\n\r\n", "ffffffffffffffffff\r\nhello\r\n0\r\n\r\n",
		"5\r\nhello\r\n0\r\nContent-Length: 9\r\n\r\n", "5\r\nhello\r\n0\r\n", "hel"}
	behind := []string{"", poison, "\r\n" + poison, "x"}
	var all []string
	for i, p := range before {
		for j, f := range framings {
			for k, b := range bodies {
				for l, tail := range behind {
					if (i+j+k+l)%3 == 0 || i == 0 && l == 1 { // about half of them
						all = append(all, p+"HTTP/1.1 200 OK\r\n"+f+"\r\n\r\n"+b+tail)
					}
				}
			}
		}
	}
	for _, line := range []string{"HTTP/1.0 200 OK", "HTTP/2.0 200 OK", "HTTP/1.1 204 No Content", "HTTP/1.1 304 Not Modified",
		"HTTP/1.1 101 Switching Protocols", "HTTP/1.1 099 Odd", "HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "HTTP/1.1 200", "HTTP/1.1  200 OK",
		"HTTP/1.1\t200 OK", "http/1.1 200 OK", "ICY 200 OK", "HTTP/1.1 200 OK\r\n", "\r\nHTTP/1.1 200 OK", "HTTP/1.1 +20 OK", "HTTP/1.10 200 OK"} {
		for _, tail := range behind {
			all = append(all, line+"\r\nContent-Length: 5\r\n\r\nhello"+tail, line+"\r\n\r\nhello"+tail, line+"\n\nhello"+tail)
		}
	}
	return all
}

// oddServer answers the first request of each path with that odd answer, and every other plainly. Where the client
// waits for more, it closes after a moment.
func oddServer(t *testing.T, odd []string) *script {
	return serve(t, func(_ int, c net.Conn, in *bufio.Reader) {
		for {
			path := request(in)
			if path == "" {
				return
			}
			var i int
			if _, err := fmt.Sscanf(path, "/odd/%d", &i); err != nil {
				answer(c, "plain "+path)
				continue
			}
			_, _ = io.WriteString(c, odd[i])
			_ = c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		}
	})
}

// After each of them the next call, of somebody else, has its own answer and nothing of the one before; and what this
// client reads of it is what http.Transport reads.
func TestNoByteOfAnOddAnswerReachesAnotherCall(t *testing.T) {
	odd := oddAnswers()
	if len(odd) < 500 {
		t.Fatalf("%d answers", len(odd))
	}
	var work sync.WaitGroup
	var next atomic.Int64
	for range 24 {
		s := oddServer(t, odd)
		work.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(odd); i = int(next.Add(1)) - 1 {
				oneOdd(t, s, i, odd[i])
			}
		})
	}
	testenv.Finished(t, "the work", work.Wait)
}

func oneOdd(t *testing.T, s *script, i int, raw string) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	c, standard := newClient(t), newTransport()
	defer c.CloseIdleConnections()
	defer standard.CloseIdleConnections()
	path := fmt.Sprintf("/odd/%d", i)
	for _, method := range []string{"GET", "HEAD"} {
		status, body, err := get(ctx, c, method, s.url(path))
		for _, next := range []string{"/one", "/two"} {
			_, got, err := get(ctx, c, "GET", s.url(next))
			if err != nil || got != "plain "+next {
				t.Errorf("after %q to %s, %s is answered with %q, %v", raw, method, next, got, err)
			}
		}
		wantStatus, want, wantErr := get(ctx, standard, method, s.url(path))
		switched := wantStatus < 200 // an upgrade that nobody asked for is an error here
		if !switched && (status != wantStatus || body != want || (err == nil) != (wantErr == nil)) {
			t.Errorf("%s of %q: %d %q %v; http.Transport reads %d %q %v", method, raw, status, body, err, wantStatus, want, wantErr)
		}
	}
}

// After an answer with more than one reading its connection is closed.
func TestAConnectionInDoubtIsClosed(t *testing.T) {
	for name, raw := range map[string]string{
		"two lengths":         "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
		"length and chunks":   "HTTP/1.1 200 OK\r\nContent-Length: 15\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
		"a bare line end":     "HTTP/1.1 200 OK\nContent-Length: 5\r\n\r\nhello",
		"a folded line":       "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/1.0":            "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello",
		"close":               "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello",
		"a byte behind":       "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello\n",
		"an answer behind":    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		"a body behind a 204": "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
		"a larger header":     "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 20<<10) + "\r\nContent-Length: 5\r\n\r\nhello",
	} {
		s := serve(t, func(_ int, c net.Conn, in *bufio.Reader) {
			for request(in) != "" {
				_, _ = io.WriteString(c, raw)
			}
		})
		c := newClient(t)
		for range 2 {
			if _, _, err := get(within(t), c, "GET", s.url("/a")); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if n := s.conns.Load(); n != 2 {
			t.Errorf("%s: %d connections for two calls", name, n)
		}
	}
}

func TestAHeaderWithoutEndIsBounded(t *testing.T) {
	for _, raw := range []string{"X: " + strings.Repeat("x", 1<<20), strings.Repeat("HTTP/1.1 103 Early\r\n\r\n", 1<<16)} {
		s := serve(t, func(_ int, c net.Conn, in *bufio.Reader) {
			if request(in) != "" {
				_, _ = io.WriteString(c, "HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\n"[:22*btoi(raw[0] == 'H')]+raw)
			}
		})
		if _, _, err := get(within(t), newClient(t), "GET", s.url("/a")); err == nil {
			t.Error("it is read without a bound")
		}
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// FuzzAnswer holds what is read of any answer against http.Transport, and the call after it against its own answer.
func FuzzAnswer(f *testing.F) {
	for i, raw := range oddAnswers() {
		if i%40 == 0 {
			f.Add(raw)
		}
	}
	f.Fuzz(func(t *testing.T, raw string) {
		oneOdd(t, oddServer(t, []string{raw}), 0, raw)
	})
}
