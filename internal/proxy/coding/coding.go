package coding

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"strings"

	"github.com/andybalholm/brotli"
)

// A Coding is what a body is in.
type Coding string

// The codings. Identity is also what no browser decodes: it shows such a body as it came.
const (
	Identity Coding = ""
	Gzip     Coding = "gzip"
	Deflate  Coding = "deflate"
	Brotli   Coding = "br"
	Opaque   Coding = "?" // a browser decodes it and this package cannot
)

// Of returns what the lines of a Content-Encoding field say.
func Of(lines []string) Coding {
	if len(lines) == 0 {
		return Identity
	}
	found := Identity
	for name := range strings.SplitSeq(strings.ToLower(strings.Join(lines, ",")), ",") {
		c := Identity
		switch strings.TrimSpace(name) {
		case "gzip", "x-gzip":
			c = Gzip
		case "deflate":
			c = Deflate
		case "br":
			c = Brotli
		case "zstd", "dcb", "dcz", "compress", "x-compress", "sdch", "exi":
			c = Opaque
		}
		if c != Identity && found != Identity {
			return Opaque // one in the other
		}
		if c != Identity {
			found = c
		}
	}
	return found
}

// Offer returns what of a client's Accept-Encoding lines is passed on: what can be decoded, with the client's weights.
// Without lines it returns none.
func Offer(lines []string) []string {
	if len(lines) == 0 {
		return nil
	}
	all := strings.Join(lines, ",")
	switch all { // what programs and browsers send most
	case "gzip", "gzip, deflate", "gzip, deflate, br":
		return lines
	case "gzip, deflate, br, zstd":
		return []string{"gzip, deflate, br"}
	}
	var kept []string
	whole := true
	for item := range strings.SplitSeq(all, ",") {
		name, weight, _ := strings.Cut(item, ";")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "gzip", "x-gzip", "deflate", "br", "identity":
			kept = append(kept, strings.TrimSpace(item))
		case "*":
			whole = false
			if !refused(weight) {
				kept = append(kept, "gzip")
			}
		case "":
		default:
			whole = false
		}
	}
	switch {
	case whole:
		return lines
	case len(kept) == 0:
		return []string{"identity"}
	}
	return []string{strings.Join(kept, ", ")}
}

// refused reports whether a weight is zero.
func refused(weight string) bool {
	w := strings.ReplaceAll(weight, " ", "")
	return w == "q=0" || strings.HasPrefix(w, "q=0.") && strings.Trim(w[4:], "0") == ""
}

// NewReader returns the plain bytes of a body. It reads nothing before its first Read. An Opaque body is read as it is.
func NewReader(c Coding, body io.Reader) io.Reader {
	if c == Identity || c == Opaque {
		return body
	}
	return &lazy{coding: c, body: body}
}

type lazy struct {
	coding Coding
	body   io.Reader
	plain  io.Reader
}

func (l *lazy) Read(p []byte) (int, error) {
	if l.plain == nil {
		var err error
		if l.plain, err = open(l.coding, bufio.NewReader(l.body)); err != nil {
			return 0, err
		}
	}
	return l.plain.Read(p)
}

// A source is what the decoders read from without taking more than they need.
type source interface {
	flate.Reader
	Peek(n int) ([]byte, error)
}

// open begins to decode. It is io.EOF where there is no byte at all.
func open(c Coding, in source) (io.Reader, error) {
	first, err := in.Peek(2)
	if len(first) == 0 {
		return nil, err
	}
	switch {
	case c == Gzip:
		return gzip.NewReader(in)
	case c == Brotli:
		return brotli.NewReader(in), nil
	case len(first) == 2 && first[0]&15 == 8 && (int(first[0])<<8|int(first[1]))%31 == 0:
		return zlib.NewReader(in)
	}
	return flate.NewReader(in), nil // what some servers take "deflate" for, and browsers accept
}
