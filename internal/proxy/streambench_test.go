package proxy_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"bff/internal/testenv"
)

// tappedUpstream answers each request with the same header, and then says what the benchmark sets.
func tappedUpstream(b *testing.B, header string) (addr string, taps chan net.Conn) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.Close() })
	taps = make(chan net.Conn, 1)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			readHeader(conn)
			_, _ = io.WriteString(conn, header)
			taps <- conn
		}
	}()
	return l.Addr().String(), taps
}

// readHeader reads byte by byte, so that it takes nothing of what follows and holds no buffer.
func readHeader(conn net.Conn) {
	var last [4]byte
	for b := make([]byte, 1); string(last[:]) != "\r\n\r\n"; {
		if _, err := conn.Read(b); err != nil {
			return
		}
		copy(last[:], last[1:])
		last[3] = b[0]
	}
}

const (
	sseHeader    = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
	socketHeader = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
	sseRequest   = "GET /api/x/events HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n"
	socketAsk    = "GET /api/x/socket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: " +
		"dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)

// openStream opens one stream through the mount.
func (r *rig) openStream(b *testing.B, request string, taps chan net.Conn) (client, upstream net.Conn) {
	client, err := net.Dial("tcp", r.server.Listener.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	_, _ = io.WriteString(client, request)
	readHeader(client)
	upstream = testenv.Receive(b, "the upstream's end", taps)
	b.Cleanup(func() { _ = client.Close(); _ = upstream.Close() })
	return client, upstream
}

// BenchmarkIdleStreams reports what one more idle stream costs this process: heap and stacks, the benchmark's own two
// sockets included.
func BenchmarkIdleStreams(b *testing.B) {
	for _, row := range []struct {
		name, header, request string
		n                     int
	}{{"SSE", sseHeader, sseRequest, 2000}, {"WebSocket", socketHeader, socketAsk, 1000}} {
		b.Run(row.name, func(b *testing.B) {
			for b.Loop() {
				addr, taps := tappedUpstream(b, row.header)
				r := newRig(b, nil, upstreamAt(addr))
				used := func() uint64 {
					var m runtime.MemStats
					runtime.GC()
					runtime.ReadMemStats(&m)
					return m.HeapAlloc + m.StackInuse
				}
				before := used()
				for range row.n {
					r.openStream(b, row.request, taps)
				}
				b.ReportMetric(float64(used()-before)/float64(row.n), "bytes/stream")
			}
		})
	}
}

// BenchmarkEvent is the time from the upstream's write to the client's read, through the mount and without it.
func BenchmarkEvent(b *testing.B) {
	event := "data: " + strings.Repeat("x", 100) + "\n\n"
	chunk := fmt.Sprintf("%x\r\n%s\r\n", len(event), event)
	ping := func(b *testing.B, in *bufio.Reader, out net.Conn) {
		for b.Loop() {
			_, _ = io.WriteString(out, chunk)
			for {
				line, err := in.ReadSlice('\n')
				if err != nil {
					b.Fatal(err)
				}
				if strings.HasPrefix(string(line), "data: ") {
					break
				}
			}
		}
	}
	b.Run("direct", func(b *testing.B) {
		addr, taps := tappedUpstream(b, sseHeader)
		client, err := net.Dial("tcp", addr)
		if err != nil {
			b.Fatal(err)
		}
		defer client.Close()
		_, _ = io.WriteString(client, sseRequest)
		readHeader(client)
		ping(b, bufio.NewReader(client), testenv.Receive(b, "the upstream's end", taps))
	})
	b.Run("mount", func(b *testing.B) {
		addr, taps := tappedUpstream(b, sseHeader)
		r := newRig(b, nil, upstreamAt(addr))
		client, upstream := r.openStream(b, sseRequest, taps)
		_ = client.SetDeadline(time.Now().Add(time.Hour))
		ping(b, bufio.NewReader(client), upstream)
	})
}
