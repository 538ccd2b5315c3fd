package apis

import (
	"bff/internal/demo/answer"
	"bff/internal/demo/journal"
	"bff/internal/demo/provider"
	"bff/internal/demo/shelf"
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// A file of a person. Its content never changes.
type file struct {
	id, name, kind string
	modified       time.Time
	content        []byte
}

const maxFiles = 100 // of a person

// drive is the files API.
type drive struct {
	now     func() time.Time
	log     *journal.Journal
	uploads string // the address of resumable uploads

	mu      sync.Mutex
	files   map[string][]*file // person -> files, made when first asked for
	pending *shelf.Shelf[*upload]
}

func newDrive(cfg Config, uploads string) *drive {
	return &drive{
		now: cfg.Now, log: cfg.Log, uploads: uploads, files: map[string][]*file{}, pending: shelf.New[*upload](100),
	}
}

// describe gives a file in Drive's shape.
func (f *file) describe(p *provider.Person) map[string]any {
	return map[string]any{
		"kind":     "drive#file",
		"id":       f.id,
		"name":     f.name,
		"mimeType": f.kind,
		"size":     fmt.Sprint(len(f.content)),
		"modifiedTime": f.modified.UTC().
			Format(time.RFC3339),
		"createdTime": f.modified.UTC().Format(time.RFC3339),
		"starred":     false,
		"trashed":     false,
		"webViewLink": "https://drive.example.com/file/d/" + f.id + "/view",
		"owners": []any{
			map[string]any{"kind": "drive#user", "displayName": p.FullName, "emailAddress": p.Email, "me": true},
		},
	}
}

// filesOf returns a person's files, written when first asked for. s.mu is held.
func (s *drive) filesOf(p *provider.Person) []*file {
	if list, ok := s.files[p.Name]; ok {
		return list
	}
	now := s.now()
	var csv strings.Builder
	csv.WriteString("n,n^2,n^3\n")
	for n := range 2000 {
		fmt.Fprintf(&csv, "%d,%d,%d\n", n, n*n, n*n*n)
	}
	svg := `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 160 90" width="640" height="360">` +
		`<rect width="160" height="90" fill="#eef2ff"/>` +
		`<circle cx="52" cy="45" r="24" fill="#3f6ad8"/>` +
		`<circle cx="88" cy="45" r="24" fill="#0f9d72" fill-opacity=".8"/></svg>`
	list := []*file{
		{id: "f-" + p.Name + "-readme", name: "Read me first.md", kind: "text/markdown", modified: now.Add(-26 * time.Hour),
			content: []byte(
				"# " + p.FullName + "\n\nThese files are held by the demo. Whoever reads this had an access token.\n\n" +
					"The browser did not.\n",
			)},
		{
			id:       "f-" + p.Name + "-numbers",
			name:     "Numbers.csv",
			kind:     "text/csv",
			modified: now.Add(-3 * time.Hour),
			content:  []byte(csv.String()),
		},
		{
			id:       "f-" + p.Name + "-circles",
			name:     "Circles.svg",
			kind:     "image/svg+xml",
			modified: now.Add(-50 * time.Hour),
			content:  []byte(svg),
		},
		{
			id:       "f-" + p.Name + "-list",
			name:     "Shopping list.txt",
			kind:     "text/plain",
			modified: now.Add(-20 * time.Minute),
			content:  []byte("tea\nrelays\npunched cards\n"),
		},
	}
	s.files[p.Name] = list
	return list
}

func (s *drive) serveFiles(w http.ResponseWriter, r *http.Request, p *provider.Person) {
	s.mu.Lock()
	list := slices.Clone(s.filesOf(p))
	s.mu.Unlock()
	slices.SortStableFunc(list, func(a, b *file) int { return b.modified.Compare(a.modified) })
	from, to, next := page(r, "pageSize", 100, len(list))
	items := []any{}
	for _, f := range list[from:to] {
		items = append(items, f.describe(p))
	}
	out := map[string]any{"kind": "drive#fileList", "incompleteSearch": false, "files": items}
	if next != "" {
		out["nextPageToken"] = next
	}
	answer.JSON(w, http.StatusOK, out)
}

// serveFile gives the description of a file, or with alt=media its content, ranges too.
func (s *drive) serveFile(w http.ResponseWriter, r *http.Request, p *provider.Person) {
	s.mu.Lock()
	i := slices.IndexFunc(s.filesOf(p), func(f *file) bool { return f.id == r.PathValue("file") })
	var f *file
	if i >= 0 {
		f = s.filesOf(p)[i]
	}
	s.mu.Unlock()
	switch {
	case f == nil:
		apiError(w, http.StatusNotFound, "notFound", "File not found.")
	case r.URL.Query().Get("alt") != "media":
		answer.JSON(w, http.StatusOK, f.describe(p))
	default:
		w.Header().Set("Content-Type", f.kind)
		w.Header().Set("Content-Disposition", `attachment; filename*=UTF-8''`+strings.ReplaceAll(f.id, "%", ""))
		// What a person uploaded must not run as a page of the origin that shows it.
		w.Header().Set("Content-Security-Policy", "default-src 'none'; sandbox")
		http.ServeContent(w, r, "", f.modified, bytes.NewReader(f.content))
	}
}

func (s *drive) serveDelete(w http.ResponseWriter, r *http.Request, p *provider.Person) {
	s.mu.Lock()
	before := len(s.filesOf(p))
	s.files[p.Name] = slices.DeleteFunc(s.filesOf(p), func(f *file) bool { return f.id == r.PathValue("file") })
	gone := len(s.files[p.Name]) < before
	s.mu.Unlock()
	if !gone {
		apiError(w, http.StatusNotFound, "notFound", "File not found.")
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
