package api

import (
	"io"
	"io/fs"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Static serves the files of a built frontend. An address of no file is the application's own and gets index.html, if a person goes there; a script, a
// style or a picture that is missing is 404. Nothing is listed, and no name that begins with a dot is served, but below /.well-known.
func Static(files fs.FS) http.Handler { return &static{files} }

type static struct{ files fs.FS }

func (s *static) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		p := newProblem(codeMethodNotAllowed)
		p.allow = "GET, HEAD"
		writeProblem(w, r, p)
		return
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	if name == "" {
		name = "index.html"
	}
	if !fs.ValidPath(name) || hidden(name) || strings.ContainsAny(r.URL.Path, "\\\x00") {
		writeProblem(w, r, newProblem(codeNotFound))
		return
	}
	if s.serve(w, r, name) {
		return
	}
	if asksForPage(r, name) && s.serve(w, r, "index.html") {
		return
	}
	writeProblem(w, r, newProblem(codeNotFound))
}

// hidden says whether a segment begins with a dot: .env, .git.
func hidden(name string) bool {
	for i, segment := range strings.Split(name, "/") {
		if strings.HasPrefix(segment, ".") && (i > 0 || segment != ".well-known") {
			return true
		}
	}
	return false
}

// asksForPage says whether a person goes there. Where the browser does not say, the name decides: users/42 and users/ada@example.com may be pages, app.js
// is none.
func asksForPage(r *http.Request, name string) bool {
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate"
	}
	return strings.Contains(r.Header.Get("Accept"), "text/html") || !isAsset(strings.ToLower(path.Ext(name)))
}

// isAsset says whether files of that extension are parts of a page.
func isAsset(ext string) bool {
	_, served := fileTypes[ext]
	return served && ext != ".html" || slices.Contains([]string{".jpg", ".jpeg", ".gif", ".avif", ".woff", ".ttf", ".mp4", ".webm", ".mp3", ".pdf", ".xml", ".gz", ".zip"}, ext)
}

// serve answers with a file, or with a folder's index.html, and says whether there is one.
func (s *static) serve(w http.ResponseWriter, r *http.Request, name string) bool {
	f, err := s.files.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return false
	}
	if info.IsDir() {
		if _, err := fs.Stat(s.files, name+"/index.html"); err != nil {
			return false
		}
		if strings.HasSuffix(r.URL.Path, "/") {
			return s.serve(w, r, name+"/index.html")
		}
		w.Header().Set("Location", "./"+url.PathEscape(path.Base(name))+"/") // relative: no reader can take it for another host
		w.WriteHeader(http.StatusTemporaryRedirect)
		return true
	}
	content, ok := f.(io.ReadSeeker)
	if !ok || !info.Mode().IsRegular() {
		return false
	}
	h := w.Header()
	h.Set("Content-Type", contentType(name))
	h.Set("Cache-Control", "no-cache")
	if isHashed(name) {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if at := info.ModTime(); !at.IsZero() {
		h.Set("ETag", `"`+strconv.FormatInt(at.UnixNano(), 36)+"-"+strconv.FormatInt(info.Size(), 36)+`"`)
	} else if b, err := fs.ReadFile(s.files, name); err == nil { // embedded: it has no times
		h.Set("ETag", contentTag(b))
	}
	http.ServeContent(w, r, name, info.ModTime(), content)
	return true
}

// isHashed says whether a build derived the name from the content, as index-BxYz12k3.js or main.1a2b3c4d.css. What is in doubt is asked for anew.
func isHashed(name string) bool {
	ext := path.Ext(name)
	stem := strings.TrimSuffix(path.Base(name), ext)
	mark := stem[strings.LastIndexAny(stem, "-.")+1:]
	if mark == stem || len(mark) < 8 || len(mark) > 32 || !slices.Contains([]string{".js", ".mjs", ".css", ".wasm", ".woff2", ".svg", ".png", ".jpg", ".jpeg", ".webp", ".avif", ".gif"}, ext) {
		return false
	}
	var digit, hexLetter, upper, other bool
	for _, r := range mark {
		switch {
		case r >= '0' && r <= '9':
			digit = true
		case r >= 'a' && r <= 'f':
			hexLetter = true
		case r >= 'A' && r <= 'Z':
			upper = true
		case r >= 'g' && r <= 'z' || r == '_':
			other = true
		default:
			return false
		}
	}
	return digit && (hexLetter && !upper && !other || upper && len(mark) == 8)
}

