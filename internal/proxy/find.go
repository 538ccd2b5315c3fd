package proxy

import (
	"net"
	"net/http"
	"strings"
)

// Serves says whether r is for this mount, by its host and the escaped path.
func (m *Mount) Serves(r *http.Request) bool {
	if m.cfg.Host != "" && !m.isHost(r.Host) {
		return false
	}
	target := r.RequestURI
	if target == "" {
		target = r.URL.RequestURI()
	}
	rest, ok := strings.CutPrefix(target, m.cfg.Path)
	if m.cfg.Path == "" && m.cfg.Host == "" && isBFFs(r, target) {
		return false
	}
	return ok && (rest == "" || rest[0] == '/' || rest[0] == '?')
}

// isBFFs reports whether a target is below /bff to any reader.
func isBFFs(r *http.Request, target string) bool {
	for _, path := range [...]string{target, r.URL.Path} {
		if rest, ok := strings.CutPrefix(path, "/bff"); ok && (rest == "" || strings.IndexByte("/?;", rest[0]) >= 0) {
			return true
		}
	}
	return false
}

func (m *Mount) isHost(host string) bool {
	if _, _, err := net.SplitHostPort(m.cfg.Host); err != nil { // without a port, any
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
	}
	return strings.EqualFold(host, m.cfg.Host)
}

// Find reads the path of a request this mount serves: ErrBadPath when it has more than one reading, ErrNotAllowed
// when it is not on the list.
func (m *Mount) Find(r *http.Request) (*Call, error) {
	path, query, err := splitTarget(r)
	if err != nil {
		return nil, err
	}
	below, ok := strings.CutPrefix(path, m.cfg.Path)
	if !ok {
		return nil, ErrNotAllowed
	}
	var few [16]segment
	segments, err := readPath(below, few[:0])
	if err != nil {
		return nil, err
	}
	by, err := m.allows(r.Method, segments)
	if err != nil {
		return nil, err
	}
	if !m.cfg.Backend && (overridesMethod(r.Method, query) || becomesCode(r.Header)) ||
		m.cfg.Backend && by.method != "" && overridesMethod(r.Method, query) {
		return nil, ErrNotAllowed
	}
	b := m.baseOf(segments)
	for range b.segments { // the same segments, as they were spelled
		below = below[1+len(segments[0].raw):]
		segments = segments[1:]
	}
	return &Call{base: b, bases: m.bases, rest: below, pattern: by.source}, nil
}

// becomesCode says whether a browser asks for something it would run or style the page with.
func becomesCode(h http.Header) bool {
	switch h.Get("Sec-Fetch-Dest") {
	case "script", "style", "worker", "sharedworker", "serviceworker", "audioworklet", "paintworklet", "xslt",
		"object", "embed":
		return true
	}
	return h.Get("Service-Worker") != ""
}
