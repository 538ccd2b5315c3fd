package signin

import (
	"encoding/json"
	"errors"
	"net/http"

	"bff/internal/api/problem"
	"bff/internal/api/route"
	"bff/internal/audit"
	"bff/internal/oauth"
	"bff/internal/vault"
)

// begin sends the browser to the provider: from a further front, by way of the first.
func (f *Flow) begin(c *route.Call, in oauth.Begin, a attempt, status int) error {
	if c.Front.Further() {
		return f.crossing.leave(c, start{In: in, Attempt: a})
	}
	to, err := f.prepare(c, in, a)
	if err != nil {
		return err
	}
	return c.Redirect(to, status)
}

// prepare stores an attempt, hands its cookie to the browser, and returns where the provider takes it up.
func (f *Flow) prepare(c *route.Call, in oauth.Begin, a attempt) (to string, err error) {
	flow, err := f.cfg.Broker.Begin(c.Ctx(), in)
	if err != nil {
		f.ends.logFailed(c.Ctx(), in.Provider, err)
		return "", unavailable(err)
	}
	a.set(&flow)
	payload, err := json.Marshal(a)
	if err != nil {
		return "", err
	}
	state, opener, err := f.cfg.Vault.Attempts.Put(c.Ctx(), payload, attemptLife)
	if err != nil {
		return "", full(err)
	}
	if to, err = f.cfg.Broker.URL(c.Ctx(), flow, state); err != nil {
		f.ends.logFailed(c.Ctx(), in.Provider, err)
		return "", unavailable(err)
	}
	f.attempts.keepCookie(c, state, opener)
	c.Record(audit.Event{Kind: audit.AttemptStarted, Provider: in.Provider})
	return to, nil
}

// unavailable says of a provider that is down what it means for somebody who wants to sign in.
func unavailable(err error) error {
	p := problem.Of(err)
	if p == nil || p.Code != problem.ProviderUnavailable {
		return err
	}
	return p.Because("The provider does not answer at the moment, so nobody can sign in with it. Try again in a moment.")
}

// BeginFor begins at the first front what a further one sent here.
func (f *Flow) BeginFor(c *route.Call) error {
	if c.Front.Further() || !f.cfg.Fronts.Several() {
		return problem.New(problem.NotFound)
	}
	if !route.Navigates(c.R) {
		return problem.New(problem.CSRFRejected)
	}
	if c.R.Method == http.MethodHead {
		return c.Empty(http.StatusNoContent)
	}
	name, half := cutCode(c.R.URL.Query().Get("start"))
	s, err := f.crossing.open(c, name, half, false)
	if err == nil && f.cfg.SSO && !s.Attempt.Connect && c.ReloadDue() {
		return c.Reload() // who is signed in here shows only to this origin; the start is used when it comes again
	}
	if err == nil {
		s, err = f.crossing.open(c, name, half, true)
	}
	if errors.Is(err, vault.ErrNotFound) {
		if to, ok := f.attempts.again(c, name, half.Reveal()); ok {
			return back(c, to)
		}
	}
	if err != nil {
		return f.ends.fail(c, s.In.Provider, "", &attempt{}, "", err)
	}
	to, err := f.onward(c, s)
	if err != nil {
		return f.ends.fail(c, s.In.Provider, name, s.by(half), "", err)
	}
	f.attempts.settled(c, name, s.by(half), "", to)
	return back(c, to)
}

// onward is where the browser of a start goes next: back with a code, or to the provider, by the further front.
func (f *Flow) onward(c *route.Call, s start) (to string, err error) {
	a := s.Attempt
	session := c.Session
	if a.Connect {
		session = nil
	}
	switch {
	case f.cfg.SSO && session != nil && !s.Asked && asksNothing(&s.In) &&
		(s.In.Provider == "" || s.In.Provider == session.User.Provider):
		return f.crossing.code(c, &a, arrival{Home: session.Ticket().Reveal(), Silent: true}, vault.Handover{})
	case s.In.Provider == "":
		return f.crossing.code(c, &a, arrival{Choose: true}, vault.Handover{})
	case !f.offered.known(s.In.Provider) || !a.Connect && f.offered.linkedOnly(s.In.Provider): // the configuration changed
		return "", problem.New(problem.LoginFailed)
	}
	if session != nil {
		a.Home = session.Ticket().Reveal()
	}
	provider, err := f.prepare(c, s.In, a)
	if err != nil {
		return "", err
	}
	name, half, err := f.attempts.put(c, pass{Kind: aPass, Front: a.Front, Visit: a.Visit, To: provider}, codeLife)
	if err != nil {
		return "", err
	}
	return arriveAt(a.Front, a.Visit, "pass", name, half), nil
}

// asksNothing says whether a sign-in leaves it to the provider what to ask for, so that a session will do instead.
func asksNothing(in *oauth.Begin) bool {
	return in.Prompt == "" && in.LoginHint == "" && len(in.Scopes) == 0 && in.ACRValues == "" && in.MaxAge == "" &&
		len(in.Values) == 0
}
