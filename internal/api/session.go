package api

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"bff/internal/vault"
)

// The shapes of the answers. None of them can hold a token: they are built from public fields alone.
type (
	sessionJSON struct {
		Authenticated bool             `json:"authenticated"`
		User          *userJSON        `json:"user,omitempty"`
		Session       *lifeJSON        `json:"session,omitempty"`
		Connections   []connectionJSON `json:"connections,omitzero"`
		Providers     []providerJSON   `json:"providers,omitempty"`
	}
	userJSON struct {
		ID            string `json:"id"`
		Provider      string `json:"provider"`
		Subject       string `json:"subject"`
		Name          string `json:"name,omitempty"`
		Email         string `json:"email,omitempty"`
		EmailVerified bool   `json:"email_verified"`
		Picture       string `json:"picture,omitempty"`
	}
	lifeJSON struct {
		ID            string    `json:"id"`
		CreatedAt     time.Time `json:"created_at"`
		IdleExpiresAt time.Time `json:"idle_expires_at"`
		ExpiresAt     time.Time `json:"expires_at"`
	}
	connectionJSON struct {
		ID          string      `json:"id"`
		Provider    string      `json:"provider"`
		Title       string      `json:"title,omitempty"`
		Account     accountJSON `json:"account"`
		Status      string      `json:"status"`
		Reason      string      `json:"reason,omitempty"`
		Scopes      []string    `json:"scopes"`
		ConnectedAt time.Time   `json:"connected_at"`
		UsedAt      *time.Time  `json:"used_at,omitempty"`
	}
	accountJSON struct {
		Subject string `json:"subject"`
		Email   string `json:"email,omitempty"`
		Name    string `json:"name,omitempty"`
	}
	providerJSON struct {
		Name       string `json:"name"`
		Title      string `json:"title"`
		LoginURL   string `json:"login_url"`
		ConnectURL string `json:"connect_url,omitempty"` // signed in only
	}
)

// seconds is how times are told: UTC, whole seconds.
func seconds(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

func (s *Server) connectionJSON(c *vault.Connection) connectionJSON {
	out := connectionJSON{
		ID: c.ID, Provider: c.Provider, Title: s.title(c.Provider), Status: c.Status, Reason: c.Reason, Scopes: c.Scopes,
		Account:     accountJSON{Subject: c.Account.Subject, Email: c.Account.Email, Name: c.Account.Name},
		ConnectedAt: seconds(c.ConnectedAt),
	}
	if out.Scopes == nil {
		out.Scopes = []string{}
	}
	if !c.UsedAt.IsZero() {
		used := seconds(c.UsedAt)
		out.UsedAt = &used
	}
	return out
}

func (s *Server) connectionsJSON(cs []vault.Connection) []connectionJSON {
	out := make([]connectionJSON, len(cs))
	for i := range cs {
		out[i] = s.connectionJSON(&cs[i])
	}
	return out
}

func (s *Server) providersJSON(signedIn bool) []providerJSON {
	var out []providerJSON
	for _, p := range s.cfg.Broker.Providers() {
		j := providerJSON{Name: p.Name, Title: p.Title, LoginURL: "/bff/login/" + url.PathEscape(p.Name)}
		if signedIn {
			j.ConnectURL = "/bff/connect/" + url.PathEscape(p.Name)
		}
		out = append(out, j)
	}
	return out
}

// getSession says who is signed in. It slides the idle time unless it is asked not to.
func (s *Server) getSession(c *call) error {
	if c.session == nil {
		return c.json(http.StatusOK, sessionJSON{Providers: s.providersJSON(false)})
	}
	if c.r.URL.Query().Get("touch") != "false" && s.cfg.Vault.Due(c.session) {
		// That the store fails now, after it answered, is no reason to withhold the answer.
		_ = s.cfg.Vault.Touch(c.ctx(), c.session)
	}
	v, u := c.session, c.session.User
	return c.json(http.StatusOK, sessionJSON{
		Authenticated: true,
		User: &userJSON{ID: u.ID, Provider: u.Provider, Subject: u.Subject, Name: u.Name, Email: u.Email,
			EmailVerified: u.EmailVerified, Picture: u.Picture},
		Session:     &lifeJSON{ID: v.ID, CreatedAt: seconds(v.CreatedAt), IdleExpiresAt: seconds(v.IdleExpiresAt()), ExpiresAt: seconds(v.ExpiresAt())},
		Connections: s.connectionsJSON(v.Connections),
		Providers:   s.providersJSON(true),
	})
}

func (s *Server) listConnections(c *call) error {
	return c.json(http.StatusOK, map[string]any{"connections": s.connectionsJSON(c.session.Connections)})
}

// unlink removes a connection at once; its revocation waits in the outbox until the provider has confirmed it.
func (s *Server) unlink(c *call) error {
	conn, ok := c.session.Connection(c.r.PathValue("id"))
	if !ok {
		return newProblem(codeNotFound).because("The session has no such connection.")
	}
	err := s.cfg.Vault.Unlink(c.ctx(), c.session, conn.ID, s.cfg.Broker.Revocation)
	if errors.Is(err, vault.ErrNotFound) {
		return s.goneFor(c, newProblem(codeNotFound).because("The session has no such connection."))
	}
	if err != nil {
		return err
	}
	s.cfg.Broker.Nudge()
	return c.noContent()
}

// goneFor tells a session that ended meanwhile from one that lacks what was asked for.
func (s *Server) goneFor(c *call, otherwise *problem) error {
	_, err := s.cfg.Vault.LoadTicket(c.ctx(), c.session.Ticket())
	switch {
	case err == nil:
		return otherwise
	case errors.Is(err, vault.ErrNotFound):
		return s.notSignedIn(c)
	}
	return err
}

// logout ends this session everywhere. Without one there is nothing to end, and that is fine.
func (s *Server) logout(c *call) error {
	out := struct {
		LogoutURL *string `json:"logout_url"`
	}{}
	if c.session != nil {
		if err := s.cfg.Vault.End(c.ctx(), c.session, "logout"); err != nil {
			return err
		}
		if u := s.cfg.Broker.LogoutURL(c.ctx(), c.session.User.Provider, s.cfg.Origin+"/"); u != "" {
			out.LogoutURL = &u
		}
	}
	s.cfg.Vault.ClearCookie(c.w)
	return c.json(http.StatusOK, out)
}
