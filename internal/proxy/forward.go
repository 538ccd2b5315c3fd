package proxy

import (
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http/httpguts"
)

// forward carries a call that asks for no upgrade: the outbound request, the answer's header, its body as it comes.
// What goes wrong before anything is written is x.err.
func (x *exchange) forward() {
	res, err := carrier{x.mount}.RoundTrip(x.outbound())
	x.hinting.Lock()
	x.hinted = true
	x.hinting.Unlock()
	if x.body.src != nil {
		defer x.body.close() // nothing reads the client's body once the handler has returned
	}
	if err == nil {
		withoutHop(res.Header)
		if err = answered(res); err != nil {
			_ = res.Body.Close()
		}
	}
	if err != nil {
		x.err = x.meaning(err)
		return
	}
	h := x.w.Header()
	for name, values := range res.Header {
		if before := h[name]; len(before) > 0 {
			values = append(slices.Clip(before), values...)
		}
		h[name] = values
	}
	announced := len(res.Trailer)
	if announced > 0 {
		names := make([]string, 0, announced)
		for name := range res.Trailer {
			names = append(names, name)
		}
		h["Trailer"] = append(h["Trailer"], strings.Join(names, ", "))
	}
	x.WriteHeader(res.StatusCode)
	if err := x.passBody(res); err != nil {
		_ = res.Body.Close()
		panic(http.ErrAbortHandler)
	}
	_ = res.Body.Close() // now the trailer's values are there
	x.passTrailer(res.Trailer, announced)
}

// outbound makes the outbound request. Values of fields are shared with the inbound one, and are never written to.
func (x *exchange) outbound() *http.Request {
	in, m := x.in, x.mount
	ctx := context.Context(x)
	if !m.hints {
		x.trace.Got1xxResponse = x.Hint
		ctx = httptrace.WithClientTrace(x, &x.trace)
	}
	out := (&http.Request{Method: in.Method, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{},
		ContentLength: in.ContentLength, TransferEncoding: in.TransferEncoding, RemoteAddr: in.RemoteAddr,
		RequestURI: in.RequestURI}).WithContext(ctx)
	named := connectionNames(in.Header)
	for name, values := range in.Header {
		if m.leaves(name) && !isForwarding(name) && !slices.Contains(named, name) {
			out.Header[name] = values
		}
	}
	if httpguts.HeaderValuesContainsToken(in.Header["Te"], "trailers") {
		out.Header["Te"] = []string{"trailers"}
	}
	if m.cfg.Backend {
		m.cookiesOut(out.Header)
	}
	if x.body.src != nil {
		out.Body = x.body.last
	}
	m.address(x, out)
	if _, ok := out.Header["User-Agent"]; !ok {
		out.Header["User-Agent"] = nil // or net/http would write its own
	}
	return out
}

// isForwarding are the fields that only bff itself writes, whatever an operator lets pass.
func isForwarding(name string) bool {
	switch name {
	case "Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto":
		return true
	}
	return false
}

// connectionNames are the fields that end here because Connection names them (RFC 9110 section 7.6.1).
func connectionNames(h http.Header) []string {
	var names []string
	for _, line := range h["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			if name = textproto.TrimString(name); name != "" && name != "keep-alive" && name != "close" {
				names = append(names, http.CanonicalHeaderKey(name))
			}
		}
	}
	return names
}

// withoutHop takes out of an answer what Connection names. What is of this hop by its own name is filtered with the
// rest.
func withoutHop(h http.Header) {
	for _, name := range connectionNames(h) {
		delete(h, name)
	}
}

// Hint passes on an informational answer. It is called by what reads from the upstream.
func (x *exchange) Hint(status int, header textproto.MIMEHeader) error {
	x.hinting.Lock()
	defer x.hinting.Unlock()
	if x.hinted { // the header map is the final answer's by now
		return nil
	}
	h := x.w.Header()
	if x.before == nil {
		x.before = h.Clone()
	}
	for name, values := range header {
		h[name] = append(h[name], values...)
	}
	x.WriteHeader(status)
	clear(h)
	return nil
}

// passBody copies the body. What has no length is an answer that grows: every piece goes out at once. Of others a piece
// waits for a few milliseconds, and the header with it.
func (x *exchange) passBody(res *http.Response) error {
	pool := x.mount.large
	switch {
	case x.sparse:
		pool = x.mount.small
	case res.ContentLength > 32<<10:
		pool = x.mount.huge
	}
	buf := pool.take()
	if buf == nil {
		pool = x.mount.large
		buf = pool.take()
	}
	defer pool.give(buf)
	kind, _, _ := strings.Cut(strings.ToLower(strings.Join(res.Header["Content-Type"], ",")), ";")
	out := &x.out
	out.x, out.atOnce = x, res.ContentLength < 0 || strings.TrimSpace(kind) == "text/event-stream"
	if res.ContentLength != 0 && x.in.Method != http.MethodHead && !x.answer.whole { // the header does not wait for the body
		out.pending = true
		out.timer = time.AfterFunc(flushWithin, out.flush)
		defer out.stop()
	}
	for {
		n, err := res.Body.Read(*buf)
		if n > 0 {
			if werr := out.write((*buf)[:n]); werr != nil {
				return werr
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

const flushWithin = 5 * time.Millisecond

// A flusher writes to the client, and flushes at once or soon.
type flusher struct {
	x      *exchange
	atOnce bool

	mu      sync.Mutex // guards what follows, and the client's side
	timer   *time.Timer
	pending bool
}

func (f *flusher) write(p []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, err := f.x.Write(p)
	switch {
	case f.atOnce:
		f.pending = false
		_ = http.NewResponseController(f.x.w).Flush()
	case !f.pending && f.timer != nil:
		f.pending = true
		f.timer.Reset(flushWithin)
	}
	return err
}

func (f *flusher) flush() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pending {
		f.pending = false
		_ = http.NewResponseController(f.x.w).Flush()
	}
}

func (f *flusher) stop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pending = false
	f.timer.Stop()
}

// passTrailer gives the client the trailer, which is known at the body's end only.
func (x *exchange) passTrailer(trailer http.Header, announced int) {
	if len(trailer) == 0 {
		return
	}
	_ = http.NewResponseController(x.w).Flush() // or net/http would count the bytes of a short body and write a length
	prefix := ""
	if len(trailer) != announced {
		prefix = http.TrailerPrefix
	}
	h := x.w.Header()
	for name, values := range trailer {
		h[prefix+name] = append(h[prefix+name], values...)
	}
}

// address says where an outbound request goes, and writes the fields that are the mount's own.
func (m *Mount) address(x *exchange, out *http.Request) {
	b, in := x.call.base, x.in.URL
	escaped := b.path + x.call.rest
	path := escaped
	if strings.Contains(escaped, "%") {
		path, _ = url.PathUnescape(escaped) // the reading has seen that it can be
	}
	query, forced := withoutConnection(in.RawQuery, in.ForceQuery)
	x.url = url.URL{Scheme: b.scheme, Host: b.host, Path: path, RawPath: escaped, RawQuery: query, ForceQuery: forced}
	out.URL = &x.url
	out.Host = b.host
	m.setFields(x, out.Header)
	x.body.sent = nil
	if len(x.in.Trailer) > 0 {
		x.body.sent = http.Header{}
		for name := range x.in.Trailer {
			if m.leaves(name) {
				x.body.sent[name] = nil
			}
		}
	}
	out.Trailer = x.body.sent
	if out.Body != nil {
		out.GetBody = x.body.resend
	}
}
