package simulate

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"sync"
)

// A reply is what came back. A zero status is none.
type reply struct {
	status int
	header http.Header
	text   []byte
	body   map[string]any
}

// outcome is status and code, or where a navigation ended.
func (a *reply) outcome() string {
	text := fmt.Sprint(a.status)
	if code := a.header.Get("BFF-Error"); code != "" {
		text += " " + code
	}
	if u, err := url.Parse(a.header.Get("Location")); err == nil && u.Query().Get("bff_error") != "" {
		text = u.Query().Get("bff_error")
	}
	return text
}

// A response is kept in memory.
type response struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *response) Header() http.Header { return w.header }
func (w *response) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
}

func (w *response) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

// serve has a handler answer a request. One that breaks the answer off has answered nothing.
func serve(h http.Handler, r *http.Request) (w *response) {
	w = &response{header: http.Header{}}
	defer func() {
		if recover() != nil {
			w = &response{header: http.Header{}}
		}
	}()
	h.ServeHTTP(w, r)
	return w
}

// seen is everything that bff sent to browsers.
type seen struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (s *seen) write(w *response) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = w.header.Write(&s.all)
	s.all.Write(w.body.Bytes())
}

// has says whether one of these texts is in it.
func (s *seen) has(texts []string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range texts {
		if t != "" && bytes.Contains(s.all.Bytes(), []byte(t)) {
			return true
		}
	}
	return false
}
