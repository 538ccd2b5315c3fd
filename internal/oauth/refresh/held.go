package refresh

import (
	"sync"
	"sync/atomic"
	"time"

	"bff/internal/vault"
)

const heldRetry = 150 * time.Millisecond

// heldTokens are changes that the store could not take.
type heldTokens struct {
	n  atomic.Int32
	mu sync.Mutex
	m  map[string]change
}

// over lays what is held over what was read.
func (h *heldTokens) over(c vault.Connection) vault.Connection {
	if h.n.Load() == 0 {
		return c
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if ch, ok := h.m[c.Key()]; ok && ch.sent.Equal(c.Tokens.Refresh) {
		return ch.apply(c)
	}
	return c
}

func (h *heldTokens) has(key string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, ok := h.m[key]
	return ok
}

func (h *heldTokens) put(key string, ch change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.m == nil {
		h.m = map[string]change{}
	}
	h.m[key] = ch
	h.n.Store(int32(len(h.m)))
}

func (h *heldTokens) drop(key string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.m, key)
	h.n.Store(int32(len(h.m)))
}
