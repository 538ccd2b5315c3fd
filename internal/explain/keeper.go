package explain

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"bff/internal/audit"
)

// Bounds of what is kept.
const (
	MaxEvents    = 50  // of one id, in each of its lists
	MaxPerSecond = 200 // of those that are audited, written by one instance

	callsPerSecond   = 20  // of the others, where somebody is known
	asksPerSecond    = 10  // of services that ask whose session they have
	strangersPerSec  = 10  // where nobody is
	atOnce           = 500 // of the others at once
	strangersKeptFor = time.Hour
	queueLength      = 1024
	writeTimeout     = 2 * time.Second
)

// A Store keeps events sealed, newest last, each id's list for a limited time. It is safe for concurrent use.
type Store interface {
	// Append adds an entry to the lists of the ids and keeps the last max of each.
	Append(ctx context.Context, ids []string, entry []byte, most int, ttl time.Duration) error
	// Read returns the list of an id, the oldest first. An unknown id has none.
	Read(ctx context.Context, id string) ([][]byte, error)
}

// A Keeper is the [audit.Recorder] that writes events to a Store behind the caller's back.
type Keeper struct {
	store   Store
	ttl     time.Duration
	log     *slog.Logger
	queue   chan audit.Event
	limits  [5]*rate.Limiter // by class
	dropped atomic.Int64
	closing chan struct{}
	stop    context.CancelFunc
	done    sync.WaitGroup
}

// NewKeeper starts a Keeper that keeps events for ttl, which is positive. Close it.
func NewKeeper(store Store, ttl time.Duration, log *slog.Logger) *Keeper {
	ctx, stop := context.WithCancel(context.Background())
	k := &Keeper{store: store, ttl: ttl, log: log, queue: make(chan audit.Event, queueLength),
		limits: [5]*rate.Limiter{audited: rate.NewLimiter(MaxPerSecond, MaxPerSecond),
			ofUse: rate.NewLimiter(MaxPerSecond, MaxPerSecond), ofAsk: rate.NewLimiter(asksPerSecond, atOnce),
			ofCall: rate.NewLimiter(callsPerSecond, atOnce), ofStranger: rate.NewLimiter(strangersPerSec, atOnce)},
		closing: make(chan struct{}), stop: stop}
	k.done.Go(func() { k.run(ctx) })
	return k
}

// Record implements [audit.Recorder]. It never waits.
func (k *Keeper) Record(_ context.Context, e audit.Event) {
	if e.At.IsZero() {
		e.At = time.Now()
	}
	e.At = e.At.UTC().Truncate(time.Millisecond)
	if len(listsOf(e)) == 0 || !k.limits[classOf(e)].Allow() {
		k.dropped.Add(1)
		return
	}
	select {
	case k.queue <- e:
	default:
		k.dropped.Add(1)
	}
}

// Dropped returns how many events were not kept.
func (k *Keeper) Dropped() int64 { return k.dropped.Load() }

// Close writes what is in the queue, for at most two seconds, and ends the worker. What is recorded afterwards is
// lost. It is called once.
func (k *Keeper) Close() {
	limit := time.AfterFunc(writeTimeout, k.stop)
	defer limit.Stop()
	close(k.closing)
	k.done.Wait()
	k.stop()
}

func (k *Keeper) run(ctx context.Context) {
	for {
		select {
		case e := <-k.queue:
			k.write(ctx, e)
			continue
		case <-k.closing:
		}
		for { // what is left
			select {
			case e := <-k.queue:
				k.write(ctx, e)
			default:
				return
			}
		}
	}
}

func (k *Keeper) write(ctx context.Context, e audit.Event) {
	entry, err := json.Marshal(e)
	if err == nil {
		limited, cancel := context.WithTimeout(ctx, writeTimeout)
		ttl := k.ttl
		if classOf(e) == ofStranger {
			ttl = min(ttl, strangersKeptFor)
		}
		err = k.store.Append(limited, listsOf(e), entry, MaxEvents, ttl)
		cancel()
	}
	if err != nil {
		k.dropped.Add(1)
		k.log.Debug("an event was not kept for explanations", "event", string(e.Kind), "error", err)
	}
}

// The classes of events. Each has a bound and lists of its own, so that calls that are refused in numbers, a service that
// asks all the time, or a stranger, take no room from what matters more.
const (
	audited = iota
	ofUse   // a service was given a token, or refused one
	ofAsk   // a service asked whose session it has
	ofCall
	ofStranger
)

func classOf(e audit.Event) int {
	switch {
	case e.Kind == audit.TokenExchanged || e.Kind == audit.ExchangeRefused:
		return ofUse
	case e.Kind == audit.Introspected:
		return ofAsk
	case audit.Audited(e.Kind) && e.Kind != audit.SignInRefused:
		return audited
	case e.User != "" || e.Session != "" || e.Connection != "":
		return ofCall
	}
	return ofStranger
}

// listsOf are the names of the lists in which an event is kept.
func listsOf(e audit.Event) []string {
	var lists []string
	class := classOf(e)
	about := [...]string{e.Request, e.Session, e.User, e.Connection}
	for _, id := range about {
		if id != "" && (e.Kind != audit.Refreshed || id == e.Connection) { // a refresh is news of its connection alone
			lists = append(lists, listOf(id, class))
		}
	}
	switch {
	case e.Kind == audit.ConfigurationRead && len(e.Changed) > 0, e.Kind == audit.KeysChanged,
		e.Kind == audit.NamesChanged:
		lists = append(lists, listOf(Changes, audited))
	case orderedByOthers(e):
		lists = append(lists, listOf(Changes, ofCall))
	}
	if p, ok := placeOf(e); ok {
		lists = append(lists, p.list())
	}
	return lists
}

// listOf is the name of an id's list of a class.
func listOf(id string, class int) string {
	return id + [...]string{"", " uses", " asks", " calls", " calls"}[class]
}

// Changes is what may be explained beside ids: what the configuration, operators and services changed.
const Changes = "changes"

// orderedByOthers reports whether an operator or a service changed something of a person's.
func orderedByOthers(e audit.Event) bool {
	switch e.Kind {
	case audit.RightsChanged, audit.UserErased, audit.SessionEnded, audit.Unlinked:
		return e.Actor.Kind == audit.ByOperator || e.Actor.Kind == audit.ByClient
	}
	return false
}
