package api

import (
	"net/http"

	"bff/internal/api/backend"
	"bff/internal/api/frontend"
	"bff/internal/api/live"
	"bff/internal/api/route"
	"bff/internal/api/signin"
)

// rows is the whole surface for browsers, but for the mounts and the frontend.
func (s *Server) rows() []route.Row {
	flow := signin.New(signin.Config{Fronts: s.fronts, SSO: s.cfg.SSO, Vault: s.cfg.Vault, Broker: s.cfg.Broker, Providers: s.providers,
		LinkOnly: s.cfg.LinkOnly, Users: s.cfg.Users, PerMinute: s.cfg.Limits.LoginPerMinute, Peers: s.cfg.TrustedProxies, Metrics: s.cfg.Metrics, Now: s.cfg.Now,
		Log: s.cfg.Log})
	a := &account{vault: s.cfg.Vault, broker: s.cfg.Broker, fronts: s.fronts, providers: s.signIn,
		linkOnly: s.cfg.LinkOnly, clients: s.cfg.Clients, now: s.cfg.Now}
	ends := &ends{vault: s.cfg.Vault, broker: s.cfg.Broker, providers: s.providers, work: s.work, log: s.cfg.Log}
	events := &live.Events{Streams: s.streams, Draining: s.draining, Metrics: s.cfg.Metrics, Visible: a.visible,
		User: a.visibleUser, Preferences: a.preferencesTag}
	files := frontend.NewEmbedded(s.cfg.Client, s.cfg.Account)
	return table(flow, a, ends, events, files, backend.Keys(s.cfg.Signer))
}

// table lists the rows: method, path, who may ask, from where, who may keep the answer, and what it does.
func table(
	flow *signin.Flow, a *account, ends *ends, events *live.Events, files *frontend.Embedded, keys func(*route.Call) error,
) []route.Row {
	row := func(method, path string, who route.Who, from route.From, keep route.Keep, do func(*route.Call) error) route.Row {
		return route.Row{Method: method, Path: path, Who: who, From: from, Keep: keep, Do: do}
	}
	const (
		nobody, anybody, somebody    = route.Nobody, route.Anybody, route.Somebody
		anywhere, reading, changing  = route.Anywhere, route.Reading, route.Changing
		navigation, own, page        = route.Navigation, route.OwnNavigation, route.Page
		noStore, revalidate, carried = route.NoStore, route.Revalidate, route.Carried
	)
	return []route.Row{
		row("GET", "/bff/jwks.json", nobody, anywhere, carried, keys),
		row("GET", "/bff/login", anybody, navigation, noStore, flow.Choose),
		row("GET", "/bff/login/{provider}", anybody, navigation, noStore, flow.Login),
		row("GET", "/bff/continue", nobody, anywhere, noStore, route.Continue),
		row("GET", "/bff/session", anybody, reading, noStore, a.getSession),
		row("GET", "/bff/connect/{provider}", somebody, own, noStore, flow.Connect),
		row("POST", "/bff/connect/{provider}", somebody, changing, noStore, flow.ConnectTyped),
		row("GET", "/bff/callback/{provider}", nobody, anywhere, noStore, flow.Callback),
		row("POST", "/bff/callback/{provider}", nobody, anywhere, noStore, flow.Callback),
		row("GET", "/bff/front/begin", anybody, anywhere, noStore, flow.BeginFor),
		row("GET", "/bff/front/arrive", nobody, anywhere, noStore, flow.Arrive),
		row("POST", "/bff/logout", anybody, changing, noStore, a.logout),
		row("GET", "/bff/connections", somebody, reading, noStore, a.listConnections),
		row("DELETE", "/bff/connections/{id}", somebody, changing, noStore, a.unlink),
		row("GET", "/bff/sessions", somebody, reading, noStore, a.listSessions),
		row("DELETE", "/bff/sessions", somebody, changing, noStore, a.endOtherSessions),
		row("DELETE", "/bff/sessions/{id}", somebody, changing, noStore, a.endSession),
		row("GET", "/bff/preferences", somebody, reading, noStore, a.getPreferences),
		row("PATCH", "/bff/preferences", somebody, changing, noStore, a.patchPreferences),
		row("GET", "/bff/events", somebody, reading, noStore, events.Serve),
		row("GET", "/bff/client.js", nobody, anywhere, revalidate, files.Script),
		row("GET", "/bff/account/export", somebody, reading, noStore, a.export),
		row("DELETE", "/bff/account", somebody, changing, noStore, a.erase),
		row("GET", "/bff/account", nobody, page, revalidate, files.Page),
		row("GET", "/bff/account/{file}", nobody, page, revalidate, files.Page),
		row("POST", "/bff/backchannel-logout/{provider}", nobody, anywhere, noStore, ends.backchannelLogout),
		row("POST", "/bff/security-events/{provider}", nobody, anywhere, noStore, ends.securityEvents),
	}
}

// rest are the rows of the frontends.
func (s *Server) rest() map[*route.Front]*route.Row {
	rows := map[*route.Front]*route.Row{}
	put := func(f *route.Front, pages http.Handler) {
		if pages == nil {
			return
		}
		rows[f] = &route.Row{Method: route.Any, Path: "/", Who: route.Nobody, From: route.Page, Keep: route.Carried,
			Do: func(c *route.Call) error {
				pages.ServeHTTP(c.W, c.R)
				return nil
			}}
	}
	put(s.fronts.First(), s.cfg.Frontend)
	for _, f := range s.cfg.Fronts {
		put(s.fronts.Named(f.Origin), f.Frontend)
	}
	return rows
}
