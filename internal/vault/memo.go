package vault

import (
	"time"

	"github.com/maypok86/otter/v2"

	"bff/internal/secret"
)

// A memo remembers what sealed values held, so that a value which the store brings again, byte for byte, is not derived, opened and decoded again. It never
// answers instead of the store: every read asks that first, and what has changed there has other bytes. It holds for a minute what was in this
// process's memory a moment ago anyway.
type memo struct {
	cache *otter.Cache[string, remembered]
}

const (
	memoSize = 10_000 // values, of about a kilobyte
	memoLife = time.Minute
)

// remembered is a record, and the seat it was opened in: sealed bytes alone open nothing.
type remembered struct {
	kind, owner string
	opener      secret.Text
	record      any // of one type for a kind; shared, so never changed
}

func newMemo() *memo {
	return &memo{otter.Must(&otter.Options[string, remembered]{MaximumSize: memoSize, ExpiryCalculator: otter.ExpiryAccessing[string, remembered](memoLife)})}
}

// find returns what value held in that seat.
func (m *memo) find(s seat, value string) any {
	r, ok := m.cache.GetIfPresent(value)
	if !ok || r.kind != s.kind || r.owner != s.owner || r.opener.IsZero() != (s.opener == nil) {
		return nil
	}
	if s.opener != nil && !r.opener.Equal(secret.New(string(s.opener[:]))) {
		return nil
	}
	return r.record
}

func (m *memo) keep(s seat, value string, record any) {
	r := remembered{kind: s.kind, owner: s.owner, record: record}
	if s.opener != nil {
		r.opener = secret.New(string(s.opener[:]))
	}
	m.cache.Set(value, r)
}

func (m *memo) close() {
	m.cache.InvalidateAll()
	m.cache.StopAllGoroutines()
}
