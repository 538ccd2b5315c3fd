package proxy

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"sync"
	"unsafe"
)

// The tripwire finds a few known strings in a stream at the price of looking at every thirteenth byte. Each needle has an anchor of 16 bytes; any place
// where it stands covers exactly one of the samples taken every 16-4+1 bytes; a table knows the four bytes of every sample an anchor can give. What
// the table knows is compared in full. The table is made of a few dozen bytes of each secret; a whole encoded form is made only when its anchor was seen.
const (
	gram      = 4
	tableSize = 1024 // a power of two, several times what three secrets need
	headSize  = 8    // so many leading bytes of a secret may pass before a stream that breaks off inside it is held back
	shortest  = 8    // a secret below that would be found everywhere
)

type tripwire struct {
	needles []needle
	filter  [1 << 10]uint64 // one bit for each hash a sample can have: most samples end here
	table   [tableSize]tableEntry
	stride  int        // between samples
	longest int        // of the needles
	heads   [61]uint64 // which heads there are, hashed

	past []byte // the stream's last longest-1 bytes, as they came
	held []byte // the last of them that did not go out yet, masked
	join []byte // past and the beginning of what follows
	out  []byte // held bytes and what follows

	spans []span
	arena []byte // of escaped forms
}

type tableEntry struct {
	bytes  uint32
	needle uint8 // index plus one; 0 is an empty entry
	offset uint8 // of the sample in the anchor
}

// A needle is one form of a secret.
type needle struct {
	secret string
	form   form
	skip   int // bytes of the secret before the first whole group of base64
	size   int
	anchor int // where in the form the anchor begins
	head   uint64
	text   string // the form, when it was needed
}

type form uint8

const (
	asItIs form = iota
	inBase64
	inBase64URL
	inHex
	inUpperHex
)

var tripwires = sync.Pool{New: func() any { return new(tripwire) }}

// newTripwire watches for secrets; nil when there are none worth it.
func newTripwire(secrets []string) *tripwire {
	t := tripwires.Get().(*tripwire)
	anchor := 16
	for _, s := range secrets {
		if len(s) >= shortest && len(s) < 16 {
			anchor = shortest
		}
	}
	t.stride = anchor - gram + 1
	for _, s := range secrets {
		if len(s) < shortest || len(s) > 1<<14 {
			continue
		}
		t.addForms(s, anchor)
	}
	if len(t.needles) == 0 {
		t.release()
		return nil
	}
	return t
}

// release forgets everything, and hands the tripwire back.
func (t *tripwire) release() {
	clear(t.needles)
	clear(t.past)
	clear(t.join)
	clear(t.out)
	clear(t.held)
	clear(t.arena)
	*t = tripwire{needles: t.needles[:0], past: t.past[:0], held: t.held[:0], join: t.join[:0], out: t.out[:0], spans: t.spans[:0], arena: t.arena[:0]}
	tripwires.Put(t)
}

// addForms adds s as it is, in base64 at each of the three alignments it can have in what was encoded, and in hex.
func (t *tripwire) addForms(s string, anchor int) {
	t.add(needle{secret: s, size: len(s), text: s}, anchor)
	alignments := 3
	if len(s) < 24 { // shorter than an anchor by then
		alignments = 0
	}
	for skip := range alignments {
		n := needle{secret: s, skip: skip, form: inBase64, size: (len(s) - skip) / 3 * 4}
		t.add(n, anchor)
		if strings.ContainsFunc(s, differsInURL) {
			n.form = inBase64URL
			t.add(n, anchor)
		}
	}
	t.add(needle{secret: s, form: inHex, size: 2 * len(s)}, anchor)
	t.add(needle{secret: s, form: inUpperHex, size: 2 * len(s)}, anchor)
	t.addEscaped(s, anchor)
}

// differsInURL are the characters that can make one of base64's two last digits.
func differsInURL(c rune) bool { return c == '>' || c == '?' || c >= '~' }

// addEscaped adds what the usual escapes make of s, where they make a difference.
func (t *tripwire) addEscaped(s string, anchor int) {
	const unreserved, inPath = "-_.~", "-_.~$&+=:@"
	if strings.ContainsAny(s, "/+=:@%\"\\&<>' $!*(),;?#") {
		t.addPercent(s, unreserved, "0123456789ABCDEF", anchor)
		t.addPercent(s, unreserved, "0123456789abcdef", anchor)
	}
	if strings.ContainsAny(s, inPath[4:]) {
		t.addPercent(s, inPath, "0123456789ABCDEF", anchor)
		t.addPercent(s, inPath, "0123456789abcdef", anchor)
	}
	if strings.Contains(s, "/") {
		from := len(t.arena)
		for i := range len(s) {
			if s[i] == '/' {
				t.arena = append(t.arena, '\\')
			}
			t.arena = append(t.arena, s[i])
		}
		t.addArena(from, anchor)
	}
}

