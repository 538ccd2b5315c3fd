package proxy_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"bff/internal/proxy"
)

// What an upstream over HTTP/2 may do to a stream; see frames.
const (
	goAway  = "it goes away and has not looked at the stream"    // RFC 9113 section 6.8
	refuses = "it refuses the stream"                            // section 8.7
	resets  = "it breaks off the stream behind half of a header" // after that it may have acted
	refused = "401"
	answers = "200"
)

// frames is an upstream that does to each stream what the plan says, over any number of connections, and notes the
// bodies that it got to their end.
type frames struct {
	config *tls.Config

	mu     sync.Mutex
	plan   []string
	bodies []string
	window uint32 // what bff takes of one stream before it is read
}

// framed starts it behind a rig.
func framed(t *testing.T, plan ...string) (*rig, *frames) {
	borrowed := httptest.NewUnstartedServer(nil) // for its certificate
	borrowed.EnableHTTP2 = true
	borrowed.StartTLS()
	t.Cleanup(borrowed.Close)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	up := &frames{config: borrowed.TLS, plan: plan}
	go up.serve(l)
	transport := proxy.NewTransport()
	transport.TLSClientConfig = borrowed.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	transport.TLSClientConfig.NextProtos = nil
	t.Cleanup(transport.CloseIdleConnections)
	return newRig(t, nil, func(c *proxy.Config) {
		c.Upstream, c.Transport = "https://"+l.Addr().String(),
			transport
	}), up
}

func (f *frames) next() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	step := f.plan[0]
	f.plan = f.plan[1:]
	return step
}

func (f *frames) serve(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go f.talk(tls.Server(conn, f.config))
	}
}

func (f *frames) talk(conn *tls.Conn) {
	defer conn.Close()
	if _, err := io.ReadFull(conn, make([]byte, len(http2.ClientPreface))); err != nil {
		return
	}
	framer := http2.NewFramer(conn, conn)
	_ = framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20})
	_ = framer.WriteWindowUpdate(0, 1<<20)
	bodies, steps := map[uint32]*bytes.Buffer{}, map[uint32]string{}
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return
		}
		id, ended := frame.Header().StreamID, false
		switch frame := frame.(type) {
		case *http2.HeadersFrame:
			bodies[id], steps[id], ended = new(bytes.Buffer), f.next(), frame.StreamEnded()
		case *http2.DataFrame:
			if bodies[id] != nil {
				bodies[id].Write(frame.Data())
			}
			ended = frame.StreamEnded()
		case *http2.SettingsFrame:
			if v, ok := frame.Value(http2.SettingInitialWindowSize); ok {
				f.mu.Lock()
				f.window = v
				f.mu.Unlock()
			}
			continue
		default:
			continue
		}
		switch step := steps[id]; {
		case step == goAway:
			_ = framer.WriteGoAway(id-1, http2.ErrCodeNo, nil)
			delete(steps, id)
		case step == refuses:
			_ = framer.WriteRSTStream(id, http2.ErrCodeRefusedStream)
			delete(steps, id)
		case ended && step == resets:
			_ = framer.WriteRSTStream(id, http2.ErrCodeInternal)
		case ended && step != "":
			f.mu.Lock()
			f.bodies = append(f.bodies, bodies[id].String())
			f.mu.Unlock()
			_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: status(step),
				EndHeaders: true, EndStream: true})
		}
	}
}

func status(code string) []byte {
	var b bytes.Buffer
	_ = hpack.NewEncoder(&b).WriteField(hpack.HeaderField{Name: ":status", Value: code})
	return b.Bytes()
}

// A server that leaves tells which streams it did not look at, and those are safe to send again, whatever the method:
// front ends restart all day, and a person's upload must not fail for that.
func TestAStreamThatWasNotLookedAtIsSentAgain(t *testing.T) {
	small, large := strings.Repeat("body ", 5000), strings.Repeat("body ", 30000)
	for _, row := range []struct {
		name, method, body string
		plan               []string
		status             int
		sent               int // bodies that arrived whole
	}{
		{"a question of a server that leaves", "GET", "", []string{goAway, answers}, 200, 1},
		{"a change", "POST", small, []string{goAway, answers}, 200, 1},
		{"a change that is refused twice", "POST", small, []string{refuses, refuses, answers}, 200, 1},
		{"a change that meets a 401 next", "POST", small, []string{refuses, refused, answers}, 200, 2},
		{"a change behind a 401", "POST", small, []string{refused, refuses, answers}, 200, 2},
		{"a change that may have been made", "POST", small, []string{resets, answers}, 502, 0},
		{"more than is kept", "POST", large, []string{refused, refuses, answers}, 401, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			r, up := framed(t, row.plan...)
			r.renewing(nil)
			var body io.Reader
			if row.body != "" {
				body = struct{ io.Reader }{strings.NewReader(row.body)} // of no known length
			}
			res := r.do(row.method, "/api/x/a", body)
			up.mu.Lock()
			defer up.mu.Unlock()
			if res.StatusCode != row.status || len(up.bodies) != row.sent {
				t.Fatalf("%d, %d bodies, %v", res.StatusCode, len(up.bodies), r.err())
			}
			for _, got := range up.bodies {
				if got != row.body {
					t.Errorf("a body of %d bytes arrived as one of %d", len(row.body), len(got))
				}
			}
		})
	}
}

// A client that does not read holds a download back; what the upstream may send ahead is what bff holds for it, for
// each of thousands.
func TestLittleIsHeldOfAStreamNobodyReads(t *testing.T) {
	r, up := framed(t, answers)
	r.do("GET", "/api/x/a", nil)
	up.mu.Lock()
	defer up.mu.Unlock()
	if up.window == 0 || up.window > 1<<20 {
		t.Errorf("%d bytes", up.window)
	}
}
