package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"bff/internal/oauth"
	"bff/internal/proxy"
	"bff/internal/secret"
	"bff/internal/vault"
)

// mountOf finds the mount of a request: by host first, then the longest path.
func (s *Server) mountOf(r *http.Request) *mounted {
	for i := range s.mounts {
		if s.mounts[i].Serves(r) {
			return &s.mounts[i]
		}
	}
	return nil
}

// serveMount is the pipeline for a proxied call: session, cross-site rule, allow-list, connection, scopes, token, upstream, in this order.
func (s *Server) serveMount(w http.ResponseWriter, r *http.Request, m *mounted) {
	watch := &statusWriter{ResponseWriter: w}
	c := &call{w: watch, r: r}
	err := s.run(c, somebody, changing, func(c *call) error { return s.proxied(c, m) })
	if p := (*problem)(nil); errors.As(err, &p) && p.Code == codeNotSignedIn {
		p.Provider, p.Fix = m.Provider, fixLogin(m.Provider)
	}
	s.answer(c, err)
	s.pace.upstreamPause(c.session, m.Name, watch.status, w.Header())
	m.metrics.call(watch.status)
}

// proxied carries one call.
func (s *Server) proxied(c *call, m *mounted) error {
	found, err := m.Find(c.r)
	if err != nil {
		return err
	}
	conn, err := s.pick(c, m)
	if err != nil {
		return err
	}
	if missing := lacking(conn.Scopes, m.Scopes); len(missing) > 0 {
		return missingScopes(conn, missing)
	}
	leave, wait, ok := s.pace.enter(c.session, m.Name, m.Provider)
	if !ok {
		return newProblem(codeRateLimited).after(wait)
	}
	defer leave()
	caller, err := s.caller(c, conn, m)
	if err != nil {
		return s.tokenProblem(c, conn, err)
	}
	s.touch(c.session)
	done, release := s.streams.watch(c.session)
	defer release()
	select {
	case <-done: // it ended while the call waited for its token
		return s.notSignedIn(c)
	default:
	}
	caller.Done = done
	err = m.Serve(c.w, c.r, found, caller)
	if err == nil {
		return nil
	}
	var challenge *proxy.ScopeChallenge
	if errors.As(err, &challenge) {
		return s.challenged(conn, m, challenge)
	}
	return s.tokenProblem(c, conn, err)
}

// caller is what a call through conn brings along. It is a function of its own so that what it needs is off the stack while the
// answer flows.
func (s *Server) caller(c *call, conn *vault.Connection, m *mounted) (proxy.Caller, error) {
	fresh, err := s.cfg.Broker.Token(c.ctx(), *conn)
	if err != nil {
		return proxy.Caller{}, err
	}
	return proxy.Caller{
		Credential: m.Token(fresh.Tokens.Access),
		Secrets:    []secret.Text{fresh.Tokens.Refresh, c.session.Ticket()},
		Renew: func(ctx context.Context) (proxy.Credential, error) {
			renewed, err := s.cfg.Broker.Renew(ctx, fresh)
			if err != nil || renewed.Tokens.Access.IsZero() {
				return nil, err
			}
			return m.Token(renewed.Tokens.Access), nil
		},
	}, nil
}

// pick finds the connection a call goes through: the named one, or the first that was linked.
func (s *Server) pick(c *call, m *mounted) (*vault.Connection, error) {
	names := proxy.ConnectionNames(c.r)
	for i := range names {
		if names[i] != names[0] {
			return nil, newProblem(codeBadRequest).because("The connection is named twice, and differently.")
		}
	}
	var conn *vault.Connection
	if len(names) > 0 {
		if named, ok := c.session.Connection(names[0]); ok && named.Provider == m.Provider {
			conn = named
		}
	} else {
		for i := range c.session.Connections {
			if c.session.Connections[i].Provider == m.Provider {
				conn = &c.session.Connections[i]
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

func notConnected(provider string, scopes []string) *problem {
	p := newProblem(codeNotConnected)
	p.Provider, p.Fix = provider, fixConnect(provider, "", scopes)
	return p
}

func needsReauth(conn *vault.Connection, reason string) *problem {
	p := newProblem(codeNeedsReauth)
	p.Provider, p.Connection, p.Fix = conn.Provider, conn.ID, fixConnect(conn.Provider, conn.ID, nil)
	switch reason {
	case oauth.ReasonRevoked:
		p.Detail = "The grant was withdrawn at the provider. Link the account again."
	case oauth.ReasonExpired:
		p.Detail = "The grant has come to its end. Link the account again."
	case oauth.ReasonSessionPolicy:
		p.Detail = "The provider asks for a new sign-in, as its administrator wants it. Link the account again."
	}
	return p
}

// lacking lists what of want is not in have, in want's order.
func lacking(have, want []string) []string {
	var out []string
	for _, w := range want {
		if !slices.Contains(have, w) {
			out = append(out, w)
		}
	}
	return out
}

func missingScopes(conn *vault.Connection, missing []string) *problem {
	p := newProblem(codeMissingScopes)
	p.Provider, p.Connection, p.MissingScopes, p.Fix = conn.Provider, conn.ID, missing, fixConnect(conn.Provider, conn.ID, missing)
	return p
}

// challenged is an api that wants more than the connection has, in its own words (RFC 6750 section 3.1, RFC 9470).
func (s *Server) challenged(conn *vault.Connection, m *mounted, ch *proxy.ScopeChallenge) *problem {
	missing := lacking(conn.Scopes, ch.Scopes)
	if len(missing) == 0 {
		missing = ch.Scopes
	}
	p := missingScopes(conn, missing)
	if printable(ch.ACRValues, 512) && ageOK(ch.MaxAge) {
		p.Fix = fixConnect(conn.Provider, conn.ID, missing, "acr_values", ch.ACRValues, "max_age", ch.MaxAge)
	}
	if json.Valid(ch.Body) {
		p.Upstream = ch.Body
	} else if len(ch.Body) > 0 {
		p.Upstream, _ = json.Marshal(string(ch.Body))
	}
	return p
}

// tokenProblem adds to an error of the token what a person can do about it.
func (s *Server) tokenProblem(c *call, conn *vault.Connection, err error) error {
	var e *oauth.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Kind {
	case oauth.KindReauth:
		return needsReauth(conn, e.Reason)
	case oauth.KindGone:
		return s.goneFor(c, notConnected(conn.Provider, nil))
	}
	return err
}

// touch slides the idle time behind the caller's back: one write at a time for a session.
func (s *Server) touch(session *vault.Session) {
	if !s.cfg.Vault.Due(session) {
		return
	}
	if _, busy := s.touching.LoadOrStore(session.ID, struct{}{}); busy {
		return
	}
	own := *session // the call goes on reading the one it has
	s.later(func(ctx context.Context) {
		defer s.touching.Delete(own.ID)
		_ = s.cfg.Vault.Touch(ctx, &own) // a store that is down slides nothing; the next call tries again
	})
}
