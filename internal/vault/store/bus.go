package store

import (
	"context"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"bff/internal/vault/seal"
)

// A Bus is one subscription of this process to the store's channel, shared by all who listen. It begins with the Bus,
// so that who subscribes later misses nothing that a connection takes to be made.
type Bus[E any] struct {
	s      *Store
	decode func(message string) (E, bool)
	resync E
	mu     sync.Mutex
	subs   map[*subscriber[E]]struct{}
	live   bool // messages are being received
	stop   context.CancelFunc
	done   chan struct{}
}

type subscriber[E any] struct {
	match  func(E) bool
	events chan E
}

// NewBus subscribes, now or as soon as the store is there. decode reads a message; resync is what is delivered where
// anything may have been missed. Close it.
func NewBus[E any](s *Store, decode func(message string) (E, bool), resync E) *Bus[E] {
	ctx, stop := context.WithCancel(context.Background())
	b := &Bus[E]{s: s, decode: decode, resync: resync, subs: map[*subscriber[E]]struct{}{}, stop: stop,
		done: make(chan struct{})}
	go b.listen(ctx)
	return b
}

// Channel is the channel's name, for scripts.
func (s *Store) Channel() string { return s.Global("bus") }

// Subscribe delivers the events for which match is true, until cancel is called; the channel is never closed. match
// must not block. The first is a resync, which says that from here on nothing is missed: what was read before may be
// old. A subscriber that falls behind gets one for all it missed; so does everybody when the subscription to the store
// was made anew.
func (b *Bus[E]) Subscribe(match func(E) bool) (events <-chan E, cancel func()) {
	s := &subscriber[E]{match: match, events: make(chan E, 16)}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.subs[s] = struct{}{}
	if b.live {
		s.events <- b.resync // there is room
	}
	return s.events, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.subs, s)
	}
}

// listen keeps the subscription alive. go-redis resubscribes after a broken connection and reports it, which is when
// everybody must look again.
func (b *Bus[E]) listen(ctx context.Context) {
	defer close(b.done)
	for ctx.Err() == nil {
		b.receive(ctx)
		pause(ctx, 100*time.Millisecond+time.Duration(seal.Random(1)[0])*time.Millisecond)
	}
}

// receive listens until the client gives up. The client pings a silent connection, so that one that is half open fails.
func (b *Bus[E]) receive(ctx context.Context) {
	b.s.veil.listens(ctx) // before this instance is one of those
	ps := b.s.client.Subscribe(ctx, b.s.Channel())
	defer ps.Close()
	defer b.lost()
	messages := ps.ChannelWithSubscriptions()
	for {
		select {
		case <-ctx.Done():
			return
		case m, ok := <-messages:
			if !ok {
				return
			}
			switch m := m.(type) {
			case *redis.Subscription: // the first, or one after a broken connection
				b.deliver(b.resync, true)
			case *redis.Message:
				if e, ok := b.decode(m.Payload); ok {
					b.deliver(e, false)
				}
			}
		}
	}
}

func (b *Bus[E]) lost() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.live = false
}

func (b *Bus[E]) deliver(e E, resync bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.live = true
	for s := range b.subs {
		if !resync && !s.match(e) {
			continue
		}
		select {
		case s.events <- e:
		default:
			s.overrun(b.resync)
		}
	}
}

// overrun replaces all that a slow subscriber has not taken by one resync. Nobody else sends, so there is room.
func (s *subscriber[E]) overrun(resync E) {
	for {
		select {
		case <-s.events:
		default:
			s.events <- resync
			return
		}
	}
}

// Close ends the subscription.
func (b *Bus[E]) Close() {
	b.stop()
	<-b.done
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
