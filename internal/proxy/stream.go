package proxy

import (
	"errors"
	"io"
	"net/http"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// isSocket says whether r asks for a WebSocket, and nothing else (RFC 6455 section 4.1). Every other upgrade is left
// out of the outbound request: what follows an "Upgrade: h2c" flows past every rule.
func isSocket(r *http.Request) bool {
	up := r.Header["Upgrade"]
	return len(up) == 1 && strings.EqualFold(up[0], "websocket") && r.Method == http.MethodGet &&
		httpguts.HeaderValuesContainsToken(r.Header["Connection"], "Upgrade")
}

// A download is the answer's body on its way to the client.
type download struct {
	x    *exchange
	res  *http.Response
	src  io.Reader // what is made of body
	body io.ReadCloser
	// whole says that all of it has come: reading it waits for nothing.
	whole bool
}

func (d *download) Read(p []byte) (int, error) {
	n, err := d.src.Read(p)
	if n > 0 {
		d.x.beats.Add(1)
	}
	if err == io.EOF {
		d.x.filterTrailer(d.res.Trailer)
	}
	return n, err
}

func (d *download) Close() error {
	err := d.body.Close()
	d.x.filterTrailer(d.res.Trailer)
	return err
}

func (x *exchange) filterTrailer(h http.Header) {
	if len(h) == 0 {
		return
	}
	x.mount.filterBack(h)
	x.masks.header(h)
}

var errNoSocket = errors.New("the upstream switched protocols when it was not asked to")

// takeSocket checks the upstream's 101 and puts the connection under the clock and the tripwire.
func (x *exchange) takeSocket(res *http.Response) error {
	up := res.Header["Upgrade"]
	conn, ok := res.Body.(io.ReadWriteCloser)
	if !x.socket || !ok || len(up) != 1 || !strings.EqualFold(up[0], "websocket") {
		return errNoSocket
	}
	for name := range res.Header {
		if !isSocketField(name) && !x.mount.back.passes(name) {
			delete(res.Header, name)
		}
	}
	x.masks.header(res.Header)
	res.Body = &socket{x: x, conn: conn, in: x.masks.watched(conn)}
	return nil
}

// A socket is the upstream's side of an upgraded connection.
type socket struct {
	x    *exchange
	conn io.ReadWriteCloser
	in   io.Reader
}

func (s *socket) Read(p []byte) (int, error) {
	n, err := s.in.Read(p)
	if n > 0 {
		s.x.beats.Add(1)
	}
	return n, err
}

func (s *socket) Write(p []byte) (int, error) {
	n, err := s.conn.Write(p)
	if n > 0 {
		s.x.beats.Add(1)
	}
	return n, err
}

func (s *socket) Close() error { return s.conn.Close() }

// CloseWrite passes on that the client has said its last, where the connection can.
func (s *socket) CloseWrite() error {
	if c, ok := s.conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return http.ErrNotSupported
}

// WriteTo and ReadFrom keep io.Copy from taking buffers of its own, of 32 KiB: a thousand sockets sit idle with two
// each.
func (s *socket) WriteTo(w io.Writer) (int64, error) { return s.copy(w, struct{ io.Reader }{s}) }

func (s *socket) ReadFrom(r io.Reader) (int64, error) {
	return s.copy(struct{ io.Writer }{s}, struct{ io.Reader }{r})
}

func (s *socket) copy(w io.Writer, r io.Reader) (int64, error) {
	buf := s.x.mount.small.Get()
	defer s.x.mount.small.Put(buf)
	return io.CopyBuffer(struct{ io.Writer }{w}, r, buf)
}
