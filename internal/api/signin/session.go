package signin

import (
	"errors"
	"slices"
	"time"

	"bff/internal/api/route"
	"bff/internal/audit"
	"bff/internal/oauth"
	"bff/internal/secret"
	"bff/internal/vault"
)

// hasRefresh says whether a refresh token for this account is already there: Google gives one with the first consent
// only.
func (a *accounts) hasRefresh(c *route.Call, session *vault.Session, g oauth.Grant) (bool, error) {
	var have []vault.Connection
	if session != nil {
		have = session.Connections
	} else if g.Connection.Keep == vault.KeepUser {
		known, err := a.vault.Users.Find(c.Ctx(), identity(g))
		if errors.Is(err, vault.ErrNotFound) { // perhaps of the version before
			known.ID, err = g.User.ID, nil
		}
		if err == nil {
			have, err = a.vault.Connections.Kept(c.Ctx(), known.ID)
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

// signIn makes the session. ticket is of the one before it, "" for none. What the browser had when it set out ends, and
// what it has now: another tab may have signed in meanwhile. The way back brings the Strict cookie only from an identity provider on the same site.
func (a *accounts) signIn(c *route.Call, ticket string, g oauth.Grant) (string, error) {
	// A sign-in asks for everything at once: what was left out there may be asked for when it is wanted.
	g.Connection.Withheld, g.Connection.WithheldAt = nil, time.Time{}
	user, err := a.register(c, g)
	if err != nil {
		return "", err
	}
	made, err := a.vault.Sessions.Create(c.W, c.R, vault.NewSession{
		User: user, Device: device(c.R.UserAgent()), Connection: &g.Connection, Previous: previous(c, ticket),
		Handle: g.Handle,
	})
	if err != nil {
		return "", err
	}
	a.metrics.SignedIn(g.Connection.Provider)
	return made.ID, nil
}

// home makes the session of a person on the first front, without tokens, of a sign-in that began on a further one.
// ticket is of the one before it, "" for none.
func (a *accounts) home(c *route.Call, user vault.User, ticket, handle string) (*vault.Session, error) {
	return a.vault.Sessions.Create(c.W, c.R, vault.NewSession{User: user, Device: device(c.R.UserAgent()),
		Front: c.Front.Vault(), Previous: previous(c, ticket), Handle: handle})
}

// linkHere links an account to the session that the visit is of.
func (a *accounts) linkHere(c *route.Call, v visit, n arrival, h vault.Handover) (session string, err error) {
	if h.Connection == nil || n.Identity.Subject == "" {
		return "", vault.ErrNotFound
	}
	linked, err := a.vault.Sessions.LoadTicket(c.Ctx(), secret.New(v.Ticket))
	if err != nil {
		return "", err
	}
	return linked.ID, a.link(c, linked, *h.Connection, n.Identity)
}

// enter makes the session of a further front. Where one of the first vouches for the person, that one must live, before
// and after: a logout everywhere that comes in between ends what is made here.
func (a *accounts) enter(c *route.Call, v visit, n arrival, h vault.Handover) (string, error) {
	in := vault.NewSession{User: h.User, Device: device(c.R.UserAgent()), Front: c.Front.Vault(), Connection: h.Connection,
		Previous: previous(c, v.Ticket), Handle: n.Handle}
	lives := func() (*vault.Session, error) { return nil, nil }
	if n.Home != "" {
		lives = func() (*vault.Session, error) { return a.vault.Sessions.LoadTicket(c.Ctx(), secret.New(n.Home)) }
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
	made, err := a.vault.Sessions.Create(c.W, c.R, in)
	if err != nil {
		return "", err
	}
	if _, err := lives(); err != nil {
		c.W.Header()["Set-Cookie"] = before // the browser never learns of it
		return "", errors.Join(err, a.vault.Sessions.End(c.Ctx(), made, "logout"))
	}
	if loggedOut(c) {
		c.SetLaxCookie(c.Front.Cookie+logoutMark, "", -1)
	}
	a.metrics.SignedIn(in.User.Provider)
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
