package signin

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"bff/internal/api/problem"
	"bff/internal/api/route"
	"bff/internal/audit"
	"bff/internal/oauth"
	"bff/internal/secret"
	"bff/internal/users"
	"bff/internal/vault"
)

// Callback is the provider's way back. Whatever happened, a person is looking: the answer is a redirect to where they
// were.
func (f *Flow) Callback(c *route.Call) error {
	provider := c.R.PathValue("provider")
	if !f.known(provider) {
		return problem.UnknownProvider()
	}
	q, err := f.answerOf(c)
	if err != nil {
		return err
	}
	if q == nil {
		return nil // a cross-site POST, on its way to come again as a GET
	}
	if len(q["state"]) != 1 || q.Get("state") == "" || c.Front.Further() { // redirect URIs are the first front's
		return f.fail(c, provider, "", &attempt{}, "", problem.New(problem.LoginExpired))
	}
	state := q.Get("state")
	a, err := f.take(c, provider, state)
	if errors.Is(err, vault.ErrNotFound) || problem.Is(err, problem.LoginExpired) {
		if to, ok := f.again(c, state, openerOf(c, state)); ok {
			c.Record(audit.Event{Kind: audit.AttemptRepeated, Provider: provider})
			return f.back(c, to)
		}
	}
	if err != nil {
		return f.fail(c, provider, state, &a, "", err)
	}
	session, sent, err := f.finish(c, a, q)
	if err != nil {
		return f.fail(c, provider, state, &a, session, err)
	}
	if sent {
		f.settled(c, state, &a, session, c.W.Header().Get("Location"))
		return nil
	}
	to := cmp.Or(a.ReturnTo, "/")
	f.settled(c, state, &a, session, to)
	return f.back(c, to)
}

// back leads a person to where they were.
func (f *Flow) back(c *route.Call, to string) error {
	c.AllowReload()
	return c.Redirect(to, http.StatusSeeOther)
}

// fail sends a person back to where they were with the error of the sign-in.
func (f *Flow) fail(c *route.Call, provider, state string, a *attempt, session string, err error) error {
	why, ok := f.outcome(err)
	to := f.withError(c, a, cmp.Or(why, problem.LoginExpired))
	f.settled(c, state, a, session, to)
	if !ok {
		return nil
	}
	f.cfg.Metrics.Problem(why)
	f.logFailed(c.Ctx(), provider, err)
	c.Record(audit.Event{Kind: audit.SignInRefused, Provider: provider, Code: string(why)})
	return f.back(c, to)
}

// answerOf reads the provider's answer. A form_post (OAuth 2.0 Form Post Response Mode) is a cross-site POST and
// brings no Lax cookie, so it comes again as a GET, which does.
func (f *Flow) answerOf(c *route.Call) (url.Values, error) {
	if c.R.Method != http.MethodPost {
		return looseQuery(c.R.URL.RawQuery), nil
	}
	if err := c.R.ParseForm(); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return nil, err
		}
		return nil, problem.New(problem.BadRequest).Because("The form is malformed.")
	}
	q := c.R.PostForm
	if state := q.Get("state"); state != "" && len(c.R.CookiesNamed(attemptCookie(c, state))) == 0 &&
		len(q.Encode()) < 8<<10 {
		return nil, c.Redirect((&url.URL{Path: c.R.URL.Path, RawQuery: q.Encode()}).String(), http.StatusSeeOther)
	}
	return q, nil
}

// looseQuery reads a provider's answer as it comes: a raw ; or % belongs to the value, since what counts (state,
// code) is checked anyway, and a refusal's description must not hide the refusal.
func looseQuery(raw string) url.Values {
	q := url.Values{}
	for pair := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if name == "" {
			continue
		}
		if decoded, err := url.QueryUnescape(value); err == nil {
			value = decoded
		}
		q.Add(name, value)
	}
	return q
}

