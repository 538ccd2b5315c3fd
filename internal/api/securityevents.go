package api

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"

	"bff/internal/oauth"
	"bff/internal/vault"
)

// setError is the error answer of RFC 8935 section 2.4.
type setError struct {
	Err         string `json:"err"`
	Description string `json:"description"`
}

// securityEvents takes what a provider reports of an account (RISC over RFC 8935). 202 when it is done, also for an event that means nothing here; 400 when
// it cannot be trusted; 503 when it should come again.
//
//	sessions revoked, account disabled, credentials must change   the user's sessions end
//	tokens revoked                                                the connections kept by the user are dead; those of a session learn it at their next refresh
//	account purged                                                everything of the user is erased
func (s *Server) securityEvents(c *call) error {
	provider := c.r.PathValue("provider")
	if _, ok := s.providers[provider]; !ok {
		return newProblem(codeNotFound).because("No provider of that name is configured.")
	}
	c.w.Header().Set("Cache-Control", "no-store")
	refuse := func(text string) error {
		return c.json(http.StatusBadRequest, setError{"invalid_request", text})
	}
	if kind, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type")); err != nil || kind != "application/secevent+jwt" {
		return refuse("the content type must be application/secevent+jwt")
	}
	raw, err := io.ReadAll(c.r.Body) // bounded by the pipeline
	if err != nil {
		return refuse("the body is too large, or broke off")
	}
	events, err := s.cfg.Broker.SecurityEvents(c.ctx(), provider, string(raw))
	if err != nil {
		return s.refuseToken(c, err, func(text string) any { return setError{"invalid_request", text} })
	}
	err = s.insist(c.ctx(), func(ctx context.Context) error {
		for _, e := range events {
			if err := s.heed(ctx, provider, e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusAccepted)
	return nil
}

// heed does what one event asks for. Doing it twice is fine.
func (s *Server) heed(ctx context.Context, provider string, e oauth.SecurityEvent) error {
	if e.UserID == "" {
		return nil
	}
	var err error
	var ended int
	switch e.Kind {
	case oauth.SessionsRevoked, oauth.AccountDisabled, oauth.CredentialChange:
		ended, err = s.cfg.Vault.EndUser(ctx, e.UserID, "provider")
	case oauth.TokensRevoked:
		err = s.killKept(ctx, provider, e)
	case oauth.AccountPurged:
		err = s.cfg.Vault.Erase(ctx, e.UserID)
	default:
		return nil
	}
	if err == nil {
		s.cfg.Log.Info("a security event was heeded", "provider", provider, "user", e.UserID, "sessions", ended)
	}
	return err
}

// killKept marks the user's kept connections of that account as dead, and forgets their tokens.
func (s *Server) killKept(ctx context.Context, provider string, e oauth.SecurityEvent) error {
	kept, err := s.cfg.Vault.Kept(ctx, e.UserID)
	if err != nil {
		return err
	}
	for i := range kept {
		c := kept[i]
		if c.Provider != provider || e.Subject != "" && c.Account.Subject != e.Subject {
			continue
		}
		if err := s.kill(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// kill marks one connection, whoever else writes it at the moment.
func (s *Server) kill(ctx context.Context, c vault.Connection) error {
	for range 8 {
		dead := c
		dead.Status, dead.Reason, dead.Tokens = vault.StatusNeedsReauth, oauth.ReasonRevoked, vault.Tokens{}
		_, err := s.cfg.Vault.Update(ctx, &c, dead)
		if errors.Is(err, vault.ErrConflict) {
			if c, err = s.cfg.Vault.Reload(ctx, &c); err == nil {
				continue
			}
		}
		if errors.Is(err, vault.ErrNotFound) {
			return nil // unlinked meanwhile
		}
		return err
	}
	return vault.ErrUnavailable
}
