package refresh

import (
	"context"
	"errors"
	"sync"
	"time"

	"bff/internal/vault"
)

// A keeper renews a lock while its holder works, and takes it again when it ran out, which a store that was away does.
type keeper struct {
	r    *refresh
	mu   sync.Mutex
	l    *vault.Lock
	stop context.CancelFunc
	done chan struct{}
}

func (r *refresh) keepLock(l *vault.Lock) *keeper {
	ctx, stop := context.WithCancel(r.b.cfg.Base)
	k := &keeper{r: r, l: l, stop: stop, done: make(chan struct{})}
	go k.run(ctx)
	return k
}

func (k *keeper) run(ctx context.Context) {
	defer close(k.done)
	tick := time.NewTicker(vault.LockLease / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			k.renew(ctx)
		}
	}
}

func (k *keeper) renew(ctx context.Context) {
	if !errors.Is(k.lock().Renew(ctx), vault.ErrNotFound) {
		return
	}
	if l, ok, err := k.r.b.vault.Locks.Lock(ctx, &k.r.had); err == nil && ok {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.l = l
	}
}

func (k *keeper) lock() *vault.Lock {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.l
}

// holds says whether the lock is still held.
func (k *keeper) holds(ctx context.Context) bool { return k.lock().Renew(ctx) == nil }

// release stops renewing, and lets go behind the caller's back: a store that is away must not keep the result from it.
func (k *keeper) release() {
	k.stop()
	k.r.b.cfg.Background.Go(func() {
		<-k.done
		_ = k.lock().Release(context.Background())
	})
}
