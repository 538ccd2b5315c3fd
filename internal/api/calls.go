package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"bff/internal/api/backend"
	"bff/internal/api/problem"
	"bff/internal/api/route"
	"bff/internal/api/signin"
	"bff/internal/explain"
	"bff/internal/oauth"
	"bff/internal/proxy"
	"bff/internal/secret"
	"bff/internal/trace"
	"bff/internal/vault"
)

// mountRows makes a row of every api and backend.
func (s *Server) mountRows() (*mounts, error) {
	m := &mounts{
		all: slices.Clone(s.cfg.Mounts), of: map[*route.Front][]string{},
		calls: &calls{vault: s.cfg.Vault, broker: s.cfg.Broker, signer: s.cfg.Signer,
			providers: s.signIn, pace: newPace(s.cfg.Limits, s.cfg.Now), offered: map[string][]string{}, carried: s.cfg.Calls},
	}
	for _, f := range s.cfg.Fronts {
		if f.APIs != nil {
			m.of[s.fronts.Named(f.Origin)] = f.APIs
		}
	}
	slices.SortStableFunc(m.all, func(a, b Mount) int {
		if a.Mount == nil || b.Mount == nil {
			return 0
		}
		return proxy.Precedence(a.Mount, b.Mount)
	})
	for i := range m.all {
		at := &m.all[i]
		if at.Mount == nil || at.Name == "" {
			return nil, errors.New("new server: a mount needs a name and a proxy")
		}
		row := m.apiRow(at)
		if at.Identity != "" {
			var err error
			if row, err = m.backendRow(at); err != nil {
				return nil, err
			}
		} else if !slices.Contains(s.providers, at.Provider) && !s.cfg.Broker.Typed(at.Provider) {
			return nil, fmt.Errorf("new server: api %q names no configured provider", at.Name)
		}
		row.Line = at.CheckLine
		m.calls.offered[at.Provider] = append(m.calls.offered[at.Provider], at.Scopes...)
		counted := s.cfg.Metrics.ForMount(at.Name)
		row.After = func(c *route.Call, status int) {
			m.calls.pace.upstreamPause(at.pause(c), status, c.W.Header())
			counted.Call(status)
		}
		m.rows = append(m.rows, row)
	}
	return m, nil
}

// apiRow is the row of a provider's api. Each call goes: session, cross-site rule, allow-list, rights, connection,
// scopes, token, upstream, in this order.
func (m *mounts) apiRow(at *Mount) route.Row {
	fix := at.Provider
	if !slices.Contains(m.calls.providers, fix) {
		fix = "" // its accounts are linked only
	}
	return route.Row{Method: route.Any, Path: at.Name, Who: route.Somebody, From: route.Changing, Keep: route.Carried,
		Fix: fix, Do: func(c *route.Call) error { return m.calls.carry(c, at) }}
}

// find returns the row of the mount that a request to a front is for: by host first, then the longest path. nil: none.
// Without a front, only a mount at a host of its own is meant.
func (m *mounts) find(r *http.Request, at *route.Front) *route.Row {
	names, some := m.of[at]
	for i := range m.all {
		one := &m.all[i]
		if at == nil && !one.HasHost() || some && !slices.Contains(names, one.Name) {
			continue
		}
		if one.Serves(r) {
			return &m.rows[i]
		}
	}
	return nil
}

// carry carries one call.
func (s *calls) carry(c *route.Call, m *Mount) error {
	found, err := m.Find(c.R)
	if err != nil {
		return err
	}
	if err := backend.Require(c.Session, m.Require); err != nil {
		return err
	}
	conn, err := s.pick(c, m)
	if err != nil {
		return err
	}
	if missing, again := s.broker.Lacking(conn, m.Scopes); len(missing) > 0 {
		return missingScopes(conn, missing, again)
	}
	c.Pattern = found.Pattern()
	if wait := s.pace.paused(m.pause(c)); wait > 0 {
		return problem.New(problem.RateLimited).After(wait)
	}
	place, wait, ok := s.pace.enter(c.Session, m.Name, m.Provider)
	if !ok {
		return problem.New(problem.RateLimited).After(wait)
	}
	defer place.leave()
	began := time.Now()
	caller, another, err := s.caller(c, conn, m)
	if err != nil {
		return s.tokenProblem(c, conn, err)
	}
	done, release := s.streams.Watch(c.Session)
	defer release()
	if another || time.Since(began) > shortWait { // the session may have ended meanwhile
		if err := s.vault.Sessions.StillLive(c.Ctx(), c.Session); errors.Is(err, vault.ErrNotFound) {
			return c.NotSignedIn(s.providers)
		} else if err != nil {
			return err
		}
	}
	select {
	case <-done: // it ended just now
		return c.NotSignedIn(s.providers)
	default:
	}
	s.touch.slide(c.Session)
	caller.Done = done
	err = m.Serve(c.W, c.R, found, caller)
	if err == nil {
		s.wentWell(c, m, conn.ID, began)
		return nil
	}
	var challenge *proxy.ScopeChallenge
	if errors.As(err, &challenge) {
		return s.challenged(conn, m, challenge)
	}
	return s.tokenProblem(c, conn, err)
}

