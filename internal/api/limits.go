package api

import (
	"maps"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"bff/internal/api/route"
	"bff/internal/httpfield"
	"bff/internal/vault"
)

// A pace keeps one session from spending what belongs to all. The rules are:
//
//  1. Nothing is queued: what is over a limit is answered rate_limited at once, and says when to come again.
//  2. A session has so many calls in flight, and so many per second.
//  3. An api has so many places, and so has a provider over all its apis. One session holds at most its share of
//     them: with k sessions there, a (k+1)th part each, so that whoever comes next finds one free.
//  4. A provider is sent so many calls per second, at most a quarter of them by one session: most count by client,
//     and one person's loop must not spend what all have.
//  5. Where the configuration says so, an upstream that answered 429 with Retry-After is left alone by that session
//     for that long, at most a minute at a time: its limits are often
//     per route, and bff cannot see which. A 503 is not about the caller and passes.
//
// All of it is per instance. With no limits set a call costs a mutex and two map accesses.
type pace struct {
	limits Limits
	now    func() time.Time

	mu       sync.Mutex
	inFlight map[string]int              // by session
	buckets  map[bucketKey]*rate.Limiter // of what has a limit per second
	swept    time.Time
	places   map[placesKey]*places  // of what has a limit in flight
	pauses   map[pauseKey]time.Time // until when
}

// A bucketKey is a session, a provider, or a session at a provider.
type bucketKey struct{ session, provider string }

// A placesKey is an api or a provider.
type placesKey struct{ api, provider string }

// places are those of one api or provider: how many are taken, and by whom. Those of nil have no end.
type places struct {
	most      int
	taken     int
	bySession map[string]int
}

// A pauseKey is what a session leaves alone: an api, or one pattern of its allow-list. The zero pauseKey is nothing.
type pauseKey struct {
	session, api string
	pattern      string // "": all
}

// What may be paused. The zero Pause is PauseOff.
const (
	PauseOff   Pause = "off"   // the 429 is the upstream's own answer, and nothing else
	PauseRoute Pause = "route" // calls of the same allow pattern
	PauseAPI   Pause = "api"   // the whole api
)

// pause is what a 429 of this call would stop.
func (m *Mount) pause(c *route.Call) pauseKey {
	switch {
	case c.Session == nil:
		return pauseKey{}
	case m.Pause == PauseRoute:
		return pauseKey{c.Session.ID, m.Name, c.Pattern}
	case m.Pause == PauseAPI:
		return pauseKey{c.Session.ID, m.Name, ""}
	}
	return pauseKey{}
}

const (
	longestPause = time.Minute
	maxPauses    = 50_000 // bounds the memory; beyond it an upstream has to say it again
)

func newPace(limits Limits, now func() time.Time) *pace {
	return &pace{
		limits:   limits,
		now:      now,
		inFlight: map[string]int{},
		buckets:  map[bucketKey]*rate.Limiter{},
		places:   map[placesKey]*places{},
		pauses:   map[pauseKey]time.Time{},
	}
}

// A place is that of one call.
type place struct {
	pace            *pace
	session         string
	api, atProvider *places
}

// leave gives the place back. It is called once.
func (at place) leave() {
	p := at.pace
	p.mu.Lock()
	defer p.mu.Unlock()
	at.api.give(at.session)
	at.atProvider.give(at.session)
	if p.inFlight[at.session]--; p.inFlight[at.session] == 0 {
		delete(p.inFlight, at.session)
	}
}

