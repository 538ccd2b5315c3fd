package proxy

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// longestField is the longest field name that passes.
const longestField = 64

// fold brings a field name to the one spelling in which names are compared: lower case, one "-" for any run of "-", "_"
// and ".", none in front. Servers behind CGI, WSGI and the like read "X_Forwarded_User" and "X.Forwarded.User" as
// X-Forwarded-User. A name of another shape, or with one of them at its end, has no spelling and does not pass.
func fold(name string) (string, bool) {
	if len(name) == 0 || len(name) > longestField {
		return "", false
	}
	var buf [longestField]byte
	n, ok := foldInto(&buf, name)
	return string(buf[:n]), ok
}

// foldInto is fold into a buffer.
func foldInto(buf *[longestField]byte, name string) (n int, ok bool) {
	if len(name) > longestField {
		return 0, false
	}
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			buf[n] = c
		case 'A' <= c && c <= 'Z':
			buf[n] = c | 0x20
		case c == '_', c == '.', c == '-':
			if n == 0 || buf[n-1] == '-' {
				continue
			}
			buf[n] = '-'
		default:
			return 0, false
		}
		n++
	}
	return n, n > 0 && buf[n-1] != '-'
}

// A filter says which fields pass in one direction.
type filter struct {
	usual func(name string) bool   // in its canonical spelling: passes always
	never func(folded string) bool // not even where the operator names it
	odd   families                 // does not pass where the operator names no fields
	// folded; what the operator names: these alone besides the usual. nil: all but odd ones
	only  []string
	known *verdicts
}

// passes reports whether a field passes.
func (f *filter) passes(name string) bool {
	if f.usual(name) {
		return true
	}
	if pass, ok := f.known.get(name); ok {
		return pass
	}
	pass := f.decide(name)
	f.known.put(name, pass)
	return pass
}

func (f *filter) decide(name string) bool {
	folded, ok := fold(name)
	switch {
	case !ok || f.never(folded):
		return false
	case f.usual(http.CanonicalHeaderKey(folded)): // a usual one in disguise: an upstream must not see two
		return false
	case f.only != nil:
		return slices.Contains(f.only, folded)
	}
	return !f.odd.has(folded)
}

// setOnly takes the names that the operator lists.
func (f *filter) setOnly(field string, names []string, fail func(string, error)) {
	if names == nil {
		return
	}
	f.only = []string{}
	for i, name := range names {
		folded, ok := fold(name)
		switch {
		case !ok:
			fail(fmt.Sprintf("%s[%d]", field, i), errFieldName)
		case f.never(folded):
			fail(fmt.Sprintf("%s[%d]", field, i), fmt.Errorf("%s never passes: remove it", name))
		}
		f.only = append(f.only, folded)
	}
}

// outward is the filter of requests.
func outward() *filter {
	return &filter{usual: usualOut, odd: oddOut(), known: new(verdicts), never: func(folded string) bool {
		return hop(folded) || ours(folded)
	}}
}

// inward is the filter of answers.
func inward() *filter {
	return &filter{usual: usualBack, odd: oddBack(), known: new(verdicts), never: func(folded string) bool {
		return hop(folded) || speaksForTheOrigin(folded)
	}}
}

func usualOut(name string) bool {
	switch name {
	case "Accept", "Accept-Encoding", "Accept-Language", "Cache-Control", "Content-Encoding", "Content-Language",
		"Content-Length", "Content-Range", "Content-Type", "If-Match", "If-Modified-Since", "If-None-Match", "If-Range",
		"If-Unmodified-Since", "Last-Event-Id", "Pragma", "Range", "User-Agent":
		return true
	}
	return false
}

func usualBack(name string) bool {
	switch name {
	case "Cache-Control", "Content-Encoding", "Content-Language", "Content-Length", "Content-Range", "Content-Type",
		"Date", "Etag", "Last-Modified", "Link", "Location", "Retry-After", "Server", "Vary", "Accept-Ranges",
		"Content-Disposition":
		return true
	}
	return false
}

// hop are the fields that end here. What an upgrade and trailers need is put back in its plain spelling by
// ReverseProxy: see filterOut.
func hop(folded string) bool {
	switch folded {
	case "connection", "upgrade", "te", "keep-alive", "transfer-encoding", "trailer", "trailers", "http2-settings",
		"max-forwards", "via", "early-data", "alt-used", "proxy":
		return true
	}
	return strings.HasPrefix(folded, "proxy-")
}

// ours speaks to bff, or would speak in its place.
func ours(folded string) bool {
	switch folded {
	case "cookie", "cookie2", "authorization", "host", "x-csrf", "bff", "x-authorization", "x-http-authorization",
		"http-authorization":
		return true
	}
	return strings.HasPrefix(folded, "bff-")
}

// speaksForTheOrigin are the fields by which an answer rules more than itself.
func speaksForTheOrigin(folded string) bool {
	switch folded {
	case "cookie", "authorization", "clear-site-data", "strict-transport-security", "expect-ct", "alt-svc", "report-to",
		"reporting-endpoints", "nel", "origin-agent-cluster", "origin-trial", "refresh", "x-content-type-options",
		"cross-origin-resource-policy", "content-security-policy", "content-security-policy-report-only":
		return true
	}
	return hasPrefix(folded, "set-cookie", "access-control-", "bff-", "public-key-pins", "service-worker-")
}

// isSocketField are the fields a WebSocket handshake needs (RFC 6455 section 11.3). Extensions are not negotiated: one
// that compresses would hide what an upstream says.
func isSocketField(name string) bool {
	switch name {
	case "Sec-Websocket-Key", "Sec-Websocket-Version", "Sec-Websocket-Protocol", "Sec-Websocket-Accept", "Connection",
		"Upgrade":
		return true
	}
	return false
}

// filterOut takes out of h what must not leave. ReverseProxy has already taken out what Connection names.
func (m *Mount) filterOut(h http.Header, socket bool) {
	for name := range h {
		// Te is what ReverseProxy put back: "trailers".
		if m.leaves(name) || socket && isSocketField(name) || name == "Te" {
			continue
		}
		delete(h, name)
	}
	if m.cfg.Backend {
		m.cookiesOut(h)
	}
}

// leaves reports whether a request's field goes to the upstream.
func (m *Mount) leaves(name string) bool {
	if !m.out.passes(name) {
		return false
	}
	if len(m.own) == 0 {
		return true
	}
	var folded [longestField]byte
	n, _ := foldInto(&folded, name)
	return !m.own[string(folded[:n])]
}

// filterBack takes out of h what must not come back.
func (m *Mount) filterBack(h http.Header) {
	for name := range h {
		if !m.back.passes(name) {
			delete(h, name)
		}
	}
	if m.cfg.Backend {
		m.cookiesBack(h)
		return
	}
	if challenges := h["Www-Authenticate"]; len(challenges) > 0 {
		withoutPrompts(h, challenges)
	}
}

var errFieldName = errors.New("a field name of letters, digits and hyphens is needed")
