package trouble

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// A Mode is what is wrong with the authorization server, or with the APIs.
type Mode string

// The modes. Up, Slow, Down, Refuse, Hang and Garbage hold for every endpoint; the others for the token and the
// revocation endpoint.
const (
	Up           Mode = "up"
	Slow         Mode = "slow"          // waits, then does its work
	Late         Mode = "late"          // does its work at once, and waits before it answers
	Down         Mode = "down"          // 503 with Retry-After
	Refuse       Mode = "refuse"        // nobody listens: connection refused
	Hang         Mode = "hang"          // never answers, does nothing
	Garbage      Mode = "garbage"       // 200 with a page that makes no sense, does nothing
	Huge         Mode = "huge"          // 200 with an endless answer, does nothing
	LoseAnswer   Mode = "lose-answer"   // does its work, then cuts the connection
	FailAfter    Mode = "fail-after"    // does its work, then answers 503
	Truncate     Mode = "truncate"      // does its work, sends half of the answer, then cuts the connection
	RefuseClient Mode = "refuse-client" // invalid_client
	RefuseGrant  Mode = "refuse-grant"  // invalid_grant for a token that is alive
	InvalidRapt  Mode = "invalid-rapt"  // invalid_grant with error_subtype invalid_rapt: the organisation's session length
	RateLimit    Mode = "rate-limit"    // 429 with Retry-After
	Flaky        Mode = "flaky"         // every second call fails with 503

	Quota Mode = "quota" // of the APIs alone: 403 rateLimitExceeded, which is no matter of tokens
	Echo  Mode = "echo"  // of the APIs alone: the answer repeats the request's headers, the token too
)

// RetryAfter is the field of that name in every answer that has one, in seconds.
const RetryAfter = "2"

// DefaultDelay is how long Slow and Late wait unless a delay of one's own is set.
const DefaultDelay = 3 * time.Second

// Modes lists the modes of the authorization server.
func Modes() []Mode {
	return []Mode{
		Up, Slow, Late, Down, Refuse, Hang, Garbage, Huge, LoseAnswer, FailAfter, Truncate, RefuseClient, RefuseGrant,
		InvalidRapt, RateLimit, Flaky,
	}
}

// TokenOnly reports whether a mode leaves the pages, the metadata and the keys alone.
func (m Mode) TokenOnly() bool {
	switch m {
	case Up, Slow, Down, Refuse, Hang, Garbage:
		return false
	}
	return true
}

// A State is a mode as it holds for one request.
type State struct {
	Mode    Mode
	Calls   int // requests that the mode was asked for, with this one: for Flaky
	delay   time.Duration
	left    int           // requests it still holds for; 0: until switched
	changed chan struct{} // closed at the next switch
}

// A Switch holds the present mode of one server. Safe for concurrent use.
type Switch struct {
	mu  sync.Mutex
	now State
}

// NewSwitch returns a switch that is Up.
func NewSwitch() *Switch { return &Switch{now: State{Mode: Up, changed: make(chan struct{})}} }

// Set puts the server into a mode for the next n requests, or until the next Set when n is 0. Requests that wait in
// the mode before go on.
func (s *Switch) Set(m Mode, delay time.Duration, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.now.changed)
	s.now = State{Mode: m, delay: delay, left: n, changed: make(chan struct{})}
}

// Mode returns the present mode.
func (s *Switch) Mode() Mode { return s.Look().Mode }

// Look returns the present state and uses nothing up.
func (s *Switch) Look() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// Take returns the state that holds for a request, and uses up one of those that it holds for.
func (s *Switch) Take() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now.Calls++
	state := s.now
	if s.now.left == 1 {
		s.now = State{Mode: Up, changed: s.now.changed}
	} else if s.now.left > 1 {
		s.now.left--
	}
	return state
}

// Limited reports whether the mode ends by itself after some requests.
func (s State) Limited() bool { return s.left > 0 }

// Pause waits for the mode's delay, its end, or the caller to leave.
func (s State) Pause(ctx context.Context) {
	t := time.NewTimer(s.delay)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	case <-s.changed:
	}
}

// Hang waits until the mode ends, the caller leaves or the server closes, and cuts the connection.
func (s State) Hang(r *http.Request, closing context.Context) {
	select {
	case <-r.Context().Done():
	case <-s.changed:
	case <-closing.Done():
	}
	panic(http.ErrAbortHandler)
}
