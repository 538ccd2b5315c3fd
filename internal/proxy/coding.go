package proxy

import (
	"net/http"
	"strings"

	"bff/internal/proxy/coding"
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
func (m *Mount) rewrites(res *http.Response, c coding.Coding) bool {
	if len(m.fields) == 0 || res.StatusCode == http.StatusPartialContent || c != coding.Identity && c != coding.Gzip {
		return false
	}
	if names := strings.Join(res.Header["Content-Encoding"], ","); c == coding.Identity && names != "" &&
		!strings.EqualFold(names, "identity") {
		return false
	}
	kind, _ := contentType(res.Header)
	return isJSON(kind)
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
