package tripwire

import (
	"encoding/binary"

	"bff/internal/secret"
)

const (
	gram      = 4  // bytes of a sample
	anchorLen = 32 // bytes of a needle that the index knows, where all secrets are long enough
	headSize  = 8  // so many leading bytes of a needle may pass before what follows is held back
	shortest  = 8  // a secret below that would be found everywhere
	longestOf = 1 << 14
	mostForms = 120
)

// A Set is what to look for. It is immutable and safe for concurrent use. The nil Set finds nothing.
type Set struct {
	needles []needle
	anchor  int         // bytes of each needle that the index knows
	longest int         // of the needles
	least   int         // of the needles
	holds   [256]bool   // characters of the secrets, and the percent sign
	heads   [64]uint64  // one bit for each hash that the first bytes of a needle can have
	filter  [128]uint64 // one bit for each hash that a sample can have: most samples end here
	table   []entry     // a power of two of them, at most two thirds full
	mask    uint32
}

// An entry of the index is one sample of an anchor.
type entry struct {
	mark   uint16 // what the slot does not tell of the sample's hash
	needle uint8  // index plus one; 0 is an empty entry
	offset uint8  // of the sample in the anchor
}

// New returns the Set of these secrets, nil when none of them is long enough to be looked for.
func New(secrets ...secret.Text) *Set {
	s := &Set{anchor: anchorLen}
	for _, t := range secrets {
		for n := len(t.Reveal()); n >= shortest && n < s.anchor; {
			s.anchor /= 2
		}
	}
	s.needles = make([]needle, 0, 8*len(secrets))
	for _, t := range secrets {
		if n := len(t.Reveal()); n >= shortest && n <= longestOf {
			s.addForms(t.Reveal())
		}
	}
	if len(s.needles) == 0 {
		return nil
	}
	s.makeIndex()
	return s
}

func (s *Set) makeIndex() {
	size := 64
	for 2*size < 3*len(s.needles)*(s.anchor-gram+1) {
		size *= 2
	}
	s.table, s.mask = make([]entry, size), uint32(size-1)
	var buf [64]byte
	for i := range s.needles {
		n := &s.needles[i]
		w := n.window(n.anchor, s.anchor, &buf)
		for offset := range s.anchor - gram + 1 {
			s.addEntry(binary.LittleEndian.Uint32(w[offset:]), uint8(i+1), uint8(offset))
		}
	}
}

func (s *Set) addEntry(sample uint32, needle, offset uint8) {
	h := hashOf(sample)
	s.filter[h>>25] |= 1 << (h >> 19 & 63)
	slot := h >> 16 & s.mask
	for s.table[slot].needle != 0 {
		slot = (slot + 1) & s.mask
	}
	s.table[slot] = entry{uint16(h), needle, offset}
}

// hashOf spreads a sample. The upper half is the slot, and the filter's bit.
func hashOf(sample uint32) uint32 { return sample * 2654435761 }

// find calls found for every needle in b, with where it begins and ends. It only reads b.
func (s *Set) find(b []byte, found func(start, end int)) {
	for p, stride := 0, s.anchor-gram+1; p+gram <= len(b); p += stride {
		h := hashOf(binary.LittleEndian.Uint32(b[p:]))
		if s.filter[h>>25]&(1<<(h>>19&63)) != 0 {
			s.compare(b, p, h, found)
		}
	}
}

// compare looks up the sample at b[p], whose hash is h, and compares in full what could stand there.
func (s *Set) compare(b []byte, p int, h uint32, found func(start, end int)) {
	for slot := h >> 16 & s.mask; s.table[slot].needle != 0; slot = (slot + 1) & s.mask {
		e := s.table[slot]
		if e.mark != uint16(h) {
			continue
		}
		n := &s.needles[e.needle-1]
		start := p - int(e.offset) - n.anchor
		if start >= 0 && start+n.size <= len(b) && n.prefix(b[start:start+n.size]) {
			found(start, start+n.size)
		}
	}
}

// In reports whether v holds one of the secrets, escaped or not.
func (s *Set) In(v string) bool {
	if s == nil || 2*len(v) < s.least { // no escape stands for more than twice its size
		return false
	}
	var few, more [512]byte
	b := append(few[:0], v...)
	hit := false
	s.find(b, func(int, int) { hit = true })
	if !hit && s.firstEscape(b) < len(b) {
		plain, _ := unescape(more[:0], b, true)
		s.find(plain, func(int, int) { hit = true })
	}
	return hit
}

// Mask overwrites every secret in b, escaped or not, and reports whether there was one.
func (s *Set) Mask(b []byte) bool {
	if s == nil || len(b) < shortest {
		return false
	}
	var spans []span
	s.find(b, func(start, end int) { spans = append(spans, span{start, end}) })
	if s.firstEscape(b) < len(b) {
		plain, _ := unescape(nil, b, true)
		s.find(plain, func(start, end int) { spans = append(spans, span{rawIndex(b, start), rawIndex(b, end)}) })
	}
	for _, p := range spans { // all are found before the first is overwritten: they may overlap
		stars(b[p.start:p.end])
	}
	return len(spans) > 0
}

// MaskString returns v with every secret in it overwritten, and reports whether there was one.
func (s *Set) MaskString(v string) (masked string, hit bool) {
	if !s.In(v) {
		return v, false
	}
	b := []byte(v)
	s.Mask(b)
	return string(b), true
}

// unfinished returns how many of the last bytes of past are the beginning of a needle; 0 when fewer than headSize are.
func (s *Set) unfinished(past []byte) int {
	past = past[max(0, len(past)-(s.longest-1)):]
	for i := 0; i+headSize <= len(past); i++ {
		head := binary.LittleEndian.Uint64(past[i:])
		if !s.mayBegin(head) { // most often
			continue
		}
		for j := range s.needles {
			if n := &s.needles[j]; n.head == head && len(past)-i < n.size && n.prefix(past[i:]) {
				return len(past) - i
			}
		}
	}
	return 0
}

// mayBegin says whether a needle may begin with these bytes.
func (s *Set) mayBegin(head uint64) bool {
	word, bit := headBit(head)
	return s.heads[word]&bit != 0
}

// headBit is where heads knows of a needle that begins with these bytes.
func headBit(head uint64) (word, bit uint64) {
	h := head * 0x9e3779b97f4a7c15
	return h >> 58, 1 << (h >> 52 & 63)
}

func stars(b []byte) {
	for i := range b {
		b[i] = '*'
	}
}
