package proxy

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
)

// reduceEncodings leaves of Accept-Encoding what decode can undo.
func reduceEncodings(h http.Header) {
	accepted := strings.ToLower(strings.Join(h["Accept-Encoding"], ","))
	if accepted == "" {
		return
	}
	for _, e := range strings.Split(accepted, ",") {
		name, q, _ := strings.Cut(e, ";")
		q = strings.ReplaceAll(q, " ", "")
		if name = strings.TrimSpace(name); (name == "gzip" || name == "*") && q != "q=0" && !strings.HasPrefix(q,
			"q=0.000") {
			h["Accept-Encoding"] = []string{"gzip"}
			return
		}
	}
	h["Accept-Encoding"] = []string{"identity"}
}

// rewrites says whether an answer's body has fields to rewrite. Part of a document has not, nor has one in a coding
// that cannot be undone.
func (m *Mount) rewrites(res *http.Response) bool {
	return len(m.fields) > 0 && res.StatusCode != http.StatusPartialContent &&
		isJSON(res.Header.Get("Content-Type")) && codingOf(res.Header) != ""
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
	for _, name := range [...]string{"Content-Encoding", "Content-Length", "Content-Md5", "Digest", "Content-Digest",
		"Repr-Digest"} {
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