func contentType(name string) string {
	ext := strings.ToLower(path.Ext(name))
	if t, ok := fileTypes[ext]; ok {
		return t
	}
	if t := mime.TypeByExtension(ext); t != "" {
		return t
	}
	return "application/octet-stream"
}

// DevServer passes everything on to a frontend's dev server, its WebSocket for hot reload included. cookie is the session cookie's whole name: neither it nor
// an attempt's cookie ever goes there, and none of that name comes back.
func DevServer(upstream *url.URL, cookie string) http.Handler {
	ours := func(name string) bool { return name == cookie || strings.HasPrefix(name, cookie+"-") }
	proxy := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(upstream) // with the dev server's own Host: it refuses others
			dropCookies(p.Out.Header, ours)
			if !strings.EqualFold(p.Out.Header.Get("Upgrade"), "websocket") {
				p.Out.Header.Del("Upgrade")
				p.Out.Header.Del("Connection")
			}
		},
		ModifyResponse: func(resp *http.Response) error {
			resp.Header.Del("Clear-Site-Data")
			dropSetCookies(resp.Header, ours)
			if to, err := url.Parse(resp.Header.Get("Location")); err == nil && to.Host == upstream.Host && to.Host != "" {
				to.Scheme, to.Host, to.User = "", "", nil
				resp.Header.Set("Location", to.String())
			}
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, _ error) {
			writeProblem(w, r, newProblem(codeUpstreamFailed).because("The frontend's dev server does not answer. Start it, then load this page again."))
		},
		Transport:     &http.Transport{DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext, MaxIdleConnsPerHost: 32, IdleConnTimeout: time.Minute, DisableCompression: true},
		FlushInterval: -1,
		ErrorLog:      slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" && !sameHost(r) {
			writeProblem(w, r, newProblem(codeCSRFRejected))
			return
		}
		proxy.ServeHTTP(w, r)
	})
}

// sameHost is for an upgrade: its Origin, which browsers always send, is the address it goes to. The dev server cannot see that, behind us.
func sameHost(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	u, err := url.Parse(origin)
	return origin == "" || err == nil && u.Host == r.Host
}

// dropCookies removes ours from the Cookie header.
func dropCookies(h http.Header, ours func(string) bool) {
	var kept []string
	for _, line := range h["Cookie"] {
		for part := range strings.SplitSeq(line, ";") {
			part = strings.TrimSpace(part)
			if name, _, _ := strings.Cut(part, "="); part != "" && !ours(strings.TrimSpace(name)) {
				kept = append(kept, part)
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
		name, _, _ := strings.Cut(line, "=")
		return ours(strings.TrimSpace(name))
	})
	if len(h["Set-Cookie"]) == 0 {
		delete(h, "Set-Cookie")
	}
}

// atHome keeps a person on the origin while developing: localhost and 127.0.0.1 are two sites with two sets of cookies, and a sign-in that began on the wrong
// one would end in "expired". It also refuses a foreign name that leads to this machine (DNS rebinding). It says whether the request may go on.
func (s *Server) atHome(w http.ResponseWriter, r *http.Request) bool {
	if !s.loopback || r.Host == s.host {
		return true
	}
	name, port := splitHost(r.Host)
	_, own := splitHost(s.host)
	switch {
	case !isLoopback(name) && net.ParseIP(name) == nil:
		writeProblem(w, r, newProblem(codeBadRequest).because("The application is not at this address. It is at the configured origin."))
		return false
	case isLoopback(name) && port == own && r.Method == http.MethodGet && isNavigation(r) && r.Header.Get("Sec-Fetch-Mode") != "":
		redirect(w, s.cfg.Origin+r.URL.RequestURI(), http.StatusTemporaryRedirect)
		return false
	}
	return true
}

func splitHost(host string) (name, port string) {
	if name, port, err := net.SplitHostPort(host); err == nil {
		return name, port
	}
	return strings.Trim(host, "[]"), "80" // a loopback origin without a port is http
}

func isLoopback(name string) bool {
	ip := net.ParseIP(name)
	return ip != nil && ip.IsLoopback() || name == "localhost" || strings.HasSuffix(name, ".localhost")
}
