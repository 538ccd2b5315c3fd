package proxy_test

import (
	"bufio"
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"

	"bff/internal/proxy"
	"bff/internal/secret"
	"bff/internal/testenv"
)

// flow yields n bytes of a repeating pattern, and what their checksum is.
type flow struct{ left int64 }

func (f *flow) Read(p []byte) (int, error) {
	if f.left == 0 {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), f.left))
	for i := range p[:n] {
		p[i] = byte(f.left>>16) + byte(i)
	}
	f.left -= int64(n)
	return n, nil
}

// heap is what is in use after a collection.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// Attack class 15: what one caller sends or fetches does not pile up here. The heap is looked at while the bytes
// flow, not after.
func TestAHundredMegabytesEachWayInConstantMemory(t *testing.T) {
	const size = 100 << 20
	var peak uint64
	sum := func(r io.Reader) (string, error) {
		h := crc32.NewIEEE()
		n := int64(0)
		for next := int64(0); ; {
			m, err := io.CopyN(h, r, 1<<20)
			if n += m; n >= next {
				peak, next = max(peak, heap()), next+(20<<20)
			}
			if err == io.EOF {
				return fmt.Sprint(n, " ", h.Sum32()), nil
			}
			if err != nil {
				return "", err
			}
		}
	}
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		if req.Method == "GET" {
			w.Header().Set("Content-Length", fmt.Sprint(size))
			_, _ = io.Copy(w, &flow{size})
			return
		}
		got, err := sum(req.Body)
		fmt.Fprint(w, got, err)
	})
	r.renewing(nil) // so that the beginning of a body is kept
	down := r.do("GET", "/api/x/a", nil)
	before := heap()
	peak = 0
	got, err := sum(down.Body)
	if err != nil || !strings.HasPrefix(got, fmt.Sprint(size)) {
		t.Fatalf("down: %q, %v", got, err)
	}
	for _, body := range []io.Reader{&flow{size}, struct{ io.Reader }{&flow{size}}} {
		req, _ := http.NewRequest("PUT", r.server.URL+"/api/x/a", body)
		if _, ok := body.(*flow); ok {
			req.ContentLength = size
		}
		res, err := r.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if up := text(t, res); !strings.HasPrefix(up, fmt.Sprint(size)) || !strings.HasSuffix(up, "<nil>") {
			t.Fatalf("up: %q", up)
		}
		_ = res.Body.Close()
	}
	if grown := int64(peak) - int64(before); grown > 8<<20 {
		t.Errorf("the heap grew by %d bytes while 300 MB went through", grown)
	}
}

// Attack class 16: calls of many users over shared connections, a third of them broken off half-way, and nobody gets
// another one's answer.
func TestNobodyGetsTheAnswerOfAnother(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		who := strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer user-")
		for range 20 {
			fmt.Fprintf(w, "%s %s %s\n", who, req.URL.RawQuery, body)
			_ = http.NewResponseController(w).Flush()
		}
	})
	serve := func(w http.ResponseWriter, req *http.Request) {
		c, err := r.mount.Find(req)
		if err == nil {
			err = r.mount.Serve(w, req, c, proxy.Caller{Credential: r.mount.Token(secret.New("user-" +
				req.Header.Get("X-User")))})
		}
		if err != nil && req.Context().Err() == nil {
			t.Error(err)
		}
	}
	r.server.Config.Handler = http.HandlerFunc(serve)
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 60 {
				ctx, cancel := context.WithCancel(context.Background())
				id := fmt.Sprintf("%d-%d", worker, i)
				method, body := "POST", "body-"+id
				if i%2 == 0 { // without a body, on a connection that was another's
					method, body = "GET", ""
				}
				req, _ := http.NewRequestWithContext(ctx, method, r.server.URL+"/api/x/a?"+id, strings.NewReader(body))
				req.Header.Set("X-User", id)
				res, err := r.client.Do(req)
				if err != nil {
					t.Error(err)
				} else {
					lines := bufio.NewScanner(res.Body)
					for n := 0; lines.Scan() && (i%3 != 0 || n < 5); n++ {
						if want := id + " " + id + " " + body; lines.Text() != want {
							t.Errorf("%q, want %q", lines.Text(), want)
						}
					}
					cancel() // every third in the middle
					_ = res.Body.Close()
				}
				cancel()
			}
		})
	}
	testenv.Finished(t, "all of them", wg.Wait)
}

// An upstream that answers before it has read the body is heard at once, also by a client that never sends the rest;
// the connection is not used again.
func TestAnAnswerMayComeBeforeTheBodyHasEnded(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		w.Header().Set("Connection", "close")
		w.WriteHeader(413)
		_, _ = io.WriteString(w, "too large")
	})
	for _, line := range []string{"Content-Length: 1000000", "Transfer-Encoding: chunked"} {
		conn, err := net.Dial("tcp", r.server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "POST /api/x/a HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n5\r\nhello\r\n", line)
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := text(t, res); res.StatusCode != 413 || got != "too large" || !res.Close {
			t.Errorf("%s: %d %q, close is %v", line, res.StatusCode, got, res.Close)
		}
	}
}

// A connection goes on being used, whatever its calls were.
func TestUpstreamConnectionsAreReused(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		b, _ := io.ReadAll(req.Body)
		fmt.Fprint(w, len(b))
	})
	conn, err := net.Dial("tcp", r.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	for i := range 50 {
		size := 997 * i
		fmt.Fprintf(conn, "POST /api/x/a HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", size,
			strings.Repeat("x", size))
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := text(t, res); got != fmt.Sprint(size) || res.Close {
			t.Fatalf("%q, want %d", got, size)
		}
	}
}
