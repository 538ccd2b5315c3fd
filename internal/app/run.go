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

	"bff/internal/audit"
)

// Bounds of every connection. There is no bound on a whole answer: streams last.
const (
	headerTimeout  = 10 * time.Second
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 64 << 10
)

func (in *Instance) httpServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(in.log.Handler(), slog.LevelDebug),
		// Its own handler of OPTIONS * waits for the body of the request.
		DisableGeneralOptionsHandler: true,
	}
}

// Run serves until ctx ends, then drains: readiness turns false, calls in flight finish, refreshes are written. The
// Instance is closed when Run returns. SIGHUP, and a change of a file of secrets, reload the configuration meanwhile.
func (in *Instance) Run(ctx context.Context, l Listeners) error {
	in.now().start()
	var workers sync.WaitGroup
	stop := in.hangups.notify() // before anybody can know of this process
	defer stop()
	for _, w := range works(in) {
		workers.Go(func() { w.run(ctx) })
	}
	broken := make(chan error, 3)
	start := func(name string, l net.Listener, h http.Handler, secure bool) *http.Server {
		if l == nil {
			return nil
		}
		s := in.httpServer(h)
		in.log.Info("listening", "listener", name, "addr", l.Addr().String())
		workers.Go(func() {
			if err := in.serve(s, l, secure); !errors.Is(err, http.ErrServerClosed) {
				broken <- fmt.Errorf("the %s listener broke: %w", name, err)
			}
		})
		return s
	}
	front := start("browser", l.Browsers, in.Browser(), in.certs != nil)
	back := start("admin", l.Admin, in.Admin(), false)
	plain := start("redirect", l.Redirect, in.redirect(), false)
	var err error
	select {
	case <-ctx.Done():
		in.log.Info("draining", "timeout", in.now().cfg.Shutdown.String())
	case err = <-broken:
		in.log.Error("a listener broke; draining")
	}
	closed := in.drain(plain, front, back)
	workers.Wait()
	in.log.Info("stopped")
	return errors.Join(err, closed)
}

func (in *Instance) serve(s *http.Server, l net.Listener, secure bool) error {
	if !secure {
		return s.Serve(l)
	}
	s.TLSConfig = in.certs.config()
	return s.ServeTLS(l, "", "")
}

// works are the workers of the process.
func works(in *Instance) []worker {
	read := []audit.Kind{audit.ConfigurationRead, audit.KeysChanged}
	return []worker{
		{"start", read, in.noteStart},
		{"files", read, in.watchFiles},
		{"hangups", read, func(ctx context.Context) { in.hangups.hear(ctx, in.Reload) }},
		{"store", nil, storeWatch{in.now, in.log, in.Record}.run}, // that it is away ends nothing
	}
}

// drain ends what runs within the shutdown timeout. The last of the servers is closed last: until then it says that
// this instance is not ready.
func (in *Instance) drain(servers ...*http.Server) error {
	limit, cancel := context.WithTimeout(context.Background(), in.now().cfg.Shutdown)
	defer cancel()
	for _, g := range in.running() {
		g.server.Drain()
	}
	cut := false
	for _, s := range servers {
		if s != nil && s.Shutdown(limit) != nil {
			cut = true
			_ = s.Close()
		}
	}
	if cut {
		in.log.Warn("requests were still running at the end of the shutdown timeout and are cut off")
	}
	return in.Close(limit)
}
