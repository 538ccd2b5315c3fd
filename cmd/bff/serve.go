package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"bff/internal/api"
	"bff/internal/oauth"
	"bff/internal/proxy"
	"bff/internal/vault"
	"bff/web"
)

type serveCommand struct {
	Config string `default:"bff.yaml" placeholder:"FILE" help:"The configuration (default: ${default})."`
	Listen string `placeholder:"ADDR" help:"Address for browsers, instead of the file's listen."`
	Admin  string `placeholder:"ADDR" help:"Address for health, metrics and introspection, instead of the file's admin."`
}

func (s *serveCommand) Run(sh *shell) error {
	cfg, report := loadConfig(s.Config, sh.env)
	if report != "" {
		return wrongUse("%s", report)
	}
	if err := override(&cfg.listen, "--listen", s.Listen); err != nil {
		return err
	}
	if err := override(&cfg.admin, "--admin", s.Admin); err != nil {
		return err
	}
	if oneListener(cfg.listen, cfg.admin) {
		return wrongUse("bff: --listen and --admin are one address; browsers must not reach the second: give it another port")
	}
	log := cfg.log.logger(sh)
	in, err := newInstance(cfg, nil, log)
	if err != nil {
		return wrongUse("bff: %v", err)
	}
	ctx, stop := signals(sh.ctx)
	defer stop()
	browsers, err := listen("--listen", cfg.listen)
	if err != nil {
		return errors.Join(err, in.close(context.Background()))
	}
	admin, err := listen("--admin", cfg.admin)
	if err != nil {
		_ = browsers.Close()
		return errors.Join(err, in.close(context.Background()))
	}
	if a, ok := admin.Addr().(*net.TCPAddr); ok && !a.IP.IsLoopback() {
		log.Warn("the admin listener is reachable from outside this machine; browsers must not reach it", "addr", a.String())
	}
	defer roomForGarbage(sh.env)()
	return in.run(ctx, browsers, admin)
}

// signals is a context that the first SIGINT or SIGTERM ends. From then on they do what they do by themselves: a second one ends the process at once.
func signals(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		select {
		case <-heard:
		case <-ctx.Done():
		}
		signal.Stop(heard) // before anybody can see that the first was heard
		cancel()
	}()
	return ctx, cancel
}

// override replaces an address by a flag's.
func override(addr *string, flag, given string) error {
	if given == "" {
		return nil
	}
	if why := badAddress(given); why != "" {
		return wrongUse("bff: %s %s; write `%s 127.0.0.1:8080`", flag, why, flag)
	}
	*addr = given
	return nil
}

func (l logConfig) logger(sh *shell) *slog.Logger {
	o := &slog.HandlerOptions{Level: l.level}
	if l.text {
		return slog.New(slog.NewTextHandler(sh.stderr, o))
	}
	return slog.New(slog.NewJSONHandler(sh.stderr, o))
}

// listen opens a TCP address and says plainly why it cannot.
func listen(flag, addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	var reason syscall.Errno
	switch errors.As(err, &reason); {
	case err == nil:
		return l, nil
	case reason == syscall.EADDRINUSE:
		return nil, failed("bff: %s is in use by another program; end it, or choose another with `%s ADDR`", addr, flag)
	case reason == syscall.EACCES:
		return nil, failed("bff: this user may not listen on %s; choose a port from 1024 on with `%s ADDR`", addr, flag)
	case reason == syscall.EADDRNOTAVAIL:
		return nil, failed("bff: %s is no address of this machine; choose another with `%s ADDR`", addr, flag)
	}
	return nil, failed("bff: cannot listen on %s; choose another with `%s ADDR`", addr, flag)
}

// An instance is one running bff, ready to be given listeners.
type instance struct {
	cfg    *config
	log    *slog.Logger
	vault  *vault.Vault
	broker *oauth.Broker
	server *api.Server
}

// newInstance plugs the layers together. It contacts nobody. With a frontend of its own the configured one is not looked at.
func newInstance(cfg *config, frontend http.Handler, log *slog.Logger) (*instance, error) {
	origin := cfg.origin.Scheme + "://" + cfg.origin.Host
	v, err := vault.Open(vault.Config{
		Store: cfg.session.store.Reveal(), Keys: cfg.session.keys, Prefix: cfg.session.prefix, Cache: cfg.session.cache, Cookie: cfg.cookie(), Secure: cfg.secure(),
		Idle: cfg.session.idle, Lifetime: cfg.session.lifetime, Log: log,
	})
	if err != nil {
		return nil, err
	}
	server, broker, err := cfg.plug(v, origin, frontend, log)
	if err != nil {
		return nil, errors.Join(err, v.Close())
	}
	return &instance{cfg: cfg, log: log, vault: v, broker: broker, server: server}, nil
}

