package signin

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"bff/internal/api/problem"
	"bff/internal/api/route"
	"bff/internal/audit"
	"bff/internal/oauth"
	"bff/internal/secret"
	"bff/internal/vault"
)

// An arrival is what a code says, beside the user and the connection of its handover.
type arrival struct {
	Front string `json:"front"` // the only one where it counts
	Visit string `json:"visit"` // the only one by which it is opened

	Home     string         `json:"home,omitempty"`     // the ticket of the session on the first front that vouches for the person
	Silent   bool           `json:"silent,omitempty"`   // nobody saw the provider
	Handle   string         `json:"handle,omitempty"`   // of the session at the provider
	Identity vault.Identity `json:"identity,omitempty"` // of an account that is to be linked
	Choose   bool           `json:"choose,omitempty"`   // nobody is signed in: the person chooses a provider
	Failed   problem.Code   `json:"failed,omitempty"`
}

// code stores what an attempt of a further front came to, and returns the address at which it is used.
func (f *Flow) code(c *route.Call, a *attempt, n arrival, h vault.Handover) (to string, err error) {
	n.Front, n.Visit = a.Front, a.Visit
	if h.Note, err = json.Marshal(n); err != nil {
		return "", err
	}
	name, half, err := f.cfg.Vault.PutHandover(c.Ctx(), h, codeLife)
	if err != nil {
		return "", full(err)
	}
	return f.arriveAt(a.Front, a.Visit, "code", name, half), nil
}

// withError is where the error of an attempt is shown. That of a further front goes there by a code; where none can be
// stored, without one.
func (f *Flow) withError(c *route.Call, a *attempt, why problem.Code) string {
	to := route.WithError(pathOf(a.ReturnTo), why)
	if a.Front == "" || f.cfg.Fronts.Named(a.Front) == nil {
		return to
	}
	if by, err := f.code(c, a, arrival{Failed: why}, vault.Handover{}); err == nil {
		return by
	}
	return a.Front + to
}

func pathOf(returnTo string) string {
	if returnTo == "" {
		return "/"
	}
	return returnTo
}

// handOver leaves what the callback of a further front's attempt brought to that front. With sso the person is signed
// in here too, by a session without tokens. sent is true: the answer is the way there.
func (f *Flow) handOver(c *route.Call, a attempt, g oauth.Grant) (session string, sent bool, err error) {
	n := arrival{Identity: identity(g)}
	h := vault.Handover{Connection: &g.Connection}
	if !a.Connect {
		g.Connection.Withheld = nil
		if h.User, err = f.register(c, g); err != nil {
			return "", false, err
		}
		n.Handle = g.Handle
		if f.cfg.SSO {
			home, err := f.cfg.Vault.Create(c.W, c.R, vault.NewSession{User: h.User, Device: device(c.R.UserAgent()),
				Front: c.Front.Vault(), Previous: previous(c, a.Home), Handle: g.Handle})
			if err != nil {
				return "", false, err
			}
			n.Home, session = home.Ticket().Reveal(), home.ID
		}
	}
	to, err := f.code(c, &a, n, h)
	if err != nil {
		return session, false, err
	}
	return session, true, f.back(c, to)
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
		return f.fail(c, "", "", &attempt{}, "", problem.New(problem.LoginExpired))
	}
	opener := openerOf(c, name)
	if q.Has("pass") {
		return f.toProvider(c, name, opener, q.Get("pass"))
	}
	v, err := f.visit(c, name, opener, true)
	if errors.Is(err, vault.ErrNotFound) {
		if to, ok := f.again(c, name, opener); ok {
			return f.back(c, to)
		}
	}
	if err != nil {
		return f.fail(c, "", "", &attempt{}, "", err)
	}
	c.SetLaxCookie(attemptCookie(c, name), "", -1)
	a := attempt{ReturnTo: v.ReturnTo, opener: opener}
	to, session, err := f.arrived(c, name, v, q.Get("code"))
	if err != nil {
		return f.fail(c, "", name, &a, session, err)
	}
	f.settled(c, name, &a, session, to)
	return f.back(c, to)
}

