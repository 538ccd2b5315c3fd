package app_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// A wire2 is a connection that speaks HTTP/2 frame by frame.
type wire2 struct {
	t    *testing.T
	conn *tls.Conn
	*http2.Framer
	text bytes.Buffer
	enc  *hpack.Encoder
	next uint32 // stream
}

func dial2(t *testing.T, addr string, pool *x509.CertPool) *wire2 {
	t.Helper()
	conn, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: pool, ServerName: "localhost",
		NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute)) // a bound, not a measure
	if _, err := conn.Write([]byte(http2.ClientPreface)); err != nil {
		t.Fatal(err)
	}
	w := &wire2{t: t, conn: conn, Framer: http2.NewFramer(conn, conn), next: 1}
	w.AllowIllegalWrites = true
	w.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	w.enc = hpack.NewEncoder(&w.text)
	if err := w.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	return w
}

// block encodes fields, as names and values in turn.
func (w *wire2) block(fields ...string) []byte {
	w.text.Reset()
	for i := 0; i < len(fields); i += 2 {
		_ = w.enc.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return bytes.Clone(w.text.Bytes())
}

// ask sends a request on a stream of its own.
func (w *wire2) ask(end bool, fields ...string) (stream uint32, err error) {
	stream = w.next
	w.next += 2
	return stream, w.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: w.block(fields...),
		EndStream: end, EndHeaders: true})
}

// outcome is the status of a stream, or how it or the connection ended.
func (w *wire2) outcome(stream uint32) string {
	for {
		f, err := w.ReadFrame()
		switch f := f.(type) {
		case *http2.MetaHeadersFrame:
			if f.StreamID == stream {
				return f.PseudoValue("status")
			}
		case *http2.RSTStreamFrame:
			if f.StreamID == stream {
				return "reset " + f.ErrCode.String()
			}
		case *http2.GoAwayFrame:
			return "away " + f.ErrCode.String()
		}
		if ne, ok := err.(net.Error); ok && ne.Timeout() {
			w.t.Fatal("no answer")
		} else if err != nil {
			return "closed: " + err.Error()
		}
	}
}

// secure2 is an instance of two fronts that speaks HTTP/2.
func secure2(t *testing.T) (dial func(t *testing.T) *wire2, host, port string) {
	t.Helper()
	dir := t.TempDir()
	pool := certify(t, dir, 1)
	browsers := listener(t)
	secureOn(t, browsers, dir, "localhost", "cert: cert.pem, key: key.pem", nil,
		"fronts:\n  - {origin: 'https://shop.localhost:PORT'}\n")
	addr := browsers.Addr().String()
	_, port, _ = net.SplitHostPort(addr)
	return func(t *testing.T) *wire2 { return dial2(t, addr, pool) }, "localhost:" + port, port
}

// HTTP/2 says the front by :authority alone, and what is no request of HTTP/2 is none: nothing of it is answered as one.
func TestRequestsThatAreNoneOfHTTP2AreRefused(t *testing.T) {
	dial, host, port := secure2(t)
	usual := []string{":method", "GET", ":scheme", "https", ":authority", host, ":path", "/bff/session"}
	with := func(fields ...string) []string { return append(append([]string(nil), usual...), fields...) }
	instead := func(name, value string) []string {
		out := with()
		for i := 0; i < len(out); i += 2 {
			if out[i] == name {
				out[i+1] = value
			}
		}
		return out
	}
	without := func(name string) (out []string) {
		for i := 0; i < len(usual); i += 2 {
			if usual[i] != name {
				out = append(out, usual[i], usual[i+1])
			}
		}
		return out
	}
	refused := map[string][]string{
		"another authority": instead(":authority", "evil.example"),
		"another one, a front in Host": append(instead(":authority", "evil.example"),
			"host", host),
		"no authority, another host": append(without(":authority"),
			"host", "evil.example"),
		"no host at all":   without(":authority"),
		"a name of a user": instead(":authority", "shop.localhost:"+port+"@evil.example"),
		"two authorities":  with(":authority", "evil.example"),
		"two paths":        with(":path", "/"),
		"two methods":      with(":method", "POST"),
		"a pseudo field behind others": append(without(":path"),
			"x", "y", ":path", "/bff/session"),
		"a pseudo field of answers": with(":status", "200"),
		"a pseudo field of nothing": with(":front", host),
		"a protocol":                with(":protocol", "websocket"),
		"no path":                   without(":path"),
		"no method":                 without(":method"),
		"no scheme":                 without(":scheme"),
		"an empty path":             instead(":path", ""),
		"a star":                    instead(":path", "*"),
		"a path without a slash":    instead(":path", "bff/session"),
		"a path with a host":        instead(":path", "//"+host+"/bff/session"),
		"a whole address":           instead(":path", "https://"+host+"/bff/session"),
		"a space in it":             instead(":path", "/bff/session x"),
		"a line in it":              instead(":path", "/bff/session\r\nx: y"),
		"a null in it":              instead(":path", "/bff/session\x00"),
		"half an escape":            instead(":path", "/bff/session%"),
		"a fragment":                instead(":path", "/bff/session#x"),
		"dots":                      instead(":path", "/x/../bff/session"),
		"a doubled slash":           instead(":path", "/bff//session"),
		"an escaped slash":          instead(":path", "/bff%2fsession"),
		"Connection":                with("connection", "x"),
		"Keep-Alive":                with("keep-alive", "1"),
		"Proxy-Connection":          with("proxy-connection", "x"),
		"Transfer-Encoding":         with("transfer-encoding", "chunked"),
		"Upgrade":                   with("upgrade", "h2c"),
		"TE":                        with("te", "gzip"),
		"a field in upper case":     with("X-Upper", "1"),
		"a field with a space":      with("x y", "1"),
		"a field with a colon":      with("x:y", "1"),
		"an empty field":            with("", "1"),
		"a line in a value":         with("x", "a\r\nb: c"),
		"a null in a value":         with("x", "a\x00"),
		"a tunnel":                  {":method", "CONNECT", ":authority", host},
		"a method that is none":     instead(":method", "GE T"),
		"two lengths":               with("content-length", "1", "content-length", "2"),
		"a length and no body":      with("content-length", "5"),
	}
	for name, fields := range refused {
		t.Run(name, func(t *testing.T) {
			w := dial(t)
			stream, err := w.ask(true, fields...)
			if err != nil {
				t.Fatal(err)
			}
			got := w.outcome(stream)
			if strings.HasPrefix(got, "2") || strings.HasPrefix(got, "3") || strings.HasPrefix(got, "5") {
				t.Errorf("answered %s", got)
			}
		})
	}
	for name, fields := range map[string][]string{
		"as usual":                 usual,
		"the further front":        instead(":authority", "shop.localhost:"+port),
		"a host, and no authority": append(without(":authority"), "host", host),
		"a front, another in Host": with("host", "evil.example"),
	} {
		w := dial(t)
		stream, err := w.ask(true, fields...)
		if got := w.outcome(stream); err != nil || got != "200" && name != "a front, another in Host" {
			t.Errorf("%s is answered %s %v", name, got, err)
		}
	}
}

