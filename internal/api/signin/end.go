package signin

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"

	"bff/internal/api/metrics"
	"bff/internal/api/problem"
	"bff/internal/api/route"
	"bff/internal/audit"
	"bff/internal/oauth"
	"bff/internal/users"
	"bff/internal/vault"
)

// ends are where sign-ins lead that came to nothing.
type ends struct {
	attempts *attempts
	crossing *crossing
	metrics  *metrics.Metrics
	log      *slog.Logger
}

// fail sends a person back to where they were with the error of the sign-in.
func (e *ends) fail(c *route.Call, provider, state string, a *attempt, session string, err error) error {
	why, ok := ending(err)
	to := e.crossing.withError(c, a, cmp.Or(why, problem.LoginExpired))
	e.attempts.settled(c, state, a, session, to)
	if !ok {
		return nil
	}
	seen := why // what operators see of it
	if errors.Is(err, oauth.ErrClientRefused) {
		seen = problem.ProviderMisconfigured // the person can do nothing, and the provider is not to blame
	}
	e.metrics.Problem(seen)
	e.logFailed(c.Ctx(), provider, err)
	c.Record(audit.Event{Kind: audit.SignInRefused, Provider: provider, Code: string(seen)})
	return back(c, to)
}

// logFailed tells the operator why a sign-in came to nothing, where it is not the person's doing.
func (e *ends) logFailed(ctx context.Context, provider string, err error) {
	if errors.Is(err, users.ErrNotAllowed) || errors.Is(err, users.ErrHookFailed) {
		e.log.WarnContext(ctx, "a sign-in was refused", "provider", provider, "error", err)
	}
	switch oauth.KindOf(err) {
	case oauth.KindFailed, oauth.KindUnavailable, oauth.KindMisconfigured:
		e.log.WarnContext(ctx, "a sign-in failed", "provider", provider, "error", err)
	}
}

// ending is the bff_error of an error. ok is false when nobody is there to read it.
func ending(err error) (why problem.Code, ok bool) {
	if errors.Is(err, vault.ErrNotFound) {
		return problem.LoginExpired, true // no attempt, or the session it was to link to is gone
	}
	p := problem.Of(err)
	if p == nil {
		return "", false
	}
	switch p.Code {
	case problem.AccessDenied, problem.LoginExpired, problem.LoginFailed, problem.ProviderUnavailable,
		problem.StoreUnavailable, problem.WrongAccount, problem.NotAllowed, problem.HookFailed:
		return p.Code, true
	}
	return problem.LoginFailed, true
}

// back leads a person to where they were.
func back(c *route.Call, to string) error {
	c.AllowReload()
	return c.Redirect(to, http.StatusSeeOther)
}
