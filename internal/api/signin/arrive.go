package signin

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"bff/internal/api/problem"
	"bff/internal/api/route"
	"bff/internal/oauth"
	"bff/internal/vault"
)

// handOver leaves what the callback of a further front's attempt brought to that front. With sso the person is signed
// in here too, by a session without tokens. sent is true: the answer is the way there.
func (f *Flow) handOver(c *route.Call, a attempt, g oauth.Grant) (session string, sent bool, err error) {
	n := arrival{Identity: identity(g)}
	h := vault.Handover{Connection: &g.Connection}
	if !a.Connect {
		g.Connection.Withheld = nil
		if h.User, err = f.accounts.register(c, g); err != nil {
			return "", false, err
		}
		n.Handle = g.Handle
		if f.cfg.SSO {
			home, err := f.accounts.home(c, h.User, a.Home, g.Handle)
			if err != nil {
				return "", false, err
			}
			n.Home, session = home.Ticket().Reveal(), home.ID
		}
	}
	to, err := f.crossing.code(c, &a, n, h)
	if err != nil {
		return session, false, err
	}
	return session, true, back(c, to)
}

// Arrive takes a browser on at the further front on which it began: to the provider by a pass, and to return_to by a
// code.
func (f *Flow) Arrive(c *route.Call) error {
	if !c.Front.Further() {
		return problem.New(problem.NotFound)
	}
	if !route.Navigates(c.R) {
		return problem.New(problem.CSRFRejected)
	}
	if c.R.Method == http.MethodHead {
		return c.Empty(http.StatusNoContent)
	}
	q := c.R.URL.Query()
	name := q.Get("visit")
	if len(q["visit"]) != 1 || len(q["pass"])+len(q["code"]) != 1 {
		return f.ends.fail(c, "", "", &attempt{}, "", problem.New(problem.LoginExpired))
	}
	opener := openerOf(c, name)
	if q.Has("pass") {
		return f.toProvider(c, name, opener, q.Get("pass"))
	}
	v, err := f.crossing.visit(c, name, opener, true)
	if errors.Is(err, vault.ErrNotFound) {
		if to, ok := f.attempts.again(c, name, opener); ok {
			return back(c, to)
		}
	}
	if err != nil {
		return f.ends.fail(c, "", "", &attempt{}, "", err)
	}
	c.SetLaxCookie(attemptCookie(c, name), "", -1)
	a := attempt{ReturnTo: v.ReturnTo, opener: opener}
	to, session, err := f.arrived(c, name, v, q.Get("code"))
	if err != nil {
		return f.ends.fail(c, "", name, &a, session, err)
	}
	f.attempts.settled(c, name, &a, session, to)
	return back(c, to)
}

// toProvider uses a pass. The visit stays: its code is still to come.
func (f *Flow) toProvider(c *route.Call, name, opener, text string) error {
	found, half := cutCode(text)
	if _, err := f.crossing.visit(c, name, opener, false); err != nil {
		return f.ends.fail(c, "", "", &attempt{}, "", err)
	}
	payload, err := f.cfg.Vault.Attempts.Take(c.Ctx(), found, half)
	if errors.Is(err, vault.ErrNotFound) {
		if to, ok := f.attempts.again(c, found, opener); ok {
			return c.Redirect(to, http.StatusFound)
		}
	}
	var p pass
	if err == nil && (json.Unmarshal(payload, &p) != nil || p.Kind != aPass || p.Front != c.Front.Name || p.Visit != name) {
		err = vault.ErrNotFound
	}
	if err != nil {
		return f.ends.fail(c, "", "", &attempt{}, "", err)
	}
	f.attempts.settled(c, found, &attempt{opener: opener}, "", p.To)
	return c.Redirect(p.To, http.StatusFound)
}

// arrived uses a code, for the visit that was just used up.
func (f *Flow) arrived(c *route.Call, name string, v visit, text string) (to, session string, err error) {
	found, half := cutCode(text)
	h, err := f.cfg.Vault.Attempts.TakeHandover(c.Ctx(), found, half)
	if err != nil {
		return "", "", err
	}
	var n arrival
	switch {
	case json.Unmarshal(h.Note, &n) != nil || n.Front != c.Front.Name || n.Visit != name:
		return "", "", vault.ErrNotFound
	case n.Failed != "":
		return route.WithError(v.ReturnTo, n.Failed), "", nil
	case n.Choose:
		return "/bff/login?" + url.Values{"return_to": {v.ReturnTo}, "sso": {"none"}}.Encode(), "", nil
	case v.Connect:
		session, err = f.accounts.linkHere(c, v, n, h)
	default:
		session, err = f.accounts.enter(c, v, n, h)
	}
	return v.ReturnTo, session, err
}
