package coding

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
)

// A Watcher looks at what a Guard decodes.
type Watcher interface {
	// Look is given the next plain bytes, and may write to them. It reports whether everything seen so far may be
	// known; an error breaks the body off.
	Look(plain []byte) (settled bool, err error)
	// Pass is given bytes that are not decoded, and returns what may go out of them and of those before.
	Pass(b []byte, last bool) []byte
}

// A Guard reads a compressed body and gives it as it came. No byte goes out before the Watcher has seen what it
// decodes to.
//
// A body that says it is compressed and does not begin so is not decoded, nor is the rest of one whose plain bytes
// begin like an image, a film, a sound, a font or an archive: it holds no text, and decoding costs the most there.
type Guard struct {
	coding Coding
	in     feed
	watch  Watcher
	dec    io.Reader
	zip    *gzip.Reader
	plain  []byte
	seen   int64  // plain bytes
	out    []byte // may go out
	raw    bool   // what follows is not decoded
	end    error
}

// NewGuard guards a body.
func NewGuard(c Coding, body io.Reader, watch Watcher) *Guard {
	return &Guard{coding: c, in: feed{src: body}, watch: watch}
}

var errUndecodable = errors.New("the body cannot be decoded")

const plainSize = 32 << 10

// Read implements io.Reader.
func (g *Guard) Read(p []byte) (int, error) {
	for len(g.out) == 0 {
		if g.end != nil {
			return 0, g.end
		}
		g.in.drop()
		switch {
		case g.raw:
			g.passRaw()
		case g.dec == nil:
			g.begin()
		case g.coding == Brotli:
			g.brotli()
		default:
			g.inflate()
		}
	}
	n := copy(p, g.out)
	g.out = g.out[n:]
	return n, nil
}

func (g *Guard) begin() {
	g.plain = make([]byte, plainSize)
	first, err := g.in.Peek(2)
	if g.raw = g.coding == Gzip && len(first) == 2 && (first[0] != 0x1f || first[1] != 0x8b); g.raw {
		return
	}
	if len(first) == 0 {
		g.end = err
		return
	}
	if g.dec, err = open(g.coding, &g.in); err != nil {
		g.fail(err)
		return
	}
	if z, ok := g.dec.(*gzip.Reader); ok {
		z.Multistream(false)
		g.zip = z
	}
}

// inflate decodes until something comes out of it. By then everything that was read has come out, but for less than
// 8 bits: the inflater reads a byte when it needs one. At a flush there are none.
func (g *Guard) inflate() {
	n, err := g.dec.Read(g.plain)
	if n == 0 && err == nil {
		return
	}
	settled, ok := g.look(n)
	switch {
	case !ok:
	case g.raw:
		g.out = g.in.take(g.in.at)
	case err == nil && settled:
		to := g.in.at
		if !bytes.HasSuffix(g.in.buf[:to], []byte("\x00\x00\xff\xff")) {
			to--
		}
		g.out = g.in.take(to)
	case err == io.EOF:
		g.member()
	case err != nil:
		g.fail(err)
	}
}

// member is at the end of the compressed data. Another one may follow; what else does is shown by no browser.
func (g *Guard) member() {
	g.out = g.in.take(g.in.at)
	first, err := g.in.Peek(2)
	switch {
	case len(first) == 0:
		g.end = err
	case g.zip != nil && len(first) == 2 && first[0] == 0x1f && first[1] == 0x8b:
		if err := g.zip.Reset(&g.in); err != nil {
			g.fail(err)
			return
		}
		g.zip.Multistream(false)
	default:
		g.raw = true
	}
}

// brotli decodes one chunk as far as it goes: the decoder gives all it can before it asks for more. A chunk out of
// which nothing came yet is held: what the Watcher saw last may go on in it.
func (g *Guard) brotli() {
	if g.in.at == len(g.in.buf) {
		g.in.fill()
	}
	g.in.paused = true
	for settled := false; ; {
		n, err := g.dec.Read(g.plain)
		if n > 0 {
			var ok bool
			if settled, ok = g.look(n); !ok {
				return
			}
		}
		switch {
		case g.raw:
			g.out = g.in.take(len(g.in.buf))
			return
		case err == errPaused:
			if settled {
				g.out = g.in.take(len(g.in.buf))
			}
			return
		case err == io.EOF && g.in.err != nil && g.in.err != io.EOF:
			g.fail(g.in.err)
			return
		case err == io.EOF:
			g.out, g.end = g.in.take(len(g.in.buf)), io.EOF
			return
		case err != nil:
			g.fail(err)
			return
		}
	}
}

