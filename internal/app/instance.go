package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"

	"bff/internal/api"
	"bff/internal/api/frontend"
	"bff/internal/api/metrics"
	"bff/internal/assertion"
	"bff/internal/config"
	"bff/internal/oauth"
	"bff/internal/proxy"
	"bff/internal/secret"
	"bff/internal/vault"
	"bff/web"
)

// Options are what an Instance is told beside its configuration.
type Options struct {
	Log      *slog.Logger // required
	Version  string       // of the binary, for the metrics
	Frontend http.Handler // nil: the configuration's
}

// An Instance is one bff, ready to be given listeners.
type Instance struct {
	cfg    *config.Config
	log    *slog.Logger
	vault  *vault.Vault
	broker *oauth.Broker
	signer *assertion.Signer
	server *api.Server
}

// New plugs the layers together. It contacts nobody.
func New(cfg *config.Config, o Options) (*Instance, error) {
	s := &cfg.Session
	v, err := vault.Open(vault.Config{Store: s.Store.Reveal(), Keys: s.Keys, Prefix: s.Prefix, Cache: s.Cache,
		Cookie: cfg.SessionCookie(), Secure: cfg.Secure(), Idle: s.Idle, Lifetime: s.Lifetime, Log: o.Log})
	if err != nil {
		return nil, err
	}
	in := &Instance{cfg: cfg, log: o.Log, vault: v}
	for _, key := range Unwired(cfg) {
		o.Log.Warn("this version does nothing with a key of the configuration", "key", key)
	}
	if err := in.plug(o); err != nil {
		if in.signer != nil {
			in.signer.Close()
		}
		return nil, errors.Join(err, v.Close())
	}
	return in, nil
}

// plug makes what stands above the vault.
func (in *Instance) plug(o Options) error {
	cfg := in.cfg
	counted := metrics.New(nil, o.Version)
	broker, err := oauth.New(oauth.Config{Providers: cfg.OAuth(), Vault: in.vault, Origin: cfg.OriginText(), Log: in.log,
		OnRefresh: counted.Refresh, OnRevocation: counted.Revocation})
	if err != nil {
		return err
	}
	if in.signer, err = in.newSigner(); err != nil {
		return err
	}
	mounts, err := in.mounts(counted)
	if err != nil {
		return err
	}
	pages := o.Frontend
	if pages == nil {
		if pages, err = frontendHandler(&cfg.Frontend, cfg.SessionCookie()); err != nil {
			return err
		}
	}
	in.broker = broker
	in.server, err = api.New(api.Config{
		Origin: cfg.OriginText(), Cookie: cfg.SessionCookie(), Vault: in.vault, Broker: broker, Signer: in.signer,
		TrustedProxies: cfg.TrustedProxies, Origins: cfg.Frontend.Origins, Mounts: mounts, Clients: clients(cfg.Clients),
		Frontend: pages, Client: web.Client(), Account: accountFiles{web.Account(), cfg.Frontend.Theme, cfg.Name, cfg.Logo},
		Limits: api.Limits(cfg.Limits), Metrics: counted, Log: in.log,
	})
	return err
}

// newSigner makes what signs assertions: its keys follow the key ring.
func (in *Instance) newSigner() (*assertion.Signer, error) {
	var seeds []secret.Text
	for _, k := range in.cfg.Session.Keys {
		seeds = append(seeds, k.Derive(assertion.Label))
	}
	return assertion.New(assertion.Config{Seeds: seeds, Board: in.vault, Log: in.log})
}

// mounts makes the apis. They share one transport.
func (in *Instance) mounts(counted *metrics.Metrics) ([]api.Mount, error) {
	transport := proxy.NewTransport()
	var all []api.Mount
	for _, a := range in.cfg.APIs {
		a.Transport, a.Log, a.OnTrip = transport, in.log, counted.Masked
		m, err := proxy.New(a.Config)
		if err != nil {
			return nil, fmt.Errorf("api %s: %w", a.Name, err)
		}
		all = append(all, api.Mount{Mount: m, Name: a.Name, Provider: a.Provider, Scopes: a.Scopes,
			Identity: a.Identity, Require: a.Require, Anonymous: api.Anonymous(a.Anonymous)})
	}
	return all, nil
}

func clients(all []config.Client) (out []api.Client) {
	for _, c := range all {
		out = append(out, api.Client{Name: c.Name, Secret: c.Secret, Exchange: c.Exchange, Offline: c.Offline,
			Manage: c.Manage, Data: c.Data, Shared: c.Shared})
	}
	return out
}

// frontendHandler serves what is outside /bff and the mounts, nil when nothing does. A folder is opened once, and no
// link leads out of it.
func frontendHandler(f *config.Frontend, cookie string) (http.Handler, error) {
	switch {
	case f.Upstream != nil:
		return frontend.DevServer(f.Upstream, cookie), nil
	case f.Dir != "":
		root, err := os.OpenRoot(f.Dir)
		if err != nil {
			return nil, fmt.Errorf("frontend: the folder %s", config.FileError(err))
		}
		return frontend.Static(fs.FS(root.FS())), nil
	}
	return nil, nil
}

// Browser returns what browsers reach.
func (in *Instance) Browser() http.Handler { return in.server.Browser() }

// Close releases everything below the listeners, in the order in which nothing is lost.
func (in *Instance) Close(ctx context.Context) error {
	if err := in.broker.Drain(ctx); err != nil {
		in.log.Warn("refreshes were still running at the end of the shutdown timeout")
	}
	in.server.Close()
	in.signer.Close()
	if err := in.vault.Close(); err != nil {
		return fmt.Errorf("close the store: %w", err)
	}
	return nil
}

// WarnOfAdmin logs when the admin listener can be reached from other machines.
func WarnOfAdmin(log *slog.Logger, admin net.Listener) {
	if a, ok := admin.Addr().(*net.TCPAddr); ok && !a.IP.IsLoopback() {
		log.Warn("the admin listener is reachable from outside this machine; browsers must not reach it", "addr", a.String())
	}
}
