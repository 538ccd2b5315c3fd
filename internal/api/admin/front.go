package admin

import (
	"context"
	"net/http"

	"bff/internal/api/problem"
	"bff/internal/api/route"
	"bff/internal/secret"
	"bff/internal/vault"
)

// session is the session of a cookie's value, and its front, which is the issuer of what is said of it: a service that
// answers for one front looks at that. One of a front that was taken out of the configuration is vault.ErrNotFound.
func (a *Admin) session(ctx context.Context, ticket secret.Text) (*vault.Session, *route.Front, error) {
	s, err := a.cfg.Vault.Sessions.LoadTicket(ctx, ticket)
	if err != nil {
		return nil, nil, err
	}
	front := a.cfg.Fronts.Named(s.Front)
	if front == nil {
		return nil, nil, vault.ErrNotFound
	}
	return s, front, nil
}

// frontOf is the front that a front proxy asks about: the host that a trusted one names in X-Forwarded-Host, else the
// question's own Host where that is a front's (Envoy passes the browser's on), else the first. A trusted proxy that
// names a host of no front is an error: nobody can be signed in there.
func (a *Admin) frontOf(r *http.Request) (*route.Front, error) {
	fronts := a.cfg.Fronts
	if named := r.Header["X-Forwarded-Host"]; fronts.Several() && len(named) > 0 && a.cfg.Peers.Trusts(r) {
		if f := fronts.At(named[0]); len(named) == 1 && f != nil {
			return f, nil
		}
		return nil, problem.New(problem.Misdirected)
	}
	if f := fronts.At(r.Host); f != nil {
		return f, nil
	}
	return fronts.First(), nil
}
