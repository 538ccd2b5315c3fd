package proxy

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"

	"bff/internal/proxy/tripwire"
	"bff/internal/secret"
)

// secrets is what must not come back with the answer to x.
func (x *exchange) secrets() *tripwire.Set {
	if !x.known {
		var few [6]secret.Text
		all := few[:0]
		if t, ok := x.cred.(token); ok {
			all = append(all, t.value)
		} else {
			all = append(all, x.cred.Secrets()...)
		}
		x.set, x.known = x.mount.sets.Get(append(all, x.by.Secrets...)...), true
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

// maskChallenge masks secrets in what bff itself repeats of a refusal. Header fields were masked as they came; here
// it is what was read from them.
func (x *exchange) maskChallenge(c *ScopeChallenge) {
	set := x.secrets()
	hit := set.Mask(c.Body)
	c.Scopes = slices.DeleteFunc(c.Scopes, func(s string) bool {
		hit = hit || set.In(s)
		return set.In(s) || strings.Contains(s, "**")
	})
	for _, v := range [...]*string{&c.ACRValues, &c.MaxAge, &c.ContentType} {
		masked, found := set.MaskString(*v)
		*v, hit = masked, hit || found
	}
	if hit {
		x.tripped("refusal")
	}
}

// Look implements coding.Watcher: a secret in what is compressed cannot be masked, so the answer breaks off.
func (x *exchange) Look(plain []byte) (settled bool, err error) {
	if _, hit := x.watch.Pass(plain, false); hit {
		x.tripped("compressed body")
		return false, errEchoed
	}
	return !x.watch.Holds(), nil
}

// Pass implements coding.Watcher.
func (x *exchange) Pass(b []byte, last bool) []byte {
	out, hit := x.watch.Pass(b, last)
	if hit {
		x.tripped("body")
	}
	return out
}

var errEchoed = errors.New("the upstream echoed a secret in a compressed body")

// tripped logs and counts, once for a call.
func (x *exchange) tripped(where string) {
	if x.reported {
		return
	}
	x.reported = true
	x.mount.cfg.Log.Warn("upstream echoed a secret; it was kept from the browser", "api", x.mount.cfg.Name, "where",
		where)
	if x.mount.cfg.OnTrip != nil {
		x.mount.cfg.OnTrip(x.mount.cfg.Name)
	}
}
