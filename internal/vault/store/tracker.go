package store

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/push"

	"bff/internal/vault/seal"
)

// A Tracker has the store report every key below a tag that changes, expires or is evicted (CLIENT TRACKING … BCAST),
// and knows how far behind these reports may be. They come when they come, so its connection is asked for a sign of
// life all the time. A PONG comes behind all reports of what was written before the PING before it was sent; until Lag
// after that moment the reports are complete enough. A connection that is slow, cut or frozen, a process that was: the
// time passes. The PING is a write that changes nothing, which a server refuses that is no longer the master; and now
// and then one that changes something, to see that it is reported.
type Tracker struct {
	s       *Store
	reports Reports
	client  *redis.Client
	until   atomic.Int64 // when reports are no longer complete enough, on the clock of Since
	used    atomic.Int64 // when somebody last asked
	started time.Time
	stop    context.CancelFunc
	done    chan struct{}

	probe    string      // a tag of its own
	reported atomic.Bool // the probe was
}

// Reports is who is told. All of them return soon.
type Reports struct {
	Changed func(tag string) // something below the tag is no longer what it was
	Lost    func()           // anything may have changed
	Sweep   func(now int64)  // called now and then, with Since
}

const (
	Lag          = 100 * time.Millisecond // how far behind the store reports may be
	trackerBeat  = 20 * time.Millisecond  // between two signs of life, while somebody asks
	trackerIdle  = 250 * time.Millisecond // and while nobody does: reports do not pile up in the store
	trackerProbe = 50                     // signs of life between two that are reported
	trackerSweep = 10                     // and between two sweeps
)

// Trackable says whether the store can report changes to one connection.
func (s *Store) Trackable() bool { return s.kind == single || s.kind == sentinel }

// Track begins on a connection of its own. It needs no store to start.
func (s *Store) Track(to Reports) *Tracker {
	t := &Tracker{s: s, reports: to, probe: seal.Nonce(), started: time.Now(), done: make(chan struct{})}
	own := *s.options
	own.Protocol, own.PoolSize, own.MaxRetries = 3, 1, -1
	own.ReadTimeout, own.WriteTimeout = Lag, Lag
	own.OnConnect = func(ctx context.Context, cn *redis.Conn) error {
		err := cn.Process(ctx, redis.NewStatusCmd(ctx, "CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", s.prefix+":{"))
		to.Lost()
		return err
	}
	if s.kind == sentinel {
		t.client = redis.NewFailoverClient(own.Failover())
	} else {
		t.client = redis.NewClient(own.Simple())
	}
	ctx, stop := context.WithCancel(context.Background())
	t.stop = stop
	go t.listen(ctx)
	return t
}

// Close ends it.
func (t *Tracker) Close() {
	t.stop()
	<-t.done
	_ = t.client.Close()
}

// Since is this tracker's clock.
func (t *Tracker) Since() int64 { return int64(time.Since(t.started)) }

// Complete says whether all changes that were made Lag before now have been reported.
func (t *Tracker) Complete(now int64) bool {
	t.used.Store(now)
	return now < t.until.Load()
}

// listen keeps a connection, and makes it anew when it fails.
func (t *Tracker) listen(ctx context.Context) {
	defer close(t.done)
	for ctx.Err() == nil {
		conn := t.client.Conn()
		// That there is a handler already is fine; beat sees whether it works.
		_ = conn.RegisterPushNotificationHandler("invalidate", t, false)
		t.beat(ctx, conn)
		t.until.Store(0)
		_ = conn.Close()
		t.reports.Lost()
		pause(ctx, trackerIdle)
	}
}

// beat asks one connection for signs of life until it gives none.
func (t *Tracker) beat(ctx context.Context, conn *redis.Conn) {
	t.reported.Store(false)
	for n, before := 0, int64(0); ctx.Err() == nil; n++ {
		sent := t.Since()
		var err error
		if n%trackerProbe == 0 {
			err = conn.Set(ctx, t.s.Tagged(t.probe, "w"), 1, time.Minute).Err()
		} else {
			err = conn.Del(ctx, t.s.Global("w")).Err() // there is none
		}
		if err != nil || n%trackerProbe == 1 && !t.reported.Swap(false) {
			if ctx.Err() == nil {
				t.s.Warn("the store reports no changes: every call asks it")
			}
			return
		}
		if n > 0 {
			t.until.Store(before + int64(Lag))
		}
		before = sent
		if n%trackerSweep == 0 {
			t.reports.Sweep(sent)
		}
		wait := trackerIdle
		if sent-t.used.Load() < int64(time.Second) {
			wait = trackerBeat
		}
		pause(ctx, wait)
	}
}

// HandlePushNotification takes a report: the names of keys that are no longer what they were, or nothing, which means
// all of them.
func (t *Tracker) HandlePushNotification(_ context.Context, _ push.NotificationHandlerContext, report []any) error {
	var keys []any
	if len(report) > 1 {
		keys, _ = report[1].([]any)
	}
	if keys == nil {
		t.reports.Lost()
	}
	for _, key := range keys {
		name, _ := key.(string)
		tag := t.s.TagOf(name)
		if tag == t.probe {
			t.reported.Store(true)
		}
		t.reports.Changed(tag)
	}
	return nil
}
