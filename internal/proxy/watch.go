package proxy

import (
	"io"
	"net/http"

	"bff/internal/proxy/tripwire"
)

// secrets is what must not come back with the answer to x.
func (x *exchange) secrets() *tripwire.Set {
	if !x.known {
		x.set, x.known = tripwire.New(append(x.cred.Secrets(), x.by.Secrets...)...), true
	}
	return x.set
}

// watched puts the tripwire into src. A call has one stream back.
func (x *exchange) watched(src io.Reader) io.Reader {
	set := x.secrets()
	if set == nil {
		return src
	}
	x.watch = x.mount.streams.New(set)
	return tripwire.NewReader(src, x.watch, func() { x.tripped("body") })
}

// maskHeader masks secrets in the values of h. A name cannot hold one: it would have to be a token of 64 characters
// at most, and is then dropped by its shape.
func (x *exchange) maskHeader(h http.Header) {
	set := x.secrets()
	if set == nil {
		return
	}
	for _, values := range h {
		for i, v := range values {
			if masked, hit := set.MaskString(v); hit {
				values[i] = masked
				x.tripped("header")
			}
		}
	}
}

// maskChallenge masks secrets in what bff itself repeats of a refusal.
func (x *exchange) maskChallenge(c *ScopeChallenge) {
	set := x.secrets()
	if set.Mask(c.Body) {
		x.tripped("refusal")
	}
}

// tripped logs and counts, once for a call.
func (x *exchange) tripped(where string) {
	if x.reported {
		return
	}
	x.reported = true
	x.mount.cfg.Log.Warn("upstream echoed a secret; it was masked", "api", x.mount.cfg.Name, "where", where)
	if x.mount.cfg.OnTrip != nil {
		x.mount.cfg.OnTrip(x.mount.cfg.Name)
	}
}
