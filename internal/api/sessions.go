package api

import (
	"errors"
	"net/http"
	"time"

	"bff/internal/vault"
)

// A deviceJSON is one of a user's sessions as the others may see it.
type deviceJSON struct {
	ID         string    `json:"id"`
	Device     string    `json:"device"`
	CreatedAt  time.Time `json:"created_at"`
	LastSeenAt time.Time `json:"last_seen_at"`
	Current    bool      `json:"current"`
}

// listSessions lists this user's live sessions, the one seen last in front.
func (s *Server) listSessions(c *call) error {
	infos, err := s.cfg.Vault.Sessions(c.ctx(), c.session)
	if err != nil {
		return err
	}
	list := make([]deviceJSON, len(infos))
	for i, in := range infos {
		list[i] = deviceJSON{ID: in.ID, Device: in.Device, CreatedAt: seconds(in.CreatedAt), LastSeenAt: seconds(in.SeenAt), Current: in.Current}
	}
	return c.json(http.StatusOK, map[string]any{"sessions": list})
}

// endSession ends one of the user's sessions. The one that asks is a logout.
func (s *Server) endSession(c *call) error {
	id := c.r.PathValue("id")
	if id == c.session.ID {
		if err := s.cfg.Vault.End(c.ctx(), c.session, "logout"); err != nil {
			return err
		}
		s.cfg.Vault.ClearCookie(c.w)
		return c.noContent()
	}
	err := s.cfg.Vault.EndOne(c.ctx(), c.session, id, "ended_elsewhere")
	if errors.Is(err, vault.ErrNotFound) {
		return s.goneFor(c, newProblem(codeNotFound).because("The user has no such session."))
	}
	if err != nil {
		return err
	}
	return c.noContent()
}

// endOtherSessions ends all of the user's sessions but this one.
func (s *Server) endOtherSessions(c *call) error {
	if err := s.cfg.Vault.EndOthers(c.ctx(), c.session, "ended_elsewhere"); err != nil {
		return err
	}
	return c.noContent()
}