// wentWell remembers a call that the upstream answered, for whoever asks this instance what became of it.
func (s *calls) wentWell(c *route.Call, m *Mount, connection string, began time.Time) {
	if s.carried == nil {
		return
	}
	call := explain.Carried{Began: began, Took: time.Since(began), Request: trace.From(c.Ctx()).ID, Connection: connection,
		API: m.Name, Provider: m.Provider, Allowed: c.Pattern, Status: c.Status()}
	if c.Session != nil {
		call.Session, call.User = c.Session.ID, c.Session.User.ID
	}
	s.carried.Add(call)
}

// shortWait is how long a call may have waited for its token without asking whether its session still lives. A token
// that is at hand comes in microseconds.
const shortWait = 5 * time.Millisecond

// caller is what a call through conn brings along; another says that the token is not the one that was read with the
// session. It is a function of its own so that what it needs is off the stack while the answer flows.
func (s *calls) caller(c *route.Call, conn *vault.Connection, m *Mount) (caller proxy.Caller, another bool, err error) {
	fresh, err := s.broker.Token(c.Ctx(), *conn)
	if err != nil {
		return proxy.Caller{}, false, err
	}
	through := conn // shared with other calls, and on the heap already
	if another = !fresh.Tokens.Access.Equal(conn.Tokens.Access); another {
		taken := fresh
		through = &taken
	}
	to, err := s.target(through, m)
	if err != nil {
		return proxy.Caller{}, false, err
	}
	w := &way{broker: s.broker, mount: m, conn: through}
	return proxy.Caller{
		Target:     to,
		Credential: credentialOf(m, through),
		Account:    proxy.Account{Provider: conn.Provider, Subject: conn.Account.Subject},
		Secrets:    append(s.broker.Secrets(w.secrets[:0], through), c.Session.Ticket()),
		Renew:      w.renew,
	}, another, nil
}

// A way is what a call through a connection needs beside its credential, in one piece of memory.
type way struct {
	broker  *oauth.Broker
	mount   *Mount
	conn    *vault.Connection
	secrets [3]secret.Text
}

// renew is proxy.Caller.Renew.
func (w *way) renew(ctx context.Context) (proxy.Credential, error) {
	renewed, err := w.broker.Renew(ctx, *w.conn)
	if err != nil || renewed.Tokens.Access.IsZero() {
		return nil, err
	}
	return credentialOf(w.mount, &renewed), nil
}

// credentialOf is what authenticates a call through conn at its upstream: the one place that chooses.
func credentialOf(m *Mount, conn *vault.Connection) proxy.Credential {
	return m.Token(conn.Tokens.Access)
}

// pick finds the connection a call goes through: the named one, or the first that was linked.
func (s *calls) pick(c *route.Call, m *Mount) (*vault.Connection, error) {
	names := proxy.ConnectionNames(c.R)
	for i := range names {
		if names[i] != names[0] {
			return nil, problem.New(problem.BadRequest).Because("The connection is named twice, and differently.")
		}
	}
	if s.broker.Operated(m.Provider) {
		return s.operated(m.Provider, len(names) > 0)
	}
	var conn *vault.Connection
	if len(names) > 0 {
		if named, ok := c.Session.Connection(names[0]); ok && named.Provider == m.Provider {
			conn = named
		}
	} else {
		for i := range c.Session.Connections {
			if c.Session.Connections[i].Provider == m.Provider {
				conn = &c.Session.Connections[i]
				break
			}
		}
	}
	if conn == nil {
		return nil, notConnected(m.Provider, m.Scopes)
	}
	if conn.Status != vault.StatusActive {
		return nil, needsReauth(conn, conn.Reason)
	}
	return conn, nil
}

