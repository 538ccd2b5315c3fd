package api

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"bff/internal/oauth"
	"bff/internal/secret"
	"bff/internal/vault"
)

// login starts a sign-in. The session before it, if the browser shows one here, ends when the new one is made.
func (s *Server) login(c *call) error {
	in, a, err := s.start(c)
	if err != nil {
		return err
	}
	if c.session != nil {
		a.Ticket = c.session.Ticket().Reveal()
	}
	return s.begin(c, in, a, http.StatusFound)
}

// connect links an account to the session, asks for more scopes, or repairs a connection.
func (s *Server) connect(c *call) error {
	in, a, err := s.start(c)
	if err != nil {
		return err
	}
	in.Connect, a.Connect, a.Ticket = true, true, c.session.Ticket().Reveal()
	if id := c.r.URL.Query().Get("connection"); id != "" {
		conn, ok := c.session.Connection(id)
		if !ok || conn.Provider != in.Provider {
			return newProblem(codeNotConnected)
		}
		a.Connection, a.Subject = conn.ID, conn.Account.Subject
		in.Scopes = append(slices.Clone(conn.Scopes), in.Scopes...) // the new grant must cover what the old one did
		if in.LoginHint == "" {
			in.LoginHint = cmpOr(conn.Account.Email, conn.Account.Subject)
		}
		in.Consent = conn.Status == vault.StatusNeedsReauth || conn.Tokens.Refresh.IsZero()
	}
	return s.begin(c, in, a, http.StatusFound)
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// start reads what login and connect have in common.
func (s *Server) start(c *call) (oauth.Begin, attempt, error) {
	provider := c.r.PathValue("provider")
	if _, ok := s.providers[provider]; !ok {
		return oauth.Begin{}, attempt{}, newProblem(codeNotFound).because("No provider of that name is configured.")
	}
	if wait, ok := s.logins.take(s.clientAddress(c.r)); !ok {
		return oauth.Begin{}, attempt{}, newProblem(codeRateLimited).after(wait)
	}
	q, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return oauth.Begin{}, attempt{}, newProblem(codeBadRequest).because("The query is malformed.")
	}
	for _, name := range [...]string{"return_to", "login_hint", "prompt", "scopes", "connection", "acr_values", "max_age"} {
		if len(q[name]) > 1 {
			return oauth.Begin{}, attempt{}, newProblem(codeBadRequest).because("A parameter is repeated.")
		}
	}
	in := oauth.Begin{Provider: provider, LoginHint: q.Get("login_hint"), Prompt: q.Get("prompt"), Scopes: strings.Fields(q.Get("scopes")),
		ACRValues: q.Get("acr_values"), MaxAge: q.Get("max_age")}
	if !printable(in.LoginHint, 320) || !printable(in.Prompt, 64) || !scopesOK(in.Scopes) || !printable(in.ACRValues, 512) || !ageOK(in.MaxAge) {
		return oauth.Begin{}, attempt{}, newProblem(codeBadRequest).because("A parameter is malformed or too long.")
	}
	return in, attempt{ReturnTo: returnPath(q.Get("return_to"))}, nil
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

// callback is the provider's way back. Whatever happened, a person is looking: the answer is a redirect to where they were.
func (s *Server) callback(c *call) error {
	provider := c.r.PathValue("provider")
	if _, ok := s.providers[provider]; !ok {
		return newProblem(codeNotFound).because("No provider of that name is configured.")
	}
	h := c.w.Header()
	h.Set("Cache-Control", "no-store")
	addVary(h, "Cookie")
	q, err := s.answerOf(c)
	if err != nil {
		return err
	}
	if q == nil {
		return nil // a cross-site POST, on its way to come again as a GET
	}
	var a attempt
	var flow oauth.Attempt
	if len(q["state"]) == 1 {
		a, flow, err = s.take(c, provider, q.Get("state"))
	} else {
		err = newProblem(codeLoginExpired)
	}
	to := cmpOr(a.ReturnTo, "/")
	if err == nil {
		var again bool
		if again, err = s.finish(c, a, flow, q); again {
			return err
		}
	}
	if err != nil {
		why, ok := s.outcome(err)
		if !ok {
			return nil
		}
		s.metrics.problem(why)
		s.logFailed(provider, err)
		to = withError(to, why)
	}
	redirect(c.w, to, http.StatusSeeOther)
	return nil
}

// answerOf reads the provider's answer. A form_post (OAuth 2.0 Form Post Response Mode) is a cross-site POST and brings no Lax cookie, so it comes
// again as a GET, which does.
func (s *Server) answerOf(c *call) (url.Values, error) {
	if c.r.Method != http.MethodPost {
		q, err := url.ParseQuery(c.r.URL.RawQuery)
		if err != nil {
			return nil, newProblem(codeBadRequest).because("The query is malformed.")
		}
		return q, nil
	}
	if err := c.r.ParseForm(); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return nil, err
		}
		return nil, newProblem(codeBadRequest).because("The form is malformed.")
	}
	q := c.r.PostForm
	if state := q.Get("state"); state != "" && len(c.r.CookiesNamed(s.attemptCookie(state))) == 0 && len(q.Encode()) < 8<<10 {
		redirect(c.w, (&url.URL{Path: c.r.URL.Path, RawQuery: q.Encode()}).String(), http.StatusSeeOther)
		return nil, nil
	}
	return q, nil
}

