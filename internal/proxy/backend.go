package proxy

import (
	"net"
	"net/http"
	"strings"
)

// A backend is an upstream of the operator's own, trusted with its origin: its documents, scripts and policies pass,
// and so do its cookies, both ways. What does not pass are bff's own cookies, BFF-*, a client's Authorization, and
// the fields by which a request would speak of who is asking.

// outwardToBackend is the filter of requests to a backend. It hears of the page that calls, and checks that
// itself.
func outwardToBackend() *filter {
	f := outward()
	f.never = func(folded string) bool { return folded != "cookie" && (hop(folded) || ours(folded)) }
	odd := f.odd
	f.odd = families{except: func(folded string) bool {
		switch folded {
		case "cookie", "origin", "referer", "dnt", "upgrade-insecure-requests", "purpose", "x-nextjs-data",
			"x-middleware-prefetch", "x-middleware-preflight":
			return true
		}
		return !odd.has(folded) || hasPrefix(folded, "sec-fetch-", "sec-ch-", "sec-purpose", "sec-gpc",
			"access-control-request-")
	}, inside: []string{""}}
	return f
}

// inwardFromBackend is the filter of a backend's answers.
func inwardFromBackend() *filter {
	return &filter{usual: usualBack, known: new(verdicts), never: func(folded string) bool {
		switch folded {
		case "cookie", "authorization", "clear-site-data", "alt-svc":
			return true
		}
		return hop(folded) || hasPrefix(folded, "bff-", "access-control-")
	}, odd: family(`x-accel-* x-sendfile* x-lighttpd-* x-litespeed-* x-reproxy-* sec-websocket-*`,
		func(folded string) bool { return folded == "x-accel-buffering" })}
}

// OwnCookies returns what Config.OwnCookie is where the session's cookie has that name: the cookie itself and those
// that begin with its name and a hyphen, with any prefix that browsers know.
func OwnCookies(session string) func(name string) bool {
	base := func(name string) string {
		name = strings.ToLower(name)
		return strings.TrimPrefix(strings.TrimPrefix(name, "__host-"), "__secure-")
	}
	own := base(session)
	return func(name string) bool {
		name = base(name)
		return name == own || strings.HasPrefix(name, own+"-")
	}
}

// isOwn reports whether a cookie is bff's.
func (m *Mount) isOwn(name string) bool { return m.cfg.OwnCookie == nil || m.cfg.OwnCookie(name) }

// cookiesOut leaves of the browser's cookies those that are not bff's. It splits like the loosest reader: a quote ends
// nothing.
func (m *Mount) cookiesOut(h http.Header) {
	lines := h["Cookie"]
	if len(lines) == 0 {
		return
	}
	var kept []string
	for _, line := range lines {
		for pair := range strings.FieldsFuncSeq(line, func(c rune) bool { return c == ';' || c == ',' }) {
			pair = strings.TrimSpace(pair)
			name, _, _ := strings.Cut(pair, "=")
			if name = strings.Trim(name, " \t\""); name != "" && !m.isOwn(name) {
				kept = append(kept, pair)
			}
		}
	}
	if delete(h, "Cookie"); len(kept) > 0 {
		h["Cookie"] = []string{strings.Join(kept, "; ")}
	}
}

// cookiesBack drops the cookies that a backend sets in bff's name. One without a name would come back as
// whatever its value says, and is dropped too.
func (m *Mount) cookiesBack(h http.Header) {
	lines := h["Set-Cookie"]
	if len(lines) == 0 {
		return
	}
	var kept []string
	for _, line := range lines {
		pair, _, _ := strings.Cut(line, ";")
		name, _, found := strings.Cut(pair, "=")
		if name = strings.Trim(name, " \t\""); found && name != "" && !m.isOwn(name) {
			kept = append(kept, line)
		}
	}
	if delete(h, "Set-Cookie"); len(kept) > 0 {
		h["Set-Cookie"] = kept
	}
}

// forwardedFor says to a backend where the browser is, and which address it called.
func (m *Mount) forwardedFor(x *exchange, h http.Header) {
	front := x.by.Front
	if front == "" {
		front = m.root
	}
	scheme, rest, _ := strings.Cut(front, "://") // both were checked when they were configured
	host, _, _ := strings.Cut(rest, "/")
	h["X-Forwarded-Host"], h["X-Forwarded-Proto"] = []string{host}, []string{scheme}
	from := x.by.Address
	if from == "" {
		from, _, _ = net.SplitHostPort(x.in.RemoteAddr)
	}
	if from != "" {
		h["X-Forwarded-For"] = []string{from}
	}
}

// answeredByBackend is answered for a backend.
func (x *exchange) answeredByBackend(res *http.Response) error {
	h := res.Header
	x.masks.header(h)
	x.mount.filterBack(h)
	x.mount.rewriting(x.call).header(h)
	keepFromOthers(res, len(x.w.Header()["Set-Cookie"]) > 0)
	x.mount.filterBack(res.Trailer)
	x.trailerNeedsChunks(res)
	return x.takeBody(res)
}

// keepFromOthers keeps shared caches from serving one person's answer to another. A backend is asked with an Authorization
// field, which alone keeps what it answers out of them (RFC 9111 section 3.5), and the browser's request has none: so its
// answer becomes private, unless the backend says that everybody may have it. What a backend tells apart by
// Authorization, caches here tell apart by Cookie. cookie says that the answer carries one of bff's own.
func keepFromOthers(res *http.Response, cookie bool) {
	h := res.Header
	everybody, alone := false, false
	for _, line := range h["Cache-Control"] {
		for _, d := range splitList(line) {
			name, of, _ := strings.Cut(d, "=")
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "public", "s-maxage":
				everybody = true
			case "private", "no-store":
				alone = alone || of == "" // private="X" keeps that field alone out of shared caches
			}
		}
	}
	silent := len(h["Cache-Control"]) == 0 && len(h["Expires"]) == 0
	asserted := len(res.Request.Header["Authorization"]) > 0
	switch {
	case cookie:
		h["Cache-Control"] = []string{"no-store"}
	case silent, asserted && !everybody:
		if !alone {
			h["Cache-Control"] = append(h["Cache-Control"], "private")
		}
	case varies(h, "Authorization"):
	default:
		return
	}
	if !varies(h, "Cookie") {
		h["Vary"] = append(h["Vary"], "Cookie")
	}
}