// operated is the connection of everybody at a provider that is called with the operator's credential. It has no name.
func (s *calls) operated(provider string, named bool) (*vault.Connection, error) {
	if named {
		p := problem.New(problem.NotConnected).Because("The application calls this API with a credential of its own, so no " +
			"connection can be named.")
		p.Provider = provider
		return nil, p
	}
	conn := s.broker.OperatorConnection(provider)
	return &conn, nil
}

func notConnected(provider string, scopes []string) *problem.Problem {
	p := problem.New(problem.NotConnected)
	p.Provider, p.Fix = provider, problem.FixConnect(provider, "", scopes)
	return p
}

func needsReauth(conn *vault.Connection, reason string) *problem.Problem {
	p := problem.New(problem.NeedsReauth)
	p.Provider, p.Connection, p.Fix = conn.Provider, conn.ID, problem.FixConnect(conn.Provider, conn.ID, nil)
	switch reason {
	case oauth.ReasonRevoked:
		p.Detail = "The grant was withdrawn at the provider. Link the account again."
	case oauth.ReasonExpired:
		p.Detail = "The grant has come to its end. Link the account again."
	case oauth.ReasonValues:
		p.Detail = "What is kept with the account does not say where its API is, or leads where the application may not call. " +
			"Link the account again."
	case oauth.ReasonSessionPolicy:
		p.Detail = "The provider asks for a new sign-in, as its administrator wants it. Link the account again."
	}
	return p
}

// missingScopes offers the consent that would bring them, but not again right after one that did not.
func missingScopes(conn *vault.Connection, missing []string, again bool) *problem.Problem {
	p := problem.New(problem.MissingScopes)
	p.Provider, p.Connection, p.MissingScopes = conn.Provider, conn.ID, missing
	if conn.ID == "" {
		p.Detail = "The application calls this API with a credential of its own, whose permissions are the operator's to extend."
		return p
	}
	if again {
		p.Detail = "The account was just linked again for this, and the provider did not grant it. Either the " +
			"permission was left out on its page, or it grants it under another name, which the operator can configure."
		return p
	}
	p.Fix = problem.FixConnect(conn.Provider, conn.ID, missing)
	return p
}

// challenged is an api that wants more than the connection has, in its own words (RFC 6750 section 3.1, RFC 9470).
// The fix offers only scopes that the operator has configured: an upstream must not choose what a person is asked
// for.
func (s *calls) challenged(conn *vault.Connection, m *Mount, ch *proxy.ScopeChallenge) *problem.Problem {
	missing, again := s.broker.Lacking(conn, ch.Scopes)
	if len(missing) == 0 {
		missing = ch.Scopes
	}
	authenticate := (ch.ACRValues != "" || ch.MaxAge != "") && signin.AuthenticationOK(ch.ACRValues, ch.MaxAge)
	p := missingScopes(conn, missing, again && !authenticate)
	offered := slices.DeleteFunc(slices.Clone(missing), func(scope string) bool {
		return !slices.Contains(s.offered[m.Provider], scope)
	})
	switch {
	case conn.ID == "": // there is nothing that a person could do
	case authenticate:
		p.Fix = problem.FixConnect(conn.Provider, conn.ID, offered, "acr_values", ch.ACRValues, "max_age", ch.MaxAge)
	case again: // a fix was just followed and did not help
	case len(offered) > 0 || len(ch.Scopes) == 0:
		p.Fix = problem.FixConnect(conn.Provider, conn.ID, offered)
	default:
		p.Fix = nil
		p.Detail = "The api asks for permissions that this application is not configured to ask for."
	}
	if json.Valid(ch.Body) {
		p.Upstream = ch.Body
	} else if len(ch.Body) > 0 {
		p.Upstream, _ = json.Marshal(string(ch.Body))
	}
	return p
}

// tokenProblem adds to an error of the token what a person can do about it.
func (s *calls) tokenProblem(c *route.Call, conn *vault.Connection, err error) error {
	var e *oauth.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Kind {
	case oauth.KindReauth:
		return needsReauth(conn, e.Reason)
	case oauth.KindGone:
		return goneFor(s.vault, s.providers, c, notConnected(conn.Provider, nil))
	}
	return err
}

func (t *toucher) slide(session *vault.Session) {
	if !t.vault.Sessions.Due(session) {
		return
	}
	if _, busy := t.busy.LoadOrStore(session.ID, struct{}{}); busy {
		return
	}
	own := session.Own() // the call goes on reading the one it has
	t.work.later(context.Background(), func(ctx context.Context) {
		defer t.busy.Delete(own.ID)
		_ = t.vault.Sessions.Touch(ctx, own) // a store that is down slides nothing; the next call tries again
	})
}
