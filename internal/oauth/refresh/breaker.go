package refresh

import (
	"crypto/rand"
	"encoding/binary"
	"sync"
	"time"
)

const (
	breakAfter   = 5 // failures in a row
	breakFirst   = 500 * time.Millisecond
	breakMax     = 10 * time.Second
	refusedFirst = 5 * time.Second
	refusedMax   = 30 * time.Second
)

// A breaker keeps callers from queueing before a provider that does not answer, and lets one through now and then to
// see whether it is back. An answer of any sense, invalid_grant too, shows that it is; a caller that gave up shows
// nothing.
type breaker struct {
	mu       sync.Mutex
	failures int       // in a row
	until    time.Time // open
	probing  bool      // one call is trying, half open
	refusals int       // in a row: the provider refuses bff itself
	refused  time.Time // and is not asked before this
}

// enter asks whether a call may be made now. Not: wait says how long not, refused whether because the provider
// refuses bff itself. Each call let through must be followed by one of succeed, fail, refuse and abandon.
func (b *breaker) enter(now time.Time) (ok bool, wait time.Duration, refused bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case now.Before(b.refused):
		return false, b.refused.Sub(now), true
	case now.Before(b.until):
		return false, b.until.Sub(now), false
	case b.failures < breakAfter:
		return true, 0, false
	case b.probing:
		return false, time.Second, false
	}
	b.probing = true
	return true, 0, false
}

func (b *breaker) succeed() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures, b.refusals, b.probing, b.until = 0, 0, false, time.Time{}
}

// answered notes that the provider is there, whatever it said to one caller.
func (b *breaker) answered() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures, b.probing, b.until = 0, false, time.Time{}
}

// fail counts. retryAfter, when the provider gave one, keeps everybody away for that long.
func (b *breaker) fail(now time.Time, retryAfter time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures++
	b.probing = false
	if b.failures >= breakAfter {
		b.until = later(b.until, now.Add(Backoff(b.failures-breakAfter, breakFirst, breakMax)))
	}
	if retryAfter > 0 {
		b.until = later(b.until, now.Add(retryAfter))
	}
}

// refuse notes that the provider refuses bff itself.
func (b *breaker) refuse(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures, b.probing = 0, false
	b.refused = now.Add(Backoff(b.refusals, refusedFirst, refusedMax))
	b.refusals++
}

// abandon is a call that came to nothing, through no fault of the provider.
func (b *breaker) abandon() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = false
}

// Backoff doubles from first to most, and takes off up to a third at random so that instances do not come in step.
func Backoff(n int, first, most time.Duration) time.Duration {
	d := most
	if n < 16 {
		d = min(first<<n, most)
	}
	return d - Jitter(d/3)
}

// Jitter is a random part of d.
func Jitter(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	var b [8]byte
	if _, err := rand.Read(b[:]); err != nil {
		panic("refresh: no randomness")
	}
	return time.Duration(binary.BigEndian.Uint64(b[:]) % uint64(d))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
