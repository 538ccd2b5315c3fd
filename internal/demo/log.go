package demo

import (
	"fmt"
	"time"
)

// Counts of what happened since the start.
type Counts struct {
	Issued      int `json:"issued"`      // access tokens, all told
	Refreshes   int `json:"refreshes"`   // successful ones
	Refused     int `json:"refused"`     // token calls answered with an error
	Revocations int `json:"revocations"` // tokens revoked at the revocation endpoint
	Reuses      int `json:"reuses"`      // a used refresh token or code came back
	Calls       int `json:"calls"`       // API calls that were answered
	Rejected    int `json:"rejected"`    // API calls without a valid token or scope
	TokenCalls  int `json:"token_calls"` // requests that reached the token endpoint, whatever came of them
	SignIns     int `json:"sign_ins"`    // codes issued
}

// An Entry of the log says in plain words what happened. It never holds a token.
type Entry struct {
	N    int       `json:"n"`
	At   time.Time `json:"at"`
	What string    `json:"what"`
	Who  string    `json:"who,omitempty"`
	Text string    `json:"text"`
}

const logLimit = 100 // entries kept at least, and twice as many at most

// note appends to the log. d.mu is held.
func (d *Demo) note(what, who, format string, args ...any) {
	d.entryN++
	e := Entry{N: d.entryN, At: d.cfg.Now().UTC(), What: what, Who: who, Text: fmt.Sprintf(format, args...)}
	d.entries = append(d.entries, e)
	if len(d.entries) > 2*logLimit {
		d.entries = append([]Entry(nil), d.entries[logLimit:]...)
	}
	if d.cfg.Log != nil {
		d.cfg.Log.Info("provider", "what", e.What, "who", e.Who, "text", e.Text)
	}
}

// tell is note for callers that do not hold the lock.
func (d *Demo) tell(what, who, format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.note(what, who, format, args...)
}

// count changes the counters of all and of one person. d.mu is held.
func (d *Demo) count(who string, f func(*Counts)) {
	f(&d.counts)
	if who == "" {
		return
	}
	c := d.own[who]
	if c == nil {
		c = &Counts{}
		d.own[who] = c
	}
	f(c)
}

// Counts returns the counters.
func (d *Demo) Counts() Counts {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.counts
}

// CountsOf returns one person's counters.
func (d *Demo) CountsOf(person string) Counts {
	p := d.find(person)
	d.mu.Lock()
	defer d.mu.Unlock()
	if p == nil || d.own[p.Name] == nil {
		return Counts{}
	}
	return *d.own[p.Name]
}

// Log returns the kept entries with numbers above after, oldest first.
func (d *Demo) Log(after int) []Entry {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := []Entry{}
	for _, e := range d.entries {
		if e.N > after {
			out = append(out, e)
		}
	}
	return out
}
