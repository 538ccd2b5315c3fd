package inflate

import (
	"encoding/binary"
	"errors"
	"io"
)

// ErrCorrupt says that the bytes are no DEFLATE.
var ErrCorrupt = errors.New("inflate: corrupt data")

const (
	window = 32 << 10   // the farthest that a match reaches back
	room   = 2 * window // bytes that are kept, and that come
	margin = 258 + 16   // a match, and what is copied beyond its end
	atMost = 258        // bytes of a match
)

// A Decoder decodes one stream. Reset begins another one.
type Decoder struct {
	out   [room + margin]byte
	n     int // bytes in out
	given int // of them that Decode has returned
	most  int // that there were since Reset

	bits  uint64 // read and not used yet
	nbits uint   // how many
	src   []byte // during Decode
	pos   int

	step   func(*Decoder) error // what comes next
	final  bool                 // this block is the last
	stored int                  // bytes that a stored block still has
	lit    []entry
	dist   []entry
	lits   [litTable]entry
	dists  [distTable]entry
	fixed  [litTable]entry // made when first needed
	fixedD [distTable]entry
	made   bool
}

// NewDecoder returns a Decoder that is ready.
func NewDecoder() *Decoder {
	d := new(Decoder)
	d.Reset()
	return d
}

// Reset forgets everything that was decoded.
func (d *Decoder) Reset() {
	clear(d.out[:min(len(d.out), d.most+margin)])
	d.n, d.given, d.most, d.bits, d.nbits, d.src, d.pos = 0, 0, 0, 0, 0, nil, 0
	d.step, d.final, d.stored = (*Decoder).block, false, 0
}

// errMore says that the next symbol is not whole. Nothing of it was used.
var errMore = errors.New("inflate: more is needed")

// Decode reads from src and returns what that decodes to, valid until the next call, and how many bytes it has used. It
// returns when every symbol that is whole in src was decoded, when there is no room for more, or at the end of the
// stream, which is io.EOF. What it has not used, fewer than eight bytes or the whole header of a block, must come again
// in front of what follows. The caller may write to what is returned when the stream is not decoded further.
func (d *Decoder) Decode(src []byte) (plain []byte, used int, err error) {
	if d.n > room-window {
		keep := min(d.n, window)
		copy(d.out[:], d.out[d.n-keep:d.n])
		d.n, d.given = keep, keep
	}
	d.src, d.pos = src, 0
	for err == nil && d.n < room {
		err = d.step(d)
	}
	d.src = nil
	for d.nbits >= 8 && d.pos > 0 { // whole bytes are given back
		d.pos--
		d.nbits -= 8
	}
	d.bits &= 1<<d.nbits - 1
	plain, d.given, d.most = d.out[d.given:d.n], d.n, max(d.most, d.n)
	if err == errMore {
		err = nil
	}
	return plain, d.pos, err
}

// Aligned reports whether no bit of a byte that was used is left.
func (d *Decoder) Aligned() bool { return d.nbits == 0 }

// need brings n bits, at most 32, or fails with errMore.
func (d *Decoder) need(n uint) error {
	for d.nbits < n {
		if d.pos == len(d.src) {
			return errMore
		}
		d.bits |= uint64(d.src[d.pos]) << d.nbits
		d.pos++
		d.nbits += 8
	}
	return nil
}

// take returns the next n bits, which are there.
func (d *Decoder) take(n uint) int {
	v := int(d.bits & (1<<n - 1))
	d.bits >>= n
	d.nbits -= n
	return v
}

// block reads the header of a block, or finds the end of the last one.
func (d *Decoder) block() error {
	if d.final {
		return io.EOF
	}
	bits, nbits, pos := d.bits, d.nbits, d.pos
	err := d.header()
	if err == errMore {
		for d.pos > pos { // nothing of it was used
			d.pos--
		}
		d.bits, d.nbits, d.final = bits, nbits, false
	}
	return err
}

func (d *Decoder) header() error {
	if err := d.need(3); err != nil {
		return err
	}
	d.final = d.take(1) == 1
	switch d.take(2) {
	case 0:
		return d.storedHeader()
	case 1:
		d.makeFixed()
		d.lit, d.dist, d.step = d.fixed[:], d.fixedD[:], (*Decoder).codes
		return nil
	case 2:
		return d.dynamicHeader()
	}
	return ErrCorrupt
}

func (d *Decoder) storedHeader() error {
	d.take(d.nbits & 7)
	if err := d.need(32); err != nil {
		return err
	}
	n, complement := d.take(16), d.take(16)
	if n != ^complement&0xffff {
		return ErrCorrupt
	}
	d.stored, d.step = n, (*Decoder).copyStored
	return nil
}