// addPercent adds s with every byte escaped that is no letter, digit or one of bare.
func (t *tripwire) addPercent(s, bare, digits string, anchor int) {
	from := len(t.arena)
	for i := range len(s) {
		c := s[i]
		if 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || strings.IndexByte(bare, c) >= 0 {
			t.arena = append(t.arena, c)
		} else {
			t.arena = append(t.arena, '%', digits[c>>4], digits[c&15])
		}
	}
	t.addArena(from, anchor)
}

// addArena adds what was written to the arena as a needle. When the arena grows, the string keeps the bytes it was made of.
func (t *tripwire) addArena(from, anchor int) {
	text := unsafe.String(&t.arena[from], len(t.arena)-from)
	t.add(needle{size: len(text), text: text}, anchor)
}

// add puts a needle's samples into the table.
func (t *tripwire) add(n needle, anchor int) {
	if n.size < anchor || len(t.needles) == tableSize/16 {
		return
	}
	var buf [64]byte
	n.head = binary.LittleEndian.Uint64(n.window(0, headSize, &buf))
	n.anchor = (n.size - anchor) * 7 / 8 &^ 3 // late: what tokens of one issuer share stands in front
	t.longest = max(t.longest, n.size)
	t.needles = append(t.needles, n)
	t.heads[n.head%61] |= 1 << (n.head >> 58)
	w := n.window(n.anchor, anchor, &buf)
	for i := range t.stride {
		e := tableEntry{binary.LittleEndian.Uint32(w[i:]), uint8(len(t.needles)), uint8(i)}
		h := hashOf(e.bytes)
		t.filter[h>>6] |= 1 << (h & 63)
		for slot := h % tableSize; ; slot = (slot + 1) % tableSize {
			if t.table[slot].needle == 0 {
				t.table[slot] = e
				break
			}
		}
	}
}

func hashOf(b uint32) uint32 { return b * 2654435761 >> 16 }

// window makes size bytes of the form, beginning at a multiple of four, without making all of it.
func (n *needle) window(at, size int, buf *[64]byte) []byte {
	if n.text != "" {
		return append(buf[:0], n.text[at:at+size]...)
	}
	out := buf[:size]
	switch from := n.skip + at/4*3; n.form {
	case inBase64:
		base64.StdEncoding.Encode(out, append(buf[32:32], n.secret[from:from+size/4*3]...))
	case inBase64URL:
		base64.URLEncoding.Encode(out, append(buf[32:32], n.secret[from:from+size/4*3]...))
	default:
		hex.Encode(out, append(buf[32:32], n.secret[at/2:(at+size)/2]...))
		if n.form == inUpperHex {
			upper(out)
		}
	}
	return out
}

func upper(b []byte) {
	for i, c := range b {
		if 'a' <= c && c <= 'z' {
			b[i] = c &^ 0x20
		}
	}
}

// whole makes the form.
func (n *needle) whole() string {
	if n.text != "" {
		return n.text
	}
	switch b := []byte(n.secret); n.form {
	case inBase64:
		n.text = base64.StdEncoding.EncodeToString(b[n.skip : n.skip+n.size/4*3])
	case inBase64URL:
		n.text = base64.URLEncoding.EncodeToString(b[n.skip : n.skip+n.size/4*3])
	case inHex:
		n.text = hex.EncodeToString(b)
	case inUpperHex:
		n.text = strings.ToUpper(hex.EncodeToString(b))
	}
	return n.text
}

// find calls found for every needle in b, with where it begins and ends.
func (t *tripwire) find(b []byte, found func(start, end int)) {
	for p := 0; p+gram <= len(b); p += t.stride {
		want := binary.LittleEndian.Uint32(b[p:])
		h := hashOf(want)
		if t.filter[h>>6]&(1<<(h&63)) == 0 {
			continue
		}
		for slot := h % tableSize; t.table[slot].needle != 0; slot = (slot + 1) % tableSize {
			e := t.table[slot]
			if e.bytes != want {
				continue
			}
			n := &t.needles[e.needle-1]
			start := p - int(e.offset) - n.anchor
			if start >= 0 && start+n.size <= len(b) && string(b[start:start+n.size]) == n.whole() {
				found(start, start+n.size)
			}
		}
	}
}

// mask overwrites every needle in b, and says whether there was one. All are found before the first is overwritten: they may overlap.
func (t *tripwire) mask(b []byte) bool {
	t.spans = t.spans[:0]
	t.find(b, func(start, end int) { t.spans = append(t.spans, span{start, end}) })
	for _, s := range t.spans {
		stars(b[s.start:s.end])
	}
	return len(t.spans) > 0
}

type span struct{ start, end int }

func stars(b []byte) {
	for i := range b {
		b[i] = '*'
	}
}

