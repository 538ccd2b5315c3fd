package shelf

import (
	"crypto/rand"
	"encoding/base64"
	"iter"
	"maps"
)

// A Shelf keeps the newest values and drops the oldest beyond its limit. Its owner locks it.
type Shelf[V any] struct {
	limit int
	items map[string]V
	order []string // oldest first; names that were removed may still be in it
}

// New returns a shelf for at most limit values.
func New[V any](limit int) *Shelf[V] {
	return &Shelf[V]{limit: limit, items: map[string]V{}}
}

// Get returns the value of a name.
func (s *Shelf[V]) Get(name string) (V, bool) {
	v, ok := s.items[name]
	return v, ok
}

// Put keeps a value under a name, in place of the one that has the name already.
func (s *Shelf[V]) Put(name string, v V) {
	if _, ok := s.items[name]; !ok {
		s.order = append(s.order, name)
	}
	s.items[name] = v
	for len(s.items) > s.limit || len(s.order) > 2*s.limit {
		delete(s.items, s.order[0])
		s.order = s.order[1:]
	}
}

// Remove drops a name.
func (s *Shelf[V]) Remove(name string) { delete(s.items, name) }

// Values are all values, in no order.
func (s *Shelf[V]) Values() iter.Seq[V] { return maps.Values(s.items) }

// Random returns n random bytes as base64url.
func Random(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b)
}