func (d *Decoder) copyStored() error {
	for d.stored > 0 && d.nbits > 0 { // read ahead
		if d.n == room {
			return nil
		}
		d.out[d.n] = byte(d.take(8))
		d.n++
		d.stored--
	}
	n := copy(d.out[d.n:min(room, d.n+d.stored)], d.src[d.pos:])
	d.n, d.pos, d.stored = d.n+n, d.pos+n, d.stored-n
	switch {
	case d.stored == 0:
		d.step = (*Decoder).block
	case d.n < room:
		return errMore
	}
	return nil
}

func (d *Decoder) makeFixed() {
	if d.made {
		return
	}
	var lengths [288]uint8
	for i := range lengths {
		switch {
		case i < 144:
			lengths[i] = 8
		case i < 256:
			lengths[i] = 9
		case i < 280:
			lengths[i] = 7
		default:
			lengths[i] = 8
		}
	}
	build(d.fixed[:], litBits, lengths[:], litEntry)
	for i := range 32 {
		lengths[i] = 5
	}
	build(d.fixedD[:], distBits, lengths[:32], distEntry)
	d.made = true
}

// order is that of the lengths of the code in which the lengths of the codes are written.
const order = "\x10\x11\x12\x00\x08\x07\x09\x06\x0a\x05\x0b\x04\x0c\x03\x0d\x02\x0e\x01\x0f"

func (d *Decoder) dynamicHeader() error {
	if err := d.need(14); err != nil {
		return err
	}
	nlit, ndist, npre := d.take(5)+257, d.take(5)+1, d.take(4)+4
	if nlit > mostLits || ndist > mostDists {
		return ErrCorrupt
	}
	var pre [19]uint8
	for i := range npre {
		if err := d.need(3); err != nil {
			return err
		}
		pre[order[i]] = uint8(d.take(3))
	}
	var table [preTable]entry
	if !build(table[:], preBits, pre[:], preEntry) {
		return ErrCorrupt
	}
	var lengths [lengthsMax]uint8
	if err := d.lengths(lengths[:nlit+ndist], &table); err != nil {
		return err
	}
	if !build(d.lits[:], litBits, lengths[:nlit], litEntry) ||
		!build(d.dists[:], distBits, lengths[nlit:nlit+ndist], distEntry) {
		return ErrCorrupt
	}
	d.lit, d.dist, d.step = d.lits[:], d.dists[:], (*Decoder).codes
	return nil
}

// lengths reads the lengths of codes (RFC 1951 section 3.2.7).
func (d *Decoder) lengths(lengths []uint8, table *[preTable]entry) error {
	for i := 0; i < len(lengths); {
		symbol, err := d.symbol(table[:], preBits)
		if err != nil {
			return err
		}
		v, again, repeated := symbol.value(), 1, uint8(0)
		switch v {
		case 16, 17, 18:
			extra, least := uint(2), 3
			if v == 16 && i == 0 {
				return ErrCorrupt
			} else if v == 16 {
				repeated = lengths[i-1]
			} else if extra = 3; v == 18 {
				extra, least = 7, 11
			}
			if err := d.need(extra); err != nil {
				return err
			}
			again = least + d.take(extra)
		default:
			repeated = uint8(v)
		}
		if i+again > len(lengths) {
			return ErrCorrupt
		}
		for range again {
			lengths[i] = repeated
			i++
		}
	}
	return nil
}

// symbol reads one code. With errMore it has used nothing.
func (d *Decoder) symbol(table []entry, first uint) (entry, error) {
	for {
		e := table[d.bits&(1<<first-1)]
		if e&isFurther != 0 {
			e = table[e.value()+int(d.bits>>first&(1<<e.extra()-1))]
		}
		if n := e.size(); n > 0 && n <= d.nbits {
			d.take(n)
			return e, nil
		} else if n == 0 && d.nbits >= longest {
			return 0, ErrCorrupt
		}
		if d.pos == len(d.src) {
			return 0, errMore
		}
		if err := d.need(d.nbits + 1); err != nil {
			return 0, err
		}
	}
}

// codes decodes symbols: many at a time while there is much to read, then one at a time.
func (d *Decoder) codes() error {
	for d.n < room {
		if len(d.src)-d.pos >= 16 {
			if done, err := d.fast(); done || err != nil {
				return err
			}
			if d.n >= room {
				return nil
			}
		}
		if done, err := d.one(); done || err != nil {
			return err
		}
	}
	return nil
}