// outcome is the bff_error of an error. ok is false when nobody is there to read it.
func (s *Server) outcome(err error) (why code, ok bool) {
	if errors.Is(err, vault.ErrNotFound) {
		return codeLoginExpired, true // no attempt, or the session it was to link to is gone
	}
	p := s.problemOf(err)
	if p == nil {
		return "", false
	}
	switch p.Code {
	case codeAccessDenied, codeLoginExpired, codeLoginFailed, codeProviderUnavailable, codeStoreUnavailable, codeWrongAccount:
		return p.Code, true
	}
	return codeLoginFailed, true
}

// logFailed tells the operator why a sign-in came to nothing, where it is not the person's doing.
func (s *Server) logFailed(provider string, err error) {
	switch oauth.KindOf(err) {
	case oauth.KindFailed, oauth.KindUnavailable, oauth.KindMisconfigured:
		s.cfg.Log.Warn("a sign-in failed", "provider", provider, "error", err)
	}
}

// finish exchanges the code and makes the session or the link. again is true when the browser was sent to the provider a second time.
func (s *Server) finish(c *call, a attempt, flow oauth.Attempt, q url.Values) (again bool, err error) {
	g, err := s.cfg.Broker.Finish(c.ctx(), flow, q)
	if err != nil {
		return false, err
	}
	var session *vault.Session
	if a.Connect {
		if session, err = s.cfg.Vault.LoadTicket(c.ctx(), secret.New(a.Ticket)); err != nil {
			return false, err
		}
		if a.Subject != "" && g.Connection.Account.Subject != a.Subject {
			return false, newProblem(codeWrongAccount)
		}
	}
	if g.WantsConsent && !a.Again {
		kept, err := s.hasRefresh(c, session, g)
		if err != nil {
			return false, err
		}
		if !kept {
			a.Again = true
			in := oauth.Begin{Provider: flow.Provider, Connect: a.Connect, Scopes: flow.Scopes, Consent: true,
				LoginHint: cmpOr(g.Connection.Account.Email, g.Connection.Account.Subject)}
			return true, s.begin(c, in, a, http.StatusSeeOther)
		}
	}
	if a.Connect {
		_, err = s.cfg.Vault.Link(c.ctx(), session, g.Connection)
		return false, err
	}
	return false, s.signIn(c, a, g)
}

// hasRefresh says whether a refresh token for this account is already there: Google gives one with the first consent only.
func (s *Server) hasRefresh(c *call, session *vault.Session, g oauth.Grant) (bool, error) {
	var have []vault.Connection
	if session != nil {
		have = session.Connections
	} else if g.Connection.Keep == vault.KeepUser {
		kept, err := s.cfg.Vault.Kept(c.ctx(), g.User.ID)
		if err != nil {
			return false, err
		}
		have = kept
	}
	for _, k := range have {
		if k.Provider == g.Connection.Provider && k.Account.Subject == g.Connection.Account.Subject && k.Keep == g.Connection.Keep &&
			k.Status == vault.StatusActive && !k.Tokens.Refresh.IsZero() {
			return true, nil
		}
	}
	return false, nil
}

// signIn makes the session. What the browser had when it set out ends, and what it has now: another tab may have signed in meanwhile. The way back brings the
// Strict cookie only from an identity provider on the same site.
func (s *Server) signIn(c *call, a attempt, g oauth.Grant) error {
	var previous []secret.Text
	if a.Ticket != "" {
		previous = append(previous, secret.New(a.Ticket))
	}
	if now := c.r.CookiesNamed(s.cfg.Cookie); len(now) == 1 {
		previous = append(previous, secret.New(now[0].Value))
	}
	_, err := s.cfg.Vault.Create(c.w, c.r, vault.NewSession{
		User: g.User, Device: device(c.r.UserAgent()), Connection: &g.Connection, Previous: previous, Handle: g.Handle,
	})
	if err == nil {
		s.metrics.signedIn(g.Connection.Provider)
	}
	return err
}
