package seal

import (
	"time"

	"github.com/maypok86/otter/v2"

	"bff/internal/secret"
)

// Opened remembers what sealed values held, so that a value which the store brings again, byte for byte, is not
// derived, opened and decoded again. It never answers instead of the store: every read asks that first, and what has
// changed there has other bytes. It holds for a minute what was in this process's memory a moment ago anyway.
type Opened struct {
	cache *otter.Cache[string, remembered]
}

const (
	openedSize = 10_000 // values, of about a kilobyte
	openedLife = time.Minute
)

// remembered is a record, and the binding it was opened for: sealed bytes alone open nothing.
type remembered struct {
	kind, owner string
	opener      secret.Text
	record      any // of one type for a kind; shared, so never changed
}

// NewOpened makes an empty one. Close it.
func NewOpened() *Opened {
	return &Opened{otter.Must(&otter.Options[string, remembered]{
		MaximumSize:      openedSize,
		ExpiryCalculator: otter.ExpiryAccessing[string, remembered](openedLife),
	})}
}

// Find returns what value held for that binding, or nil. The record is shared: copy it before you change it.
func (o *Opened) Find(b Binding, value string) any {
	r, ok := o.cache.GetIfPresent(value)
	if !ok || r.kind != b.Kind || r.owner != b.Owner || r.opener.IsZero() != (b.Opener == nil) {
		return nil
	}
	if b.Opener != nil && !r.opener.Equal(secret.New(string(b.Opener[:]))) {
		return nil
	}
	return r.record
}

// Keep remembers what value held.
func (o *Opened) Keep(b Binding, value string, record any) {
	r := remembered{kind: b.Kind, owner: b.Owner, record: record}
	if b.Opener != nil {
		r.opener = secret.New(string(b.Opener[:]))
	}
	o.cache.Set(value, r)
}

// Close forgets everything.
func (o *Opened) Close() {
	o.cache.InvalidateAll()
	o.cache.StopAllGoroutines()
}
