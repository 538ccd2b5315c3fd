package jsonurl

import (
	"encoding/json"
	"io"
	"strconv"
)

const (
	deepest    = 64       // levels that are followed; below, nothing is rewritten
	longestKey = 256      // bytes of an escaped name that are compared
	longestURL = 16 << 10 // bytes of an escaped value that are looked at
)

// A Reader passes JSON on byte for byte, but for the strings of some fields. It reads no more than it must: what
// cannot be part of such a string goes on at once. What is not JSON passes as it is.
type Reader struct {
	src     io.Reader
	fields  []Field
	rewrite func(string) string

	buf []byte // read, not looked at
	out []byte // looked at, not given
	end error

	stack  [deepest]level
	depth  int
	inside where
	text   []byte // of the string that is being kept
	keep   bool   // the string is a name, or a value of a configured field
	escape bool
	over   bool // too deep, or no JSON: everything passes
}

type level struct {
	array bool
	name  string
	value bool // a name was read and the colon is behind us, or it is an array
}

type where uint8

const (
	between where = iota
	inString
)

// NewReader returns a Reader of src in which rewrite is applied to the strings of fields. What rewrite changes must
// be printable ASCII without quotes.
func NewReader(src io.Reader, fields []Field, rewrite func(string) string) *Reader {
	return &Reader{src: src, fields: fields, rewrite: rewrite}
}

// Read implements io.Reader.
func (f *Reader) Read(p []byte) (int, error) {
	for len(f.out) == 0 {
		if f.end != nil {
			return 0, f.end
		}
		if f.buf == nil {
			f.buf = make([]byte, 8<<10)
		}
		n, err := f.src.Read(f.buf)
		f.out = f.out[:0]
		f.feed(f.buf[:n])
		if f.end = err; err != nil {
			f.out = append(f.out, f.text...) // an unfinished string
			f.text = nil
		}
		if n == 0 && err == nil {
			return 0, nil
		}
	}
	n := copy(p, f.out)
	f.out = f.out[n:]
	return n, nil
}

func (f *Reader) feed(b []byte) {
	for len(b) > 0 {
		if f.over {
			f.out = append(f.out, b...)
			return
		}
		if f.inside == inString {
			b = f.feedString(b)
			continue
		}
		c := b[0]
		b = b[1:]
		if c == '"' {
			f.inside, f.escape = inString, false
			if f.keep = f.isName() || f.isField(); f.keep {
				f.text = append(f.text[:0], c)
				continue
			}
		}
		f.out = append(f.out, c)
		f.structure(c)
	}
}

// structure follows what brackets, commas and colons say of where we are.
func (f *Reader) structure(c byte) {
	switch c {
	case '{', '[':
		if f.depth == deepest {
			f.over = true
			return
		}
		f.stack[f.depth] = level{array: c == '[', value: c == '['}
		f.depth++
	case '}', ']':
		if f.depth == 0 || f.stack[f.depth-1].array != (c == ']') { // no JSON
			f.over = true
			return
		}
		f.depth--
	case ':':
		if f.depth > 0 {
			f.stack[f.depth-1].value = true
		}
	case ',':
		if f.depth > 0 {
			top := &f.stack[f.depth-1]
			top.value = top.array
			top.name = ""
		}
	}
}

// isName says whether a string that begins here is a member's name.
func (f *Reader) isName() bool { return f.depth > 0 && !f.stack[f.depth-1].value }

// isField says whether a string that begins here is the value of a configured field.
func (f *Reader) isField() bool {
	for _, path := range f.fields {
		if len(path) != f.depth {
			continue
		}
		same := true
		for i, s := range path {
			l := &f.stack[i]
			same = same && l.array == s.array && (l.array || l.name == s.name)
		}
		if same {
			return true
		}
	}
	return false
}

// feedString takes a string up to its end, and returns what follows it.
func (f *Reader) feedString(b []byte) []byte {
	for i, c := range b {
		switch {
		case f.escape:
			f.escape = false
		case c == '\\':
			f.escape = true
		case c == '"':
			f.take(b[:i+1])
			f.endString()
			return b[i+1:]
		}
	}
	f.take(b)
	return nil
}

// take keeps a piece of a string, or lets it go.
func (f *Reader) take(b []byte) {
	if !f.keep {
		f.out = append(f.out, b...)
		return
	}
	f.text = append(f.text, b...)
	limit := longestURL
	if f.isName() {
		limit = longestKey
	}
	if len(f.text) > limit {
		f.out = append(f.out, f.text...)
		f.text, f.keep = f.text[:0], false
	}
}

func (f *Reader) endString() {
	f.inside = between
	if !f.keep {
		return
	}
	f.keep = false
	var s string
	if err := json.Unmarshal(f.text, &s); err == nil {
		if f.isName() {
			f.stack[f.depth-1].name = s
		} else if u := f.rewrite(s); u != s {
			f.text = strconv.AppendQuote(f.text[:0], u) // a URL that was rewritten is printable ASCII
		}
	}
	f.out = append(f.out, f.text...)
	f.text = f.text[:0]
}
