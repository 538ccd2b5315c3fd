package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"bff/internal/api/problem"
	"bff/internal/api/route"
	"bff/internal/audit"
	"bff/internal/oauth"
	"bff/internal/vault"
)

// ends carries out a provider's orders to end sessions and grants.
type ends struct {
	vault     *vault.Vault
	broker    *oauth.Broker
	providers []string
	work      *background
	log       *slog.Logger
}

// backchannelLogout ends sessions at a provider's word (OpenID Connect Back-Channel Logout 1.0 section 2.5 to 2.8):
// the one the sid names, or else all of the user's. 200 also when there is none: the provider gets what it wanted.
func (e *ends) backchannelLogout(c *route.Call) error {
	provider := c.R.PathValue("provider")
	if !slices.Contains(e.providers, provider) {
		return problem.UnknownProvider()
	}
	form, bad := route.ReadForm(c.R)
	if bad != nil {
		return bad
	}
	raw := form.Get("logout_token")
	if raw == "" {
		return route.Invalid("logout_token is missing")
	}
	c.As(audit.Actor{Kind: audit.ByProvider, Name: provider})
	err := e.broker.Signals.LogoutToken(c.Ctx(), provider, raw, func(ctx context.Context, logout oauth.Logout) error {
		return e.insist(ctx, func(ctx context.Context) error { return e.endFor(ctx, logout) })
	})
	if err != nil {
		return e.refuseToken(c, err, func(text string) any { return route.Invalid(text) })
	}
	c.Record(audit.Event{Kind: audit.OrderReceived, Provider: provider, Reason: "backchannel_logout",
		Actor: audit.Actor{Kind: audit.ByProvider, Name: provider}})
	return c.Empty(http.StatusOK)
}

// endFor ends what a logout token names.
func (e *ends) endFor(ctx context.Context, l oauth.Logout) (err error) {
	n := 0
	if l.Handle != "" {
		n, err = e.vault.Index.EndHandle(ctx, l.Handle, "provider")
	} else {
		var all []held
		all, err = e.holders(ctx, l.Account, l.UserID)
		for _, h := range all {
			ended, bad := e.vault.Index.EndUser(ctx, h.user, "provider")
			n, err = n+ended, errors.Join(err, bad)
		}
	}
	if err == nil {
		e.log.InfoContext(ctx, "the provider ended sessions", "sessions", n)
	}
	return err
}

// held is an account with the id of the user that it signs in as.
type held struct {
	user    string
	account vault.Identity
	others  bool // the user signs in with others too
}

// holders are the users that an account signs in as, or all the accounts that its provider calls by one name; before is
// the id that the version before gave.
func (e *ends) holders(ctx context.Context, account vault.Identity, before string) (all []held, err error) {
	accounts := []vault.Identity{account}
	if account.Named != "" {
		if accounts, err = e.vault.Accounts.Called(ctx, account); err != nil {
			return nil, err
		}
	}
	for _, one := range accounts {
		rec, err := e.vault.Users.Find(ctx, one)
		switch {
		case err == nil:
			all = append(all, held{rec.ID, one, len(rec.Identities) > 1})
		case !errors.Is(err, vault.ErrNotFound):
			return nil, err
		case before != "":
			all = append(all, held{user: before, account: one})
		}
	}
	return all, nil
}

// insist does what a one-time token asks for. The answer is an error where it could not be done, and the same token is
// accepted when it comes again; but some providers send each only once, so it is also tried again behind the answer.
func (e *ends) insist(ctx context.Context, do func(context.Context) error) error {
	err := do(ctx)
	if !errors.Is(err, vault.ErrUnavailable) {
		return err
	}
	e.work.later(ctx, func(ctx context.Context) {
		for ctx.Err() == nil {
			if err := do(ctx); !errors.Is(err, vault.ErrUnavailable) {
				return
			}
			select {
			case <-ctx.Done():
			case <-time.After(200 * time.Millisecond):
			}
		}
		e.log.ErrorContext(ctx, "what a provider asked for could not be done: the store is down")
	})
	return err
}

// refuseToken answers a token that was not accepted: 503 where trying again may help, 400 with a constant text where it
// will not.
func (e *ends) refuseToken(c *route.Call, err error, body func(text string) any) error {
	switch oauth.KindOf(err) {
	case oauth.KindStore, oauth.KindUnavailable, oauth.KindMisconfigured:
		return err
	case 0:
		return err
	}
	e.log.WarnContext(c.Ctx(), "a provider's token was refused", "error", err)
	return c.JSON(http.StatusBadRequest, body("the token was not accepted"))
}
