package app

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"

	"bff/internal/api"
	"bff/internal/api/frontend"
	"bff/internal/assertion"
	"bff/internal/audit"
	"bff/internal/config"
	"bff/internal/explain"
	"bff/internal/oauth"
	"bff/internal/proxy"
	"bff/internal/secret"
	"bff/internal/vault"
	"bff/internal/webhook"
	"bff/web"
)

// build plugs the layers together. It contacts nobody. shared is a vault to use instead of a new one, or nil; a new one
// has what it does recorded by happened.
func (p *process) build(cfg *config.Config, shared *vault.Vault, happened audit.Recorder) (*generation, error) {
	g := &generation{cfg: cfg, vault: shared, stop: func() {}, log: p.log,
		sender: webhook.NewSender(webhook.Transport(), nil)}
	if shared == nil {
		s := &cfg.Session
		v, err := vault.Open(vault.Config{Store: s.Store.Reveal(), Keys: s.Keys, Prefix: s.Prefix,
			Cache: s.Cache && !p.options.Trial, Deaf: p.options.Trial,
			Cookie: cfg.SessionCookie(), Secure: cfg.Secure(), Idle: s.Idle, Lifetime: s.Lifetime,
			Programs: programs(cfg.Events), Audit: happened, Log: p.log, Spans: p.traces != nil, Now: p.options.Now})
		if err != nil {
			return nil, err
		}
		g.vault = v
	}
	g.events = p.newRecorders(g)
	if err := p.plug(g); err != nil {
		g.events.close()
		if g.signer != nil {
			g.signer.Close()
		}
		if shared == nil {
			err = errors.Join(err, g.vault.Close())
		}
		return nil, err
	}
	return g, nil
}

func (p *process) newRecorders(g *generation) *recorders {
	r := &recorders{vault: g.vault, log: p.audit, hand: p.options.HandOver && g.cfg.Log.Audit != ""}
	if p.options.Record && g.cfg.Explain > 0 {
		r.keeper = explain.NewKeeper(g.vault.Explanations, g.cfg.Explain, p.log)
	}
	return r
}

// plug makes what stands above the vault.
func (p *process) plug(g *generation) error {
	cfg := g.cfg
	var err error
	if g.policy, err = g.newPolicy(); err != nil {
		return err
	}
	broker, err := oauth.New(oauth.Config{Providers: cfg.OAuth(), Vault: g.vault, Origin: cfg.OriginText(), Log: p.log,
		Now:       p.options.Now,
		OnRefresh: p.counted.Refresh, OnRevocation: p.counted.Revocation, OnClaims: g.newRights,
		Audit: g.events, Tracer: p.traces.Provider(), Transport: p.traces.Transport(p.network(oauth.NewTransport()))})
	if err != nil {
		return err
	}
	if g.signer, err = p.newSigner(g); err != nil {
		return err
	}
	mounts, err := mounts(cfg, p)
	if err != nil {
		return err
	}
	pages := p.options.Frontend
	if pages == nil {
		if pages, err = Frontend(&cfg.Frontend, cfg.OriginText(), cfg.SessionCookie()); err != nil {
			return err
		}
	}
	further, err := p.fronts(cfg)
	if err != nil {
		return err
	}
	g.broker = broker
	g.server, err = api.New(api.Config{
		Origin: cfg.OriginText(), Cookie: cfg.SessionCookie(), Vault: g.vault, Broker: broker, Signer: g.signer,
		TrustedProxies: cfg.TrustedProxies, Origins: cfg.Frontend.Origins, Mounts: mounts, Clients: clients(cfg.Clients),
		Frontend: pages, Client: web.Client(), Account: accountOf(cfg),
		Fronts: further, SSO: cfg.SSO, AnyLoopback: p.options.AnyLoopback, Users: g.policy, LinkOnly: linkOnly(cfg.Providers),
		Limits: api.Limits(cfg.Limits), Now: p.options.Now, Traces: p.traces, Metrics: p.counted, Log: p.log,
		Audit: g.events, Calls: p.calls.Within(cfg.Explain), AccessLog: cfg.Log.Access,
	})
	return err
}

// newSigner makes what signs assertions: its keys follow the key ring.
func (p *process) newSigner(g *generation) (*assertion.Signer, error) {
	var seeds []secret.Text
	for _, k := range g.cfg.Session.Keys {
		seeds = append(seeds, k.Derive(assertion.Label))
	}
	return assertion.New(assertion.Config{Seeds: seeds, Board: g.vault, Now: p.options.Now, Log: p.log})
}

// mounts makes the apis. They share one transport.
func mounts(cfg *config.Config, p *process) ([]api.Mount, error) {
	var all []api.Mount
	var validators []secret.Text
	for _, k := range cfg.Session.Keys {
		validators = append(validators, k.Derive(proxy.ValidatorLabel))
	}
	for _, a := range cfg.APIs {
		a.Validators = validators
		a.Transport, a.Log, a.OnTrip = p.upstreams, p.log, p.counted.Masked
		a.Backend, a.OwnCookie = a.Identity != "", proxy.OwnCookies(cfg.SessionCookie())
		m, err := proxy.New(a.Config)
		if err != nil {
			return nil, fmt.Errorf("api %s: %w", a.Name, err)
		}
		all = append(all, api.Mount{Mount: m, Name: a.Name, Provider: a.Provider, Scopes: a.Scopes,
			Identity: a.Identity, Require: a.Require, Anonymous: api.Anonymous(a.Anonymous), Pause: api.Pause(a.Pause),
			Where: (*api.PerCall)(a.Where)})
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

// Frontend serves what is outside /bff and the mounts, nil when nothing does. A folder is opened once, and no
// link leads out of it.
func Frontend(f *config.Frontend, origin, cookie string) (http.Handler, error) {
	switch {
	case f.Upstream != nil:
		return frontend.DevServer(f.Upstream, origin, cookie), nil
	case f.Dir != "":
		root, err := os.OpenRoot(f.Dir)
		if err != nil {
			return nil, fmt.Errorf("frontend: the folder %s", config.FileError(err))
		}
		return frontend.Static(fs.FS(root.FS())), nil
	}
	return nil, nil
}

// fronts makes the further fronts.
func (p *process) fronts(cfg *config.Config) ([]api.Front, error) {
	var all []api.Front
	for i := range cfg.Fronts {
		f := &cfg.Fronts[i]
		pages := p.options.Frontends[f.Text()]
		if pages == nil {
			var err error
			if pages, err = Frontend(&f.Frontend, f.Text(), cfg.CookieOf(f.Origin)); err != nil {
				return nil, err
			}
		}
		all = append(all, api.Front{Origin: f.Text(), Cookie: cfg.CookieOf(f.Origin), Origins: f.Frontend.Origins,
			APIs: f.APIs, Frontend: pages})
	}
	return all, nil
}
