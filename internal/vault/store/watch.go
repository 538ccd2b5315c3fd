package store

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/push"
)

// A Watch has one server report changes, and knows how far behind these reports may be. They come when they come, so
// its connection is asked for a sign of life all the time. A PONG comes behind all reports of what was written before
// the PING before it was sent; until Lag after that moment the reports are complete enough. A connection that is slow,
// cut or frozen, a process that was: the time passes. The PING is a write that changes nothing, which a server refuses
// that is no longer the master, or no longer holds the key; and now and then one that changes something, to see that it
// is reported. What was read of another server, or before the connection was made anew, is none of a watch's.
type Watch struct {
	t     *Tracker
	addr  string       // of a Cluster's server
	until atomic.Int64 // when reports are no longer complete enough, on the clock of Since
	wall  atomic.Int64 // the same by the wall clock: the other one stands still while a machine is suspended
	used  atomic.Int64 // when somebody last asked
	lost  atomic.Int64 // how often anything may have changed

	woken chan struct{} // somebody asks again

	probe    string      // a tag of its own
	reported atomic.Bool // the probe was
}

// Complete says whether all changes that were made Lag before now have been reported. Where nobody asked for a while,
// they are not; then it has them reported again at once.
func (w *Watch) Complete(now int64) bool {
	w.used.Store(now)
	if now < w.until.Load() && w.t.s.now().UnixNano() < w.wall.Load() {
		return true
	}
	select {
	case w.woken <- struct{}{}:
	default:
	}
	return false
}

// Lost is how often anything may have changed: what was read before is good for nothing once it has grown.
func (w *Watch) Lost() int64 { return w.lost.Load() }

// Answered says whether it was the watched server that answered a batch.
func (w *Watch) Answered(b *Batch) bool { return w.addr == b.from }

// listen keeps a connection, and makes it anew when it fails.
func (w *Watch) listen() {
	ctx := w.t.ctx
	client := w.dial()
	defer client.Close()
	defer w.t.drop(w)
	for ctx.Err() == nil && !w.quits() {
		if w.probe = w.newProbe(ctx); w.probe != "" {
			conn := client.Conn()
			// That there is a handler already is fine; beat sees whether it works.
			_ = conn.RegisterPushNotificationHandler("invalidate", w, false)
			w.beat(ctx, conn)
			w.until.Store(0)
			w.lost.Add(1)
			_ = conn.Close()
		}
		pause(ctx, trackerIdle)
	}
}

func (w *Watch) quits() bool { return w.addr != "" && w.t.Since()-w.used.Load() > int64(trackerQuits) }

// beat asks one connection for signs of life until it gives none.
func (w *Watch) beat(ctx context.Context, conn *redis.Conn) {
	w.reported.Store(false)
	known, woken := "", false
	for n, before, wallBefore := 0, int64(0), int64(0); ctx.Err() == nil && !w.quits(); n++ {
		sent, wall := w.t.Since(), w.t.s.now().UnixNano()
		holds, err := w.ask(ctx, conn, n%trackerProbe == 0)
		if err != nil || n%trackerProbe == 1 && !w.reported.Swap(false) || n > 0 && holds != known {
			// A store that is away is said elsewhere.
			if refused := redis.Error(nil); ctx.Err() == nil && (err == nil || errors.As(err, &refused)) {
				w.t.s.Warn("the store reports no changes: every call asks it")
			}
			return
		}
		if n > 0 {
			w.until.Store(before + int64(Lag))
			w.wall.Store(wallBefore + int64(Lag))
			if jumped := wall - wallBefore - (sent - before); max(jumped, -jumped) > int64(Lag) {
				w.lost.Add(1) // entries end by a clock that stood still, or nobody knows which clock is right
			}
		}
		before, wallBefore, known = sent, wall, holds
		woken = !woken && w.rest(ctx, sent) // two at once, since one says how it was at the one before
	}
}

// rest is the time between two signs of life, short while somebody asks and soon after. It is cut short, which it says,
// when somebody asks anew.
func (w *Watch) rest(ctx context.Context, sent int64) (woken bool) {
	if sent-w.used.Load() < int64(time.Second) {
		pause(ctx, trackerBeat)
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, w.t.idle)
	defer cancel()
	select {
	case <-ctx.Done():
	case <-w.woken:
		return true
	}
	return false
}

// ask asks for one sign of life, with what a server of a Cluster says of who holds what.
func (w *Watch) ask(ctx context.Context, conn *redis.Conn, probe bool) (holds string, err error) {
	key := w.t.s.Tagged(w.probe, "w")
	pipe := conn.Pipeline()
	var info *redis.StringCmd
	if w.addr != "" {
		info = pipe.ClusterInfo(ctx)
	}
	if probe {
		pipe.Set(ctx, key, 1, time.Minute)
	} else {
		pipe.Del(ctx, key+"w") // there is none
	}
	if _, err = pipe.Exec(ctx); err == nil && info != nil {
		holds = epoch(info.Val())
	}
	return holds, err
}

// HandlePushNotification takes a report: the names of keys that are no longer what they were, or nothing, which means
// all of them.
func (w *Watch) HandlePushNotification(_ context.Context, _ push.NotificationHandlerContext, report []any) error {
	var keys []any
	if len(report) > 1 {
		keys, _ = report[1].([]any)
	}
	if keys == nil {
		w.lost.Add(1)
	}
	for _, key := range keys {
		name, _ := key.(string)
		tag := w.t.s.TagOf(name)
		if tag == w.probe {
			w.reported.Store(true)
		}
		w.t.reports.Changed(tag)
	}
	return nil
}
