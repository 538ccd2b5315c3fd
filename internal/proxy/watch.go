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

// masks keeps the credential of a call, and finds it in what comes back.
type masks struct {
	mount    *Mount
	cred     Credential    // of the caller, or the one that Renew gave
	more     []secret.Text // that must not come back either
	set      *tripwire.Set // of all of them; nil: nothing, or not known yet
	known    bool          // set is known
	watch    *tripwire.Stream
	reader   tripwire.Reader // of the body, through watch
	reported bool            // OnTrip was called
}

// renew replaces the credential. The one before must not come back either.
func (k *masks) renew(fresh Credential) {
	k.more = append(slices.Clone(k.cred.Secrets()), k.more...)
	k.cred = fresh
	k.end()
}

// end gives the tripwire back: the secrets changed, or nothing will come any more.
func (k *masks) end() {
	k.watch.Close()
	k.watch, k.set, k.known = nil, nil, false
}

// secrets is what must not come back with the answer.
func (k *masks) secrets() *tripwire.Set {
	if !k.known {
		var few [6]secret.Text
		all := few[:0]
		if t, ok := k.cred.(token); ok {
			all = append(all, t.value)
		} else {
			all = append(all, k.cred.Secrets()...)
		}
		k.set, k.known = k.mount.sets.Get(append(all, k.more...)...), true
	}
	return k.set
}

// watched puts the tripwire into src. A call has one stream back.
func (k *masks) watched(src io.Reader) io.Reader {
	set := k.secrets()
	if set == nil {
		return src
	}
	k.watch = k.mount.streams.New(set)
	k.reader.Reset(src, k.watch, k)
	return &k.reader
}

// Tripped implements tripwire.Hearer.
func (k *masks) Tripped() { k.tripped("body") }

// header masks secrets in the values of h. A name cannot hold one: it would have to be a token of 64 characters
// at most, and is then dropped by its shape.
func (k *masks) header(h http.Header) {
	set := k.secrets()
	if set == nil {
		return
	}
	for _, values := range h {
		for i, v := range values {
			if masked, hit := set.MaskString(v); hit {
				values[i] = masked
				k.tripped("header")
			}
		}
	}
}

// challenge masks secrets in what bff itself repeats of a refusal. Header fields were masked as they came; here
// it is what was read from them.
func (k *masks) challenge(c *ScopeChallenge) {
	set := k.secrets()
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
		k.tripped("refusal")
	}
}

// Look implements coding.Watcher: a secret in what is compressed cannot be masked, so the answer breaks off.
func (k *masks) Look(plain []byte) (settled bool, err error) {
	if _, hit := k.watch.Pass(plain, false); hit {
		k.tripped("compressed body")
		return false, errEchoed
	}
	return !k.watch.Holds(), nil
}

// Pass implements coding.Watcher.
func (k *masks) Pass(b []byte, last bool) []byte {
	out, hit := k.watch.Pass(b, last)
	if hit {
		k.tripped("body")
	}
	return out
}

var errEchoed = errors.New("the upstream echoed a secret in a compressed body")

// tripped logs and counts, once for a call.
func (k *masks) tripped(where string) {
	if k.reported {
		return
	}
	k.reported = true
	k.mount.cfg.Log.Warn("upstream echoed a secret; it was kept from the browser", "api", k.mount.cfg.Name, "where",
		where)
	if k.mount.cfg.OnTrip != nil {
		k.mount.cfg.OnTrip(k.mount.cfg.Name)
	}
}