// outcome is the bff_error of an error. ok is false when nobody is there to read it.
func (f *Flow) outcome(err error) (why problem.Code, ok bool) {
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

// logFailed tells the operator why a sign-in came to nothing, where it is not the person's doing.
func (f *Flow) logFailed(ctx context.Context, provider string, err error) {
	if errors.Is(err, users.ErrNotAllowed) || errors.Is(err, users.ErrHookFailed) {
		f.cfg.Log.WarnContext(ctx, "a sign-in was refused", "provider", provider, "error", err)
	}
	switch oauth.KindOf(err) {
	case oauth.KindFailed, oauth.KindUnavailable, oauth.KindMisconfigured:
		f.cfg.Log.WarnContext(ctx, "a sign-in failed", "provider", provider, "error", err)
	}
}

// finish exchanges the code and makes the session or the link. again is true when the browser was sent to the
// provider a second time.
func (f *Flow) finish(c *route.Call, a attempt, q url.Values) (session string, sent bool, err error) {
	g, err := f.cfg.Broker.Finish(c.Ctx(), a.flow(), q)
	if err != nil {
		return "", false, err
	}
	if !a.Connect && f.linkedOnly(a.Provider) { // the configuration changed while the person was away
		return "", false, problem.New(problem.LoginFailed)
	}
	if !a.Connect { // only a link that was to bring scopes, and did not, is not offered again
		g.Connection.Withheld, g.Connection.WithheldAt = nil, time.Time{}
	}
	var linked *vault.Session
	if a.Connect {
		if linked, err = f.cfg.Vault.LoadTicket(c.Ctx(), secret.New(a.Ticket)); err != nil {
			return "", false, err
		}
		if a.Subject != "" && g.Connection.Account.Subject != a.Subject {
			return linked.ID, false, problem.New(problem.WrongAccount)
		}
	}
	if g.WantsConsent && !a.Again {
		kept, err := f.hasRefresh(c, linked, g)
		if err != nil {
			return "", false, err
		}
		if !kept {
			a.Again = true
			in := oauth.Begin{Provider: a.Provider, Connect: a.Connect, Scopes: a.Scopes, Consent: true, Values: a.Values,
				LoginHint: cmp.Or(g.Connection.Account.Email, g.Connection.Account.Subject)}
			to, err := f.prepare(c, in, a)
			if err != nil {
				return "", false, err
			}
			return "", true, c.Redirect(to, http.StatusSeeOther)
		}
	}
	if a.Front != "" {
		return f.handOver(c, a, g)
	}
	if a.Connect {
		return linked.ID, false, f.link(c, linked, g.Connection, identity(g))
	}
	session, err = f.signIn(c, a, g)
	return session, false, err
}

// hasRefresh says whether a refresh token for this account is already there: Google gives one with the first consent
// only.
func (f *Flow) hasRefresh(c *route.Call, session *vault.Session, g oauth.Grant) (bool, error) {
	var have []vault.Connection
	if session != nil {
		have = session.Connections
	} else if g.Connection.Keep == vault.KeepUser {
		known, err := f.cfg.Vault.FindUser(c.Ctx(), identity(g))
		if errors.Is(err, vault.ErrNotFound) { // perhaps of the version before
			known.ID, err = g.User.ID, nil
		}
		if err == nil {
			have, err = f.cfg.Vault.Kept(c.Ctx(), known.ID)
		}
		if err != nil {
			return false, err
		}
	}
	for _, k := range have {
		if k.Provider == g.Connection.Provider && k.Account.Subject == g.Connection.Account.Subject &&
			k.Keep == g.Connection.Keep &&
			k.Status == vault.StatusActive &&
			!k.Tokens.Refresh.IsZero() {
			return true, nil
		}
	}
	return false, nil
}

// signIn makes the session. What the browser had when it set out ends, and what it has now: another tab may have
// signed in meanwhile. The way back brings the Strict cookie only from an identity provider on the same site.
func (f *Flow) signIn(c *route.Call, a attempt, g oauth.Grant) (string, error) {
	// A sign-in asks for everything at once: what was left out there may be asked for when it is wanted.
	g.Connection.Withheld, g.Connection.WithheldAt = nil, time.Time{}
	user, err := f.register(c, g)
	if err != nil {
		return "", err
	}
	made, err := f.cfg.Vault.Create(c.W, c.R, vault.NewSession{
		User: user, Device: device(c.R.UserAgent()), Connection: &g.Connection, Previous: previous(c, a.Ticket),
		Handle: g.Handle,
	})
	if err != nil {
		return "", err
	}
	f.cfg.Metrics.SignedIn(g.Connection.Provider)
	return made.ID, nil
}

// previous are the tickets of the sessions that a sign-in on this front replaces.
func previous(c *route.Call, ticket string) (all []secret.Text) {
	if ticket != "" {
		all = append(all, secret.New(ticket))
	}
	if now := c.R.CookiesNamed(c.Front.Cookie); len(now) == 1 {
		all = append(all, secret.New(now[0].Value))
	}
	return all
}
