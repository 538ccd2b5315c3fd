package proxy

import (
	"net/http"
	"net/url"
	"strings"
)

// rewriteHeader turns the upstream's own URLs in h into the mount's: what a client follows must come back here.
func (m *Mount) rewriteHeader(h http.Header, c *Call) {
	for _, name := range [...]string{"Location", "Content-Location", "Operation-Location", "Azure-Asyncoperation",
		"X-Goog-Upload-Url", "X-Goog-Upload-Control-Url"} {
		for i, v := range h[name] {
			h[name][i] = m.rewriteURL(v, c)
		}
	}
	for i, v := range h["Link"] {
		h["Link"][i] = m.rewriteLink(v, c)
	}
}

// rewriteLink rewrites the targets of a Link field (RFC 8288 section 3): what stands in <…> outside of quotes.
func (m *Mount) rewriteLink(v string, c *Call) string {
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
			b.WriteString(m.rewriteURL(v[i+1:i+end], c))
			i += end
			done = i
		}
	}
	if done == 0 {
		return v
	}
	return b.String() + v[done:]
}

// rewriteURL maps one reference of an answer to c:
//
//	https://upstream/base/x?q     https://app/api/name/x?q     an absolute URL below one of the mount's bases
//	/base/x?q                     /api/name/x?q                an absolute path below one
//	/other                        https://upstream/other       one that is not: on this origin it would mean something else
//	x, ?q, ../x                   as they are                  where they stay below the base they come from; else as the upstream meant them
//	https://elsewhere/            as it is
//
// What is kept is kept byte for byte.
func (m *Mount) rewriteURL(ref string, c *Call) string {
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
		return m.rewriteAbsolute(ref, u, c)
	case strings.HasPrefix(ref, "//"):
		if u, err = url.Parse(c.base.scheme + ":" + ref); err != nil {
			return ref
		}
		return m.rewriteAbsolute(c.base.scheme+":"+ref, u, c)
	case ref[0] == '/':
		if i, rest := c.below(c.base.scheme, c.base.host, ref); i != nil {
			return m.cfg.Path + i.prefix + rest
		}
		if m.cfg.Backend { // it knows where it stands
			return ref
		}
		return c.base.scheme + "://" + c.base.host + ref
	}
	return m.rewriteRelative(ref, u, c)
}

// rewriteAbsolute cuts ref, whose parse is u, behind its authority.
func (m *Mount) rewriteAbsolute(ref string, u *url.URL, c *Call) string {
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
	if b, tail := c.below(u.Scheme, u.Host, rest[end:]); b != nil {
		return m.root + b.prefix + tail
	}
	return ref
}

// rewriteRelative leaves ref alone where a client that resolves it against the mount gets where the upstream meant.
func (m *Mount) rewriteRelative(ref string, u *url.URL, c *Call) string {
	at, err := url.Parse(c.base.scheme + "://" + c.base.host + c.base.path + c.rest)
	if err != nil {
		return ref
	}
	target := at.ResolveReference(u)
	tail, ok := strings.CutPrefix(target.EscapedPath(), c.base.path)
	if ok && (tail == "" || tail[0] == '/') {
		return ref
	}
	return m.rewriteAbsolute(target.String(), target, c)
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
