package admin

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"bff/internal/api/backend"
	"bff/internal/api/problem"
	"bff/internal/api/route"
	"bff/internal/audit"
	"bff/internal/oauth"
	"bff/internal/secret"
	"bff/internal/trace"
	"bff/internal/vault"
)

const (
	grantExchange   = "urn:ietf:params:oauth:grant-type:token-exchange"
	typeAccessToken = "urn:ietf:params:oauth:token-type:access_token"
	typeSession     = "urn:bff:session"
	typeUser        = "urn:bff:user"
)

// exchanged is the answer of RFC 8693 section 2.2.1. It never holds a refresh token.
type exchanged struct {
	AccessToken string `json:"access_token"`
	IssuedType  string `json:"issued_token_type"`
	TokenType   string `json:"token_type"`
	ExpiresIn   *int64 `json:"expires_in,omitempty"` // whole seconds; absent when the provider gave none
	Scope       string `json:"scope,omitempty"`

	Values map[string]string `json:"values,omitempty"` // of the connection: they say where its API is
}

// exchange gives a service a token (RFC 8693): for a session's cookie value the access token of one of its connections,
// or an assertion for a backend; for a user's id, with nobody present, the access token of a connection that the user
// keeps. The session is not slid. The errors are
//
//	unauthorized_client      the service may have no such tokens at all
//	invalid_target           an audience it may not have, or of which there is no such connection
//	invalid_request          malformed, or the subject token is no live session or user (RFC 8693 section 2.2.2)
//	invalid_scope            more than was granted
//	invalid_grant            the connection needs_reauth: a person must link the account again
//	temporarily_unavailable  503: the store or the provider does not answer; nothing is known to have ended
//	server_error             500: the provider refuses bff itself
func (a *Admin) exchange(c *route.Call) error {
	given := &handedOut{Event: audit.Event{Kind: audit.TokenExchanged, Client: c.Client.Name,
		Actor: audit.Actor{Kind: audit.ByClient, Name: c.Client.Name}}}
	out, e := a.exchangeFor(c, given)
	given.Request = trace.From(c.Ctx()).ID
	if e != nil {
		given.Kind, given.Code = audit.ExchangeRefused, e.Code
	}
	a.cfg.Audit.Record(c.Ctx(), given.Event)
	if e != nil {
		if e.BFFError != "" {
			a.cfg.Metrics.Problem(e.BFFError)
		}
		return e
	}
	return c.JSON(http.StatusOK, out)
}

// handedOut is what the audit log says of an exchange.
type handedOut struct{ audit.Event }

func (a *Admin) exchangeFor(c *route.Call, given *handedOut) (*exchanged, *route.OAuthError) {
	if e := checkExchange(c.Form, c.Client); e != nil {
		return nil, e
	}
	if c.Form.Get("subject_token_type") == typeUser {
		return a.offline(c, given)
	}
	session, front, err := a.session(c.Ctx(), secret.New(c.Form.Get("subject_token")))
	if errors.Is(err, vault.ErrNotFound) {
		return nil, deadSubject()
	}
	if err != nil {
		return nil, a.storeError(c.Ctx(), err)
	}
	given.User, given.Session = session.User.ID, session.ID
	if audience := c.Form.Get("audience"); !a.isProvider(audience) {
		return a.assertionFor(c, front, session, audience)
	}
	gone := func() *route.OAuthError { return a.goneOf(c.Ctx(), session) }
	have := session.Connections
	if audience := c.Form.Get("audience"); a.cfg.Broker.Operated(audience) {
		have = []vault.Connection{a.cfg.Broker.OperatorConnection(audience)}
	}
	out, refused := a.tokenOf(c, have, given, gone)
	if refused != nil {
		return nil, refused
	}
	// The token may have been waited for: a session that ended meanwhile has no right to it.
	switch err := a.cfg.Vault.Sessions.StillLive(c.Ctx(), session); {
	case errors.Is(err, vault.ErrNotFound):
		return nil, deadSubject()
	case err != nil:
		return nil, a.storeError(c.Ctx(), err)
	}
	return out, nil
}

// tokenOf gives the access token of one of the connections. gone says what it means that the connection went away
// meanwhile.
func (a *Admin) tokenOf(
	c *route.Call, connections []vault.Connection, given *handedOut, gone func() *route.OAuthError,
) (*exchanged, *route.OAuthError) {
	conn := connectionFor(connections, c.Form.Get("audience"), c.Form.Get("connection"))
	switch {
	case conn == nil:
		return nil, noConnection()
	case conn.Status != vault.StatusActive:
		return nil, deadConnection()
	case lacksScope(conn, c.Form.Get("scope")):
		return nil, &route.OAuthError{Status: http.StatusBadRequest, Code: "invalid_scope",
			Description: "the connection was not granted that scope", BFFError: problem.MissingScopes}
	}
	given.Connection, given.Provider = conn.ID, conn.Provider
	fresh, err := a.cfg.Broker.Token(c.Ctx(), *conn)
	if err != nil {
		return nil, a.exchangeError(c.Ctx(), err, gone)
	}
	a.cfg.Log.InfoContext(c.Ctx(), "access token handed to a service", "client", c.Client.Name, "provider", conn.Provider,
		"user", given.User)
	out := &exchanged{AccessToken: fresh.Tokens.Access.Reveal(), IssuedType: typeAccessToken, TokenType: "Bearer",
		Scope: strings.Join(fresh.Scopes, " "), Values: fresh.Values}
	if !fresh.Tokens.Expiry.IsZero() {
		left := max(0, int64(fresh.Tokens.Expiry.Sub(a.cfg.Now())/time.Second))
		out.ExpiresIn = &left
	}
	return out, nil
}

