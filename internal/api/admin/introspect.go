package admin

import (
	"cmp"
	"errors"
	"net/http"

	"bff/internal/api/route"
	"bff/internal/secret"
	"bff/internal/vault"
)

// introspection is the answer of RFC 7662 section 2.2. sub is the user's public id; the provider's own subject stands
// beside it, with the provider that makes it one.
type introspection struct {
	Active          bool   `json:"active"`
	Subject         string `json:"sub,omitempty"`
	SessionID       string `json:"sid,omitempty"`
	Issuer          string `json:"iss,omitempty"`
	Username        string `json:"username,omitempty"`
	IssuedAt        int64  `json:"iat,omitempty"` // the sign-in
	ExpiresAt       int64  `json:"exp,omitempty"` // if nobody uses it any more
	Provider        string `json:"provider,omitempty"`
	ProviderSubject string `json:"provider_subject,omitempty"`
	Name            string `json:"name,omitempty"`
	Email           string `json:"email,omitempty"`
	EmailVerified   *bool  `json:"email_verified,omitempty"`
	Picture         string `json:"picture,omitempty"`
}

// introspect says to a service whose session a cookie's value is (RFC 7662). It slides nothing: that a service looks
// is not that a person is there. A token_type_hint changes nothing.
func (a *Admin) introspect(c *route.Call) error {
	token := c.Form.Get("token")
	if token == "" {
		return route.Invalid("token is missing")
	}
	v, err := a.cfg.Vault.LoadTicket(c.Ctx(), secret.New(token))
	if errors.Is(err, vault.ErrNotFound) {
		return c.JSON(http.StatusOK, introspection{})
	}
	if err != nil {
		return a.storeError(c.Ctx(), err)
	}
	u := v.User
	out := introspection{
		Active: true, Subject: u.ID, SessionID: v.ID, Issuer: a.cfg.Origin, Username: cmp.Or(u.Email, u.Name, u.Subject),
		IssuedAt: v.CreatedAt.Unix(), ExpiresAt: v.IdleExpiresAt().Unix(),
		Provider: u.Provider, ProviderSubject: u.Subject, Name: u.Name, Email: u.Email, Picture: u.Picture,
	}
	if u.Email != "" {
		out.EmailVerified = &u.EmailVerified
	}
	return c.JSON(http.StatusOK, out)
}
