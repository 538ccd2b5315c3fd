package api

import (
	"errors"
	"net/http"
	"time"

	"bff/internal/api/backend"
	"bff/internal/api/problem"
	"bff/internal/api/route"
	"bff/internal/proxy"
	"bff/internal/secret"
	"bff/internal/vault"
)

// What a mount may do. The zero Anonymous refuses.
const (
	Refuse   Anonymous = "refuse"   // 401
	Redirect Anonymous = "redirect" // a navigation is sent to sign in and comes back; 401 for everything else
	Pass     Anonymous = "pass"     // the call goes through, without an assertion
)

// backendRow is the row of a backend. Each call goes: session, cross-site rule, allow-list, rights, assertion,
// upstream, in this order.
func (m *mounts) backendRow(at *Mount) (route.Row, error) {
	row := route.Row{Method: route.Any, Path: at.Name, Who: route.Somebody, From: route.Visiting, Keep: route.Carried,
		Do: func(c *route.Call) error { return m.calls.carryBackend(c, at) }}
	switch at.Anonymous {
	case "", Refuse:
	case Redirect:
		row.SignIn = true
	case Pass:
		row.Who = route.Anybody
	default:
		return row, errors.New(`new server: anonymous is "refuse", "redirect" or "pass"`)
	}
	return row, nil
}

// carryBackend carries one call to a backend of the operator's own.
func (s *calls) carryBackend(c *route.Call, m *Mount) error {
	found, err := m.Find(c.R)
	if err != nil {
		return err
	}
	if err := backend.Require(c.Session, m.Require); err != nil {
		return err
	}
	place, wait, ok := s.pace.enter(c.Session, m.Name, "identity "+m.Identity)
	if !ok {
		return problem.New(problem.RateLimited).After(wait)
	}
	defer place.leave()
	c.Pattern = found.Pattern()
	began := time.Now()
	caller := proxy.Caller{Credential: none{}, Front: c.Front.Origin}
	if c.Session != nil {
		if caller, err = s.asserted(c, m); err != nil {
			return err
		}
		s.touch.slide(c.Session)
		done, release := s.streams.Watch(c.Session)
		defer release()
		caller.Done = done
	}
	if err = m.Serve(c.W, c.R, found, caller); err == nil {
		s.wentWell(c, m, "", began)
	}
	return err
}

// asserted is what a call to a backend brings along. It is a function of its own so that what it needs is off the stack
// while the answer flows.
func (s *calls) asserted(c *route.Call, m *Mount) (proxy.Caller, error) {
	made, err := s.signer.Assert(c.Ctx(), backend.Claims(c.Front.Origin, m.Identity, c.Session))
	if err != nil {
		return proxy.Caller{}, errors.Join(vault.ErrUnavailable, err)
	}
	return proxy.Caller{
		Credential: m.Token(made.Token),
		Secrets:    []secret.Text{c.Session.Ticket()},
		Front:      c.Front.Origin,
	}, nil
}

// none is the credential of a call that nobody is signed in for.
type none struct{}

func (none) Authorize(*http.Request) error { return nil }
func (none) Secrets() []secret.Text        { return nil }
