package tripwire

import (
	"io"
	"sync"
)

// A Stream watches one direction of one connection. It is used by one goroutine at a time.
type Stream struct {
	home *Streams
	set  *Set
	past []byte // the last longest-1 bytes, as they came
	held []byte // the last of them that did not go out yet, masked
	join []byte // past and the beginning of what follows
	out  []byte // held bytes and what follows

	spans   []span
	escapes escapes
}

// Streams are streams that nobody uses: their buffers are used again. The zero value is ready. It is safe for
// concurrent use.
type Streams struct{ pool sync.Pool }

// New begins a stream that watches for what is in s, nil when s is.
func (p *Streams) New(s *Set) *Stream {
	if s == nil {
		return nil
	}
	t, _ := p.pool.Get().(*Stream)
	if t == nil {
		t = new(Stream)
	}
	t.home, t.set, t.escapes.clean = p, s, s.longest
	return t
}

// Close forgets everything that the stream has seen. The stream must not be used afterwards. Closing nil does nothing.
func (t *Stream) Close() {
	if t == nil {
		return
	}
	e := &t.escapes
	for _, b := range [...][]byte{t.past, t.held, t.join, t.out, e.past, e.held, e.work, e.plain} {
		clear(b[:cap(b)])
	}
	home := t.home
	*t = Stream{past: t.past[:0], held: t.held[:0], join: t.join[:0], out: t.out[:0], spans: t.spans[:0],
		escapes: escapes{past: e.past[:0], held: e.held[:0], work: e.work[:0], plain: e.plain[:0], spans: e.spans[:0]}}
	home.pool.Put(t)
}

// Pass takes the stream's next bytes and returns what may go out, most often b itself, valid until the next call.
// What may be the beginning of a secret waits for more; last says that nothing follows. It writes to b. hit reports
// whether a secret was overwritten, or is going to be.
func (t *Stream) Pass(b []byte, last bool) (out []byte, hit bool) {
	out, hit = t.passPlain(b, last)
	out, escaped := t.escapes.pass(t.set, out, last)
	return out, hit || escaped
}

// Holds reports whether the stream holds back what may be the beginning of a secret.
func (t *Stream) Holds() bool { return len(t.held) > 0 || len(t.escapes.held) > 0 }

// passPlain is Pass for what stands in the stream without escapes.
func (t *Stream) passPlain(b []byte, last bool) (out []byte, hit bool) {
	t.spans = t.spans[:0]
	t.across(b)
	t.set.find(b, func(start, end int) { t.spans = append(t.spans, span{start, end}) })
	if !last {
		// before anything is overwritten: a needle may begin in another one
		t.past = remember(t.past, b, t.set.longest-1)
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
		if n := min(t.set.unfinished(t.past), len(out)); n > 0 {
			t.held = append(t.held, out[len(out)-n:]...)
			out = out[:len(out)-n]
		}
	}
	return out, len(t.spans) > 0
}

// across finds the needles that began in what is past and end in b: their spans begin before b does.
func (t *Stream) across(b []byte) {
	past := len(t.past)
	if past == 0 || len(b) == 0 {
		return
	}
	t.join = append(append(t.join[:0], t.past...), b[:min(len(b), t.set.longest-1)]...)
	t.set.find(t.join, func(start, end int) {
		if start < past && end > past {
			t.spans = append(t.spans, span{start - past, end - past})
		}
	})
}

// A Reader reads from another one and masks what its Stream finds.
type Reader struct {
	src     io.Reader
	stream  *Stream
	by      Hearer
	pending []byte // went through the stream and did not fit
	end     error
}

// A Hearer learns of each chunk of a body in which a secret was found.
type Hearer interface{ Tripped() }

// Reset makes r a Reader of src from its beginning. The stream remains the caller's.
func (r *Reader) Reset(src io.Reader, stream *Stream, by Hearer) {
	*r = Reader{src: src, stream: stream, by: by}
}

// Read reads at most once from the source where that gives anything that may go out. It may use all of p as scratch
// space.
func (r *Reader) Read(p []byte) (int, error) {
	for len(r.pending) == 0 {
		if r.end != nil {
			return 0, r.end
		}
		n, err := r.src.Read(p)
		r.end = err
		out, hit := r.stream.Pass(p[:n], err != nil)
		if hit {
			r.by.Tripped()
		}
		if len(out) > 0 && n > 0 && &out[0] == &p[0] {
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
