package api

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"

	"bff/internal/api/problem"
	"bff/internal/api/route"
	"bff/internal/audit"
	"bff/internal/oauth"
	"bff/internal/vault"
)

// setError is the error answer of RFC 8935 section 2.4.
type setError struct {
	Err         string `json:"err"`
	Description string `json:"description"`
}

// securityEvents takes what a provider reports of an account (RISC over RFC 8935). 202 when it is done, also for an
// event that means nothing here; 400 when it cannot be trusted; 503 when it should come again.
//
//	sessions revoked, account disabled, credentials must change   the user's sessions end
//	tokens revoked                                                the connections kept by the user are dead; those of a session learn it at their next refresh
//	account purged                                                everything of the user is erased
func (e *ends) securityEvents(c *route.Call) error {
	provider := c.R.PathValue("provider")
	if !slices.Contains(e.providers, provider) {
		return problem.UnknownProvider()
	}
	refuse := func(text string) error {
		return c.JSON(http.StatusBadRequest, setError{"invalid_request", text})
	}
	if kind, _, err := mime.ParseMediaType(c.R.Header.Get("Content-Type")); err != nil ||
		kind != "application/secevent+jwt" {
		return refuse("the content type must be application/secevent+jwt")
	}
	raw, err := io.ReadAll(c.R.Body) // bounded by the pipeline
	if err != nil {
		return refuse("the body is too large, or broke off")
	}
	carryOut := func(ctx context.Context, events []oauth.SecurityEvent) error {
		return e.insist(ctx, func(ctx context.Context) error {
			for i := range events {
				if err := e.carryOut(ctx, &events[i]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	c.As(audit.Actor{Kind: audit.ByProvider, Name: provider})
	if err := e.broker.Signals.SecurityEvents(c.Ctx(), provider, string(raw), carryOut); err != nil {
		return e.refuseToken(c, err, func(text string) any { return setError{"invalid_request", text} })
	}
	c.Record(audit.Event{Kind: audit.OrderReceived, Provider: provider, Reason: "security_event",
		Actor: audit.Actor{Kind: audit.ByProvider, Name: provider}})
	return c.Empty(http.StatusAccepted)
}

// carryOut does what one event asks for. It may run twice for the same event.
func (e *ends) carryOut(ctx context.Context, event *oauth.SecurityEvent) error {
	if event.Account.Provider == "" {
		return nil
	}
	all, err := e.holders(ctx, event.Account, event.UserID)
	if err != nil {
		return err
	}
	for _, h := range all {
		var ended int
		switch event.Kind {
		case oauth.SessionsRevoked, oauth.AccountDisabled, oauth.CredentialChange:
			ended, err = e.vault.Index.EndUser(ctx, h.user, "provider")
		case oauth.TokensRevoked:
			err = e.killKept(ctx, h)
		case oauth.AccountPurged:
			ended, err = e.purge(ctx, h)
		default:
			return nil
		}
		if err != nil {
			return err
		}
		e.log.InfoContext(ctx, "a security event was carried out", "provider", h.account.Provider, "user", h.user,
			"sessions", ended)
	}
	return nil
}

// purge erases the user of an account that its provider deleted. A user who signs in with other accounts too loses
// this one, and that last: while the rest is not done, the same event finds the account again.
func (e *ends) purge(ctx context.Context, h held) (ended int, err error) {
	if h.others {
		if ended, err = e.vault.Index.EndUser(ctx, h.user, "provider"); err != nil {
			return ended, err
		}
		if err := e.killKept(ctx, h); err != nil {
			return ended, err
		}
	}
	_, err = e.vault.Users.RemoveIdentity(ctx, h.user, h.account)
	switch {
	case errors.Is(err, vault.ErrLastIdentity):
		out, err := e.vault.Users.Erase(ctx, h.user, e.broker.Outbox.Revocation)
		e.broker.Outbox.Nudge()
		if errors.Is(err, vault.ErrNotFound) {
			err = nil // by another delivery of the same event
		}
		return ended + out.Sessions, err
	case errors.Is(err, vault.ErrNotFound): // of before there were users
		return ended, e.vault.Index.Erase(ctx, h.user)
	}
	return ended, err
}

// killKept marks the user's kept connections of that account as dead, and drops their tokens.
func (e *ends) killKept(ctx context.Context, h held) error {
	kept, err := e.vault.Connections.Kept(ctx, h.user)
	if err != nil {
		return err
	}
	for i := range kept {
		c := kept[i]
		if c.Provider != h.account.Provider || c.Account.Subject != h.account.Subject {
			continue
		}
		if err := e.vault.Connections.Kill(ctx, &c, oauth.ReasonRevoked); err != nil {
			return err
		}
	}
	return nil
}