// look shows the next plain bytes to the Watcher. ok is false when the body ends here.
func (g *Guard) look(n int) (settled, ok bool) {
	if g.seen == 0 && holdsNoText(g.plain[:n]) {
		g.raw = true
	}
	g.seen += int64(n)
	settled, err := g.watch.Look(g.plain[:n])
	if err != nil {
		g.end = err
		return false, false
	}
	return settled, true
}

func (g *Guard) fail(err error) {
	if g.end = errUndecodable; g.in.err != nil && g.in.err != io.EOF {
		g.end = g.in.err // the upstream's
	} else if err == io.EOF || err == io.ErrUnexpectedEOF {
		g.end = io.ErrUnexpectedEOF
	}
}

// passRaw passes on what is not decoded.
func (g *Guard) passRaw() {
	if g.in.at == len(g.in.buf) && g.in.err == nil {
		g.in.fill()
	}
	g.in.at = len(g.in.buf)
	g.out = g.watch.Pass(g.in.take(g.in.at), g.in.err != nil)
	g.end = g.in.err
}

// holdsNoText reports whether plain bytes begin like a file of pictures, sound, type or an archive.
func holdsNoText(b []byte) bool {
	for _, magic := range [...]string{"\x89PNG\r\n\x1a\n", "\xff\xd8\xff", "GIF8", "PK\x03\x04", "\x1aE\xdf\xa3",
		"OggS", "fLaC",
		"ID3", "wOFF", "wOF2", "\x1f\x8b\x08", "7z\xbc\xaf\x27\x1c", "\x28\xb5\x2f\xfd", "\xfd7zXZ\x00", "BZh9",
		"\x00asm"} {
		if bytes.HasPrefix(b, []byte(magic)) {
			return true
		}
	}
	if len(b) < 12 {
		return false
	}
	kind := string(b[8:12])
	return string(b[4:8]) == "ftyp" || string(b[:4]) == "RIFF" && (kind == "WEBP" || kind == "WAVE" || kind == "AVI ")
}

// errPaused says that a decoder wants more than there is at the moment.
var errPaused = errors.New("nothing more for the moment")

// A feed is what a decoder reads from. It keeps what was read until it is taken.
type feed struct {
	src    io.Reader
	buf    []byte
	at     int // read by the decoder
	taken  int // went out
	err    error
	paused bool // Read returns errPaused instead of waiting for the source
}

// fill reads once from the source.
func (f *feed) fill() {
	if f.err != nil {
		return
	}
	const chunk = 8 << 10
	f.buf = append(f.buf, make([]byte, chunk)...)
	n, err := f.src.Read(f.buf[len(f.buf)-chunk:])
	f.buf, f.err = f.buf[:len(f.buf)-chunk+n], err
}

// take returns what was not taken before to.
func (f *feed) take(to int) []byte {
	to = max(to, f.taken)
	out := f.buf[f.taken:to]
	f.taken = to
	return out
}

// drop forgets what was taken.
func (f *feed) drop() {
	if n := min(f.taken, f.at); n > 0 {
		f.buf = f.buf[:copy(f.buf, f.buf[n:])]
		f.at, f.taken = f.at-n, f.taken-n
	}
}

func (f *feed) ready() error {
	for f.at == len(f.buf) {
		if f.err != nil {
			return f.err
		}
		if f.paused {
			return errPaused
		}
		f.fill()
	}
	return nil
}

// Read implements io.Reader.
func (f *feed) Read(p []byte) (int, error) {
	if err := f.ready(); err != nil {
		return 0, err
	}
	n := copy(p, f.buf[f.at:])
	f.at += n
	return n, nil
}

// ReadByte implements io.ByteReader.
func (f *feed) ReadByte() (byte, error) {
	if err := f.ready(); err != nil {
		return 0, err
	}
	f.at++
	return f.buf[f.at-1], nil
}

// Peek returns up to n bytes that come next. It waits for them.
func (f *feed) Peek(n int) ([]byte, error) {
	for len(f.buf)-f.at < n && f.err == nil {
		f.fill()
	}
	if b := f.buf[f.at:]; len(b) > 0 {
		return b[:min(n, len(b))], nil
	}
	return nil, f.err
}
