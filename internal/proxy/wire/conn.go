package wire

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"math"
	"net"
	"syscall"
	"time"
)

// A host is where a connection leads.
type host struct{ scheme, address string }

// A conn is a connection to an upstream. One call at a time has it.
type conn struct {
	net.Conn          // TLS, or raw
	socket   net.Conn // below TLS
	at       host
	in       *bufio.Reader
	out      *bufio.Writer
	left     int64 // bytes that may still be read
	tls      *tls.ConnectionState
	raw      syscall.RawConn
	look     func(fd uintptr) bool // notes in quiet whether the other side said nothing
	quiet    bool
	asked    bool      // a call is under way: see Close. Only who holds the connection sets it
	used     bool      // a call before had it
	since    time.Time // idle
}

// headerSize is how much of a header is looked at. The connection of an answer with a larger one is not used again.
const headerSize = 16 << 10

func newConn(c, socket net.Conn, at host) *conn {
	n := &conn{Conn: c, socket: socket, at: at}
	if s, ok := socket.(syscall.Conn); ok {
		n.raw, _ = s.SyscallConn()
	}
	n.look = func(fd uintptr) bool {
		n.quiet = nothingCame(fd)
		return true
	}
	n.in, n.out = bufio.NewReaderSize(n, headerSize), bufio.NewWriterSize(c, 4<<10)
	return n
}

var errHeaderSize = errors.New("the header is larger than the limit")

// Read implements io.Reader for in.
func (n *conn) Read(p []byte) (int, error) {
	if n.left <= 0 {
		return 0, errHeaderSize
	}
	if int64(len(p)) > n.left {
		p = p[:n.left]
	}
	got, err := n.Conn.Read(p)
	n.left -= int64(got)
	return got, err
}

// silent reports whether the other side has neither closed an idle connection nor said anything on it. It does not
// wait.
func (n *conn) silent() bool {
	if n.in.Buffered() > 0 || n.out.Buffered() > 0 {
		return false
	}
	if n.raw == nil {
		return false
	}
	n.quiet = false
	err := n.raw.Read(n.look)
	return n.quiet && err == nil
}

// doubt reports whether a header, which begins what was read so far, has more than one reading, or has not come whole:
// then nobody may be sure where its answer ends.
func doubt(b []byte) bool {
	lengths, codings := 0, 0
	for first := true; ; first = false {
		end := bytes.IndexByte(b, '\n')
		if end < 1 || b[end-1] != '\r' {
			return true
		}
		line := b[:end-1]
		b = b[end+1:]
		if len(line) == 0 {
			return lengths+codings > 1
		}
		if first {
			continue
		}
		if line[0] == ' ' || line[0] == '\t' || bytes.IndexByte(line, '\r') >= 0 || bytes.IndexByte(line, 0) >= 0 {
			return true
		}
		switch line[0] | 0x20 {
		case 'c':
			lengths += named(line, "content-length")
		case 't':
			codings += named(line, "transfer-encoding")
		}
	}
}

// named returns 1 for a line of that field, and for what somebody could take for one.
func named(line []byte, field string) int {
	if len(line) <= len(field) || !bytes.EqualFold(line[:len(field)], []byte(field)) {
		return 0
	}
	if line[len(field)] == ':' {
		return 1
	}
	return 2
}

// peekHeader waits for a header and returns it with what has come behind it; less when it is larger than headerSize, or
// when nothing more comes.
func (n *conn) peekHeader() ([]byte, error) {
	_, err := n.in.Peek(1)
	for err == nil {
		b, _ := n.in.Peek(n.in.Buffered())
		if len(b) == headerSize || bytes.Contains(b, []byte("\r\n\r\n")) || bytes.Contains(b, []byte("\n\n")) {
			return b, nil
		}
		_, err = n.in.Peek(len(b) + 1)
	}
	if n.in.Buffered() > 0 { // whoever reads it finds out what is wrong
		return n.in.Peek(n.in.Buffered())
	}
	return nil, err
}

func (n *conn) unbounded() { n.left = math.MaxInt64 }

// Close closes the socket. Over TLS nothing is said before: that could wait. In the middle of a call the connection is
// reset: nobody waits for what is still to come, and a storm of calls that are given up would else hold a port each for
// the minute of TIME-WAIT, until none is left for anybody.
func (n *conn) Close() error {
	if s, ok := n.socket.(interface{ SetLinger(sec int) error }); ok && n.asked {
		_ = s.SetLinger(0)
	}
	return n.socket.Close()
}