// Floods that HTTP/2 makes cheap end their own connection or nothing, and everybody else is answered.
func TestFloodsOfHTTP2EndTheirOwnConnection(t *testing.T) {
	dial, host, _ := secure2(t)
	usual := []string{":method", "GET", ":scheme", "https", ":authority", host, ":path", "/bff/session"}
	post := []string{":method", "POST", ":scheme", "https", ":authority", host, ":path", "/bff/nowhere",
		"content-length", "100000"}
	big := strings.Repeat("x", 4000)
	for name, flood := range map[string]func(w *wire2) (wrong string){
		"streams that are reset at once": func(w *wire2) string {
			w.discard()
			many(func() error {
				stream, err := w.ask(true, usual...)
				if err == nil {
					err = w.WriteRSTStream(stream, http2.ErrCodeCancel)
				}
				return err
			})
			return ""
		},
		"CONTINUATION without end": func(w *wire2) string {
			w.discard()
			_ = w.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: w.block(usual...), EndStream: true})
			i := 0
			if !many(func() error {
				i++
				return w.WriteContinuation(1, false, w.block(fmt.Sprint("x", i), big))
			}) {
				return "80 MB of fields were read"
			}
			return ""
		},
		"empty CONTINUATION without end": func(w *wire2) string {
			w.discard()
			_ = w.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: w.block(usual...), EndStream: true})
			many(func() error { return w.WriteContinuation(1, false, nil) })
			return ""
		},
		"a field that stands for many": func(w *wire2) string {
			fields := append([]string(nil), usual...)
			for range 3000 {
				fields = append(fields, "x-bomb", big) // one entry of the table, and an index each
			}
			stream, _ := w.ask(true, fields...)
			if got := w.outcome(stream); strings.HasPrefix(got, "2") {
				return got
			}
			return ""
		},
		"streams whose bodies never come": func(w *wire2) string {
			first := w.next
			for range 600 {
				if _, err := w.ask(false, post...); err != nil {
					return "" // its connection ended
				}
			}
			if got := w.outcome(first); strings.HasPrefix(got, "2") {
				return got
			}
			return ""
		},
		"settings":    flood2(func(w *wire2) error { return w.WriteSettings() }),
		"pings":       flood2(func(w *wire2) error { return w.WritePing(false, [8]byte{}) }),
		"priorities":  flood2(func(w *wire2) error { return w.WritePriority(1, http2.PriorityParam{StreamDep: 3}) }),
		"no windows":  flood2(func(w *wire2) error { return w.WriteWindowUpdate(0, 0) }),
		"empty DATA":  flood2(func(w *wire2) error { return w.WriteData(1, false, nil) }),
		"other kinds": flood2(func(w *wire2) error { return w.WriteRawFrame(0xfe, 0, 1, nil) }),
	} {
		t.Run(name, func(t *testing.T) {
			if wrong := flood(dial(t)); wrong != "" {
				t.Error(wrong)
			}
			other := dial(t)
			stream, err := other.ask(true, usual...)
			if got := other.outcome(stream); err != nil || got != "200" {
				t.Errorf("somebody else: %s %v", got, err)
			}
		})
	}
}

// discard reads what the server says, or it would stop for that.
func (w *wire2) discard() {
	go func() {
		for {
			if _, err := w.ReadFrame(); err != nil {
				return
			}
		}
	}()
}

func flood2(f func(w *wire2) error) func(w *wire2) string {
	return func(w *wire2) string {
		w.discard()
		many(func() error { return f(w) })
		return ""
	}
}

// many does it 20,000 times, and says whether that ended before.
func many(f func() error) (ended bool) {
	for range 20_000 {
		if f() != nil {
			return true
		}
	}
	return false
}
