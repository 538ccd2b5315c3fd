package route

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"bff/internal/api/problem"
)

const (
	bodyTime   = 10 * time.Second // for the whole body of a row that is not Carried
	lingerTime = time.Second      // for what still arrives of a body that nobody reads
)

// A body bounds how long a request's body may take. One that was not read to its end when the answer begins closes the
// connection: net/http would otherwise wait for the rest of it, as long as the client likes.
type body struct {
	io.ReadCloser
	rc      *http.ResponseController
	r       *http.Request
	started bool
	done    bool
}

// bounded gives r a body with a time limit; nil when it has none.
func bounded(w http.ResponseWriter, r *http.Request) *body {
	if r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	return &body{ReadCloser: r.Body, rc: http.NewResponseController(w), r: r}
}

// lasting gives r a body that may take as long as it flows, since a dev server reads it; what is left of it when the
// answer begins is given up. nil when it has none.
func lasting(w http.ResponseWriter, r *http.Request) *body {
	b := bounded(w, r)
	if b != nil {
		b.started, r.Body = true, b
	}
	return b
}

// Unread answers with next, which reads no body: the connection of one that did not come to its end is closed.
func Unread(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		bounded(w, r).answering(w.Header())
		next(w, r)
	}
}

func (b *body) Read(p []byte) (int, error) {
	if !b.started {
		b.started = true
		_ = b.rc.SetReadDeadline(time.Now().Add(bodyTime)) // a writer without deadlines is a test's
	}
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) && !b.done {
		b.done = true
		_ = b.rc.SetReadDeadline(time.Time{})
	}
	return n, err
}

// answering is called before the header of the answer is written.
func (b *body) answering(h http.Header) {
	if b == nil || b.done {
		return
	}
	b.done = true
	if b.r.ProtoMajor == 1 {
		h.Set("Connection", "close")
	}
	_ = b.rc.SetReadDeadline(time.Now().Add(lingerTime))
}

// checkLength refuses a request that does not have the length that it says (RFC 9113 section 8.1.1). net/http checks it
// where there is HTTP/1.1, and not where a request of HTTP/2 has two lengths, or one and no body.
func checkLength(r *http.Request) error {
	said := r.Header["Content-Length"]
	if r.ProtoMajor < 2 || len(said) == 0 || len(said) == 1 && said[0] == strconv.FormatInt(r.ContentLength, 10) {
		return nil
	}
	return problem.New(problem.BadRequest).Because("The length of the body is said twice, or is not its length.")
}
