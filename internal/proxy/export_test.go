package proxy

import "net/http"

// What the fuzz targets look at directly: the parsers a stranger's bytes reach.

// Target is where a call leads.
func (c *Call) Target() string { return c.base.scheme + "://" + c.base.host + c.base.path + c.rest }

// FilterOut is the filter of request headers.
func (m *Mount) FilterOut(h http.Header, socket bool) { m.filterOut(h, socket) }

// FilterBack is the filter of answers' headers and trailers.
func (m *Mount) FilterBack(h http.Header) { m.filterBack(h) }

// RewriteURL and RewriteLink rewrite what an upstream answered to a call.
func (m *Mount) RewriteURL(ref string, c *Call) string { return m.rewriteURL(ref, c) }
func (m *Mount) RewriteLink(v string, c *Call) string  { return m.rewriteLink(v, c) }

// Wire is a tripwire of its own, fed chunk by chunk.
type Wire struct{ t *tripwire }

// NewWire watches for secrets.
func NewWire(sparse bool, secrets ...string) *Wire {
	t := new(wires).watchFor(secrets)
	t.sparse = sparse
	return &Wire{t}
}

// Pass returns a copy of what goes out.
func (w *Wire) Pass(b []byte, last bool) ([]byte, bool) {
	out, tripped := w.t.pass(append([]byte(nil), b...), last)
	return append([]byte(nil), out...), tripped
}

// Close hands the tripwire back to the pool, as a call does.
func (w *Wire) Close() { w.t.release() }

// RewriteJSON is the reader that rewrites fields.
func (m *Mount) RewriteJSON(r interface{ Read([]byte) (int, error) }, c *Call) interface{ Read([]byte) (int, error) } {
	return &fieldReader{src: r, mount: m, call: c}
}
