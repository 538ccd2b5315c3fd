package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	jsonv2 "github.com/go-json-experiment/json"

	"bff/internal/api/problem"
	"bff/internal/api/route"
	"bff/internal/api/signin"
	"bff/internal/oauth"
	"bff/internal/vault"
)

// account answers what a person sees and does of the own session, connections and preferences.
type account struct {
	vault     *vault.Vault
	broker    *oauth.Broker
	fronts    *route.Fronts
	providers []string // with whom people sign in
	linkOnly  []string // providers whose accounts are linked only
	clients   []Client
	now       func() time.Time
}

// The shapes of the answers. None of them can hold a token: they are built from public fields alone.
type (
	sessionJSON struct {
		Authenticated bool             `json:"authenticated"`
		User          *userJSON        `json:"user,omitempty"`
		Session       *lifeJSON        `json:"session,omitempty"`
		Connections   []connectionJSON `json:"connections,omitzero"`
		Providers     []providerJSON   `json:"providers,omitempty"`
	}
	userJSON struct {
		ID            string `json:"id"`
		Provider      string `json:"provider"`
		Subject       string `json:"subject"`
		Name          string `json:"name,omitempty"`
		Email         string `json:"email,omitempty"`
		EmailVerified bool   `json:"email_verified"`
		Picture       string `json:"picture,omitempty"`

		Rights    []string   `json:"rights"`
		AppID     string     `json:"app_id,omitempty"`
		CreatedAt *time.Time `json:"created_at,omitempty"` // not of a session of before there were users
	}
	lifeJSON struct {
		ID            string    `json:"id"`
		CreatedAt     time.Time `json:"created_at"`
		IdleExpiresAt time.Time `json:"idle_expires_at"`
		ExpiresAt     time.Time `json:"expires_at"`
	}
	connectionJSON struct {
		ID          string      `json:"id"`
		Provider    string      `json:"provider"`
		Title       string      `json:"title,omitempty"`
		Account     accountJSON `json:"account"`
		Status      string      `json:"status"`
		Reason      string      `json:"reason,omitempty"`
		Scopes      []string    `json:"scopes"`
		SignIn      bool        `json:"sign_in"` // the account signs in as this user
		ConnectedAt time.Time   `json:"connected_at"`
		UsedAt      *time.Time  `json:"used_at,omitempty"`
		ExpiresAt   *time.Time  `json:"expires_at,omitempty"` // of the grant, where it is known

		Values map[string]string `json:"values,omitempty"` // kept with the account: a shop, a tenant
	}
	accountJSON struct {
		Subject string `json:"subject"`
		Email   string `json:"email,omitempty"`
		Name    string `json:"name,omitempty"`
	}
	providerJSON struct {
		Name       string `json:"name"`
		Title      string `json:"title"`
		Auth       string `json:"auth,omitempty"`        // what is typed at ConnectURL: api_key or basic
		Form       *form  `json:"form,omitempty"`        // what ConnectURL takes of it
		Provided   bool   `json:"provided,omitempty"`    // called with a credential of the application: nothing is linked
		LoginURL   string `json:"login_url,omitempty"`   // none where accounts are linked only
		ConnectURL string `json:"connect_url,omitempty"` // signed in only
	}
)

