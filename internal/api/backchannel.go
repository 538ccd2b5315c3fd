package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"bff/internal/oauth"
	"bff/internal/vault"
)

// backchannelLogout ends sessions at a provider's word (OpenID Connect Back-Channel Logout 1.0 section 2.5 to 2.8): the one the sid names, or else all of the
// user's. 200 also when there is none: the provider gets what it wanted.
func (s *Server) backchannelLogout(c *call) error {
	provider := c.r.PathValue("provider")
	if _, ok := s.providers[provider]; !ok {
		return newProblem(codeNotFound).because("No provider of that name is configured.")
	}
	c.w.Header().Set("Cache-Control", "no-store")
	form, e := readForm(c.r)
	if e != nil {
		return c.json(e.status, e)
	}
	raw := form.Get("logout_token")
	if raw == "" {
		return c.json(http.StatusBadRequest, invalid("logout_token is missing"))
	}
	logout, err := s.cfg.Broker.LogoutToken(c.ctx(), provider, raw)
	if err != nil {
		return s.refuseToken(c, err, func(text string) any { return invalid(text) })
	}
	if err := s.insist(c.ctx(), func(ctx context.Context) error { return s.endFor(ctx, logout) }); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusOK)
	return nil
}

// endFor ends what a logout token names.
func (s *Server) endFor(ctx context.Context, l oauth.Logout) error {
	var n int
	var err error
	if l.Handle != "" {
		n, err = s.cfg.Vault.EndHandle(ctx, l.Handle, "provider")
	} else {
		n, err = s.cfg.Vault.EndUser(ctx, l.UserID, "provider")
	}
	if err == nil {
		s.cfg.Log.Info("the provider ended sessions", "sessions", n)
	}
	return err
}

// insist does what a one-time token asks for. The token is used up, so a store that went down just now must not lose it: it is tried again behind the answer,
// which is 503 all the same.
func (s *Server) insist(ctx context.Context, do func(context.Context) error) error {
	err := do(ctx)
	if !errors.Is(err, vault.ErrUnavailable) {
		return err
	}
	s.later(func(ctx context.Context) {
		for ctx.Err() == nil {
			if err := do(ctx); !errors.Is(err, vault.ErrUnavailable) {
				return
			}
			select {
			case <-ctx.Done():
			case <-time.After(200 * time.Millisecond):
			}
		}
		s.cfg.Log.Error("what a provider asked for could not be done: the store is down")
	})
	return err
}

// refuseToken answers a token that was not accepted: 503 where trying again may help, 400 with a constant text where it will not.
func (s *Server) refuseToken(c *call, err error, body func(text string) any) error {
	switch oauth.KindOf(err) {
	case oauth.KindStore, oauth.KindUnavailable, oauth.KindMisconfigured:
		return err
	case 0:
		return err
	}
	s.cfg.Log.Warn("a provider's token was refused", "error", err)
	return c.json(http.StatusBadRequest, body("the token was not accepted"))
}
