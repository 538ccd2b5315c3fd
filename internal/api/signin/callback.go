package signin

import (
	"cmp"
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
	"bff/internal/vault"
)

// Callback is the provider's way back. Whatever happened, a person is looking: the answer is a redirect to where they
// were.
func (f *Flow) Callback(c *route.Call) error {
	provider := c.R.PathValue("provider")
	if !f.offered.known(provider) {
		return problem.UnknownProvider()
	}
	q, err := answerOf(c)
	if err != nil {
		return err
	}
	if q == nil {
		return nil // a cross-site POST, on its way to come again as a GET
	}
	if len(q["state"]) != 1 || q.Get("state") == "" || c.Front.Further() { // redirect URIs are the first front's
		return f.ends.fail(c, provider, "", &attempt{}, "", problem.New(problem.LoginExpired))
	}
	state := q.Get("state")
	a, err := f.attempts.take(c, provider, state)
	if errors.Is(err, vault.ErrNotFound) || problem.Is(err, problem.LoginExpired) {
		if to, ok := f.attempts.again(c, state, openerOf(c, state)); ok {
			c.Record(audit.Event{Kind: audit.AttemptRepeated, Provider: provider})
			return back(c, to)
		}
	}
	if err != nil {
		return f.ends.fail(c, provider, state, &a, "", err)
	}
	session, sent, err := f.finish(c, a, q)
	if err != nil {
		return f.ends.fail(c, provider, state, &a, session, err)
	}
	if sent {
		f.attempts.settled(c, state, &a, session, c.W.Header().Get("Location"))
		return nil
	}
	to := cmp.Or(a.ReturnTo, "/")
	f.attempts.settled(c, state, &a, session, to)
	return back(c, to)
}

// answerOf reads the provider's answer. A form_post (OAuth 2.0 Form Post Response Mode) is a cross-site POST and
// brings no Lax cookie, so it comes again as a GET, which does.
func answerOf(c *route.Call) (url.Values, error) {
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

// finish exchanges the code and makes the session or the link. again is true when the browser was sent to the
// provider a second time.
func (f *Flow) finish(c *route.Call, a attempt, q url.Values) (session string, sent bool, err error) {
	g, err := f.cfg.Broker.Finish(c.Ctx(), a.flow(), q)
	if err != nil {
		return "", false, err
	}
	if !a.Connect && f.offered.linkedOnly(a.Provider) { // the configuration changed while the person was away
		return "", false, problem.New(problem.LoginFailed)
	}
	if !a.Connect { // only a link that was to bring scopes, and did not, is not offered again
		g.Connection.Withheld, g.Connection.WithheldAt = nil, time.Time{}
	}
	var linked *vault.Session
	if a.Connect {
		if linked, err = f.cfg.Vault.Sessions.LoadTicket(c.Ctx(), secret.New(a.Ticket)); err != nil {
			return "", false, err
		}
		if a.Subject != "" && g.Connection.Account.Subject != a.Subject {
			return linked.ID, false, problem.New(problem.WrongAccount)
		}
	}
	if g.WantsConsent && !a.Again {
		kept, err := f.accounts.hasRefresh(c, linked, g)
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
		return linked.ID, false, f.accounts.link(c, linked, g.Connection, identity(g))
	}
	session, err = f.accounts.signIn(c, a.Ticket, g)
	return session, false, err
}