// assertionFor gives what a backend of that audience would get with a call of the session.
func (a *Admin) assertionFor(
	c *route.Call, front *route.Front, session *vault.Session, audience string,
) (*exchanged, *route.OAuthError) {
	if c.Form.Has("connection") || c.Form.Has("scope") {
		return nil, route.Invalid("an assertion has no connection and no scope")
	}
	made, err := a.cfg.Signer.Assert(c.Ctx(), backend.Claims(front.Origin, audience, session))
	if err != nil {
		return nil, a.storeError(c.Ctx(), errors.Join(vault.ErrUnavailable, err))
	}
	left := max(0, made.Claims.ExpiresAt-a.cfg.Now().Unix())
	return &exchanged{
		AccessToken: made.Token.Reveal(),
		IssuedType:  typeAccessToken,
		TokenType:   "Bearer",
		ExpiresIn:   &left,
	}, nil
}

func (a *Admin) isProvider(audience string) bool {
	return slices.ContainsFunc(a.cfg.Broker.Providers(), func(p oauth.ProviderInfo) bool { return p.Name == audience })
}

func lacksScope(conn *vault.Connection, want string) bool {
	return slices.ContainsFunc(strings.Fields(want), func(s string) bool { return !slices.Contains(conn.Scopes, s) })
}

func noConnection() *route.OAuthError {
	return &route.OAuthError{Status: http.StatusBadRequest, Code: "invalid_target",
		Description: "there is no such connection", BFFError: problem.NotConnected}
}

// checkExchange is what can be said without looking at the subject.
func checkExchange(form url.Values, client *route.Client) *route.OAuthError {
	subject := form.Get("subject_token_type")
	allowed := client.Exchange
	if subject == typeUser {
		allowed = client.Offline
	}
	audience := form.Get("audience")
	switch {
	case form.Get("grant_type") == "":
		return route.Invalid("grant_type is missing")
	case form.Get("grant_type") != grantExchange:
		return &route.OAuthError{Status: http.StatusBadRequest, Code: "unsupported_grant_type"}
	case subject != typeUser && subject != typeSession && len(client.Exchange)+len(client.Offline) > 0:
		return route.Invalid("subject_token_type must be " + typeSession + " or " + typeUser)
	case len(allowed) == 0:
		return refusedTarget("unauthorized_client", "this client may have no tokens of that kind")
	case form.Get("subject_token") == "":
		return route.Invalid("subject_token is missing")
	case form.Has("actor_token") || form.Has("actor_token_type"):
		return route.Invalid("an actor token is not supported")
	case form.Has("requested_token_type") && form.Get("requested_token_type") != typeAccessToken:
		return route.Invalid("requested_token_type must be " + typeAccessToken)
	case form.Has("resource"):
		return refusedTarget("invalid_target", "name the provider or the identity as the audience")
	case audience == "":
		return route.Invalid("audience is missing: the provider's name, or a backend's identity")
	case !slices.Contains(allowed, audience): // whether there is such a provider is not said
		return refusedTarget("invalid_target", "this client may not have tokens of that audience")
	}
	return nil
}

func refusedTarget(code, description string) *route.OAuthError {
	return &route.OAuthError{Status: http.StatusBadRequest, Code: code, Description: description}
}

// connectionFor is the named connection of that provider, or the one linked first.
func connectionFor(connections []vault.Connection, provider, id string) *vault.Connection {
	for i := range connections {
		if c := &connections[i]; c.Provider == provider && (id == "" || c.ID == id) {
			return c
		}
	}
	return nil
}

func deadSubject() *route.OAuthError {
	e := route.Invalid("the subject token is no live session")
	e.BFFError = problem.NotSignedIn
	return e
}

func deadConnection() *route.OAuthError {
	return &route.OAuthError{
		Status:      http.StatusBadRequest,
		Code:        "invalid_grant",
		Description: "the provider ended this grant; the account must be linked again",
		BFFError:    problem.NeedsReauth,
	}
}

// exchangeError is the broker's error in RFC 6749's words.
func (a *Admin) exchangeError(ctx context.Context, err error, gone func() *route.OAuthError) *route.OAuthError {
	var oe *oauth.Error
	if !errors.As(err, &oe) {
		return a.storeError(ctx, err)
	}
	switch oe.Kind {
	case oauth.KindReauth:
		return deadConnection()
	case oauth.KindStore:
		return a.storeError(ctx, vault.ErrUnavailable)
	case oauth.KindUnavailable:
		return &route.OAuthError{
			Status:      http.StatusServiceUnavailable,
			Code:        "temporarily_unavailable",
			Description: "the provider does not answer",
			BFFError:    problem.ProviderUnavailable,
			Retry:       max(oe.RetryAfter, time.Second),
		}
	case oauth.KindMisconfigured:
		return &route.OAuthError{
			Status:      http.StatusInternalServerError,
			Code:        "server_error",
			Description: "the provider refuses bff itself",
			BFFError:    problem.ProviderMisconfigured,
		}
	case oauth.KindGone:
		return gone()
	}
	return a.storeError(ctx, err)
}

// goneOf says whether the session went away, or one of its connections.
func (a *Admin) goneOf(ctx context.Context, session *vault.Session) *route.OAuthError {
	switch _, err := a.cfg.Vault.Sessions.LoadTicket(ctx, session.Ticket()); {
	case err == nil:
		return noConnection()
	case errors.Is(err, vault.ErrNotFound):
		return deadSubject()
	default:
		return a.storeError(ctx, err)
	}
}
