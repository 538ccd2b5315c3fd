package demo

import (
	"crypto/rand"
	"encoding/base64"
)

// A shelf keeps the newest values under random names and lets the oldest fall off. Its owner locks it.
type shelf[V any] struct {
	limit int
	items map[string]V
	order []string // oldest first; names that were taken may still be in it
}

func newShelf[V any](limit int) *shelf[V] {
	return &shelf[V]{limit: limit, items: map[string]V{}}
}

func (s *shelf[V]) get(name string) (V, bool) {
	v, ok := s.items[name]
	return v, ok
}

func (s *shelf[V]) put(name string, v V) {
	if _, ok := s.items[name]; !ok {
		s.order = append(s.order, name)
	}
	s.items[name] = v
	for len(s.items) > s.limit || len(s.order) > 2*s.limit {
		delete(s.items, s.order[0])
		s.order = s.order[1:]
	}
}

func (s *shelf[V]) remove(name string) { delete(s.items, name) }

// random returns n random bytes as base64url.
func random(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b)
}
