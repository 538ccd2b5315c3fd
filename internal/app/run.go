package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Bounds of every connection. There is no bound on a whole answer: streams last.
const (
	headerTimeout  = 10 * time.Second
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 64 << 10
)

func (in *Instance) httpServer(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog: slog.NewLogLogger(in.log.Handler(), slog.LevelDebug)}
}

// Run serves until ctx ends, then drains: readiness turns false, calls in flight finish, refreshes are written. With admin nil
// there is no admin listener. The Instance is closed when Run returns.
func (in *Instance) Run(ctx context.Context, browsers, admin net.Listener) error {
	working, stop := context.WithCancel(context.Background())
	var workers sync.WaitGroup
	workers.Go(func() { in.broker.Run(working) })
	workers.Go(func() { in.watchStore(ctx) })
	broken := make(chan error, 2)
	start := func(name string, l net.Listener, h http.Handler) *http.Server {
		s := in.httpServer(h)
		in.log.Info("listening", "listener", name, "addr", l.Addr().String())
		workers.Go(func() {
			if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				broken <- fmt.Errorf("the %s listener broke: %w", name, err)
			}
		})
		return s
	}
	front := start("browser", browsers, in.server.Browser())
	var back *http.Server
	if admin != nil {
		back = start("admin", admin, in.server.Admin())
	}
	var err error
	select {
	case <-ctx.Done():
		in.log.Info("draining", "timeout", in.cfg.Shutdown.String())
	case err = <-broken:
		in.log.Error("a listener broke; draining")
	}
	closed := in.drain(front, back)
	stop()
	workers.Wait()
	in.log.Info("stopped")
	return errors.Join(err, closed)
}

// drain ends what runs within the shutdown timeout. back is closed last: until then it says that this instance is not ready.
func (in *Instance) drain(front, back *http.Server) error {
	limit, cancel := context.WithTimeout(context.Background(), in.cfg.Shutdown)
	defer cancel()
	in.server.Drain()
	if front.Shutdown(limit) != nil {
		in.log.Warn("requests were still running at the end of the shutdown timeout and are cut off")
		_ = front.Close()
	}
	if back != nil && back.Shutdown(limit) != nil {
		_ = back.Close()
	}
	return in.Close(limit)
}

// How often the store is looked at: while it cannot be used, and while it can; and how long one look may take.
const (
	storeRetry   = 2 * time.Second
	storeWatch   = 5 * time.Second
	storeTimeout = 15 * time.Second
)

// watchStore logs what an operator should know of the store, when it cannot be used, and when it is back. Nothing waits for it:
// bff starts without a store, too.
func (in *Instance) watchStore(ctx context.Context) {
	const unknown, usable, lost = 0, 1, 2
	state := unknown
	for ctx.Err() == nil {
		err := in.lookAtStore(ctx, state == usable)
		wait := storeRetry
		switch {
		case ctx.Err() != nil: // draining already
			return
		case err != nil && state != lost:
			in.log.Warn("the store cannot be used; answers are 503 until it can", "error", err)
			state = lost
		case err == nil:
			if state == lost {
				in.log.Info("the store can be used again")
			}
			state, wait = usable, storeWatch
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// lookAtStore examines the store, or, where it was usable a moment ago, only pings it.
func (in *Instance) lookAtStore(ctx context.Context, wasUsable bool) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if wasUsable {
		return in.vault.Ping(ctx)
	}
	return in.examineStore(ctx)
}

func (in *Instance) examineStore(ctx context.Context) error {
	store, err := in.vault.Examine(ctx)
	if err != nil {
		return err
	}
	in.log.Info("the store answers", "store", store.Server)
	for _, w := range store.Warnings {
		in.log.Warn("the store may end sessions", "reason", w)
	}
	return nil
}
