package trouble

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
)

// A Recording is an answer that was made and not sent yet.
type Recording struct {
	status int
	header http.Header
	body   bytes.Buffer
}

// Record runs h to its end although its caller may have left.
func Record(h http.Handler, r *http.Request) *Recording {
	rec := &Recording{header: http.Header{}}
	h.ServeHTTP(rec, r.WithContext(context.WithoutCancel(r.Context())))
	return rec
}

// Header is http.ResponseWriter's.
func (r *Recording) Header() http.Header { return r.header }

// WriteHeader is http.ResponseWriter's.
func (r *Recording) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

// Write is http.ResponseWriter's.
func (r *Recording) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(b)
}

// Replay sends the answer.
func (r *Recording) Replay(w http.ResponseWriter) {
	for k, v := range r.header {
		w.Header()[k] = v
	}
	w.WriteHeader(max(r.status, http.StatusOK))
	_, _ = w.Write(r.body.Bytes())
}

// Cut sends half of the body under the whole body's length, then breaks the connection.
func (r *Recording) Cut(w http.ResponseWriter) {
	for k, v := range r.header {
		w.Header()[k] = v
	}
	w.Header().Set("Content-Length", fmt.Sprint(r.body.Len()))
	w.WriteHeader(max(r.status, http.StatusOK))
	_, _ = w.Write(r.body.Bytes()[:r.body.Len()/2])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}
