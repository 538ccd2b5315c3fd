package bench_test

import (
	"bufio"
	"crypto/sha1" // RFC 6455 section 4.2.2 wants it
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

var answer = []byte(`{"items":["` + strings.Repeat("x", 1000) + `"]}`)

// upstreamRoutes are the API behind both proxies.
func upstreamRoutes() http.Handler {
	s := &station{subscribers: map[chan []byte]struct{}{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /items", upstream)
	mux.HandleFunc("POST /sink", sink)
	mux.HandleFunc("GET /source", source)
	mux.HandleFunc("GET /stream", s.stream)
	mux.HandleFunc("GET /socket", socket)
	mux.HandleFunc("POST /fire", s.fire)
	return mux
}

// listenHTTP2 serves over TLS, with a certificate that it writes to a file first.
func listenHTTP2(h http.Handler, certificate string) {
	s := httptest.NewUnstartedServer(h)
	s.EnableHTTP2 = true
	s.StartTLS()
	if err := os.WriteFile(certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		panic(err)
	}
	fmt.Println(s.Listener.Addr())
	select {}
}

func upstream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
	_, _ = w.Write(answer)
}

// sink takes a body and says how large it was.
func sink(w http.ResponseWriter, r *http.Request) {
	n, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	fmt.Fprint(w, n)
}

// source answers with so many bytes.
func source(w http.ResponseWriter, r *http.Request) {
	n, _ := strconv.ParseInt(r.FormValue("n"), 10, 64)
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(n, 10))
	_, _ = io.CopyN(w, filler{}, n)
}

// A filler is an endless body of nothing in particular.
type filler struct{}

func (filler) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(i)*31 ^ byte(i>>8)
	}
	return len(p), nil
}

// A station sends an event to the streams that are open.
type station struct {
	mu          sync.Mutex
	subscribers map[chan []byte]struct{}
}

func (s *station) stream(w http.ResponseWriter, r *http.Request) {
	mine := make(chan []byte, 16)
	if name := r.FormValue("idle"); name == "" {
		s.mu.Lock()
		s.subscribers[mine] = struct{}{}
		s.mu.Unlock()
		defer func() {
			s.mu.Lock()
			delete(s.subscribers, mine)
			s.mu.Unlock()
		}()
	}
	w.Header().Set("Content-Type", "text/event-stream")
	rc := http.NewResponseController(w)
	_, _ = io.WriteString(w, "data: open\n\n")
	_ = rc.Flush()
	for {
		select {
		case <-r.Context().Done():
			return
		case event := <-mine:
			_, _ = w.Write(event)
			_ = rc.Flush()
		}
	}
}

// fire sends the time of day, in nanoseconds, to every stream.
func (s *station) fire(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.subscribers {
		c <- fmt.Appendf(nil, "data: %d\n\n", time.Now().UnixNano())
	}
}

// socket takes a WebSocket (RFC 6455) and repeats whatever comes.
func socket(w http.ResponseWriter, r *http.Request) {
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	fmt.Fprintf(
		rw,
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		base64.StdEncoding.EncodeToString(sum[:]),
	)
	if rw.Flush() == nil {
		_, _ = io.Copy(conn, rw)
	}
}

// crowd opens many connections to one address, each with a request that has no end, says when all of them have been
// answered, and holds them until it is killed.
func crowd(to, path, more string, cookies []string, n int) {
	conns := make([]net.Conn, n)
	next := make(chan int)
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			for i := range next {
				conns[i] = join(to, path, more+"Cookie: bff="+cookies[i%len(cookies)]+"\r\n")
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	all.Wait()
	fmt.Println("open")
	select {}
}

// join opens one connection and reads what is answered at once: the header and, of a stream, the first event.
func join(to, path, header string) net.Conn {
	conn, err := net.Dial("tcp", to)
	if err != nil {
		panic(err)
	}
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", path, to, header)
	in := bufio.NewReaderSize(conn, 512)
	for at := 0; ; at++ {
		line, err := in.ReadString('\n')
		if err != nil || at == 0 && !strings.Contains(line, " 200 ") && !strings.Contains(line, " 101 ") {
			panic(fmt.Sprintf("%s is answered with %q: %v", path, line, err))
		}
		if line == "data: open\n" || line == "\r\n" && strings.Contains(header, "Upgrade") {
			return conn
		}
	}
}