// one decodes one symbol, or uses nothing.
func (d *Decoder) one() (endOfBlock bool, err error) {
	bits, nbits, pos := d.bits, d.nbits, d.pos
	defer func() {
		if err == errMore {
			d.bits, d.nbits, d.pos = bits, nbits, pos
		}
	}()
	e, err := d.symbol(d.lit, litBits)
	switch {
	case err != nil:
		return false, err
	case e&isLiteral != 0:
		d.out[d.n] = byte(e.value())
		d.n++
		return false, nil
	case e&isEnd != 0:
		d.step = (*Decoder).block
		return true, nil
	}
	if err := d.need(e.extra()); err != nil {
		return false, err
	}
	length := e.value() + d.take(e.extra())
	if e, err = d.symbol(d.dist, distBits); err != nil {
		return false, err
	}
	if err := d.need(e.extra()); err != nil {
		return false, err
	}
	dist := e.value() + d.take(e.extra())
	if dist > d.n {
		return false, ErrCorrupt
	}
	for range length {
		d.out[d.n] = d.out[d.n-dist]
		d.n++
	}
	return false, nil
}

// fast decodes symbols while sixteen bytes can be looked at and a whole match has room.
//
// Long: its state stays in registers, which a call would end.
func (d *Decoder) fast() (endOfBlock bool, err error) {
	src, pos, bits, nbits, n := d.src, d.pos, d.bits, d.nbits, d.n
	lit, dists, out := (*[litTable]entry)(d.lit), (*[distTable]entry)(d.dist), d.out[:]
	for n < room && pos+16 <= len(src) {
		bits |= binary.LittleEndian.Uint64(src[pos:]) << (nbits & 63)
		pos += int(63-nbits) >> 3
		nbits |= 56
		e := lit[bits&(1<<litBits-1)]
		if e&isLiteral != 0 {
			bits >>= e & 31
			nbits -= uint(e & 31)
			out[n] = byte(e >> 16)
			n++
			if e = lit[bits&(1<<litBits-1)]; e&isLiteral != 0 {
				bits >>= e & 31
				nbits -= uint(e & 31)
				out[n] = byte(e >> 16)
				n++
				continue
			}
		}
		if e&isFurther != 0 {
			e = lit[e.value()+int(bits>>litBits&(1<<e.extra()-1))]
		}
		bits >>= e & 31
		nbits -= uint(e & 31)
		if e&isLiteral != 0 {
			out[n] = byte(e >> 16)
			n++
			continue
		}
		if e&31 == 0 {
			err = ErrCorrupt
			break
		}
		if e&isEnd != 0 {
			d.step, endOfBlock = (*Decoder).block, true
			break
		}
		length := e.value() + int(bits&(1<<e.extra()-1))
		bits >>= e.extra()
		nbits -= e.extra()
		if nbits < longest+13 {
			bits |= binary.LittleEndian.Uint64(src[pos:]) << (nbits & 63)
			pos += int(63-nbits) >> 3
			nbits |= 56
		}
		if e = dists[bits&(1<<distBits-1)]; e&isFurther != 0 {
			e = dists[e.value()+int(bits>>distBits&(1<<e.extra()-1))]
		}
		bits >>= e & 31
		dist := e.value() + int(bits&(1<<e.extra()-1))
		bits >>= e.extra()
		nbits -= uint(e&31) + e.extra()
		if dist > n || e&31 == 0 {
			err = ErrCorrupt
			break
		}
		copyMatch(out, n, dist, length)
		n += length
	}
	d.pos, d.bits, d.nbits, d.n = pos, bits&(1<<nbits-1), nbits, n
	return endOfBlock, err
}

// copyMatch repeats what stands dist bytes before at. It may write up to 15 bytes behind the match.
func copyMatch(out []byte, at, dist, length int) {
	to, from := out[at:at+atMost+16], out[at-dist:at+atMost+16]
	switch {
	case dist >= 16:
		for i := 0; i < length; i += 16 {
			t, f := to[i:i+16], from[i:i+16]
			a, b := binary.LittleEndian.Uint64(f), binary.LittleEndian.Uint64(f[8:])
			binary.LittleEndian.PutUint64(t, a)
			binary.LittleEndian.PutUint64(t[8:], b)
		}
	case dist >= length:
		copy(to[:length], from)
	case dist == 1:
		b := uint64(from[0]) * 0x0101010101010101
		for i := 0; i < length; i += 8 {
			binary.LittleEndian.PutUint64(to[i:], b)
		}
	default:
		for i := range length {
			to[i] = from[i]
		}
	}
}