// seconds is how times are written: UTC, whole seconds.
func seconds(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

// signsIn says whether a connection's account signs in as the user.
func (a *account) signsIn(u *vault.User, c *vault.Connection) bool {
	if slices.Contains(a.linkOnly, c.Provider) {
		return false
	}
	if len(u.Identities) == 0 { // a session of before there were users: its own account will be the first identity
		return c.Provider == u.Provider && c.Account.Subject == u.Subject
	}
	return slices.ContainsFunc(u.Identities, func(i vault.Identity) bool {
		return i.Provider == c.Provider && i.Subject == c.Account.Subject
	})
}

// offered says whether people sign in with a provider.
func (a *account) offered(provider string) bool { return slices.Contains(a.providers, provider) }

// grantEnd is when a connection ends by itself, zero where nobody said.
func grantEnd(t *vault.Tokens) time.Time {
	if t.Refresh.IsZero() {
		return t.Expiry
	}
	return t.RefreshExpiry
}

func (a *account) connectionJSON(u *vault.User, c *vault.Connection) connectionJSON {
	out := connectionJSON{
		ID: c.ID, Provider: c.Provider, Title: a.title(c.Provider), Status: c.Status, Reason: c.Reason, Scopes: c.Scopes,
		Account:     accountJSON{Subject: c.Account.Subject, Email: c.Account.Email, Name: c.Account.Name},
		ConnectedAt: seconds(c.ConnectedAt), SignIn: a.signsIn(u, c), Values: c.Values,
	}
	if out.Scopes == nil {
		out.Scopes = []string{}
	}
	if !c.UsedAt.IsZero() {
		used := seconds(c.UsedAt)
		out.UsedAt = &used
	}
	if end := grantEnd(&c.Tokens); !end.IsZero() && c.Status == vault.StatusActive {
		end = seconds(end)
		out.ExpiresAt = &end
	}
	return out
}

func (a *account) connectionsJSON(v *vault.Session) []connectionJSON {
	out := make([]connectionJSON, len(v.Connections))
	for i := range v.Connections {
		out[i] = a.connectionJSON(&v.User, &v.Connections[i])
	}
	return out
}

func theUser(u *vault.User) *userJSON {
	out := &userJSON{ID: u.ID, Provider: u.Provider, Subject: u.Subject, Name: u.Name, Email: u.Email,
		EmailVerified: u.EmailVerified, Picture: u.Picture, Rights: append([]string{}, u.Rights...), AppID: u.AppID}
	if !u.CreatedAt.IsZero() {
		created := seconds(u.CreatedAt)
		out.CreatedAt = &created
	}
	return out
}

func (a *account) providersJSON(signedIn bool) []providerJSON {
	var out []providerJSON
	for _, p := range a.broker.Providers() {
		linked := slices.Contains(a.linkOnly, p.Name)
		switch {
		case p.Auth != "" && !signedIn:
			continue
		case p.Operated:
			out = append(out, providerJSON{Name: p.Name, Title: p.Title, Provided: true})
			continue
		case p.Auth != "":
			out = append(out, providerJSON{Name: p.Name, Title: p.Title, Auth: p.Auth, Form: a.form(p.Name, p.Fields),
				ConnectURL: "/bff/connect/" + url.PathEscape(p.Name)})
			continue
		}
		if linked && !signedIn {
			continue
		}
		j := providerJSON{Name: p.Name, Title: p.Title, LoginURL: "/bff/login/" + url.PathEscape(p.Name), Form: a.form(p.Name, nil)}
		if linked {
			j.LoginURL = ""
		}
		if signedIn {
			j.ConnectURL = "/bff/connect/" + url.PathEscape(p.Name)
		}
		out = append(out, j)
	}
	return out
}

// getSession says who is signed in. It slides the idle time unless it is asked not to.
func (a *account) getSession(c *route.Call) error {
	if c.Session == nil {
		return c.JSON(http.StatusOK, sessionJSON{Providers: a.providersJSON(false)})
	}
	if c.R.URL.Query().Get("touch") != "false" && a.vault.Sessions.Due(c.Session) {
		// That the store fails now, after it answered, is no reason to withhold the answer.
		c.Session = c.Session.Own()
		_ = a.vault.Sessions.Touch(c.Ctx(), c.Session)
	}
	v := c.Session
	return c.JSON(http.StatusOK, sessionJSON{
		Authenticated: true,
		User:          theUser(&v.User),
		Session: &lifeJSON{
			ID:            v.ID,
			CreatedAt:     seconds(v.CreatedAt),
			IdleExpiresAt: seconds(v.IdleExpiresAt()),
			ExpiresAt:     seconds(v.ExpiresAt()),
		},
		Connections: a.connectionsJSON(v),
		Providers:   a.providersJSON(true),
	})
}

func (a *account) listConnections(c *route.Call) error {
	return c.JSON(http.StatusOK, map[string]any{"connections": a.connectionsJSON(c.Session)})
}

// unlink removes a connection at once; its revocation waits in the outbox until the provider has confirmed it.
func (a *account) unlink(c *route.Call) error {
	conn, ok := c.Session.Connection(c.R.PathValue("id"))
	if !ok {
		return problem.New(problem.NotFound).Because("The session has no such connection.")
	}
	// The identity first: where what follows fails, the account signs nobody in any more, and unlinking it again is fine.
	if err := a.dropIdentity(c, conn); err != nil {
		return err
	}
	err := a.vault.Connections.Unlink(c.Ctx(), c.Session, conn.ID, a.broker.Outbox.Revocation)
	if errors.Is(err, vault.ErrNotFound) {
		return goneFor(a.vault, a.providers, c, problem.New(problem.NotFound).Because("The session has no such connection."))
	}
	if err != nil {
		return err
	}
	a.broker.Outbox.Nudge()
	return c.Empty(http.StatusNoContent)
}

// dropIdentity takes an account away from those that sign in as this user, but for the last one.
func (a *account) dropIdentity(c *route.Call, conn *vault.Connection) error {
	for _, i := range c.Session.User.Identities {
		if i.Provider != conn.Provider || i.Subject != conn.Account.Subject {
			continue
		}
		_, err := a.vault.Users.RemoveIdentity(c.Ctx(), c.Session.User.ID, i)
		if err != nil && !errors.Is(err, vault.ErrLastIdentity) && !errors.Is(err, vault.ErrNotFound) {
			return err
		}
	}
	return nil
}

// title is what a provider is called on a page.
func (a *account) title(provider string) string {
	for _, p := range a.broker.Providers() {
		if p.Name == provider {
			return p.Title
		}
	}
	return strings.ToUpper(provider[:min(1, len(provider))]) + provider[min(1, len(provider)):]
}

// visible encodes what a browser may see of each connection, by id. When it was last used is no change.
func (a *account) visible(session *vault.Session) map[string][]byte {
	out := make(map[string][]byte, len(session.Connections))
	for i := range session.Connections {
		j := a.connectionJSON(&session.User, &session.Connections[i])
		j.UsedAt, j.ExpiresAt = nil, nil // a refresh moves them
		out[j.ID], _ = json.Marshal(j)   // plain fields: it cannot fail
	}
	return out
}

// goneFor tells a session that ended meanwhile from one that lacks what was asked for.
func goneFor(v *vault.Vault, providers []string, c *route.Call, otherwise *problem.Problem) error {
	_, err := v.Sessions.LoadTicket(c.Ctx(), c.Session.Ticket())
	switch {
	case err == nil:
		return otherwise
	case errors.Is(err, vault.ErrNotFound):
		return c.NotSignedIn(providers)
	}
	return err
}

// logoutTime bounds the look at the provider for its end-session address. The session has ended by then.
const logoutTime = time.Second

// logout ends this session on every instance, or with {"everywhere": true} all sessions of its user. Without one
// there is nothing to end, and that is fine.
func (a *account) logout(c *route.Call) error {
	everywhere, err := readLogout(c.R)
	if err != nil {
		return err
	}
	out := struct {
		LogoutURL *string `json:"logout_url"`
	}{}
	if c.Session != nil {
		if everywhere { // the others first: should the store fail in between, this one can try again
			if err := a.vault.Index.EndOthers(c.Ctx(), c.Session, "ended_elsewhere"); err != nil {
				return err
			}
		}
		if err := a.vault.Sessions.End(c.Ctx(), c.Session, "logout"); err != nil {
			return err
		}
		if u := a.logoutURL(c); u != "" {
			out.LogoutURL = &u
		}
		if !everywhere { // then nothing is left that would sign the person in again
			signin.LoggedOut(c)
		}
	}
	a.vault.Sessions.ClearCookie(c.W, c.Front.Vault())
	return c.JSON(http.StatusOK, out)
}

// logoutURL asks for the provider's end-session address, for a bounded time whatever the provider does.
func (a *account) logoutURL(c *route.Call) string {
	ctx, cancel := context.WithTimeout(c.Ctx(), logoutTime)
	defer cancel()
	found := make(chan string, 1)
	provider, origin := c.Session.User.Provider, c.Front.Origin
	go func() { found <- a.broker.LogoutURL(ctx, provider, origin+"/") }()
	select {
	case u := <-found:
		return u
	case <-ctx.Done():
		return ""
	}
}

// readLogout reads the optional body of a logout.
func readLogout(r *http.Request) (everywhere bool, err error) {
	text, err := io.ReadAll(r.Body) // bounded by the pipeline
	if err != nil {
		return false, badBody(err)
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return false, nil // as older clients send it: whatever is in there says nothing
	}
	var in struct {
		Everywhere bool `json:"everywhere"`
	}
	if len(text) > 0 && jsonv2.Unmarshal(text, &in) != nil {
		return false, problem.New(problem.BadRequest).Because(`The body must be empty or JSON, as in {"everywhere": true}.`)
	}
	return in.Everywhere, nil
}

// badBody is the answer to a body that could not be read to its end.
func badBody(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return err
	}
	return problem.New(problem.BadRequest).Because("The body broke off.")
}
