package proxy

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"golang.org/x/net/http/httpguts"

	"bff/internal/proxy/jsonurl"
)

// sandbox makes a document of an answer powerless; see doc.go.
const sandbox = "sandbox allow-downloads; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"

var errNoStatus = errors.New("the upstream answered with no status")

// answered is ReverseProxy's ModifyResponse: hop-by-hop fields are gone, nothing is written yet.
func answered(res *http.Response) error {
	x := exchangeOf(res.Request.Context())
	switch {
	case x.stopped():
		return context.Cause(x)
	case res.StatusCode == http.StatusSwitchingProtocols:
		return x.takeSocket(res)
	case res.StatusCode < 200: // 1xx came before; what is left is none of HTTP's
		return errNoStatus
	}
	m := x.mount
	if res.StatusCode == http.StatusUnauthorized || res.StatusCode == http.StatusForbidden {
		if c := challengeOf(res); c != nil {
			x.maskChallenge(c)
			return c
		}
	}
	h := res.Header
	m.filterBack(h)
	x.maskHeader(h)
	m.rewriteHeader(h, x.call)
	coding, rewrites := codingOf(h), m.rewrites(res)
	if rewrites {
		forgetBytes(res)
	}
	keepPrivate(h)
	m.keepApart(h, res.StatusCode)
	m.filterBack(res.Trailer)
	if len(res.Trailer) > 0 && x.in.ProtoMajor == 1 && httpguts.HeaderValuesContainsToken(x.in.Header["Te"],
		"trailers") {
		delete(h, "Content-Length") // HTTP/2 has both, HTTP/1 has a trailer behind chunks only
	}
	if res.Body == nil || res.Body == http.NoBody || res.ContentLength == 0 {
		return nil
	}
	x.answer = download{x: x, res: res, body: res.Body}
	if rewrites {
		x.answer.src = jsonurl.NewReader(x.watched(decoded(res.Body, coding)), m.fields,
			func(s string) string { return m.rewriteURL(s, x.call) })
	} else {
		x.answer.src = x.watched(res.Body) // compressed bytes too: what says it is compressed may not be
	}
	res.Body = &x.answer
	return nil
}

// filterBack takes out of h what must not come back.
func (m *Mount) filterBack(h http.Header) {
	for name := range h {
		if !returns(name) {
			delete(h, name)
		}
	}
	if challenges := h["Www-Authenticate"]; len(challenges) > 0 {
		withoutPrompts(h, challenges)
	}
}

// withoutPrompts drops the challenges for which a browser would ask the person for a password, in the name of this
// origin.
func withoutPrompts(h http.Header, challenges []string) {
	kept := challenges[:0:0]
	for _, line := range challenges {
		prompts := false
		for _, c := range parseChallenges(line) {
			switch c.scheme {
			case "basic", "digest", "ntlm", "negotiate":
				prompts = true
			}
		}
		if !prompts {
			kept = append(kept, line)
		}
	}
	if h["Www-Authenticate"] = kept; len(kept) == 0 {
		delete(h, "Www-Authenticate")
	}
}

// keepPrivate keeps an answer out of shared caches, and tells the others that it depends on the cookie (RFC 9111
// section 5.2.2).
func keepPrivate(h http.Header) {
	lines := h["Cache-Control"]
	if len(lines) == 1 && (lines[0] == "private" || lines[0] == "no-store") {
		addVary(h)
		return
	}
	var kept []string
	private := false
	for _, line := range lines {
		for _, d := range splitList(line) {
			name, _, _ := strings.Cut(d, "=")
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "public", "s-maxage", "proxy-revalidate", "must-understand":
				continue
			case "private":
				if d != name { // private="field" leaves the rest of the answer to shared caches
					continue
				}
				private = true
			case "no-store":
				private = true
			}
			kept = append(kept, d)
		}
	}
	if !private {
		kept = append(kept, "private")
	}
	h["Cache-Control"] = []string{strings.Join(kept, ", ")}
	addVary(h)
}

func addVary(h http.Header) {
	for _, line := range h["Vary"] {
		for name := range strings.SplitSeq(line, ",") {
			if name = strings.TrimSpace(name); name == "*" || strings.EqualFold(name, "Cookie") {
				return
			}
		}
	}
	h["Vary"] = append(h["Vary"], "Cookie")
}

// keepApart keeps an answer from speaking for the origin that serves it. A 304 changes the headers of what is stored,
// and does not know its type.
func (m *Mount) keepApart(h http.Header, status int) {
	h["X-Content-Type-Options"] = m.fixed[:1:1]
	if mediaType(h.Get("Content-Type")) == "text/event-stream" {
		h["X-Accel-Buffering"] = []string{"no"} // a front door must not wait for more
	}
	h["Cross-Origin-Resource-Policy"] = m.fixed[1:2:2]
	if status == http.StatusNotModified {
		return
	}
	if t := h["Content-Type"]; len(t) == 1 && mediaType(t[0]) == "application/pdf" {
		return
	}
	h["Content-Security-Policy"] = m.fixed[2:3:3]
}

// mediaType is a Content-Type without its parameters.
func mediaType(contentType string) string {
	t, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(t))
}

// splitList splits a comma-separated list, minding quoted strings (RFC 9110 section 5.6).
func splitList(s string) []string {
	var out []string
	start, quoted := 0, false
	add := func(end int) {
		if v := strings.TrimSpace(s[start:end]); v != "" {
			out = append(out, v)
		}
		start = end + 1
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			add(i)
		}
	}
	add(len(s))
	return out
}
