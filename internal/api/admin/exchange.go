package admin

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"bff/internal/api/problem"
	"bff/internal/api/route"
	"bff/internal/oauth"
	"bff/internal/secret"
	"bff/internal/vault"
)

const (
	grantExchange   = "urn:ietf:params:oauth:grant-type:token-exchange"
	typeAccessToken = "urn:ietf:params:oauth:token-type:access_token"
	typeSession     = "urn:bff:session"
)

// exchanged is the answer of RFC 8693 section 2.2.1. It never holds a refresh token.
type exchanged struct {
	AccessToken string `json:"access_token"`
	IssuedType  string `json:"issued_token_type"`
	TokenType   string `json:"token_type"`
	ExpiresIn   *int64 `json:"expires_in,omitempty"` // whole seconds; absent when the provider gave none
	Scope       string `json:"scope,omitempty"`
}

// exchange gives a service a connection's access token for the session's cookie value (RFC 8693). The session is not
// slid. The errors are
//
//	unauthorized_client      the service may have no access tokens at all
//	invalid_target           an audience it may not have, or of which the session has no such connection
//	invalid_request          malformed, or the subject token is no live session (RFC 8693 section 2.2.2)
//	invalid_scope            more than was granted
//	invalid_grant            the connection needs_reauth: a person must link the account again
//	temporarily_unavailable  503: the store or the provider does not answer; nothing is known to have ended
//	server_error             500: the provider refuses bff itself
func (a *Admin) exchange(c *route.Call) error {
	out, e := a.exchangeFor(c)
	if e != nil {
		if e.BFFError != "" {
			a.cfg.Metrics.Problem(e.BFFError)
		}
		return e
	}
	return c.JSON(http.StatusOK, out)
}

func (a *Admin) exchangeFor(c *route.Call) (*exchanged, *route.OAuthError) {
	if e := checkExchange(c.Form, c.Client); e != nil {
		return nil, e
	}
	ctx := c.Ctx()
	session, err := a.cfg.Vault.LoadTicket(ctx, secret.New(c.Form.Get("subject_token")))
	if errors.Is(err, vault.ErrNotFound) {
		return nil, deadSubject()
	}
	if err != nil {
		return nil, a.storeError(ctx, err)
	}
	conn := connectionFor(session, c.Form.Get("audience"), c.Form.Get("connection"))
	switch {
	case conn == nil:
		return nil, noConnection()
	case conn.Status != vault.StatusActive:
		return nil, deadConnection()
	case lacksScope(conn, c.Form.Get("scope")):
		return nil, &route.OAuthError{Status: http.StatusBadRequest, Code: "invalid_scope",
			Description: "the connection was not granted that scope", BFFError: problem.MissingScopes}
	}
	fresh, err := a.cfg.Broker.Token(ctx, *conn)
	if err != nil {
		return nil, a.exchangeError(ctx, session, err)
	}
	a.cfg.Log.InfoContext(ctx, "access token handed to a service", "client", c.Client.Name, "provider", conn.Provider,
		"user", session.User.ID)
	out := &exchanged{AccessToken: fresh.Tokens.Access.Reveal(), IssuedType: typeAccessToken, TokenType: "Bearer",
		Scope: strings.Join(fresh.Scopes, " ")}
	if !fresh.Tokens.Expiry.IsZero() {
		left := max(0, int64(fresh.Tokens.Expiry.Sub(a.cfg.Now())/time.Second))
		out.ExpiresIn = &left
	}
	return out, nil
}

func lacksScope(conn *vault.Connection, want string) bool {
	return slices.ContainsFunc(strings.Fields(want), func(s string) bool { return !slices.Contains(conn.Scopes, s) })
}

func noConnection() *route.OAuthError {
	return &route.OAuthError{Status: http.StatusBadRequest, Code: "invalid_target",
		Description: "the session has no such connection", BFFError: problem.NotConnected}
}

// checkExchange is what can be said without looking at the session.
func checkExchange(form url.Values, client *route.Client) *route.OAuthError {
	audience := form.Get("audience")
	switch {
	case form.Get("grant_type") == "":
		return route.Invalid("grant_type is missing")
	case form.Get("grant_type") != grantExchange:
		return &route.OAuthError{Status: http.StatusBadRequest, Code: "unsupported_grant_type"}
	case len(client.Exchange) == 0:
		return &route.OAuthError{Status: http.StatusBadRequest, Code: "unauthorized_client", Description: "this client may have no access tokens"}
	case form.Get("subject_token") == "":
		return route.Invalid("subject_token is missing")
	case form.Get("subject_token_type") != typeSession:
		return route.Invalid("subject_token_type must be " + typeSession)
	case form.Has("actor_token") || form.Has("actor_token_type"):
		return route.Invalid("an actor token is not supported")
	case form.Has("requested_token_type") && form.Get("requested_token_type") != typeAccessToken:
		return route.Invalid("requested_token_type must be " + typeAccessToken)
	case form.Has("resource"):
		return &route.OAuthError{Status: http.StatusBadRequest, Code: "invalid_target", Description: "name the provider as the audience"}
	case audience == "":
		return route.Invalid("audience is missing: the provider's name")
	case !slices.Contains(client.Exchange, audience): // whether there is such a provider is not said
		return &route.OAuthError{Status: http.StatusBadRequest, Code: "invalid_target", Description: "this client may not have access tokens of that audience"}
	}
	return nil
}

// connectionFor is the named connection of that provider, or the one linked first.
func connectionFor(session *vault.Session, provider, id string) *vault.Connection {
	for i := range session.Connections {
		if c := &session.Connections[i]; c.Provider == provider && (id == "" || c.ID == id) {
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
	return &route.OAuthError{Status: http.StatusBadRequest, Code: "invalid_grant", Description: "the provider ended this grant; the account must be linked again", BFFError: problem.NeedsReauth}
}

// exchangeError is the broker's error in RFC 6749's words.
func (a *Admin) exchangeError(ctx context.Context, session *vault.Session, err error) *route.OAuthError {
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
		return &route.OAuthError{Status: http.StatusServiceUnavailable, Code: "temporarily_unavailable", Description: "the provider does not answer",
			BFFError: problem.ProviderUnavailable, Retry: max(oe.RetryAfter, time.Second)}
	case oauth.KindMisconfigured:
		return &route.OAuthError{Status: http.StatusInternalServerError, Code: "server_error", Description: "the provider refuses bff itself", BFFError: problem.ProviderMisconfigured}
	case oauth.KindGone:
		switch _, err := a.cfg.Vault.LoadTicket(ctx, session.Ticket()); {
		case err == nil:
			return noConnection()
		case errors.Is(err, vault.ErrNotFound):
			return deadSubject()
		default:
			return a.storeError(ctx, err)
		}
	}
	return a.storeError(ctx, err)
}
