package explain

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"bff/internal/audit"
)

// MaxCalls is how many calls that went well an instance remembers: with their ids about 2 MB.
const MaxCalls = 8192

// Calls are the last calls that went well, in the memory of one instance: they are no events, so that the store is not
// written for them. It is safe for concurrent use. nil remembers nothing.
type Calls struct {
	keep time.Duration
	ring *ring
}

type ring struct {
	mu   sync.Mutex
	all  []Carried
	next int // where the oldest is, once it is full
}

// A Carried is a call that an upstream answered. It has ids and names of the configuration: no path, whose parts may be
// credentials, and no query.
type Carried struct {
	Began         time.Time
	Took          time.Duration
	Request       string
	Session, User string // "": nobody is signed in
	Connection    string // "": the api is not called with one
	API, Provider string
	Allowed       string // the pattern of the allow-list
	Status        int    // of the answer; 0: it became a WebSocket
}

// NewCalls returns a memory without calls.
func NewCalls() *Calls { return &Calls{ring: &ring{}} }

// Within is the same memory for whoever keeps calls no longer than keep; nil where that is never.
func (c *Calls) Within(keep time.Duration) *Calls {
	if c == nil || keep <= 0 {
		return nil
	}
	return &Calls{keep: keep, ring: c.ring}
}

// Add remembers a call, and forgets the oldest where there is no room. It allocates nothing once there were MaxCalls.
func (c *Calls) Add(call Carried) {
	if c == nil {
		return
	}
	c.ring.mu.Lock()
	defer c.ring.mu.Unlock()
	if len(c.ring.all) < MaxCalls {
		c.ring.all = append(c.ring.all, call)
		return
	}
	c.ring.all[c.ring.next] = call
	c.ring.next = (c.ring.next + 1) % MaxCalls
}

// Tell adds to a story the last [MaxEvents] calls of its id that are remembered.
func (c *Calls) Tell(s *Story, now time.Time) {
	if c == nil || s.ID == "" {
		return
	}
	found := 0
	c.ring.mu.Lock()
	defer c.ring.mu.Unlock()
	for i := range c.ring.all {
		call := &c.ring.all[(c.ring.next+len(c.ring.all)-1-i)%len(c.ring.all)] // the newest first
		if found == MaxEvents {
			break
		}
		of := s.ID == call.Request || s.ID == call.Session || s.ID == call.User || s.ID == call.Connection
		if of && now.Sub(call.Began) <= c.keep {
			s.Events = append(s.Events, call.step())
			found++
		}
	}
	slices.SortStableFunc(s.Events, byTime)
}

func (c *Carried) step() Step {
	s := step(audit.Event{Kind: audit.CallCarried, At: c.Began.UTC().Truncate(time.Millisecond), Request: c.Request,
		Actor: audit.Actor{Kind: audit.ByUser, Name: c.User}, User: c.User, Session: c.Session, Connection: c.Connection,
		Provider: c.Provider, API: c.API})
	s.Why = fmt.Sprintf("The upstream answered %d after %d ms.", c.Status, c.Took.Milliseconds())
	if c.Status == 0 {
		s.Why = fmt.Sprintf("It became a WebSocket, which lasted %d ms.", c.Took.Milliseconds())
	}
	s.Why += " It is allowed by `" + c.Allowed + "`. This instance remembers it; another one has calls of its own."
	return s
}
