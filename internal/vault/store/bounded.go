package store

import (
	"bytes"
	"context"
	"errors"
	"math"
	"net"
	"strconv"
	"syscall"

	"github.com/redis/go-redis/v9"
)

// Bounds of one answer. go-redis makes room for as many bytes and elements as a line of an answer announces, and reads
// arrays in arrays by recursion: a store that lies, or in which somebody wrote a record of half a gigabyte, would end
// the process.
const (
	mostAnswer   = 64 << 20 // bytes of all strings
	mostElements = 1 << 20
	mostDepth    = 32
	mostLine     = 1 << 20
)

var errAnswer = errors.New("the store's answer is larger than any of ours")

// boundedDialer dials as go-redis does by itself, and reads along.
func boundedDialer(o *redis.UniversalOptions) func(context.Context, string, string) (net.Conn, error) {
	dial := redis.NewDialer(&redis.Options{DialTimeout: o.DialTimeout, TLSConfig: o.TLSConfig})
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		b := &boundedConn{Conn: conn}
		if socket, ok := conn.(syscall.Conn); ok {
			return &boundedSocket{b, socket}, nil
		}
		return b, nil
	}
}

// A boundedConn is a connection to the store that ends at an answer beyond the bounds.
type boundedConn struct {
	net.Conn
	answers framing
}

func (c *boundedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if wrong := c.answers.take(p[:n]); wrong != nil {
		_ = c.Conn.Close()
		return 0, wrong
	}
	return n, err
}

// A boundedSocket is one that go-redis can look at before it uses it again. TLS has none.
type boundedSocket struct {
	*boundedConn
	socket syscall.Conn
}

func (c *boundedSocket) SyscallConn() (syscall.RawConn, error) { return c.socket.SyscallConn() }

// A framing follows the frames of RESP2 and RESP3: what a line announces, and how much of it is still to come.
type framing struct {
	skip  int   // bytes of a string, and the line's end behind it
	open  []int // elements that are still to come, of arrays in arrays
	total int   // bytes of strings of this answer
	line  int   // bytes of the line that has begun
	head  [24]byte
}

// take reads the next bytes. It returns an error once they announce too much, or are none of Redis's.
func (f *framing) take(b []byte) error {
	for len(b) > 0 {
		if f.skip > 0 {
			n := min(f.skip, len(b))
			f.skip, b = f.skip-n, b[n:]
			if f.skip == 0 {
				f.leaf()
			}
			continue
		}
		end := bytes.IndexByte(b, '\n') + 1
		part := b[:end]
		if end == 0 {
			part = b
		}
		if f.line < len(f.head) {
			copy(f.head[f.line:], part)
		}
		if f.line += len(part); f.line > mostLine {
			return errAnswer
		}
		if b = b[len(part):]; end == 0 {
			return nil
		}
		if err := f.ended(); err != nil {
			return err
		}
	}
	return nil
}

// ended reads a whole line.
func (f *framing) ended() error {
	n := f.line
	f.line = 0
	switch kind := f.head[0]; kind {
	case '$', '=', '!', '*', '~', '>', '%', '|':
		if n > len(f.head) {
			return errAnswer
		}
		size, err := strconv.Atoi(string(bytes.TrimRight(f.head[1:n], "\r\n")))
		if err != nil {
			return errAnswer
		}
		return f.announced(kind, size)
	}
	f.leaf()
	return nil
}

func (f *framing) announced(kind byte, size int) error {
	if size < 0 { // nothing is there
		f.leaf()
		return nil
	}
	switch kind {
	case '$', '=', '!':
		if size > mostAnswer || f.total+size > mostAnswer {
			return errAnswer
		}
		f.total, f.skip = f.total+size, size+len("\r\n")
		return nil
	case '%', '|':
		if size > math.MaxInt/4 {
			return errAnswer
		}
		size *= 2
	}
	if kind == '|' { // attributes stand before what they are of
		size++
	}
	if size > mostElements || len(f.open) >= mostDepth {
		return errAnswer
	}
	if size == 0 {
		f.leaf()
		return nil
	}
	f.open = append(f.open, size)
	return nil
}

// leaf is the end of one element, and of all that it is the last of.
func (f *framing) leaf() {
	for len(f.open) > 0 {
		last := &f.open[len(f.open)-1]
		if *last--; *last > 0 {
			return
		}
		f.open = f.open[:len(f.open)-1]
	}
	f.total = 0
}