// plug is newInstance above the vault.
func (cfg *config) plug(v *vault.Vault, origin string, frontend http.Handler, log *slog.Logger) (*api.Server, *oauth.Broker, error) {
	version := readBuild().version
	metrics := api.NewMetrics(nil, version)
	broker, err := oauth.New(oauth.Config{Providers: cfg.providers, Vault: v, Origin: origin, Log: log, OnRefresh: metrics.Refresh, OnRevocation: metrics.Revocation})
	if err != nil {
		return nil, nil, err
	}
	transport := proxy.NewTransport()
	var mounts []api.Mount
	for _, a := range cfg.apis {
		a.Transport, a.Log, a.OnTrip = transport, log, metrics.Masked
		m, err := proxy.New(a.Config)
		if err != nil {
			return nil, nil, fmt.Errorf("api %s: %w", a.Name, err)
		}
		mounts = append(mounts, api.Mount{Mount: m, Name: a.Name, Provider: a.provider, Scopes: a.scopes})
	}
	if frontend == nil {
		if frontend, err = cfg.frontend.handler(cfg.cookie()); err != nil {
			return nil, nil, err
		}
	}
	server, err := api.New(api.Config{
		Origin: origin, Cookie: cfg.cookie(), Vault: v, Broker: broker, TrustedProxies: cfg.trusted, Origins: cfg.frontend.origins, Mounts: mounts,
		Clients: cfg.clients, Frontend: frontend, Client: web.Client(), Account: cfg.frontend.account(), Limits: cfg.limits,
		Metrics: metrics, Log: log,
	})
	return server, broker, err
}

// handler serves what is outside /bff and the mounts. A folder is opened once, and no link leads out of it.
func (f *frontendConfig) handler(cookie string) (http.Handler, error) {
	switch {
	case f.upstream != nil:
		return api.DevServer(f.upstream, cookie), nil
	case f.dir != "":
		root, err := os.OpenRoot(f.dir)
		if err != nil {
			return nil, fmt.Errorf("frontend: the folder %s", plainFault(err))
		}
		return api.Static(fs.FS(root.FS())), nil
	}
	return nil, nil
}

// Bounds of every connection. There is no bound on a whole answer: streams last.
const (
	headerTimeout  = 10 * time.Second
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 64 << 10
)

func (in *instance) httpServer(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog: slog.NewLogLogger(in.log.Handler(), slog.LevelDebug)}
}

// run serves until ctx ends, then drains: readiness turns false, calls in flight finish, refreshes are written. Without an admin listener there is none.
func (in *instance) run(ctx context.Context, browsers, admin net.Listener) error {
	working, stop := context.WithCancel(context.Background())
	var workers sync.WaitGroup
	workers.Go(func() { in.broker.Run(working) })
	workers.Go(func() { in.tellOfStore(ctx) })
	broken := make(chan error, 2)
	start := func(name string, l net.Listener, h http.Handler) *http.Server {
		s := in.httpServer(h)
		in.log.Info("listening", "listener", name, "addr", l.Addr().String())
		workers.Go(func() {
			if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				broken <- failed("bff: the %s listener broke: %v", name, err)
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
		in.log.Info("draining", "timeout", in.cfg.shutdown.String())
	case err = <-broken:
		in.log.Error("a listener broke; draining")
	}
	limit, cancel := context.WithTimeout(context.Background(), in.cfg.shutdown)
	defer cancel()
	in.server.Drain()
	if front.Shutdown(limit) != nil {
		in.log.Warn("requests were still running at the end of the shutdown timeout and are cut off")
		_ = front.Close()
	}
	if back != nil { // last: until here it tells that this instance is not ready
		if back.Shutdown(limit) != nil {
			_ = back.Close()
		}
	}
	closed := in.close(limit)
	stop()
	workers.Wait()
	in.log.Info("stopped")
	return errors.Join(err, closed)
}

// close lets go of everything below the listeners, in the order in which nothing is lost.
func (in *instance) close(ctx context.Context) error {
	if err := in.broker.Drain(ctx); err != nil {
		in.log.Warn("refreshes were still running at the end of the shutdown timeout")
	}
	in.server.Close()
	if err := in.vault.Close(); err != nil {
		return failed("bff: close the store: %v", err)
	}
	return nil
}

// tellOfStore logs what an operator should know of the store. Nothing waits for it: bff starts without one, too.
func (in *instance) tellOfStore(ctx context.Context) {
	store, err := in.vault.Examine(ctx)
	switch {
	case ctx.Err() != nil: // draining already
	case err != nil:
		in.log.Warn("the store cannot be used; answers are 503 until it can", "error", err)
	default:
		in.log.Info("the store answers", "store", store.Server)
		for _, w := range store.Warnings {
			in.log.Warn("the store may end sessions", "reason", w)
		}
	}
}
