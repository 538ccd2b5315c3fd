package admin

import (
	"bff/internal/api/backend"
	"bff/internal/api/openapi"
	"bff/internal/api/route"
)

// New makes an Admin.
func New(cfg Config) *Admin { return &Admin{cfg: cfg, clients: newClientBook(cfg.Clients, cfg.Now)} }

// Rows is the whole surface of the listener.
func (a *Admin) Rows() []route.Row {
	row := func(method, path string, who route.Who, from route.From, do func(*route.Call) error) route.Row {
		return route.Row{Method: method, Path: path, Who: who, From: from, Keep: route.NoStore, Do: do}
	}
	return []route.Row{
		row("GET", "/healthz", route.Nobody, route.NoPage, healthy),
		row("GET", "/readyz", route.Nobody, route.NoPage, a.ready),
		row("GET", "/metrics", route.Nobody, route.NoPage, a.scrape),
		row("GET", "/jwks.json", route.Nobody, route.NoPage, backend.Keys(a.cfg.Signer)),
		row("GET", "/openapi.json", route.Nobody, route.NoPage, openapi.Serve),
		row("POST", "/introspect", route.ClientForm, route.NoPage, a.introspect),
		row("POST", "/token", route.ClientForm, route.NoPage, a.exchange),
		row(route.Any, "/verify", route.Nobody, route.FrontProxy, a.verify),
		row(route.Any, "/verify/", route.Nobody, route.FrontProxy, a.verify),
	}
}
