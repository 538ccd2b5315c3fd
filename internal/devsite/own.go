package devsite

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"bff/internal/api/frontend"
	"bff/internal/app"
	"bff/internal/config"
	"bff/internal/demo"
	"bff/internal/dial"
	"bff/web"
)

// runConfig runs the operator's configuration with every provider played by a demo provider of the same name and
// habits. The store is this process's memory, and apis of providers beyond this machine are the demo's.
func runConfig(ctx context.Context, o Options) error {
	origin := "http://" + o.Browsers.Addr().String()
	cfg := o.Config
	cfg.Origin, _ = url.Parse(origin) // of a listener
	cfg.Session.Store = config.Trial(cfg.Providers[0].Config).Session.Store
	cfg.TLS, cfg.Fronts, cfg.Events, cfg.Telemetry = config.TLS{}, nil, nil, config.Telemetry{}
	played := map[string]*demo.Demo{}
	defer func() {
		for _, d := range played {
			d.Close()
		}
	}()
	for i := range cfg.Providers {
		p := &cfg.Providers[i]
		as, _ := imitate(p.Config)
		d, err := demo.Start(
			demo.Config{Origin: origin, Provider: p.Name, Log: o.Log, TokenLifetime: o.TokenLifetime, Habits: &as.habits},
		)
		if err != nil {
			return o.abandon(fmt.Errorf("the demo does not start: %w", err))
		}
		played[p.Name] = d
		p.Config = as.at(d)
		context.AfterFunc(ctx, d.EndStreams)
	}
	for i := range cfg.APIs {
		a := &cfg.APIs[i]
		a.Origin = origin
		if d := played[a.Provider]; d != nil && !here(a.Upstream) {
			a.Upstream, a.Upstreams = playedAPI(d, a.Upstream), nil
		}
	}
	pages, err := ownFrontend(&cfg.Frontend, origin, cfg.SessionCookie())
	if err != nil {
		return o.abandon(err)
	}
	first := cfg.Providers[0].Name
	s := newSite(played[first], origin, cfg.SessionCookie())
	s.own, s.provider = pages, first
	in, err := app.New(cfg, app.Options{Log: o.Log, Version: o.Version, Frontend: s})
	if err != nil {
		return o.abandon(err)
	}
	s.bff = in.Browser()
	_, _ = fmt.Fprintf(
		o.Stdout,
		"\n  bff dev: your configuration, with its providers played in this process.\n\n  Open       %s\n  Operators  "+
			"http://%s/metrics\n  Sign in    %s/bff/login as ada, grace or linus\n  In tests   curl -c jar -H 'X-CSRF: 1' "+
			"-d '{\"person\": \"ada\"}' %s/demo/sign-in\n\n  Nothing is kept. Ctrl-C stops it.\n\n",
		origin,
		o.Admin.Addr(),
		origin,
		origin,
	)
	return in.Run(ctx, app.Listeners{Browsers: o.Browsers, Admin: o.Admin})
}

// here reports whether an upstream is on this machine.
func here(upstream string) bool {
	u, err := url.Parse(upstream)
	return err == nil && dial.Loopback(u.Hostname())
}

// playedAPI is the demo's API that is most like one of a provider.
func playedAPI(d *demo.Demo, upstream string) string {
	if strings.Contains(upstream, "/drive/") {
		return d.FilesURL
	}
	return d.APIURL
}

// ownFrontend is the configuration's frontend; without one, the demo app.
func ownFrontend(f *config.Frontend, origin, cookie string) (http.Handler, error) {
	own, err := app.Frontend(f, origin, cookie)
	if own == nil && err == nil {
		own = frontend.Static(web.Demo())
	}
	return own, err
}
