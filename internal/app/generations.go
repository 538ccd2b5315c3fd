package app

import (
	"context"
	"sync"

	"bff/internal/audit"
)

// generations are those of one process: the current one, and those before it whose handlers still run. It is safe for
// concurrent use.
type generations struct {
	mu       sync.RWMutex // of what follows
	current  *generation
	retiring map[*generation]bool // those whose handlers still run
	retired  sync.WaitGroup
}

// now returns the current generation.
func (all *generations) now() *generation {
	all.mu.RLock()
	defer all.mu.RUnlock()
	return all.current
}

// enter returns the current generation with one more call in it. The caller ends it with calls.Done.
func (all *generations) enter() *generation {
	all.mu.RLock()
	defer all.mu.RUnlock()
	all.current.calls.Add(1)
	return all.current
}

// replace makes a generation the current one. The one before it ends when the last of its calls has ended.
func (all *generations) replace(next *generation) {
	next.start()
	all.mu.Lock()
	old := all.current
	all.current = next
	all.retiring[old] = true
	all.mu.Unlock()
	all.retired.Go(func() {
		old.calls.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), old.cfg.Shutdown)
		defer cancel()
		if err := old.close(ctx, all.alone(old)); err != nil {
			old.log.Warn("a configuration that was replaced did not end well", "error", err)
		}
	})
}

// alone takes a generation off the list, and reports whether no other uses its vault.
func (all *generations) alone(g *generation) bool {
	all.mu.Lock()
	defer all.mu.Unlock()
	delete(all.retiring, g)
	for other := range all.retiring {
		if other.vault == g.vault {
			return false
		}
	}
	return all.current.vault != g.vault
}

// running returns every generation whose handlers may still run.
func (all *generations) running() []*generation {
	all.mu.RLock()
	defer all.mu.RUnlock()
	out := []*generation{all.current}
	for g := range all.retiring {
		out = append(out, g)
	}
	return out
}

// Record implements [audit.Recorder] for the vault, which may outlive the generation that made it: what happens is
// recorded as the current one says.
func (all *generations) Record(ctx context.Context, e audit.Event) {
	if g := all.now(); g != nil {
		g.events.Record(ctx, e)
	}
}
