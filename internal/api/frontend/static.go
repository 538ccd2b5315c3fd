package frontend

import (
	"io"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"bff/internal/api/problem"
)

// Static serves the files of a built frontend. An address of no file is the application's own and gets index.html, if
// a person goes there; a script, a style or a picture that is missing is 404. Nothing is listed, and no name that
// begins with a dot is served, but below /.well-known.
func Static(files fs.FS) http.Handler { return &static{files} }

type static struct{ files fs.FS }

func (s *static) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		p := problem.New(problem.MethodNotAllowed)
		p.Allow = "GET, HEAD"
		problem.Write(w, r, p)
		return
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	if name == "" {
		name = "index.html"
	}
	if !fs.ValidPath(name) || hidden(name) || strings.ContainsAny(r.URL.Path, "\\\x00") {
		problem.Write(w, r, problem.New(problem.NotFound))
		return
	}
	if s.serve(w, r, name) {
		return
	}
	if asksForPage(r, name) && s.serve(w, r, "index.html") {
		return
	}
	problem.Write(w, r, problem.New(problem.NotFound))
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

// asksForPage says whether a person goes there. Where the browser does not say, the name decides: users/42 and
// users/ada@example.com may be pages, app.js is none.
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
	h.Set("Cache-Control", "no-cache") // a name that looks derived from its content may not be
	if at := info.ModTime(); !at.IsZero() {
		h.Set("ETag", `"`+strconv.FormatInt(at.UnixNano(), 36)+"-"+strconv.FormatInt(info.Size(), 36)+`"`)
	} else if b, err := fs.ReadFile(s.files, name); err == nil { // embedded: it has no times
		h.Set("ETag", contentTag(b))
	}
	http.ServeContent(w, r, name, info.ModTime(), content)
	return true
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