// enter takes a place for one call of session through an api of a provider. When ok is false there is none, and wait
// says when to come again.
func (p *pace) enter(session *vault.Session, api, provider string) (taken place, wait time.Duration, ok bool) {
	id := sessionID(session)
	p.mu.Lock()
	defer p.mu.Unlock()
	atAPI := p.placesOf(placesKey{api: api}, p.limits.APIConcurrency)
	atProvider := p.placesOf(placesKey{provider: provider}, p.limits.ProviderConcurrency)
	n := p.inFlight[id]
	if p.limits.SessionConcurrency > 0 && n >= p.limits.SessionConcurrency || !atAPI.free(id) || !atProvider.free(id) {
		return place{}, time.Second, false
	}
	if wait := p.early(id, provider); wait > 0 {
		return place{}, wait, false
	}
	atAPI.take(id)
	atProvider.take(id)
	p.inFlight[id] = n + 1
	return place{p, id, atAPI, atProvider}, 0, true
}

// sessionID is "" for the calls of nobody: they share what one session has.
func sessionID(session *vault.Session) string {
	if session == nil {
		return ""
	}
	return session.ID
}

// early takes one call from each bucket that it falls under, or none and says how long to wait. Full buckets are
// forgotten, at most once a minute.
func (p *pace) early(id, provider string) (wait time.Duration) {
	now := p.now()
	if now.Sub(p.swept) >= time.Minute {
		p.swept = now
		maps.DeleteFunc(p.buckets, func(_ bucketKey, b *rate.Limiter) bool { return b.TokensAt(now) >= float64(b.Burst()) })
	}
	all := p.limits.ProviderPerSecond
	share := 0
	if all > 0 {
		share = max(1, all/4)
	}
	buckets := [...]*rate.Limiter{
		p.bucket(bucketKey{session: id}, p.limits.SessionPerSecond, 2),
		p.bucket(bucketKey{id, provider}, share, 2),
		p.bucket(bucketKey{provider: provider}, all, 1),
	}
	for _, b := range buckets {
		if b != nil && b.TokensAt(now) < 1 {
			wait = max(wait, time.Duration(float64(time.Second)/float64(b.Limit())))
		}
	}
	for _, b := range buckets {
		if b != nil && wait == 0 {
			b.AllowN(now, 1)
		}
	}
	return wait
}

// bucket holds what comes in in so many seconds; nil where there is no limit.
func (p *pace) bucket(key bucketKey, perSecond, seconds int) *rate.Limiter {
	if perSecond <= 0 {
		return nil
	}
	b := p.buckets[key]
	if b == nil {
		b = rate.NewLimiter(rate.Limit(perSecond), seconds*perSecond)
		p.buckets[key] = b
	}
	return b
}

func (p *pace) placesOf(key placesKey, most int) *places {
	if most <= 0 {
		return nil
	}
	there := p.places[key]
	if there == nil {
		there = &places{most: most, bySession: map[string]int{}}
		p.places[key] = there
	}
	return there
}

// free is rule 3.
func (there *places) free(id string) bool {
	if there == nil {
		return true
	}
	held, sessions := there.bySession[id], len(there.bySession)
	if held == 0 {
		sessions++
	}
	return there.taken < there.most && held < max(1, there.most/(sessions+1))
}

func (there *places) take(id string) {
	if there != nil {
		there.taken++
		there.bySession[id]++
	}
}

func (there *places) give(id string) {
	if there == nil {
		return
	}
	there.taken--
	if there.bySession[id]--; there.bySession[id] == 0 {
		delete(there.bySession, id)
	}
}

// paused says how long a session must leave an api, or a route of it, alone.
func (p *pace) paused(key pauseKey) time.Duration {
	if key.session == "" {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.left(key)
}

func (p *pace) left(key pauseKey) time.Duration {
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

// upstreamPause is rule 5: an upstream answered with status and header h.
func (p *pace) upstreamPause(key pauseKey, status int, h http.Header) {
	if status != http.StatusTooManyRequests || key.session == "" || h.Get("BFF-Error") != "" {
		return
	}
	wait := httpfield.RetryAfter(h, p.now(), longestPause)
	if wait <= 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.pauses) >= maxPauses {
		for other := range p.pauses {
			p.left(other)
		}
		if len(p.pauses) >= maxPauses {
			return
		}
	}
	p.pauses[key] = p.now().Add(wait)
}
