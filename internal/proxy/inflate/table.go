package inflate

import "math/bits"

// An entry of a table says what a code means:
//
//	bits  0 to 4    the length of the code; of what is in a further table, all of it
//	bits  8 to 12   how many extra bits follow; or the size of the further table, in bits
//	bits 13 to 15   what it is
//	bits 16 to 31   the literal, the base, or where the further table begins
//
// The zero entry is no code.
type entry uint32

const (
	isLiteral entry = 1 << 13
	isEnd     entry = 1 << 14
	isFurther entry = 1 << 15
)

const (
	litBits    = 10 // of the first table
	distBits   = 8
	longest    = 15 // code
	mostLits   = 286
	mostDists  = 30
	preBits    = 7
	litTable   = 1334 // entries that suffice for 286 codes of at most 15 bits behind a first table of 10
	distTable  = 402  // and for 30 behind one of 8
	preTable   = 1 << preBits
	lengthsMax = mostLits + 2 + mostDists + 2
)

func (e entry) size() uint  { return uint(e & 31) }
func (e entry) extra() uint { return uint(e >> 8 & 31) }
func (e entry) value() int  { return int(e >> 16) }

// litEntry is what a literal/length code means (RFC 1951 section 3.2.5).
func litEntry(symbol int) entry {
	switch {
	case symbol < 256:
		return isLiteral | entry(symbol)<<16
	case symbol == 256:
		return isEnd
	case symbol < 265:
		return entry(symbol-254) << 16
	case symbol < 285:
		extra := uint(symbol-261) / 4
		return entry(extra)<<8 | entry((4+(symbol-265)%4)<<extra+3)<<16
	case symbol == 285:
		return entry(258) << 16
	}
	return 0
}

func distEntry(symbol int) entry {
	switch {
	case symbol < 4:
		return entry(symbol+1) << 16
	case symbol < mostDists:
		extra := uint(symbol-2) / 2
		return entry(extra)<<8 | entry((2+symbol%2)<<extra+1)<<16
	}
	return 0
}

func preEntry(symbol int) entry { return entry(symbol)<<16 | isLiteral }

// build fills a table with the codes of these lengths. It reports whether they are a code: complete, or one code alone,
// or none, as compress/flate takes them.
func build(table []entry, first uint, lengths []uint8, means func(int) entry) bool {
	var count, place [longest + 1]int
	for _, n := range lengths {
		count[n]++
	}
	most, codes := uint(0), 0
	count[0] = 0
	for n := uint(1); n <= longest; n++ {
		place[n] = place[n-1] + count[n-1]
		if codes <<= 1; count[n] > 0 {
			most = n
		}
		codes += count[n]
	}
	clear(table)
	if codes != 0 && codes != 1<<longest && (most != 1 || count[1] != 1) {
		return false
	}
	var sorted [lengthsMax]uint16 // symbols by the length of their codes
	for symbol, n := range lengths {
		if n > 0 {
			sorted[place[n]] = uint16(symbol)
			place[n]++
		}
	}
	code, free, at := uint(0), 1<<first, 0
	for n := uint(1); n <= most; n++ {
		code <<= 1
		for ; count[n] > 0; count[n]-- {
			e := means(int(sorted[at]))
			if e != 0 {
				e |= entry(n)
			}
			free = put(table, first, uint(bits.Reverse16(uint16(code)))>>(16-n), n, e, free, &count)
			code, at = code+1, at+1
		}
	}
	return true
}

// put writes what a code of n bits means wherever it is looked up, and returns where a further table may begin. left
// are how many codes of each length are not in the table yet.
func put(table []entry, first, code, n uint, e entry, free int, left *[longest + 1]int) int {
	if n <= first {
		for i := code; i < 1<<first; i += 1 << n {
			table[i] = e
		}
		return free
	}
	pointer := &table[code&(1<<first-1)]
	if *pointer == 0 { // as many bits as the codes need that begin like this one
		size := n - first
		for room := 1<<size - left[n]; room > 0 && first+size < longest; size++ {
			room = room<<1 - left[first+size+1]
		}
		*pointer = isFurther | entry(size)<<8 | entry(first) | entry(free)<<16
		free += 1 << size
	}
	for i := code >> first; i < 1<<pointer.extra(); i += 1 << (n - first) {
		table[pointer.value()+int(i)] = e
	}
	return free
}
