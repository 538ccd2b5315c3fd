package refresh

import (
	"hash/maphash"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"bff/internal/oauth/client"
	"bff/internal/secret"
	"bff/internal/vault"
)

const (
	historySize   = 16384
	historyLife   = time.Hour
	failureFirst  = 250 * time.Millisecond
	failureMax    = 5 * time.Second
	renewInterval = 10 * time.Second
	renewBurst    = 10
)

// A history is what this instance knows of the refreshes of one connection. Losing it costs a wait or a call, never a
// token: nothing here decides what is true.
type history struct {
	touched time.Time

	failures int         // of refreshes, in a row
	until    time.Time   // no refresh before this
	kind     client.Kind // of the failure before until, and of the calls that come meanwhile

	lost      intent        // of ours, whose answer we do not hold
	silent    bool          // the provider said nothing to it, not even that it failed
	postponed uint64        // an access token that is not refreshed before its end
	behind    bool          // a refresh behind the callers' backs is under way
	renewals  *rate.Limiter // of forced refreshes
	sighted   uint64        // an access token
	sightedAt time.Time     // when we know it to have been new, on our clock
}

// mayRenew takes one forced refresh from what this connection has left.
func (m *history) mayRenew(now time.Time) bool {
	if m.renewals == nil {
		m.renewals = rate.NewLimiter(rate.Every(renewInterval), renewBurst)
	}
	return m.renewals.AllowN(now, 1)
}

// histories holds a bounded number of them. Tokens are remembered by a hash that only this process can compute.
type histories struct {
	mu   sync.Mutex
	m    map[string]*history
	seed maphash.Seed
}

func newHistories() *histories { return &histories{m: map[string]*history{}, seed: maphash.MakeSeed()} }

func (ms *histories) hash(s secret.Text) uint64 { return maphash.String(ms.seed, s.Reveal()) }

// with runs f on what is remembered of key, making it when make is true; f is not called when there is nothing.
func (ms *histories) with(key string, now time.Time, create bool, f func(*history)) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	m := ms.m[key]
	if m == nil {
		if !create {
			return
		}
		if len(ms.m) >= historySize {
			ms.forgetOld(now)
		}
		m = &history{}
		ms.m[key] = m
	}
	if create {
		m.touched = now
	}
	f(m)
}

// forgetOld makes room: what was not touched for long, or, failing that, a sixteenth of it at random.
func (ms *histories) forgetOld(now time.Time) {
	for k, m := range ms.m {
		if now.Sub(m.touched) > historyLife {
			delete(ms.m, k)
		}
	}
	for k := range ms.m {
		if len(ms.m) < historySize-historySize/16 {
			return
		}
		delete(ms.m, k)
	}
}

// sighting is when an access token was seen to be new, if it was. It is asked at every call.
func (ms *histories) sighting(key []byte, token secret.Text) (at time.Time, seen bool) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	m := ms.m[string(key)]
	if m == nil || m.sighted != ms.hash(token) {
		return time.Time{}, false
	}
	return m.sightedAt, true
}

// succeeded forgets failures.
func (ms *histories) succeeded(key string, now time.Time) {
	ms.with(key, now, false, func(m *history) { m.failures, m.until, m.lost, m.silent = 0, time.Time{}, intent{}, false })
}

// failed notes that a refresh came to nothing, and says how long to wait before the next. unclear: the answer to in
// is lost; silent: there was none at all.
func (ms *histories) failed(
	key string,
	now time.Time,
	retryAfter time.Duration,
	in intent,
	kind client.Kind,
	unclear, silent bool,
) (wait time.Duration, failures int) {
	ms.with(key, now, true, func(m *history) {
		wait = max(Backoff(m.failures, failureFirst, failureMax), retryAfter)
		m.failures++
		failures = m.failures
		m.until, m.kind = now.Add(wait), kind
		if m.lost = (intent{}); unclear {
			m.lost, m.silent = in, silent
		}
	})
	return wait, failures
}

// mine says whether an intent that stands in the store is the one of ours that failed last, so that nobody else can
// hold its answer, and whether the provider was silent to it.
func (ms *histories) mine(key string, found *vault.Intent) (mine, silent bool) {
	silent = true
	ms.with(key, time.Time{}, false, func(m *history) {
		in := &m.lost
		if mine = !in.to.IsZero() && !found.At.Before(in.from) && !found.At.After(in.to); mine {
			silent = m.silent
		}
	})
	return mine, silent
}

// An intent is what was noted in the store before a refresh token is sent.
type intent struct {
	from, to time.Time // it was written between
	lost     bool      // another one stood there: its answer is lost
}
