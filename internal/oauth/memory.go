package oauth

import (
	"hash/maphash"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"bff/internal/secret"
	"bff/internal/vault"
)

const (
	memorySize    = 16384
	memoryLife    = time.Hour
	failureFirst  = 250 * time.Millisecond
	failureMax    = 5 * time.Second
	renewInterval = 10 * time.Second
	renewBurst    = 10
)

// A memory is what this instance remembers of one connection. Losing it costs a wait or a call, never a token: nothing here decides what is true.
type memory struct {
	touched time.Time

	failures int       // of refreshes, in a row
	until    time.Time // no refresh before this

	lost      intent        // of ours, whose answer we do not hold
	silent    bool          // the provider said nothing to it, not even that it failed
	postponed uint64        // an access token that is not refreshed before its end
	behind    bool          // a refresh behind the callers' backs is under way
	renewals  *rate.Limiter // of forced refreshes
	sighted   uint64        // an access token
	sightedAt time.Time     // when we know it to have been new, on our clock
}

// mayRenew takes one forced refresh from what this connection has left.
func (m *memory) mayRenew(now time.Time) bool {
	if m.renewals == nil {
		m.renewals = rate.NewLimiter(rate.Every(renewInterval), renewBurst)
	}
	return m.renewals.AllowN(now, 1)
}

// memories holds a bounded number of them. Tokens are remembered by a hash that only this process can compute.
type memories struct {
	mu   sync.Mutex
	m    map[string]*memory
	seed maphash.Seed
}

func newMemories() *memories { return &memories{m: map[string]*memory{}, seed: maphash.MakeSeed()} }

func (ms *memories) hash(s secret.Text) uint64 { return maphash.String(ms.seed, s.Reveal()) }

// with runs f on what is remembered of key, making it when make is true; f is not called when there is nothing.
func (ms *memories) with(key string, now time.Time, create bool, f func(*memory)) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	m := ms.m[key]
	if m == nil {
		if !create {
			return
		}
		if len(ms.m) >= memorySize {
			ms.forgetOld(now)
		}
		m = &memory{}
		ms.m[key] = m
	}
	if create {
		m.touched = now
	}
	f(m)
}

// forgetOld makes room: what was not touched for long, or, failing that, a sixteenth of it at random.
func (ms *memories) forgetOld(now time.Time) {
	for k, m := range ms.m {
		if now.Sub(m.touched) > memoryLife {
			delete(ms.m, k)
		}
	}
	for k := range ms.m {
		if len(ms.m) < memorySize-memorySize/16 {
			return
		}
		delete(ms.m, k)
	}
}

// succeeded forgets failures.
func (ms *memories) succeeded(key string, now time.Time) {
	ms.with(key, now, false, func(m *memory) { m.failures, m.until, m.lost, m.silent = 0, time.Time{}, intent{}, false })
}

// failed notes that a refresh came to nothing, and says how long to wait before the next. unclear: the answer to in is lost; silent: there was none at all.
func (ms *memories) failed(key string, now time.Time, retryAfter time.Duration, in intent, unclear, silent bool) (wait time.Duration) {
	ms.with(key, now, true, func(m *memory) {
		wait = max(backoff(m.failures, failureFirst, failureMax), retryAfter)
		m.failures++
		m.until = now.Add(wait)
		if m.lost = (intent{}); unclear {
			m.lost, m.silent = in, silent
		}
	})
	return wait
}

// mine says whether an intent that stands in the store is the one of ours that failed last, so that nobody else can hold its answer, and whether the provider
// was silent to it.
func (ms *memories) mine(key string, found *vault.Intent) (mine, silent bool) {
	silent = true
	ms.with(key, time.Time{}, false, func(m *memory) {
		in := &m.lost
		if mine = !in.to.IsZero() && !found.At.Before(in.from) && !found.At.After(in.to); mine {
			silent = m.silent
		}
	})
	return mine, silent
}
