package frontend

import (
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"time"

	"bff/internal/api/problem"
	"bff/internal/trace"
)

// DevServer passes everything on to a frontend's dev server, its WebSocket for hot reload included. cookie is the
// session cookie's whole name: neither it nor an attempt's cookie ever goes there, and none of that name comes back.
func DevServer(upstream *url.URL, origin, cookie string) http.Handler {
	scheme, host, _ := strings.Cut(origin, "://")
	ours := func(name string) bool { return name == cookie || strings.HasPrefix(name, cookie+"-") }
	proxy := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(upstream)               // with the dev server's own Host: it refuses others
			for name := range p.Out.Header { // of who asks, bff alone speaks
				if name == "Forwarded" || strings.HasPrefix(name, "X-Forwarded-") || strings.HasPrefix(name, "Bff-") {
					delete(p.Out.Header, name)
				}
			}
			p.Out.Header.Set("X-Forwarded-Host", host) // frameworks hold Origin against it
			p.Out.Header.Set("X-Forwarded-Proto", scheme)
			trace.Name(p.In.Context(), p.Out.Header)
			dropCookies(p.Out.Header, ours)
			if !strings.EqualFold(p.Out.Header.Get("Upgrade"), "websocket") {
				p.Out.Header.Del("Upgrade")
				p.Out.Header.Del("Connection")
			}
		},
		ModifyResponse: func(resp *http.Response) error {
			resp.Header.Del("Clear-Site-Data")
			resp.Header.Del(trace.Header) // the answer has its own
			dropSetCookies(resp.Header, ours)
			if to, err := url.Parse(resp.Header.Get("Location")); err == nil && to.Host == upstream.Host && to.Host != "" {
				to.Scheme, to.Host, to.User = "", "", nil
				resp.Header.Set("Location", to.String())
			}
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, _ error) {
			problem.Write(
				w,
				r,
				problem.New(problem.UpstreamFailed).
					Because("The frontend's dev server does not answer. Start it, then load this page again."),
			)
		},
		Transport: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
			MaxIdleConnsPerHost: 32,
			IdleConnTimeout:     time.Minute,
			DisableCompression:  true,
		},
		FlushInterval: -1,
		ErrorLog:      slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" && !sameHost(r) {
			problem.Write(w, r, problem.New(problem.CSRFRejected))
			return
		}
		proxy.ServeHTTP(w, r)
	})
}

// sameHost is for an upgrade: its Origin, which browsers always send, is the address it goes to. The dev server
// cannot see that, behind us.
func sameHost(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	u, err := url.Parse(origin)
	return origin == "" || err == nil && u.Host == r.Host
}

// dropCookies removes ours from the Cookie header, and what is no cookie.
func dropCookies(h http.Header, ours func(string) bool) {
	var kept []string
	for _, line := range h["Cookie"] {
		for part := range strings.SplitSeq(line, ";") {
			parsed, err := http.ParseCookie(part)
			if err == nil && len(parsed) == 1 && !ours(parsed[0].Name) {
				kept = append(kept, strings.TrimSpace(part)) // as it came: quotes are part of a value
			}
		}
	}
	h.Del("Cookie")
	if len(kept) > 0 {
		h.Set("Cookie", strings.Join(kept, "; "))
	}
}

// dropSetCookies removes what would overwrite ours.
func dropSetCookies(h http.Header, ours func(string) bool) {
	h["Set-Cookie"] = slices.DeleteFunc(h["Set-Cookie"], func(line string) bool {
		name, _, _ := strings.Cut(line, "=") // also of a line that ParseSetCookie refuses: a browser may not
		return ours(strings.TrimSpace(name))
	})
	if len(h["Set-Cookie"]) == 0 {
		delete(h, "Set-Cookie")
	}
}
