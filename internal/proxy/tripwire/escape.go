package tripwire

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
		at := set.firstEscape(b)
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
	e.note(set, plain, work[skip:cut])
	return e.release(work, cut), hit
}

// note remembers what goes out: the unescaped bytes with those before them, and what they were.
func (e *escapes) note(set *Set, plain, raw []byte) {
	keep := set.longest - 1
	tail := raw[max(0, len(raw)-keep):]
	switch {
	case set.firstEscape(tail) < len(tail):
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
