package signin

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"bff/internal/api/problem"
	"bff/internal/api/route"
	"bff/internal/oauth"
	"bff/internal/vault"
)

// maxScopes bounds the further scopes of one attempt, in bytes.
const maxScopes = 4096

// Login starts a sign-in. The session before it, if the browser shows one here, ends when the new one is made.
// Somebody who turns out to be signed in goes straight to return_to.
func (f *Flow) Login(c *route.Call) error {
	if f.offered.linkedOnly(c.R.PathValue("provider")) {
		return problem.UnknownProvider()
	}
	in, a, err := f.read(c)
	if err != nil {
		return err
	}
	if !c.FromHere() && chooses(&in) {
		return problem.New(problem.CSRFRejected).Because("Only the application itself may choose what a sign-in asks for.")
	}
	if c.FromAnotherSite() {
		if err := foreign(c, &in, &a); err != nil {
			return err
		}
		if len(in.Values) > 0 && c.R.Method == http.MethodGet {
			return f.values.ask(c, &in, nil) // another site proposes, and the person decides
		}
	}
	switch {
	case c.R.Method == http.MethodHead:
		return c.Empty(http.StatusNoContent)
	case c.ReloadDue():
		return c.Reload()
	case signedInAlready(c, &in, &a):
		return c.Redirect(a.ReturnTo, http.StatusFound)
	}
	if asked, err := f.values.settle(c, &in); asked || err != nil {
		return err
	}
	if c.Session != nil {
		a.Ticket = c.Session.Ticket().Reveal()
	}
	if err := f.limit(c); err != nil {
		return err
	}
	return f.begin(c, in, a, http.StatusFound)
}

// limit bounds attempts per client address.
func (f *Flow) limit(c *route.Call) error {
	if wait, ok := f.starts.take(f.cfg.Peers.Address(c.R)); !ok {
		return problem.New(problem.RateLimited).After(wait)
	}
	return nil
}

// chooses says whether a sign-in asks for what only the application itself may choose. It is looked at before the
// reload, after which it cannot be seen any more who started it.
func chooses(in *oauth.Begin) bool {
	return len(in.Scopes) > 0 || in.ACRValues != "" || in.MaxAge != ""
}

// foreign is what a sign-in that another site starts must not do: begin without a person's click. A browser that has
// Fetch Metadata and no Sec-Fetch-User is shown a page whose link starts the sign-in.
func foreign(c *route.Call, in *oauth.Begin, a *attempt) error {
	if len(c.R.Header["Sec-Fetch-Site"]) > 0 && c.R.Header.Get("Sec-Fetch-User") != "?1" {
		p := problem.New(problem.CSRFRejected).Because("Another site started this sign-in. Choose to sign in to go on.")
		p.Provider, p.Fix = in.Provider, problem.FixLogin(in.Provider)
		p.Fix.URL += "?" + url.Values{"return_to": {a.ReturnTo}}.Encode()
		return p
	}
	return nil
}

// signedInAlready says whether there is nothing to do. A link without a return_to is there to sign in anew, unless
// the browser comes from the reload page.
func signedInAlready(c *route.Call, in *oauth.Begin, a *attempt) bool {
	return c.Session != nil && c.Session.User.Provider == in.Provider && (a.ReturnTo != "/" || c.Reloaded()) &&
		asksNothing(in)
}

// Connect links an account to the session, asks for more scopes, or repairs a connection.
func (f *Flow) Connect(c *route.Call) error {
	if f.cfg.Broker.Typed(c.R.PathValue("provider")) {
		return f.typed.page(c)
	}
	in, a, err := f.read(c)
	if err != nil {
		return err
	}
	if c.R.Method == http.MethodHead {
		return c.Empty(http.StatusNoContent)
	}
	in.Connect, a.Connect, a.Ticket = true, true, c.Session.Ticket().Reveal()
	if err := f.repair(c, &in, &a); err != nil {
		return err
	}
	if asked, err := f.values.settle(c, &in); asked || err != nil {
		return err
	}
	if err := f.limit(c); err != nil {
		return err
	}
	return f.begin(c, in, a, http.StatusFound)
}

// repair has the linking of an account renew the connection that the request names, if it names one.
func (f *Flow) repair(c *route.Call, in *oauth.Begin, a *attempt) error {
	if id := c.R.URL.Query().Get("connection"); id != "" {
		conn, ok := c.Session.Connection(id)
		if !ok || conn.Provider != in.Provider {
			return problem.New(problem.NotConnected)
		}
		a.Connection, a.Subject = conn.ID, conn.Account.Subject
		in.Scopes = append(slices.Clone(conn.Scopes), in.Scopes...) // the new grant must cover what the old one did
		if in.LoginHint == "" {
			in.LoginHint = cmp.Or(conn.Account.Email, conn.Account.Subject)
		}
		in.Consent = conn.Status == vault.StatusNeedsReauth || conn.Tokens.Refresh.IsZero()
		var err error
		in.Values, err = f.values.repaired(in.Values, conn)
		return err
	}
	return nil
}

// read reads what login and connect have in common.
func (f *Flow) read(c *route.Call) (oauth.Begin, attempt, error) {
	provider := c.R.PathValue("provider")
	if !f.offered.known(provider) {
		return oauth.Begin{}, attempt{}, problem.UnknownProvider()
	}
	q, err := url.ParseQuery(c.R.URL.RawQuery)
	if err != nil {
		return oauth.Begin{}, attempt{}, problem.New(problem.BadRequest).Because("The query is malformed.")
	}
	for _, name := range [...]string{"return_to", "login_hint", "prompt", "scopes", "connection", "acr_values",
		"max_age"} {
		if len(q[name]) > 1 {
			return oauth.Begin{}, attempt{}, problem.New(problem.BadRequest).Because("A parameter is repeated.")
		}
	}
	in := oauth.Begin{Provider: provider, LoginHint: q.Get("login_hint"), Prompt: q.Get("prompt"),
		Scopes: strings.Fields(q.Get("scopes")), ACRValues: q.Get("acr_values"), MaxAge: q.Get("max_age")}
	if !printable(in.LoginHint, 320) || !printable(in.Prompt, 64) || !scopesOK(in.Scopes) ||
		!AuthenticationOK(in.ACRValues, in.MaxAge) {
		return oauth.Begin{}, attempt{}, problem.New(problem.BadRequest).Because("A parameter is malformed or too long.")
	}
	if in.Values, err = chosen(q); err != nil {
		return oauth.Begin{}, attempt{}, err
	}
	return in, attempt{ReturnTo: route.ReturnPath(q.Get("return_to"))}, nil
}

// AuthenticationOK says whether what an api asks of the authentication (RFC 9470) may go into an address.
func AuthenticationOK(acrValues, maxAge string) bool {
	return printable(acrValues, 512) && ageOK(maxAge)
}

func printable(s string, most int) bool {
	return len(s) <= most && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// ageOK is none, or a number of seconds.
func ageOK(s string) bool {
	return len(s) <= 9 && !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}

// scopesOK is the grammar of RFC 6749 section 3.3, and a bound of all together: they are kept with the attempt.
func scopesOK(scopes []string) bool {
	all := 0
	for _, s := range scopes {
		all += len(s) + 1
		if strings.ContainsFunc(s, func(r rune) bool { return r < '!' || r > '~' || r == '"' || r == '\\' }) {
			return false
		}
	}
	return all <= maxScopes
}
