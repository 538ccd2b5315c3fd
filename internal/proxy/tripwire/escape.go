package tripwire

import (
	"bytes"
	"strings"
)

// escapes is the second look of a Stream: for secrets in which characters stand as escapes. It sees what the first
// look let out.
type escapes struct {
	past  []byte // the last unescaped bytes of what went out
	clean int    // how many of them, from the end, came without escapes
	held  []byte // what did not go out yet, as it came
	work  []byte // held and what follows
	plain []byte // past and work, unescaped
	spans []span // of held, to be overwritten when it goes out
}

// pass takes what may go out and returns what still may.
func (e *escapes) pass(set *Set, b []byte, last bool) (out []byte, hit bool) {
	work, skip, past := b, 0, e.past
	if len(e.held) > 0 {
		e.work = append(append(e.work[:0], e.held...), b...)
		work = e.work
	} else if e.clean >= set.longest-1 {
		at := firstEscape(b)
		if tail := max(0, len(b)-3*headSize); at == len(b) && bytes.IndexByte(b[tail:], '%') >= 0 {
			at = tail // of what goes out as it came, a needle may go on with escapes that are looked for
		}
		if at == len(b) {
			// Of the bytes that go out fewer than headSize can be the beginning of a needle: the first look holds
			// more back.
			e.past = remember(e.past, b, headSize)
			return b, false
		}
		if skip = max(0, at-(set.longest-1)); skip > 0 {
			past = nil
		}
	}
	from := len(past)
	plain, used := unescape(append(e.plain[:0], past...), work[skip:], last)
	e.plain = plain
	raw := func(i int) int { return skip + rawIndex(work[skip:], max(0, i-from)) }
	set.find(plain, func(start, end int) {
		if end > from {
			hit = true
			e.spans = append(e.spans, span{raw(start), raw(end)})
		}
	})
	cut := skip + used
	if u := set.unfinished(plain); u > 0 && !last {
		cut = raw(len(plain) - u)
		plain = plain[:max(from, len(plain)-u)]
	}
	e.note(plain, work[skip:cut], set.longest-1)
	return e.release(work, cut), hit
}

// note remembers what goes out: the unescaped bytes with those before them, and what they were.
func (e *escapes) note(plain, raw []byte, keep int) {
	tail := raw[max(0, len(raw)-keep):]
	switch {
	case firstEscape(tail) < len(tail):
		e.clean = 0
	case len(raw) < keep:
		e.clean += len(raw)
	default:
		e.clean = keep
	}
	e.past = append(e.past[:0], plain[max(0, len(plain)-keep):]...)
}

// release overwrites what was found in the first cut bytes of work, and keeps the others.
func (e *escapes) release(work []byte, cut int) []byte {
	kept := e.spans[:0]
	for _, s := range e.spans {
		if s.start < cut {
			stars(work[s.start:min(s.end, cut)])
		}
		if s.end > cut {
			kept = append(kept, span{max(0, s.start-cut), s.end - cut})
		}
	}
	e.spans, e.held = kept, append(e.held[:0], work[cut:]...)
	return work[:cut]
}

// firstEscape returns where the first escape of a printable character begins, or may begin at the end of b; len(b)
// without one. Percent escapes count where they stand for a character that needs none: the first look knows the others.
func firstEscape(b []byte) int {
	return min(firstAfter(b, '\\', escapesPrintable), firstAfter(b, '&', beginsReference), firstAfter(b, '%', escapesPlain))
}

func firstAfter(b []byte, intro byte, is func(rest []byte) bool) int {
	for at := 0; ; at++ {
		i := bytes.IndexByte(b[at:], intro)
		if i < 0 {
			return len(b)
		}
		if at += i; is(b[at+1:]) {
			return at
		}
	}
}

// escapesPrintable reports whether a backslash before rest may begin an escape of a printable ASCII character.
func escapesPrintable(rest []byte) bool {
	if len(rest) == 0 {
		return true
	}
	switch rest[0] {
	case 'x', '/', '\\':
		return true
	case 'u':
		for i, want := range [...]string{"0", "0", "234567"} {
			if len(rest) <= i+1 || i == 0 && rest[1] == '{' {
				return true
			}
			if strings.IndexByte(want, rest[i+1]) < 0 {
				return false
			}
		}
		return true
	}
	return false
}

// escapesPlain reports whether a percent sign before rest may begin an escape that no encoder of URLs needs: of a letter,
// a digit, "-", "_", ".", "~", or of another percent sign. A secret in which only others are escaped is a form of its
// own.
func escapesPlain(rest []byte) bool {
	if len(rest) < 2 {
		return len(rest) == 0 || hexDigit(rest[0]) >= 0
	}
	high, low := hexDigit(rest[0]), hexDigit(rest[1])
	if high < 2 || high > 7 || low < 0 {
		return false
	}
	c := byte(high<<4 | low)
	return isLetter(c) || '0' <= c && c <= '9' || strings.IndexByte("-_.~%", c) >= 0
}

// beginsReference reports whether an ampersand before rest may begin a character reference.
func beginsReference(rest []byte) bool {
	if len(rest) == 0 || rest[0] == '#' {
		return true
	}
	for i, c := range rest {
		switch {
		case c == ';':
			return i > 0
		case i == longestName:
			return false
		case !isLetter(c):
			return legacyName(rest[:i]) != 0
		}
	}
	return true // cut off
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
