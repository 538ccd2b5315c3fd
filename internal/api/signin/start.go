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

// Login starts a sign-in. The session before it, if the browser shows one here, ends when the new one is made.
func (f *Flow) Login(c *route.Call) error {
	in, a, err := f.start(c)
	if err != nil {
		return err
	}
	if c.Session != nil {
		a.Ticket = c.Session.Ticket().Reveal()
	}
	return f.begin(c, in, a, http.StatusFound)
}

// Connect links an account to the session, asks for more scopes, or repairs a connection.
func (f *Flow) Connect(c *route.Call) error {
	in, a, err := f.start(c)
	if err != nil {
		return err
	}
	in.Connect, a.Connect, a.Ticket = true, true, c.Session.Ticket().Reveal()
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
	}
	return f.begin(c, in, a, http.StatusFound)
}

// start reads what login and connect have in common.
func (f *Flow) start(c *route.Call) (oauth.Begin, attempt, error) {
	provider := c.R.PathValue("provider")
	if !f.known(provider) {
		return oauth.Begin{}, attempt{}, problem.UnknownProvider()
	}
	if wait, ok := f.starts.take(f.cfg.Peers.Address(c.R)); !ok {
		return oauth.Begin{}, attempt{}, problem.New(problem.RateLimited).After(wait)
	}
	q, err := url.ParseQuery(c.R.URL.RawQuery)
	if err != nil {
		return oauth.Begin{}, attempt{}, problem.New(problem.BadRequest).Because("The query is malformed.")
	}
	for _, name := range [...]string{"return_to", "login_hint", "prompt", "scopes", "connection", "acr_values", "max_age"} {
		if len(q[name]) > 1 {
			return oauth.Begin{}, attempt{}, problem.New(problem.BadRequest).Because("A parameter is repeated.")
		}
	}
	in := oauth.Begin{Provider: provider, LoginHint: q.Get("login_hint"), Prompt: q.Get("prompt"), Scopes: strings.Fields(q.Get("scopes")),
		ACRValues: q.Get("acr_values"), MaxAge: q.Get("max_age")}
	if !printable(in.LoginHint, 320) || !printable(in.Prompt, 64) || !scopesOK(in.Scopes) || !printable(in.ACRValues, 512) || !ageOK(in.MaxAge) {
		return oauth.Begin{}, attempt{}, problem.New(problem.BadRequest).Because("A parameter is malformed or too long.")
	}
	return in, attempt{ReturnTo: ReturnPath(q.Get("return_to"))}, nil
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

// scopesOK is the grammar of RFC 6749 section 3.3, and a bound.
func scopesOK(scopes []string) bool {
	if len(scopes) > 64 {
		return false
	}
	for _, s := range scopes {
		if len(s) > 256 || strings.ContainsFunc(s, func(r rune) bool { return r < '!' || r > '~' || r == '"' || r == '\\' }) {
			return false
		}
	}
	return true
}
