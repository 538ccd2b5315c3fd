package bench_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
)

// The sizes of the answers, by the path that gives them. A path that ends in ".gz" gives the same, compressed.
var sizes = map[string]int{"/1k": 1 << 10, "/64k": 64 << 10, "/1m": 1 << 20}

// document is JSON of about n bytes, as compressible as an API's usually is.
func document(n int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"items":[`)
	for i, seed := 0, uint32(1); b.Len() < n-2; i++ {
		seed = seed*1664525 + 1013904223
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":"%08x","title":"meeting %d","updated":"2026-05-%02dT09:00:00Z"}`, seed, seed%997, 1+seed%28)
	}
	b.Truncate(n - 2)
	b.WriteString("]}")
	return b.Bytes()
}

// written are whole answers of HTTP/1.1, by path.
func written() (raw map[string][]byte, bodies map[string][]byte) {
	raw, bodies = map[string][]byte{}, map[string][]byte{}
	add := func(path, coding string, body []byte) {
		bodies[path] = body
		raw[path] = append(fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n%s"+
			"Date: Mon, 02 Nov 2026 09:00:00 GMT\r\nETag: \"5f\"\r\nContent-Length: %d\r\n\r\n", coding, len(body)), body...)
	}
	for path, n := range sizes {
		body := document(n)
		add(path, "", body)
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		_, _ = w.Write(body)
		_ = w.Close()
		add(path+".gz", "Content-Encoding: gzip\r\n", packed.Bytes())
	}
	return raw, bodies
}

// answers is an upstream that costs as little as one can: requests without a body, answers made before. It prints three
// addresses: of HTTP/1.1, of HTTP/1.1 over TLS, of HTTP/2; and writes the certificate to a file first.
func answers(certificate string) {
	raw, bodies := written()
	h2 := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := bodies[r.URL.Path]
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Content-Length", strconv.Itoa(len(body)))
		h.Set("ETag", `"5f"`)
		if strings.HasSuffix(r.URL.Path, ".gz") {
			h.Set("Content-Encoding", "gzip")
		}
		_, _ = w.Write(body)
	}))
	h2.EnableHTTP2 = true
	h2.StartTLS()
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h2.Certificate().Raw})
	if err := os.WriteFile(certificate, block, 0o600); err != nil {
		panic(err)
	}
	clear, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	sealed, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: h2.TLS.Certificates,
		NextProtos: []string{"http/1.1"}})
	if err != nil {
		panic(err)
	}
	fmt.Printf("%s,%s,%s\n", clear.Addr(), sealed.Addr(), h2.Listener.Addr())
	go answerAll(sealed, raw)
	answerAll(clear, raw)
}

func answerAll(l net.Listener, raw map[string][]byte) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			in := bufio.NewReaderSize(conn, 4<<10)
			for answerOne(conn, in, raw) == nil {
			}
		}()
	}
}

func answerOne(out io.Writer, in *bufio.Reader, raw map[string][]byte) error {
	path := ""
	for first := true; ; first = false {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) <= 2 {
			break
		}
		if first {
			_, rest, _ := bytes.Cut(line, []byte(" "))
			target, _, _ := bytes.Cut(rest, []byte(" "))
			path = string(target)
		}
	}
	answer, ok := raw[path]
	if !ok {
		return fmt.Errorf("there is no %s", path)
	}
	_, err := out.Write(answer)
	return err
}