// pass takes the stream's next bytes and returns what may go out: most often b itself. What may be the beginning of a needle waits for more; last says
// that there is none.
func (t *tripwire) pass(b []byte, last bool) (out []byte, tripped bool) {
	t.spans = t.spans[:0]
	t.across(b)
	t.find(b, func(start, end int) { t.spans = append(t.spans, span{start, end}) })
	if !last {
		t.remember(b) // before anything is overwritten: a needle may begin in another one
	}
	for _, s := range t.spans {
		if s.start < 0 {
			stars(t.held[max(0, len(t.held)+s.start):])
		}
		stars(b[max(0, s.start):s.end])
	}
	out = b
	if len(t.held) > 0 {
		t.out = append(append(t.out[:0], t.held...), b...)
		out, t.held = t.out, t.held[:0]
	}
	if !last {
		if n := min(t.unfinished(), len(out)); n > 0 {
			t.held = append(t.held, out[len(out)-n:]...)
			out = out[:len(out)-n]
		}
	}
	return out, len(t.spans) > 0
}

// across finds the needles that began in what is past and end in b: their spans begin before b does.
func (t *tripwire) across(b []byte) {
	past := len(t.past)
	if past == 0 || len(b) == 0 {
		return
	}
	t.join = append(append(t.join[:0], t.past...), b[:min(len(b), t.longest-1)]...)
	t.find(t.join, func(start, end int) {
		if start < past && end > past {
			t.spans = append(t.spans, span{start - past, end - past})
		}
	})
}

// remember keeps the last bytes of the stream.
func (t *tripwire) remember(b []byte) {
	keep := t.longest - 1
	if len(b) >= keep {
		t.past = append(t.past[:0], b[len(b)-keep:]...)
		return
	}
	if drop := len(t.past) + len(b) - keep; drop > 0 {
		t.past = t.past[:copy(t.past, t.past[drop:])]
	}
	t.past = append(t.past, b...)
}

// unfinished says how many of the past bytes are the beginning of a needle.
func (t *tripwire) unfinished() int {
	for i := 0; i+headSize <= len(t.past); i++ {
		head := binary.LittleEndian.Uint64(t.past[i:])
		if t.heads[head%61]&(1<<(head>>58)) == 0 { // most often
			continue
		}
		for j := range t.needles {
			if n := &t.needles[j]; n.head == head && len(t.past)-i < n.size && strings.HasPrefix(n.whole(), string(t.past[i:])) {
				return len(t.past) - i
			}
		}
	}
	return 0
}

// A watched reader is a stream with the tripwire in it.
type watchedReader struct {
	x       *exchange
	wire    *tripwire
	src     io.Reader
	pending []byte // went through, and did not fit
	end     error
}

func (r *watchedReader) Read(p []byte) (int, error) {
	for len(r.pending) == 0 {
		if r.end != nil {
			return 0, r.end
		}
		n, err := r.src.Read(p)
		r.end = err
		out, tripped := r.wire.pass(p[:n], err != nil)
		if tripped {
			r.x.tripped("body")
		}
		if len(out) > 0 && n > 0 && &out[0] == &p[0] {
			if r.end == nil || len(out) == 0 {
				return len(out), nil
			}
			return len(out), r.end
		}
		if r.pending = out; len(out) == 0 && r.end == nil && n == 0 {
			return 0, nil
		}
	}
	n := copy(p, r.pending)
	r.pending = r.pending[n:]
	return n, nil
}

// watched puts the call's tripwire into src. A call has one stream back, so the tripwire has one past.
func (x *exchange) watched(src io.Reader) io.Reader {
	if wire := x.tripwire(); wire != nil {
		x.watch = watchedReader{x: x, wire: wire, src: src}
		return &x.watch
	}
	return src
}

func (x *exchange) tripwire() *tripwire {
	if x.wire == nil && !x.unwatched {
		var few [8]string
		list := append(few[:0], x.cred.Token.Reveal())
		for _, s := range x.cred.Secrets {
			list = append(list, s.Reveal())
		}
		x.wire = newTripwire(list)
		x.unwatched = x.wire == nil
	}
	return x.wire
}

// maskHeader masks secrets in the values of h. A name cannot hold one: it would have to be a token of 64 characters at most, and is then dropped by its shape.
func (x *exchange) maskHeader(h http.Header) {
	wire := x.tripwire()
	if wire == nil {
		return
	}
	for name, values := range h {
		for i, v := range values {
			if len(v) < shortest || !wire.in(v) {
				continue
			}
			b := []byte(v)
			wire.mask(b)
			h[name][i] = string(b)
			x.tripped("header")
		}
	}
}

// in says whether there is a needle in s.
func (t *tripwire) in(s string) (found bool) {
	t.find(unsafe.Slice(unsafe.StringData(s), len(s)), func(int, int) { found = true }) // find only reads
	return found
}

func (x *exchange) maskBytes(b []byte) {
	if wire := x.tripwire(); wire != nil && wire.mask(b) {
		x.tripped("refusal")
	}
}

// tripped logs and counts, once for a call.
func (x *exchange) tripped(where string) {
	if x.told {
		return
	}
	x.told = true
	x.mount.cfg.Log.Warn("upstream echoed a secret; it was masked", "api", x.mount.cfg.Name, "where", where)
	if x.mount.cfg.OnTrip != nil {
		x.mount.cfg.OnTrip(x.mount.cfg.Name)
	}
}
