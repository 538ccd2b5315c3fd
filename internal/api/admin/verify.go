package admin

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"bff/internal/api/backend"
	"bff/internal/api/problem"
	"bff/internal/api/route"
	"bff/internal/users"
	"bff/internal/vault"
)

// verify is forward-auth: a front proxy passes a browser's headers on and asks whether the request may go through.
// The answers are
//
//	204  yes, with who is asking in headers, and an assertion where one was asked for
//	302  not signed in, redirect=1, and a person looks: to sign in, and back
//	401  not signed in
//	403  from another site, or without a right that is required
//	400  the question is malformed
//	503  the store does not answer: a front proxy must not mistake that for a sign-out
//
// The method is the caller's, and the address may go on below /verify: Envoy passes both on. It slides the session,
// as a call to bff itself would.
func (a *Admin) verify(c *route.Call) error {
	q, err := readQuestion(c.R)
	if err != nil {
		return err
	}
	front, err := a.frontOf(c.R)
	if err != nil {
		return err
	}
	// Two session cookies are no session here: nginx takes any status but 2xx, 401 and 403 for a failure of its own.
	if len(c.R.CookiesNamed(front.Cookie)) > 1 {
		return problem.New(problem.NotSignedIn)
	}
	session, err := a.cfg.Vault.Sessions.LoadAt(c.R, front.Vault())
	if errors.Is(err, vault.ErrNotFound) {
		return a.turnedAway(c, front, q)
	}
	if err != nil {
		return err
	}
	if q.changes && !front.Sent(c.R) {
		return problem.New(problem.CSRFRejected)
	}
	if q.unknown { // one with a typing error, such as "requires", would let everybody through
		return problem.New(problem.BadRequest).Because("/verify takes require, redirect and audience, and nothing below it does.")
	}
	if err := backend.Require(session, q.require); err != nil {
		return err
	}
	if err := a.present(c, front, session, q.audience); err != nil {
		return err
	}
	a.cfg.Touch(session)
	return c.Empty(http.StatusNoContent)
}

// present says in headers who is asking.
func (a *Admin) present(c *route.Call, front *route.Front, session *vault.Session, audience string) error {
	h := c.W.Header()
	if audience != "" {
		made, err := a.cfg.Signer.Assert(c.Ctx(), backend.Claims(front.Origin, audience, session))
		if err != nil {
			return errors.Join(vault.ErrUnavailable, err)
		}
		h.Set("Authorization", "Bearer "+made.Token.Reveal())
	}
	backend.SetHeaders(h, session, users.RightsHeader(session.User.Rights))
	return nil
}

// turnedAway is the answer when nobody is signed in. A link from another site brings no Strict cookie, so before
// anybody is sent to sign in, a page of this origin loads the address again, once: then the navigation is this
// origin's own.
func (a *Admin) turnedAway(c *route.Call, front *route.Front, q question) error {
	if !q.redirect || q.changes || !route.LooksAtPages(c.R) {
		return problem.New(problem.NotSignedIn)
	}
	to := "/"
	if a.cfg.Peers.Trusts(c.R) && len(c.R.Header["X-Forwarded-Uri"]) == 1 {
		raw := c.R.Header.Get("X-Forwarded-Uri")
		if route.CameBackFailed(raw) {
			return c.NotSignedIn(a.cfg.Providers).Because(route.SignInFailed)
		}
		to = route.ReturnPath(raw)
	}
	if seen := (&route.Call{W: c.W, R: c.R, Row: c.Row, Front: front}); seen.ReloadDueAt(to) {
		return seen.ReloadThrough(to)
	}
	return c.Redirect(route.SignInURL(a.cfg.Providers, to), http.StatusFound)
}

// A question is what a front proxy asks.
type question struct {
	require  []string // rights, all of them
	audience string   // of the assertion; "" for none
	redirect bool     // people are sent to sign in
	changes  bool     // the request may change something
	unknown  bool     // it has a parameter that means nothing
}

const maxAudience = 64

// readQuestion reads the parameters of the address /verify. Below it the address is the client's own, and so is the
// query: it asks nothing.
func readQuestion(r *http.Request) (question, error) {
	out := question{changes: route.Changes(r, r.Header["X-Forwarded-Method"])}
	if r.URL.Path != "/verify" {
		// "/verify/?require=staff" may be a slash too many: what was to be asked must not be left out.
		q := r.URL.Query()
		out.unknown = r.URL.Path == "/verify/" && (q.Has("require") || q.Has("audience"))
		return out, nil
	}
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || len(q["redirect"]) > 1 || len(q["audience"]) > 1 {
		return out, problem.New(problem.BadRequest).Because("The query of /verify is malformed, or repeats a parameter.")
	}
	for name := range q {
		out.unknown = out.unknown || name != "require" && name != "redirect" && name != "audience"
	}
	out.require, out.redirect, out.audience = q["require"], q.Get("redirect") == "1", q.Get("audience")
	strange := func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"\,;`, r) }
	if len(out.audience) > maxAudience || strings.ContainsFunc(out.audience, strange) ||
		q.Has("audience") && out.audience == "" {
		return out, problem.New(problem.BadRequest).Because("The audience is an identity: a short name without spaces.")
	}
	return out, nil
}
