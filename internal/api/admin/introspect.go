package admin

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"bff/internal/api/route"
	"bff/internal/assertion"
	"bff/internal/audit"
	"bff/internal/secret"
	"bff/internal/trace"
	"bff/internal/vault"
)

// introspection is the answer of RFC 7662 section 2.2. sub is the user's public id; the provider's own subject stands
// beside it, with the provider that makes it one.
type introspection struct {
	Active          bool      `json:"active"`
	Subject         string    `json:"sub,omitempty"`
	SessionID       string    `json:"sid,omitempty"`
	Issuer          string    `json:"iss,omitempty"`
	Audience        string    `json:"aud,omitempty"` // of an assertion
	Username        string    `json:"username,omitempty"`
	IssuedAt        int64     `json:"iat,omitempty"`       // the sign-in; of an assertion, when it was made
	AuthTime        int64     `json:"auth_time,omitempty"` // the sign-in
	ExpiresAt       int64     `json:"exp,omitempty"`       // if nobody uses it any more; of an assertion, its end
	Rights          *[]string `json:"rights,omitempty"`
	AppID           string    `json:"app_id,omitempty"`
	Provider        string    `json:"provider,omitempty"`
	ProviderSubject string    `json:"provider_subject,omitempty"`
	Name            string    `json:"name,omitempty"`
	Email           string    `json:"email,omitempty"` // verified ones only
	EmailVerified   *bool     `json:"email_verified,omitempty"`
	Picture         string    `json:"picture,omitempty"`

	Data json.RawMessage `json:"data,omitempty"` // the hook's last, as it stands now; of an assertion too
}

// introspect says to a service whose session a cookie's value is, or an assertion (RFC 7662). It slides nothing: that a
// service looks is not that a person is there. An assertion of a session that has ended is not active. A
// token_type_hint changes nothing.
func (a *Admin) introspect(c *route.Call) error {
	token := c.Form.Get("token")
	if token == "" {
		return route.Invalid("token is missing")
	}
	out, err := a.introspected(c.Ctx(), token)
	if errors.Is(err, vault.ErrNotFound) || errors.Is(err, assertion.ErrInvalid) {
		out, err = introspection{}, nil
	}
	if err == nil && out.Active {
		out.Data, err = a.hookData(c.Ctx(), out.Subject)
	}
	if err != nil {
		return a.storeError(c.Ctx(), err)
	}
	a.cfg.Audit.Record(
		c.Ctx(),
		audit.Event{Kind: audit.Introspected, Request: trace.From(c.Ctx()).ID, Client: c.Client.Name,
			Actor: audit.Actor{Kind: audit.ByClient, Name: c.Client.Name}, User: out.Subject, Session: out.SessionID},
	)
	return c.JSON(http.StatusOK, out)
}

// hookData is what the operator's hook said of a user, nil where it said nothing.
func (a *Admin) hookData(ctx context.Context, id string) (json.RawMessage, error) {
	u, err := a.cfg.Vault.Users.Get(ctx, id)
	if err != nil && !errors.Is(err, vault.ErrNotFound) {
		return nil, err
	}
	return u.HookData, nil
}

func (a *Admin) introspected(ctx context.Context, token string) (introspection, error) {
	if assertion.Looks(token) {
		return a.introspectedAssertion(ctx, token)
	}
	v, front, err := a.session(ctx, secret.New(token))
	if err != nil {
		return introspection{}, err
	}
	out := a.describe(&v.User)
	out.Issuer, out.SessionID, out.ExpiresAt = front.Origin, v.ID, v.IdleExpiresAt().Unix()
	out.IssuedAt, out.AuthTime = v.CreatedAt.Unix(), v.AuthAt.Unix()
	return out, nil
}

// describe is what the answers have in common.
func (a *Admin) describe(u *vault.User) introspection {
	out := introspection{
		Active: true, Subject: u.ID, Username: cmp.Or(u.Name, u.Subject), AppID: u.AppID,
		Provider: u.Provider, ProviderSubject: u.Subject, Name: u.Name, Picture: u.Picture,
	}
	rights := append([]string{}, u.Rights...) // never null
	out.Rights = &rights
	if u.Email != "" {
		out.EmailVerified = &u.EmailVerified
	}
	if u.EmailVerified {
		out.Email, out.Username = u.Email, cmp.Or(u.Email, out.Username)
	}
	return out
}

// introspectedAssertion answers for an assertion of which the session lives in this moment. It says what was asserted.
func (a *Admin) introspectedAssertion(ctx context.Context, token string) (introspection, error) {
	claims, err := a.cfg.Signer.Verify(token)
	if err != nil {
		return introspection{}, err
	}
	if a.cfg.Fronts.Issued(claims.Issuer) == nil { // of a front that was taken out of the configuration
		return introspection{}, vault.ErrNotFound
	}
	if err := a.cfg.Vault.Index.SessionLives(ctx, claims.Subject, claims.SessionID); err != nil {
		return introspection{}, err
	}
	out := a.describe(&vault.User{ID: claims.Subject, Provider: claims.Provider, Name: claims.Name, Email: claims.Email,
		EmailVerified: claims.EmailVerified, Rights: claims.Rights, AppID: claims.AppID})
	out.SessionID, out.Audience, out.Issuer = claims.SessionID, claims.Audience, claims.Issuer
	out.IssuedAt, out.AuthTime, out.ExpiresAt = claims.IssuedAt, claims.AuthTime, claims.ExpiresAt
	return out, nil
}
