package frontend

import (
	"bytes"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"

	"bff/internal/api/answer"
	"bff/internal/api/problem"
)

// Static serves the files of a built frontend. An address of no file is the application's own and gets index.html, if
// a person goes there; a script, a style or a picture that is missing is 404. Nothing is listed, and no name that
// begins with a dot is served, but below /.well-known.
func Static(files fs.FS) http.Handler { return &static{files, codingsOf(files)} }

type static struct {
	files fs.FS
	coded codings
}

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
	if asksForPage(r) && s.serve(w, r, "index.html") {
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

// asksForPage says whether a person goes there: what the browser says, and else that HTML is taken by name. A script
// that mistyped an address gets 404 and no page.
func asksForPage(r *http.Request) bool {
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate"
	}
	return strings.Contains(r.Header.Get("Accept"), "text/html")
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
		w.Header().
			Set("Location", "./"+url.PathEscape(path.Base(name))+"/")
			// relative: no reader can take it for another host
		w.WriteHeader(http.StatusTemporaryRedirect)
		return true
	}
	content, ok := f.(io.ReadSeeker)
	if !ok || !info.Mode().IsRegular() {
		return false
	}
	s.content(w, r, name, info, content)
	return true
}

// content answers with a file, in a coding that the browser takes where the file is as it was at the start.
func (s *static) content(w http.ResponseWriter, r *http.Request, name string, info fs.FileInfo, content io.ReadSeeker) {
	h := w.Header()
	h.Set("Content-Type", contentType(name))
	h.Set("Cache-Control", "no-cache") // a name that looks derived from its content may not be
	tag := ""
	if at := info.ModTime(); !at.IsZero() {
		tag = `"` + strconv.FormatInt(at.UnixNano(), 36) + "-" + strconv.FormatInt(info.Size(), 36) + `"`
	} else if b, err := fs.ReadFile(s.files, name); err == nil { // embedded: it has no times
		tag = contentTag(b)
	}
	if c, ok := s.coded[name]; ok && c.size == info.Size() && c.modified.Equal(info.ModTime()) {
		answer.AddVary(h, "Accept-Encoding")
		if body, coding := c.pick(r); coding != "" {
			h.Set("Content-Encoding", coding)
			tag, content = tagged(tag, coding), bytes.NewReader(body)
		}
	}
	if tag != "" {
		h.Set("ETag", tag)
	}
	http.ServeContent(w, r, name, info.ModTime(), content)
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
