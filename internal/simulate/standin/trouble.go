package standin

import (
	"bytes"
	"net/http"
	"sync"
	"time"
)

// wholeBody is the field by which a trouble's Fields replaces an answer as a whole.
const wholeBody = "\x00body"

// A Trouble is one way in which a provider misbehaves, at one of its endpoints.
type Trouble struct {
	On     Endpoint
	Person string // whose requests; "" for everybody's
	Times  int    // for how many requests; 0 until it is taken away

	Works   bool          // the endpoint does its work, and this happens to the answer
	Delay   time.Duration // before the answer
	Answer  *Answer       // instead of the endpoint's
	Cut     bool          // half of the answer, or of the endpoint's own, and then nothing
	Silent  bool          // no answer: the connection is cut
	Hang    bool          // no answer as long as the caller waits
	Endless bool          // an answer that does not end

	Fields    func(fields) // alters what a token answer holds
	Algorithm string       // of ID tokens, signed with the client's secret
	KeyID     string       // of ID tokens
}

// Troubles are what goes wrong now.
type Troubles struct {
	mu   sync.Mutex
	list []*Trouble
}

// Cause has something go wrong from now on.
func (s *Troubles) Cause(t Trouble) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, &t)
}

// Recover ends all troubles.
func (s *Troubles) Recover() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = nil
}

// next is what goes wrong with a request; nil for nothing.
func (s *Troubles) next(e Endpoint, person string) *Trouble {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, t := range s.list {
		if t.On != e || t.Person != "" && t.Person != person {
			continue
		}
		if t.Times == 1 {
			s.list = append(s.list[:i:i], s.list[i+1:]...)
		} else if t.Times > 1 {
			t.Times--
		}
		return t
	}
	return nil
}

// alter changes the fields of a token answer.
func (t *Trouble) alter(f fields) {
	if t != nil && t.Fields != nil {
		t.Fields(f)
	}
}

// play answers a request, as the trouble has it. work is the endpoint.
func (t *Trouble) play(w http.ResponseWriter, r *http.Request, work func(http.ResponseWriter)) {
	if t == nil {
		work(w)
		return
	}
	pause(r, t.Delay)
	rec := &recorder{header: http.Header{}, status: http.StatusOK}
	if t.Works || !t.answers() {
		work(rec)
	}
	switch {
	case t.Silent:
		panic(http.ErrAbortHandler)
	case t.Hang:
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case t.Endless:
		w.Header().Set("Content-Type", "application/json")
		for chunk := bytes.Repeat([]byte(" "), 32<<10); r.Context().Err() == nil; {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	case t.Answer != nil:
		rec = &recorder{header: http.Header{}, status: http.StatusOK}
		t.Answer.write(rec, plain(t.Answer.Body))
	}
	rec.replay(w, t.Cut)
}

// answers says whether something else than the endpoint answers.
func (t *Trouble) answers() bool { return t.Answer != nil || t.Silent || t.Hang || t.Endless }

func pause(r *http.Request, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	}
}

// A recorder keeps an answer.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }

// replay sends what was kept, or half of it before the connection is cut.
func (r *recorder) replay(w http.ResponseWriter, cut bool) {
	for name, values := range r.header {
		w.Header()[name] = values
	}
	if cut {
		w.Header().Set("Content-Length", "100000")
	}
	w.WriteHeader(r.status)
	if !cut {
		_, _ = w.Write(r.body.Bytes())
		return
	}
	_, _ = w.Write(r.body.Bytes()[:r.body.Len()/2])
	panic(http.ErrAbortHandler)
}
