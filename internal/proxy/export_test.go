package proxy

import (
	"net/http"
	"time"

	"bff/internal/proxy/jsonurl"
	"bff/internal/proxy/tripwire"
	"bff/internal/secret"
)

// What the fuzz targets look at directly: the parsers a stranger's bytes reach.

// Target is where a call leads.
func (c *Call) Target() string { return c.base.scheme + "://" + c.base.host + c.base.path + c.rest }

// FilterOut is the filter of request headers.
func (m *Mount) FilterOut(h http.Header, socket bool) { m.filterOut(h, socket) }

// FilterBack is the filter of answers' headers and trailers.
func (m *Mount) FilterBack(h http.Header) { m.filterBack(h) }

// RewriteURL and RewriteLink rewrite what an upstream answered to a call.
func (m *Mount) RewriteURL(ref string, c *Call) string { return m.rewriting(c).reference(ref) }
func (m *Mount) RewriteLink(v string, c *Call) string  { return m.rewriting(c).link(v) }

// RewriteJSON is the reader that rewrites fields.
func (m *Mount) RewriteJSON(r interface{ Read([]byte) (int, error) }, c *Call) interface{ Read([]byte) (int, error) } {
	return jsonurl.NewReader(r, m.fields, m.rewriting(c).reference)
}

// Pause is how long a call waits before it is made again, without a word of the upstream.
func (r *Retry) Pause(status, n int) (time.Duration, bool) {
	return r.pause(&http.Request{Method: "GET"}, &http.Response{StatusCode: status}, n)
}

// MaskChallenge masks secrets in what was read of a refusal.
func MaskChallenge(c *ScopeChallenge, secrets ...secret.Text) {
	(&masks{set: tripwire.New(secrets...), known: true, reported: true}).challenge(c)
}

// Huge is how many long bodies have a buffer of 128 KiB now.
func (m *Mount) Huge() int { return int(m.huge.out.Load()) }
