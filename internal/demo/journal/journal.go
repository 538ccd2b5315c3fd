package journal

import (
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Counts of what happened since the start.
type Counts struct {
	Issued      int `json:"issued"`      // access tokens, of all sign-ins and refreshes
	Refreshes   int `json:"refreshes"`   // successful ones
	Refused     int `json:"refused"`     // token calls answered with an error
	Revocations int `json:"revocations"` // tokens revoked at the revocation endpoint
	Reuses      int `json:"reuses"`      // a used refresh token or code came back
	Calls       int `json:"calls"`       // API calls that were answered
	Rejected    int `json:"rejected"`    // API calls without a valid token or scope
	TokenCalls  int `json:"token_calls"` // requests that reached the token endpoint, whatever came of them
	SignIns     int `json:"sign_ins"`    // codes issued
}

// An Entry of the log says in plain words what happened.
type Entry struct {
	N    int       `json:"n"`
	At   time.Time `json:"at"`
	What string    `json:"what"`
	Who  string    `json:"who,omitempty"`
	Text string    `json:"text"`
}

const limit = 100 // entries kept at least, and twice as many at most

// A Journal is the log and the counters of one demo. Safe for concurrent use.
type Journal struct {
	now func() time.Time
	log *slog.Logger

	mu      sync.Mutex
	entries []Entry
	n       int
	counts  Counts
	own     map[string]*Counts
}

// New returns an empty journal. Every entry is also an info line "provider" of log, unless that is nil.
func New(now func() time.Time, log *slog.Logger) *Journal {
	return &Journal{now: now, log: log, own: map[string]*Counts{}}
}

// Note appends to the log: what kind of event, the short name of the person ("" for none), and the text.
func (j *Journal) Note(what, who, format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.n++
	e := Entry{N: j.n, At: j.now().UTC(), What: what, Who: who, Text: fmt.Sprintf(format, args...)}
	j.entries = append(j.entries, e)
	if len(j.entries) > 2*limit {
		j.entries = append([]Entry(nil), j.entries[limit:]...)
	}
	if j.log != nil {
		j.log.Info("provider", "what", e.What, "who", e.Who, "text", e.Text)
	}
}

// Count changes the counters of all, and those of the person of that short name unless it is "".
func (j *Journal) Count(who string, change func(*Counts)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	change(&j.counts)
	if who == "" {
		return
	}
	c := j.own[who]
	if c == nil {
		c = &Counts{}
		j.own[who] = c
	}
	change(c)
}

// Counts returns the counters.
func (j *Journal) Counts() Counts {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.counts
}

// Of returns the counters of the person of that short name.
func (j *Journal) Of(who string) Counts {
	j.mu.Lock()
	defer j.mu.Unlock()
	if c := j.own[who]; c != nil {
		return *c
	}
	return Counts{}
}

// Log returns the kept entries with numbers above after, oldest first.
func (j *Journal) Log(after int) []Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := []Entry{}
	for _, e := range j.entries {
		if e.N > after {
			out = append(out, e)
		}
	}
	return out
}
