package proxy

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// A fieldPath is a configured JSON field: names, and "*" for any element of an array.
type fieldPath []step

type step struct {
	name  string
	array bool // any element
}

// parseField reads "$.paging.next", `$["@odata.nextLink"]`, "$.items[*].link": what RFC 9535 calls a singular query, with wildcards for elements.
func parseField(s string) (fieldPath, error) {
	usage := fmt.Errorf("write the field as %s or %s", "$.paging.next", `$["@odata.nextLink"]`)
	rest, ok := strings.CutPrefix(s, "$")
	if !ok || rest == "" {
		return nil, usage
	}
	var path fieldPath
	for rest != "" {
		switch {
		case strings.HasPrefix(rest, "[*]"):
			path, rest = append(path, step{array: true}), rest[3:]
		case strings.HasPrefix(rest, "['"), strings.HasPrefix(rest, `["`):
			end := strings.Index(rest[2:], rest[1:2]+"]")
			if end < 0 {
				return nil, usage
			}
			path, rest = append(path, step{name: rest[2 : 2+end]}), rest[2+end+2:]
		case rest[0] == '.':
			end := strings.IndexAny(rest[1:], ".[")
			if end < 0 {
				end = len(rest) - 1
			}
			if end == 0 {
				return nil, usage
			}
			path, rest = append(path, step{name: rest[1 : 1+end]}), rest[1+end:]
		default:
			return nil, usage
		}
	}
	if len(path) > 32 {
		return nil, errors.New("a field lies at most 32 levels deep")
	}
	return path, nil
}

// reduceEncodings leaves of Accept-Encoding what decode can undo.
func reduceEncodings(h http.Header) {
	accepted := strings.ToLower(strings.Join(h["Accept-Encoding"], ","))
	if accepted == "" {
		return
	}
	for _, e := range strings.Split(accepted, ",") {
		name, q, _ := strings.Cut(e, ";")
		q = strings.ReplaceAll(q, " ", "")
		if name = strings.TrimSpace(name); (name == "gzip" || name == "*") && q != "q=0" && !strings.HasPrefix(q, "q=0.000") {
			h["Accept-Encoding"] = []string{"gzip"}
			return
		}
	}
	h["Accept-Encoding"] = []string{"identity"}
}

// rewrites says whether an answer's body has fields to rewrite. Part of a document has not, nor has one in a coding that cannot be undone.
func (m *Mount) rewrites(res *http.Response) bool {
	return len(m.fields) > 0 && res.StatusCode != http.StatusPartialContent && isJSON(res.Header.Get("Content-Type")) && codingOf(res.Header) != ""
}

// codingOf is "gzip", "identity", or nothing for what is neither.
func codingOf(h http.Header) string {
	switch c := strings.ToLower(strings.Join(h["Content-Encoding"], ",")); c {
	case "", "identity":
		return "identity"
	case "gzip", "x-gzip":
		return "gzip"
	}
	return ""
}

// decoded is the body of an answer that rewrites says yes to.
func decoded(body io.Reader, coding string) io.Reader {
	if coding == "gzip" {
		return &gunzip{src: body}
	}
	return body
}

// forgetBytes makes the header fit bytes that will be others.
func forgetBytes(res *http.Response) {
	for _, name := range [...]string{"Content-Encoding", "Content-Length", "Content-Md5", "Digest", "Content-Digest", "Repr-Digest"} {
		delete(res.Header, name)
	}
	res.Header["Accept-Ranges"] = []string{"none"}
	if res.ContentLength > 0 {
		res.ContentLength = -1
	}
}

// gunzip starts to decode at the first Read: the header of the answer need not wait for the body.
type gunzip struct {
	src io.Reader
	z   *gzip.Reader
}

func (g *gunzip) Read(p []byte) (int, error) {
	if g.z == nil {
		z, err := gzip.NewReader(g.src)
		if err != nil {
			return 0, err
		}
		g.z = z
	}
	return g.z.Read(p)
}

const (
	deepest    = 64       // levels that are followed; below, nothing is rewritten
	longestKey = 256      // bytes of an escaped name that are compared
	longestURL = 16 << 10 // bytes of an escaped value that are looked at
)

// A fieldReader passes JSON on byte for byte, but for the strings of the configured fields that hold one of the mount's own absolute URLs. It reads no
// more than it must: what cannot be part of such a string goes on at once. What is not JSON passes as it is.
type fieldReader struct {
	src   io.Reader
	mount *Mount
	call  *Call

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

func (f *fieldReader) Read(p []byte) (int, error) {
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

func (f *fieldReader) feed(b []byte) {
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
func (f *fieldReader) structure(c byte) {
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
func (f *fieldReader) isName() bool { return f.depth > 0 && !f.stack[f.depth-1].value }

// isField says whether a string that begins here is the value of a configured field.
func (f *fieldReader) isField() bool {
	for _, path := range f.mount.fields {
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
func (f *fieldReader) feedString(b []byte) []byte {
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
func (f *fieldReader) take(b []byte) {
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

func (f *fieldReader) endString() {
	f.inside = between
	if !f.keep {
		return
	}
	f.keep = false
	var s string
	if err := json.Unmarshal(f.text, &s); err == nil {
		if f.isName() {
			f.stack[f.depth-1].name = s
		} else if u := f.mount.rewriteURL(s, f.call); u != s {
			f.text = strconv.AppendQuote(f.text[:0], u) // a URL that was rewritten is printable ASCII
		}
	}
	f.out = append(f.out, f.text...)
	f.text = f.text[:0]
}
