package coding

import (
	"bytes"
	"errors"
	"io"
	"sync"

	"github.com/andybalholm/brotli"

	"bff/internal/proxy/inflate"
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
	home    *Guards
	coding  Coding
	in      feed
	watch   Watcher
	frame   frame
	flate   *inflate.Decoder
	br      *brotli.Reader
	plain   []byte // of br
	seen    int64  // plain bytes
	settled bool   // the Watcher's last word
	out     []byte // may go out
	next    func(*Guard)
	raw     bool // what follows is not decoded
	end     error
}

// Guards are guards that nobody uses: what they decode with is used again. The zero value is ready. It is safe for
// concurrent use.
type Guards struct{ pool sync.Pool }

// New guards a body.
func (p *Guards) New(c Coding, body io.Reader, watch Watcher) *Guard {
	g, _ := p.pool.Get().(*Guard)
	if g == nil {
		g = new(Guard)
	}
	g.home, g.coding, g.in.src, g.watch, g.next = p, c, body, watch, (*Guard).begin
	return g
}

// Close forgets everything that was decoded. The Guard must not be used afterwards. Closing nil does nothing.
func (g *Guard) Close() {
	if g == nil {
		return
	}
	if g.flate != nil {
		g.flate.Reset()
	}
	if g.br != nil {
		_ = g.br.Reset(bytes.NewReader(nil))
	}
	clear(g.in.buf[:cap(g.in.buf)])
	clear(g.plain)
	home := g.home
	*g = Guard{flate: g.flate, br: g.br, plain: g.plain, in: feed{buf: g.in.buf[:0]}}
	home.pool.Put(g)
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
		if g.raw {
			g.passRaw()
		} else {
			g.next(g)
		}
	}
	n := copy(p, g.out)
	g.out = g.out[n:]
	return n, nil
}

// begin finds out what the body is in.
func (g *Guard) begin() {
	first, err := g.in.Peek(2)
	if len(first) == 0 {
		g.end = err
		return
	}
	switch {
	case g.coding == Brotli:
		if g.br == nil {
			g.br, g.plain = brotli.NewReader(nil), make([]byte, plainSize)
		}
		_ = g.br.Reset(&g.in) // it reads nothing
		g.next = (*Guard).brotli
		return
	case g.coding == Gzip && isGzip(first):
		g.frame = frame{kind: Gzip}
	case g.coding == Gzip:
		g.raw = len(first) == 2
		if !g.raw {
			g.fail(io.ErrUnexpectedEOF)
		}
		return
	case isZlib(first):
		g.frame = frame{kind: Deflate}
	}
	if g.flate == nil {
		g.flate = inflate.NewDecoder()
	}
	g.open()
}

// open reads what stands before the compressed data.
func (g *Guard) open() {
	if err := g.frame.open(&g.in); err != nil {
		g.fail(err)
		return
	}
	g.next = (*Guard).inflate
}

// inflate decodes what there is, and lets go out what has been decoded: of the last byte, bits may be left that have
// not been.
func (g *Guard) inflate() {
	plain, used, err := g.flate.Decode(g.in.buf[g.in.at:])
	g.in.at += used
	if len(plain) == 0 && used == 0 && err == nil {
		if g.in.err != nil {
			g.fail(io.ErrUnexpectedEOF)
			return
		}
		g.in.fill()
		return
	}
	if len(plain) > 0 {
		g.frame.saw(plain)
		settled, ok := g.look(plain)
		if !ok {
			return
		}
		g.settled = settled
	}
	switch {
	case g.raw:
		g.out = g.in.take(g.in.at)
	case err == io.EOF:
		g.member()
	case err != nil:
		g.fail(err)
	case g.settled && g.flate.Aligned():
		g.out = g.in.take(g.in.at)
	case g.settled:
		g.out = g.in.take(g.in.at - 1)
	}
}

// member is at the end of the compressed data. Another one may follow; what else does is shown by no browser.
func (g *Guard) member() {
	if err := g.frame.close(&g.in); err != nil {
		g.fail(err)
		return
	}
	g.out = g.in.take(g.in.at)
	first, err := g.in.Peek(2)
	switch {
	case len(first) == 0:
		g.end = err
	case g.frame.kind == Gzip && isGzip(first):
		g.flate.Reset()
		g.frame = frame{kind: Gzip}
		g.open()
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
		n, err := g.br.Read(g.plain)
		if n > 0 {
			var ok bool
			if settled, ok = g.look(g.plain[:n]); !ok {
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
func (g *Guard) look(plain []byte) (settled, ok bool) {
	if g.seen == 0 && holdsNoText(plain) {
		g.raw = true
	}
	g.seen += int64(len(plain))
	settled, err := g.watch.Look(plain)
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
