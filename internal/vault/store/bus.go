package store

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"bff/internal/vault/seal"
)

// A Bus is one subscription of this process to the store's channel, shared by all who listen. It begins with the Bus,
// so that who subscribes later misses nothing that a connection takes to be made.
type Bus[E any] struct {
	s      *server
	decode func(message string) (E, bool)
	resync E
	mu     sync.Mutex
	subs   map[*subscriber[E]]struct{}
	live   bool // messages are being received
	lately bool // there was a subscription before
	stop   context.CancelFunc
	done   chan struct{}
}

type subscriber[E any] struct {
	match  func(E) bool
	events chan E
}

// NewBus subscribes, now or as soon as the store is there; a deaf one never does. decode reads a message; resync is what
// is delivered where anything may have been missed. Close it.
func NewBus[E any](s *Store, deaf bool, decode func(message string) (E, bool), resync E) *Bus[E] {
	ctx, stop := context.WithCancel(context.Background())
	b := &Bus[E]{s: s.server, decode: decode, resync: resync, subs: map[*subscriber[E]]struct{}{}, stop: stop,
		done: make(chan struct{})}
	if deaf {
		close(b.done)
	} else {
		go b.listen(ctx)
	}
	return b
}

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

// listen keeps the subscription alive. One that ended is made anew, and then everybody must look again.
func (b *Bus[E]) listen(ctx context.Context) {
	defer close(b.done)
	for ctx.Err() == nil {
		b.receive(ctx)
		pause(ctx, 100*time.Millisecond+time.Duration(seal.Random(1)[0])*time.Millisecond)
	}
}

// busCheck is how long a subscription may be silent before it is pinged. One that stays silent twice as long after that
// is half open.
const busCheck = 3 * time.Second

// receive listens until the connection ends.
func (b *Bus[E]) receive(ctx context.Context) {
	ps := b.s.client.Subscribe(ctx, b.s.Channel())
	messages, over := make(chan any), make(chan struct{})
	var reader sync.WaitGroup
	reader.Go(func() {
		defer close(messages)
		for {
			m, err := received(ctx, ps)
			if err != nil {
				return
			}
			select {
			case messages <- m:
			case <-over:
				return
			}
		}
	})
	defer reader.Wait()
	defer ps.Close()
	defer close(over)
	defer b.lost()
	check := time.NewTicker(busCheck)
	defer check.Stop()
	for silent := 0; silent < 4; {
		select {
		case <-ctx.Done():
			return
		case <-check.C:
			if silent++; silent == 2 && ping(ctx, ps) != nil {
				return
			}
		case m, ok := <-messages:
			if !ok {
				return
			}
			silent = 0
			switch m := m.(type) {
			case *redis.Subscription:
				if b.lately { // nobody knew meanwhile that this process runs: see Rename
					b.s.stale.Store(true)
				}
				b.lately = true
				b.deliver(b.resync, true)
			case *redis.Message:
				if e, ok := b.decode(m.Payload); ok {
					b.deliver(e, false)
				}
			}
		}
	}
}

func ping(ctx context.Context, ps *redis.PubSub) error {
	ctx, cancel := context.WithTimeout(ctx, busCheck)
	defer cancel()
	return ps.Ping(ctx)
}

// received is the next message of a subscription. go-redis panics where one has another shape than it expects: from a
// store that is none, that is an error like others.
func received(ctx context.Context, ps *redis.PubSub) (m any, err error) {
	defer func() {
		if recover() != nil {
			m, err = nil, errMessage
		}
	}()
	return ps.Receive(ctx)
}

var errMessage = errors.New("the store sent a message that is none")

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
