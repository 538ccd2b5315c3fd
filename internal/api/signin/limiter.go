package signin

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// addressLimiter bounds attempts per client address: a bucket of a minute's worth, for a bounded number of addresses.
type addressLimiter struct {
	perMinute int
	now       func() time.Time

	mu      sync.Mutex
	buckets map[netip.Prefix]*rate.Limiter
	swept   time.Time
}

// maxBuckets bounds the memory a flood of addresses can take. When they are all busy, newcomers share one.
const maxBuckets = 50_000

func newAddressLimiter(perMinute int, now func() time.Time) *addressLimiter {
	return &addressLimiter{perMinute: perMinute, now: now, buckets: map[netip.Prefix]*rate.Limiter{}}
}

// take says whether addr may start one more, and else how long to wait. An IPv6 client is its /64.
func (l *addressLimiter) take(addr netip.Addr) (wait time.Duration, ok bool) {
	bits := 32
	if addr.Is6() {
		bits = 64
	}
	key, err := addr.Prefix(bits)
	if err != nil {
		key = netip.Prefix{}
	}
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.buckets[key]
	if b == nil {
		l.sweep(now)
		if len(l.buckets) >= maxBuckets {
			key = netip.Prefix{}
		}
		if b = l.buckets[key]; b == nil {
			b = rate.NewLimiter(rate.Limit(float64(l.perMinute)/60), l.perMinute)
			l.buckets[key] = b
		}
	}
	if b.AllowN(now, 1) {
		return 0, true
	}
	return time.Duration(float64(time.Minute) / float64(l.perMinute)), false
}

// sweep forgets full buckets, at most once a minute.
func (l *addressLimiter) sweep(now time.Time) {
	if now.Sub(l.swept) < time.Minute {
		return
	}
	l.swept = now
	for k, b := range l.buckets {
		if b.TokensAt(now) >= float64(l.perMinute) {
			delete(l.buckets, k)
		}
	}
}
