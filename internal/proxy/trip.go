package proxy

import (
	"bytes"
	"encoding/binary"
	"io"
	"net/http"
	"strings"
	"sync"
	"unsafe"
)

// The tripwire finds a few known strings in a stream at the price of looking at every thirteenth byte. Each needle has an anchor of 16 bytes; any place
// where it stands covers exactly one of the samples taken every 16-4+1 bytes; an index knows the four bytes of every sample an anchor can give. What
// the index knows is compared in full. The index is made of a few dozen bytes of each secret; a whole encoded form is made only when its anchor was seen.
const (
	gram        = 4
	tableSize   = 1024 // a power of two; see mostNeedles
	mostNeedles = 60   // with 13 samples each they leave the table a quarter empty; three secrets have about 25
	headSize    = 8    // so many leading bytes of a secret may pass before a stream that breaks off inside it is held back
	shortest    = 8    // a secret below that would be found everywhere
)

type tripwire struct {
	home    *wires
	needles []needle
	anchor  int        // bytes of each needle that the index knows
	longest int        // of the needles
	heads   [61]uint64 // which heads there are, hashed
	index   *index     // nil: to be made when it is worth it
	sparse  bool       // little comes, and seldom: the index is not kept

	past []byte // the stream's last longest-1 bytes, as they came
	held []byte // the last of them that did not go out yet, masked
	join []byte // past and the beginning of what follows
	out  []byte // held bytes and what follows

	spans []span
	arena []byte // of escaped forms
}

type span struct{ start, end int }

// An index knows the samples of all anchors.
type index struct {
	filter [1 << 10]uint64 // one bit for each hash a sample can have: most samples end here
	table  [tableSize]indexEntry
}

type indexEntry struct {
	bytes  uint32
	needle uint8 // index plus one; 0 is an empty entry
	offset uint8 // of the sample in the anchor
}

// wires are a mount's tripwires and indexes that nobody uses.
type wires struct{ tripwires, indexes sync.Pool }

// watchFor makes a tripwire; nil when there are no secrets worth it.
func (w *wires) watchFor(secrets []string) *tripwire {
	t, _ := w.tripwires.Get().(*tripwire)
	if t == nil {
		t = new(tripwire)
	}
	t.home, t.anchor = w, 16
	for _, s := range secrets {
		if len(s) >= shortest && len(s) < t.anchor {
			t.anchor = shortest
		}
	}
	for _, s := range secrets {
		if len(s) >= shortest && len(s) <= 1<<14 {
			t.addForms(s, t.anchor)
		}
	}
	if len(t.needles) == 0 {
		t.release()
		return nil
	}
	return t
}

// release forgets everything, and hands the tripwire back.
func (t *tripwire) release() {
	t.dropIndex()
	clear(t.needles)
	for _, b := range [...][]byte{t.past, t.held, t.join, t.out, t.arena} {
		clear(b[:cap(b)])
	}
	home := t.home
	*t = tripwire{needles: t.needles[:0], past: t.past[:0], held: t.held[:0], join: t.join[:0], out: t.out[:0], spans: t.spans[:0], arena: t.arena[:0]}
	home.tripwires.Put(t)
}

func (t *tripwire) makeIndex() {
	x, _ := t.home.indexes.Get().(*index)
	if x == nil {
		x = new(index)
	}
	var buf [64]byte
	for i := range t.needles {
		n := &t.needles[i]
		w := n.window(n.anchor, t.anchor, &buf)
		for offset := range t.anchor - gram + 1 {
			x.add(indexEntry{binary.LittleEndian.Uint32(w[offset:]), uint8(i + 1), uint8(offset)})
		}
	}
	t.index = x
}

func (t *tripwire) dropIndex() {
	if t.index != nil {
		*t.index = index{}
		t.home.indexes.Put(t.index)
		t.index = nil
	}
}

func (x *index) add(e indexEntry) {
	h := hashOf(e.bytes)
	x.filter[h>>6] |= 1 << (h & 63)
	slot := h % tableSize
	for x.table[slot].needle != 0 {
		slot = (slot + 1) % tableSize
	}
	x.table[slot] = e
}

func hashOf(b uint32) uint32 { return b * 2654435761 >> 16 }

// find calls found for every needle in b, with where it begins and ends. It only reads b.
func (t *tripwire) find(b []byte, found func(start, end int)) {
	if t.index == nil {
		if t.sparse && len(b) < 512 {
			t.findOneByOne(b, found)
			return
		}
		t.makeIndex()
		if t.sparse {
			defer t.dropIndex()
		}
	}
	x := t.index
	for p, stride := 0, t.anchor-gram+1; p+gram <= len(b); p += stride {
		want := binary.LittleEndian.Uint32(b[p:])
		h := hashOf(want)
		if x.filter[h>>6]&(1<<(h&63)) == 0 {
			continue
		}
		for slot := h % tableSize; x.table[slot].needle != 0; slot = (slot + 1) % tableSize {
			e := x.table[slot]
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

// findOneByOne is for an event now and then: slower, and without the index's 16 KiB for each of ten thousand streams.
func (t *tripwire) findOneByOne(b []byte, found func(start, end int)) {
	var buf [64]byte
	for i := range t.needles {
		n := &t.needles[i]
		anchor := n.window(n.anchor, t.anchor, &buf)
		for from := 0; ; {
			at := bytes.Index(b[from:], anchor)
			if at < 0 {
				break
			}
			start := from + at - n.anchor
			if start >= 0 && start+n.size <= len(b) && string(b[start:start+n.size]) == n.whole() {
				found(start, start+n.size)
			}
			from += at + 1
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
		if x.sparse {
			wire.sparse = true
			wire.dropIndex() // the header is behind us
		}
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
		x.wire = x.mount.wires.watchFor(list)
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
