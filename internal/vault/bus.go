package vault

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// The kinds of events.
const (
	EventConnection = "connection" // a connection was written or removed
	EventLock       = "lock"       // a refresh lock was released
	EventSession    = "session"    // a session ended
	EventResync     = "resync"     // the subscription was made anew, or the subscriber fell behind: anything may have been missed
)

// An Event says that something changed, never what: readers read again. It holds ids only.
type Event struct {
	Kind       string `json:"k"`
	Session    string `json:"s,omitempty"` // session id; of a connection kept by the user, empty
	User       string `json:"u,omitempty"`
	Connection string `json:"c,omitempty"`
	Reason     string `json:"r,omitempty"` // of a session's end
	Removed    bool   `json:"x,omitempty"` // of a connection
	Key        string `json:"y,omitempty"` // Connection.Key
}

func (e Event) encode() string {
	b, err := json.Marshal(e)
	if err != nil {
		panic("vault: an event of plain fields did not encode")
	}
	return string(b)
}

// The bus is one subscription of this process to the store's channel, shared by all who listen.
type bus struct {
	v      *Vault
	mu     sync.Mutex
	subs   map[*subscriber]struct{}
	stop   context.CancelFunc // nil until somebody listens
	done   chan struct{}
	closed bool
}

type subscriber struct {
	match  func(Event) bool
	events chan Event
}

func newBus(v *Vault) *bus { return &bus{v: v, subs: map[*subscriber]struct{}{}} }

// Subscribe delivers the events for which match is true, until cancel is called; the channel is never closed. match must not block. A subscriber that falls behind gets one EventResync
// for all it missed; so does everybody when the subscription to the store was made anew.
func (v *Vault) Subscribe(match func(Event) bool) (events <-chan Event, cancel func()) {
	b := v.bus
	s := &subscriber{match: match, events: make(chan Event, 16)}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.subs[s] = struct{}{}
	if b.stop == nil && !b.closed {
		ctx, stop := context.WithCancel(context.Background())
		b.stop, b.done = stop, make(chan struct{})
		go b.listen(ctx)
	}
	return s.events, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.subs, s)
	}
}

// listen keeps the subscription alive. go-redis resubscribes after a broken connection and reports it, which is when everybody must look again.
func (b *bus) listen(ctx context.Context) {
	defer close(b.done)
	for ctx.Err() == nil {
		b.receive(ctx)
		select {
		case <-ctx.Done():
		case <-time.After(100*time.Millisecond + time.Duration(random(1)[0])*time.Millisecond):
		}
	}
}

// receive listens until the client gives up. It pings a silent connection: a half-open one must not look like a quiet day.
func (b *bus) receive(ctx context.Context) {
	ps := b.v.client.Subscribe(ctx, b.v.channel())
	defer ps.Close()
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
				b.deliver(Event{Kind: EventResync})
			case *redis.Message:
				var e Event
				if json.Unmarshal([]byte(m.Payload), &e) == nil {
					b.deliver(e)
				}
			}
		}
	}
}

func (b *bus) deliver(e Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for s := range b.subs {
		if e.Kind != EventResync && !s.match(e) {
			continue
		}
		select {
		case s.events <- e:
		default:
			s.resync()
		}
	}
}

// resync puts one EventResync in the place of all that a slow subscriber has not taken. Nobody else sends, so there is room.
func (s *subscriber) resync() {
	for {
		select {
		case <-s.events:
		default:
			s.events <- Event{Kind: EventResync}
			return
		}
	}
}

func (b *bus) close() {
	b.mu.Lock()
	b.closed = true
	stop, done := b.stop, b.done
	b.mu.Unlock()
	if stop != nil {
		stop()
		<-done
	}
}
