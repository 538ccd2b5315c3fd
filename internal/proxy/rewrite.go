package proxy

import (
	"net/http"
	"net/url"
	"strings"
)

// A rewriting maps the upstream's own URLs of one answer to those of the mount.
type rewriting struct {
	to      *Call
	path    string // of the mount
	root    string // its origin, and the path
	origin  string // of the application
	backend bool
}

func (m *Mount) rewriting(to *Call) rewriting {
	return rewriting{to, m.cfg.Path, m.root, m.cfg.Origin, m.cfg.Backend}
}

// header turns the upstream's own URLs in h into the mount's: what a client follows must come back here.
func (w rewriting) header(h http.Header) {
	for _, name := range [...]string{"Location", "Content-Location", "Operation-Location", "Azure-Asyncoperation",
		"X-Goog-Upload-Url", "X-Goog-Upload-Control-Url"} {
		for i, v := range h[name] {
			h[name][i] = w.reference(v)
		}
	}
	for i, v := range h["Link"] {
		h["Link"][i] = w.link(v)
	}
	if !w.backend {
		detour{w.root, w.origin, w.to.rest}.drop(h)
	}
}

// link rewrites the targets of a Link field (RFC 8288 section 3): what stands in <…> outside of quotes.
func (w rewriting) link(v string) string {
	var b strings.Builder
	done, quoted := 0, false
	for i := 0; i < len(v); i++ {
		switch {
		case quoted && v[i] == '\\':
			i++
		case v[i] == '"':
			quoted = !quoted
		case v[i] == '<' && !quoted:
			end := strings.IndexByte(v[i:], '>')
			if end < 0 {
				return b.String() + v[done:]
			}
			b.WriteString(v[done : i+1])
			b.WriteString(w.reference(v[i+1 : i+end]))
			i += end
			done = i
		}
	}
	if done == 0 {
		return v
	}
	return b.String() + v[done:]
}

// reference maps one reference of an answer:
//
//	https://upstream/base/x?q     https://app/api/name/x?q     an absolute URL below one of the mount's bases
//	/base/x?q                     /api/name/x?q                an absolute path below one
//	/other                        https://upstream/other       one that is not: on this origin it would mean something else
//	x, ?q, ../x                   as they are                  where they stay below the base they come from; else as the upstream meant them
//	https://elsewhere/            as it is
//
// What is kept is kept byte for byte.
func (w rewriting) reference(ref string) string {
	u, err := url.Parse(ref)
	if err != nil || u.Opaque != "" || u.User != nil || ref == "" || ref[0] == '#' || strings.HasPrefix(ref,
		"//") && u.Host == "" {
		return ref
	}
	for i := 0; i < len(ref); i++ {
		if ref[i] <= ' ' || ref[i] == '\\' || ref[i] >= 0x7f { // browsers and this parser read these differently
			return ref
		}
	}
	switch {
	case u.Scheme != "":
		return w.absolute(ref, u)
	case strings.HasPrefix(ref, "//"):
		if u, err = url.Parse(w.to.base.scheme + ":" + ref); err != nil {
			return ref
		}
		return w.absolute(w.to.base.scheme+":"+ref, u)
	case ref[0] == '/':
		if i, rest := w.to.below(w.to.base.scheme, w.to.base.host, ref); i != nil {
			return w.path + i.prefix + rest
		}
		if w.backend { // it knows where it stands
			return ref
		}
		return w.to.base.scheme + "://" + w.to.base.host + ref
	}
	return w.relative(ref, u)
}

// absolute cuts ref, whose parse is u, behind its authority.
func (w rewriting) absolute(ref string, u *url.URL) string {
	start := strings.Index(ref, "://")
	if start < 0 || u.Scheme != "http" && u.Scheme != "https" {
		return ref
	}
	rest := ref[start+3:]
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	if !strings.EqualFold(rest[:end], u.Host) { // two readings of where the host ends
		return ref
	}
	if b, tail := w.to.below(u.Scheme, u.Host, rest[end:]); b != nil {
		return w.root + b.prefix + tail
	}
	return ref
}

// relative leaves ref alone where a client that resolves it against the mount gets where the upstream meant.
func (w rewriting) relative(ref string, u *url.URL) string {
	at, err := url.Parse(w.to.base.scheme + "://" + w.to.base.host + w.to.base.path + w.to.rest)
	if err != nil {
		return ref
	}
	target := at.ResolveReference(u)
	tail, ok := strings.CutPrefix(target.EscapedPath(), w.to.base.path)
	if ok && (tail == "" || tail[0] == '/') {
		return ref
	}
	return w.absolute(target.String(), target)
}

// below finds the base a URL of that host is in, and what follows it. The longest base wins. A path that could leave
// its base is in none.
func (c *Call) below(scheme, host, tail string) (*base, string) {
	path := tail
	if i := strings.IndexAny(path, "?#"); i >= 0 {
		path = path[:i]
	}
	var best *base
	for i := range c.bases {
		b := &c.bases[i]
		if !sameHost(b, scheme, host) || best != nil && len(best.path) >= len(b.path) {
			continue
		}
		if rest, ok := strings.CutPrefix(path, b.path); ok && (rest == "" || rest[0] == '/') && walk(rest,
			func(segment) {}) == nil {
			best = b
		}
	}
	if best == nil {
		return nil, ""
	}
	return best, tail[len(best.path):]
}

// sameHost reports whether a URL is one of b's server. What its scheme is does not matter: a server behind a front
// proxy of its own often writes http where it is reached by https. The ports must agree, or both be their scheme's own.
func sameHost(b *base, scheme, host string) bool {
	name, port := splitPort(scheme, host)
	ours, ourPort := splitPort(b.scheme, b.host)
	return strings.EqualFold(name, ours) && port == ourPort
}

// splitPort takes the port off a host. The scheme's own port is "".
func splitPort(scheme, host string) (name, port string) {
	i := strings.LastIndexByte(host, ':')
	if i < 0 || strings.HasSuffix(host, "]") {
		return host, ""
	}
	name, port = host[:i], host[i+1:]
	if scheme == "http" && port == "80" || scheme == "https" && port == "443" {
		port = ""
	}
	return name, port
}
