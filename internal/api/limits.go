package api

import (
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"bff/internal/vault"
)

// A pace keeps one session from spending what belongs to all. The rules are:
//
//  1. Nothing is queued: what is over a limit is answered rate_limited at once, and says when to come again.
//  2. A session has so many calls in flight, and so many per second.
//  3. An api has so many places. One session holds at most its share of them: with k sessions there, a (k+1)th part each, so that whoever comes
//     next finds one free.
//  4. An upstream that answered 429 with Retry-After is left alone by that session for that long, at most a minute at a time: its limits are often
//     per route, and bff cannot see which. A 503 is not about the caller and passes.
//
// All of it is per instance. With no limits set a call costs a mutex and two map accesses.
type pace struct {
	limits Limits
	now    func() time.Time

	mu       sync.Mutex
	inFlight map[string]int           // by session
	buckets  map[string]*rate.Limiter // by session; empty without SessionPerSecond
	swept    time.Time
	apis     map[string]*places     // empty without APIConcurrency
	pauses   map[pauseKey]time.Time // until when
}

// places are those of one api: how many are taken, and by whom.
type places struct {
	taken     int
	bySession map[string]int
}

type pauseKey struct{ session, api string }

const (
	longestPause = time.Minute
	maxPauses    = 50_000 // bounds the memory; beyond it an upstream has to say it again
)

func newPace(limits Limits, now func() time.Time) *pace {
	return &pace{limits: limits, now: now, inFlight: map[string]int{}, buckets: map[string]*rate.Limiter{}, apis: map[string]*places{}, pauses: map[pauseKey]time.Time{}}
}

// enter takes a place for one call of session through api; leave gives it back and is called once. When ok is false there is none, and wait says when to
// come again.
func (p *pace) enter(session *vault.Session, api string) (leave func(), wait time.Duration, ok bool) {
	id := session.ID
	p.mu.Lock()
	defer p.mu.Unlock()
	if wait := p.paused(id, api); wait > 0 {
		return nil, wait, false
	}
	n := p.inFlight[id]
	if p.limits.SessionConcurrency > 0 && n >= p.limits.SessionConcurrency || !p.takePlace(id, api) {
		return nil, time.Second, false
	}
	if !p.inTime(id) {
		p.givePlace(id, api)
		return nil, time.Duration(float64(time.Second) / float64(p.limits.SessionPerSecond)), false
	}
	p.inFlight[id] = n + 1
	return func() { p.leave(id, api) }, 0, true
}

func (p *pace) leave(id, api string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.givePlace(id, api)
	if p.inFlight[id]--; p.inFlight[id] == 0 {
		delete(p.inFlight, id)
	}
}

// inTime takes one call from the session's bucket. Full buckets are forgotten, at most once a minute.
func (p *pace) inTime(id string) bool {
	n := p.limits.SessionPerSecond
	if n <= 0 {
		return true
	}
	now := p.now()
	b := p.buckets[id]
	if b == nil {
		if now.Sub(p.swept) >= time.Minute {
			p.swept = now
			maps.DeleteFunc(p.buckets, func(_ string, b *rate.Limiter) bool { return b.TokensAt(now) >= float64(b.Burst()) })
		}
		b = rate.NewLimiter(rate.Limit(n), 2*n)
		p.buckets[id] = b
	}
	return b.AllowN(now, 1)
}

// takePlace is rule 3.
func (p *pace) takePlace(id, api string) bool {
	most := p.limits.APIConcurrency
	if most <= 0 {
		return true
	}
	there := p.apis[api]
	if there == nil {
		there = &places{bySession: map[string]int{}}
		p.apis[api] = there
	}
	held := there.bySession[id]
	sessions := len(there.bySession)
	if held == 0 {
		sessions++
	}
	if there.taken >= most || held >= max(1, most/(sessions+1)) {
		return false
	}
	there.taken++
	there.bySession[id] = held + 1
	return true
}

func (p *pace) givePlace(id, api string) {
	there := p.apis[api]
	if there == nil {
		return
	}
	there.taken--
	if there.bySession[id]--; there.bySession[id] == 0 {
		delete(there.bySession, id)
	}
}

// paused says how long a session must leave an api alone.
func (p *pace) paused(id, api string) time.Duration {
	if len(p.pauses) == 0 {
		return 0
	}
	key := pauseKey{id, api}
	until, ok := p.pauses[key]
	if !ok {
		return 0
	}
	wait := until.Sub(p.now())
	if wait <= 0 {
		delete(p.pauses, key)
	}
	return wait
}

// upstreamPause is rule 4: an upstream answered session's call through api with status and header h.
func (p *pace) upstreamPause(session *vault.Session, api string, status int, h http.Header) {
	if status != http.StatusTooManyRequests || session == nil || h.Get("BFF-Error") != "" {
		return
	}
	wait := retryAfter(h.Get("Retry-After"), p.now())
	if wait <= 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.pauses) >= maxPauses {
		for key := range p.pauses {
			p.paused(key.session, key.api)
		}
		if len(p.pauses) >= maxPauses {
			return
		}
	}
	p.pauses[pauseKey{session.ID, api}] = p.now().Add(min(wait, longestPause))
}

// retryAfter reads the field's two forms (RFC 9110 section 10.2.3); anything else is 0.
func retryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if n, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
