package proxy

import (
	"errors"
	"net/http"
	"strings"

	"golang.org/x/net/http/httpguts"

	"bff/internal/proxy/coding"
	"bff/internal/proxy/jsonurl"
)

// The policies of an answer; see doc.go. The last two forbid script to what browsers must not sandbox to show it.
const (
	sandbox = "sandbox allow-downloads; default-src 'none'; style-src 'unsafe-inline'; img-src data:; " +
		"frame-ancestors 'self'"
	pdfPolicy   = "script-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
	mediaPolicy = "default-src 'none'; media-src 'self'; img-src 'self' data:; style-src 'unsafe-inline'; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)

var errNoStatus = errors.New("the upstream answered with no status")

// answered is ReverseProxy's ModifyResponse: hop-by-hop fields are gone, nothing is written yet.
func answered(res *http.Response) error {
	x := exchangeOf(res.Request.Context())
	switch {
	case x.stopped():
		return x.why()
	case res.StatusCode == http.StatusSwitchingProtocols:
		return x.takeSocket(res)
	case res.StatusCode < 200: // 1xx came before; what is left is none of HTTP's
		return errNoStatus
	}
	m, h := x.mount, res.Header
	if m.cfg.Backend {
		return x.answeredByBackend(res)
	}
	if x.conditions().unasked(res) {
		return errUnasked
	}
	x.masks.header(h) // before anything is read from it
	if res.StatusCode == http.StatusUnauthorized || res.StatusCode == http.StatusForbidden {
		if c := challengeOf(res); c != nil {
			x.masks.challenge(c)
			return c
		}
	}
	m.filterBack(h)
	m.rewriting(x.call).header(h)
	m.keepForAsking(h)
	x.conditions().bind(res)
	m.keepApart(h, res.StatusCode)
	m.filterBack(res.Trailer)
	x.trailerNeedsChunks(res)
	return x.takeBody(res)
}

// trailerNeedsChunks takes the length off an answer with a trailer: HTTP/2 has both, HTTP/1 has a trailer behind chunks
// only.
func (x *exchange) trailerNeedsChunks(res *http.Response) {
	if len(res.Trailer) > 0 && x.in.ProtoMajor == 1 &&
		httpguts.HeaderValuesContainsToken(x.in.Header["Te"], "trailers") {
		delete(res.Header, "Content-Length")
	}
}

// takeBody puts the clock, the tripwire and the rewriting of fields around the body of an answer.
func (x *exchange) takeBody(res *http.Response) error {
	m, c := x.mount, coding.Of(res.Header["Content-Encoding"])
	rewrites := m.rewrites(res, c)
	if rewrites {
		forgetBytes(res)
	}
	if res.Body == nil || res.Body == http.NoBody || res.ContentLength == 0 || x.in.Method == http.MethodHead {
		return nil
	}
	x.answer = download{x: x, res: res, body: res.Body}
	if b, ok := res.Body.(interface{ Buffered() int }); ok {
		x.answer.whole = int64(b.Buffered()) == res.ContentLength
	}
	switch {
	case rewrites:
		x.answer.src = jsonurl.NewReader(x.masks.watched(coding.NewReader(c, res.Body)), m.fields,
			m.rewriting(x.call).reference)
	case c == coding.Identity || res.StatusCode == http.StatusPartialContent || x.masks.secrets() == nil:
		x.answer.src = x.masks.watched(res.Body) // a part of what is compressed cannot be decoded
	case c == coding.Opaque:
		_ = res.Body.Close()
		return errCoding
	default:
		x.masks.watch = m.streams.New(x.masks.secrets())
		x.guard = m.guards.New(c, res.Body, &x.masks)
		x.answer.src = x.guard
	}
	res.Body = &x.answer
	return nil
}

var errCoding = errors.New("the upstream answered in a coding that was not offered to it")

// keepForAsking lets the browser keep an answer only to ask about it again: what is fresh would be shown for another
// account, or become a script, without anybody being asked (RFC 9111 section 5.2.2).
func (m *Mount) keepForAsking(h http.Header) {
	value := m.fixed[3:4:4]
	for _, line := range h["Cache-Control"] {
		for _, d := range splitList(line) {
			switch strings.ToLower(d) {
			case "no-store":
				value = []string{"private, no-cache, no-store"}
			}
		}
	}
	h["Cache-Control"] = value
	if len(h["Vary"]) == 0 {
		h["Vary"] = m.fixed[4:5:5]
		return
	}
	var missing []string
	for _, name := range [...]string{"Cookie", "BFF-Connection", "Sec-Fetch-Dest"} {
		if !varies(h, name) {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		h["Vary"] = append(h["Vary"], strings.Join(missing, ", "))
	}
}

// keepApart keeps an answer from speaking for the origin that serves it. A 304 changes the headers of what is stored,
// and does not know its type.
func (m *Mount) keepApart(h http.Header, status int) {
	h["X-Content-Type-Options"] = m.fixed[:1:1]
	h["Cross-Origin-Resource-Policy"] = m.fixed[1:2:2]
	if status == http.StatusNotModified {
		return
	}
	kind, value := contentType(h)
	switch {
	case kind == "text/event-stream":
		h["X-Accel-Buffering"] = []string{"no"} // a front proxy must not wait for more
	case kind == "application/pdf":
		h["Content-Type"], h["Content-Security-Policy"] = []string{kind}, []string{pdfPolicy}
		return
	case strings.HasPrefix(kind, "audio/"), strings.HasPrefix(kind, "video/"):
		h["Content-Type"], h["Content-Security-Policy"] = []string{value}, []string{mediaPolicy}
		return
	}
	h["Content-Security-Policy"] = m.fixed[2:3:3]
}
