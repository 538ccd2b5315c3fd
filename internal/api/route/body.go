package route

import (
	"errors"
	"io"
	"net/http"
	"time"
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
	b := &body{ReadCloser: r.Body, rc: http.NewResponseController(w), r: r}
	return b
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