// visit opens the visit of which the browser shows the cookie, and uses it up where take is true. On another front than
// its own there is none, and it is not used up.
func (f *Flow) visit(c *route.Call, name, opener string, take bool) (v visit, err error) {
	payload, err := f.cfg.Vault.OpenAttempt(c.Ctx(), name, secret.New(opener))
	if err != nil {
		return visit{}, err
	}
	if json.Unmarshal(payload, &v) != nil || v.Kind != aVisit || v.Front != c.Front.Name {
		return visit{}, vault.ErrNotFound
	}
	if take {
		_, err = f.cfg.Vault.TakeAttempt(c.Ctx(), name, secret.New(opener))
	}
	return v, err
}

// toProvider uses a pass. The visit stays: its code is still to come.
func (f *Flow) toProvider(c *route.Call, name, opener, text string) error {
	found, half := cutCode(text)
	if _, err := f.visit(c, name, opener, false); err != nil {
		return f.fail(c, "", "", &attempt{}, "", err)
	}
	payload, err := f.cfg.Vault.TakeAttempt(c.Ctx(), found, half)
	if errors.Is(err, vault.ErrNotFound) {
		if to, ok := f.again(c, found, opener); ok {
			return c.Redirect(to, http.StatusFound)
		}
	}
	var p pass
	if err == nil && (json.Unmarshal(payload, &p) != nil || p.Kind != aPass || p.Front != c.Front.Name || p.Visit != name) {
		err = vault.ErrNotFound
	}
	if err != nil {
		return f.fail(c, "", "", &attempt{}, "", err)
	}
	f.settled(c, found, &attempt{opener: opener}, "", p.To)
	return c.Redirect(p.To, http.StatusFound)
}

// arrived uses a code, for the visit that was just used up.
func (f *Flow) arrived(c *route.Call, name string, v visit, text string) (to, session string, err error) {
	found, half := cutCode(text)
	h, err := f.cfg.Vault.TakeHandover(c.Ctx(), found, half)
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
		session, err = f.linkHere(c, v, n, h)
	default:
		session, err = f.enter(c, v, n, h)
	}
	return v.ReturnTo, session, err
}

// linkHere links an account to the session that the visit is of.
func (f *Flow) linkHere(c *route.Call, v visit, n arrival, h vault.Handover) (session string, err error) {
	if h.Connection == nil || n.Identity.Subject == "" {
		return "", vault.ErrNotFound
	}
	linked, err := f.cfg.Vault.LoadTicket(c.Ctx(), secret.New(v.Ticket))
	if err != nil {
		return "", err
	}
	return linked.ID, f.link(c, linked, *h.Connection, n.Identity)
}

// enter makes the session of a further front. Where one of the first vouches for the person, that one must live, before
// and after: a logout everywhere that comes in between ends what is made here.
func (f *Flow) enter(c *route.Call, v visit, n arrival, h vault.Handover) (string, error) {
	in := vault.NewSession{User: h.User, Device: device(c.R.UserAgent()), Front: c.Front.Vault(), Connection: h.Connection,
		Previous: previous(c, v.Ticket), Handle: n.Handle}
	lives := func() (*vault.Session, error) { return nil, nil }
	if n.Home != "" {
		lives = func() (*vault.Session, error) { return f.cfg.Vault.LoadTicket(c.Ctx(), secret.New(n.Home)) }
		home, err := lives()
		if err != nil {
			return "", err
		}
		in.User, in.Handle, in.AuthAt = home.User, home.Handle, home.AuthAt
	}
	if n.Silent {
		in.Reason = "sso"
	}
	if in.User.ID == "" {
		return "", vault.ErrNotFound
	}
	c.As(audit.Actor{Kind: audit.ByUser, Name: in.User.ID})
	before := slices.Clone(c.W.Header()["Set-Cookie"])
	made, err := f.cfg.Vault.Create(c.W, c.R, in)
	if err != nil {
		return "", err
	}
	if _, err := lives(); err != nil {
		c.W.Header()["Set-Cookie"] = before // the browser never learns of it
		return "", errors.Join(err, f.cfg.Vault.End(c.Ctx(), made, "logout"))
	}
	if loggedOut(c) {
		c.SetLaxCookie(c.Front.Cookie+logoutMark, "", -1)
	}
	f.cfg.Metrics.SignedIn(in.User.Provider)
	return made.ID, nil
}
