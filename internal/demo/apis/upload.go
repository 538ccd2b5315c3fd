package apis

import (
	"bff/internal/demo/answer"
	"bff/internal/demo/provider"
	"bff/internal/demo/shelf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
)

const maxUpload = 8 << 20 // bytes of a file

// An upload is a resumable one that is not complete yet. Its address is a secret of the person it belongs to.
type upload struct {
	person     string
	name, kind string
	content    []byte
}

type fileMetadata struct {
	Name     string `json:"name"`
	MimeType string `json:"mimeType"`
}

// serveUpload is Drive's three ways: media, multipart and resumable.
func (s *drive) serveUpload(w http.ResponseWriter, r *http.Request, p *provider.Person) {
	body := http.MaxBytesReader(w, r.Body, maxUpload)
	switch r.URL.Query().Get("uploadType") {
	case "resumable":
		if r.URL.Query().Has("upload_id") { // a chunk: the Go client sends it by POST
			s.serveChunk(w, r, p)
			return
		}
		s.beginUpload(w, r, body, p)
	case "multipart":
		meta, kind, content, err := readMultipart(r.Header.Get("Content-Type"), body)
		if err != nil {
			uploadError(w, err)
			return
		}
		s.keep(w, p, meta, kind, content)
	case "media":
		content, err := io.ReadAll(body) // bounded above
		if err != nil {
			uploadError(w, err)
			return
		}
		s.keep(w, p, fileMetadata{Name: "Untitled"}, r.Header.Get("Content-Type"), content)
	default:
		apiError(w, http.StatusBadRequest, "badRequest", "Bad Request")
	}
}

func uploadError(w http.ResponseWriter, err error) {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		apiError(w, http.StatusRequestEntityTooLarge, "uploadTooLarge", "The file is too large for the demo.")
		return
	}
	apiError(w, http.StatusBadRequest, "badRequest", "Bad Request")
}

// readMultipart reads multipart/related: the description, then the content.
func readMultipart(contentType string, body io.Reader) (meta fileMetadata, kind string, content []byte, err error) {
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil || media != "multipart/related" {
		return meta, "", nil, errors.New("read upload: not multipart/related")
	}
	parts := multipart.NewReader(body, params["boundary"])
	first, err := parts.NextPart()
	if err != nil {
		return meta, "", nil, fmt.Errorf("read upload: %w", err)
	}
	if err := json.NewDecoder(first).Decode(&meta); err != nil {
		return meta, "", nil, fmt.Errorf("read upload: %w", err)
	}
	second, err := parts.NextPart()
	if err != nil {
		return meta, "", nil, fmt.Errorf("read upload: %w", err)
	}
	content, err = io.ReadAll(second) // bounded by the caller
	return meta, second.Header.Get("Content-Type"), content, err
}

// beginUpload answers with the absolute address that the chunks go to.
func (s *drive) beginUpload(w http.ResponseWriter, r *http.Request, body io.Reader, p *provider.Person) {
	meta := fileMetadata{Name: "Untitled"}
	if err := json.NewDecoder(body).Decode(&meta); err != nil && !errors.Is(err, io.EOF) {
		uploadError(w, err)
		return
	}
	kind := r.Header.Get("X-Upload-Content-Type")
	if meta.MimeType != "" {
		kind = meta.MimeType
	}
	id := shelf.Random(32)
	s.mu.Lock()
	s.pending.Put(id, &upload{person: p.Name, name: meta.Name, kind: kind})
	s.mu.Unlock()
	w.Header().Set("Location", s.uploads+"/files?uploadType=resumable&upload_id="+id)
	w.Header().Set("X-GUploader-UploadID", id)
	w.WriteHeader(http.StatusOK)
}

// serveChunk takes a piece of a resumable upload: 308 with what there is until the last byte is here.
func (s *drive) serveChunk(w http.ResponseWriter, r *http.Request, p *provider.Person) {
	id := r.URL.Query().Get("upload_id")
	s.mu.Lock()
	u, ok := s.pending.Get(id)
	s.mu.Unlock()
	if !ok || u.person != p.Name {
		apiError(w, http.StatusNotFound, "notFound", "Not Found")
		return
	}
	chunk, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxUpload))
	if err != nil {
		uploadError(w, err)
		return
	}
	first, total, ok := contentRange(r.Header.Get("Content-Range"), len(chunk))
	s.mu.Lock()
	if first < 0 { // a question how far it is
		first = len(u.content)
	}
	if !ok || first > len(u.content) || first+len(chunk) > maxUpload || total > maxUpload {
		s.mu.Unlock()
		apiError(w, http.StatusBadRequest, "badRequest", "Bad Request")
		return
	}
	u.content = append(u.content[:first:first], chunk...)
	complete := total >= 0 && len(u.content) >= total
	have := len(u.content)
	if complete {
		s.pending.Remove(id)
	}
	s.mu.Unlock()
	if complete {
		s.keep(w, p, fileMetadata{Name: u.name}, u.kind, u.content)
		return
	}
	if have > 0 {
		w.Header().Set("Range", fmt.Sprintf("bytes=0-%d", have-1))
	}
	// Google's own clients ask for this, since their transports would take a 308 for a redirect.
	if strings.EqualFold(r.Header.Get("X-GUploader-No-308"), "yes") {
		w.Header().Set("X-Http-Status-Code-Override", "308")
		w.WriteHeader(http.StatusOK)
		return
	}
	w.WriteHeader(http.StatusPermanentRedirect)
}

// contentRange reads "bytes 0-9/20", "bytes 0-9/*", "bytes */20"; absent, the body is everything. What is unknown is
// -1.
func contentRange(v string, n int) (first, total int, ok bool) {
	if v == "" {
		return 0, n, true
	}
	span, size, ok := strings.Cut(strings.TrimPrefix(v, "bytes "), "/")
	if !ok {
		return 0, 0, false
	}
	total = -1
	if size != "*" {
		t, err := strconv.Atoi(size)
		if err != nil || t < 0 {
			return 0, 0, false
		}
		total = t
	}
	if span == "*" {
		return -1, total, n == 0
	}
	from, to, ok := strings.Cut(span, "-")
	first, err1 := strconv.Atoi(from)
	last, err2 := strconv.Atoi(to)
	return first, total, ok && err1 == nil && err2 == nil && first >= 0 && last-first+1 == n
}

// keep stores a complete file and describes it.
func (s *drive) keep(w http.ResponseWriter, p *provider.Person, meta fileMetadata, kind string, content []byte) {
	if meta.MimeType != "" {
		kind = meta.MimeType
	}
	if kind == "" {
		kind = "application/octet-stream"
	}
	f := &file{id: "u-" + shelf.Random(12), name: meta.Name, kind: kind, modified: s.now(), content: content}
	s.mu.Lock()
	list := append(s.filesOf(p), f)
	s.files[p.Name] = list[max(0, len(list)-maxFiles):]
	s.log.Note("files", p.Name, "the app stored a file of %d bytes for %s", len(content), p.GivenName())
	s.mu.Unlock()
	answer.JSON(w, http.StatusOK, f.describe(p))
}
