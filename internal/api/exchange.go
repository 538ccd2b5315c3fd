package api

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

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

// exchange gives a service a connection's access token for the session's cookie value (RFC 8693). The session is not slid. The errors are
//
//	unauthorized_client      the service may have no access tokens at all
//	invalid_target           an audience it may not have, or of which the session has no such connection
//	invalid_request          malformed, or the subject token is no live session (RFC 8693 section 2.2.2)
//	invalid_scope            more than was granted
//	invalid_grant            the connection needs_reauth: a person must link the account again
//	temporarily_unavailable  503: the store or the provider does not answer; nothing is known to have ended
//	server_error             500: the provider refuses bff itself
func (s *Server) exchange(a *ask) {
	out, e := s.exchangeFor(a)
	if e != nil {
		if e.BFFError != "" {
			s.metrics.problem(e.BFFError)
		}
		a.refuse(e)
		return
	}
	a.json(http.StatusOK, out)
}

func (s *Server) exchangeFor(a *ask) (*exchanged, *tokenError) {
	if e := checkExchange(a.form, a.client); e != nil {
		return nil, e
	}
	ctx := a.r.Context()
	session, err := s.cfg.Vault.LoadTicket(ctx, secret.New(a.form.Get("subject_token")))
	if errors.Is(err, vault.ErrNotFound) {
		return nil, deadSubject()
	}
	if err != nil {
		return nil, s.storeError(err)
	}
	conn := connectionFor(session, a.form.Get("audience"), a.form.Get("connection"))
	if conn == nil {
		return nil, &tokenError{status: http.StatusBadRequest, Code: "invalid_target", Description: "the session has no such connection", BFFError: codeNotConnected}
	}
	if conn.Status != vault.StatusActive {
		return nil, deadConnection()
	}
	if len(lacking(conn.Scopes, strings.Fields(a.form.Get("scope")))) > 0 {
		return nil, &tokenError{status: http.StatusBadRequest, Code: "invalid_scope", Description: "the connection was not granted that scope", BFFError: codeMissingScopes}
	}
	fresh, err := s.cfg.Broker.Token(ctx, *conn)
	if err != nil {
		return nil, s.exchangeError(ctx, session, err)
	}
	s.cfg.Log.Info("access token handed to a service", "client", a.client.Name, "provider", conn.Provider, "user", session.User.ID)
	out := &exchanged{AccessToken: fresh.Tokens.Access.Reveal(), IssuedType: typeAccessToken, TokenType: "Bearer", Scope: strings.Join(fresh.Scopes, " ")}
	if !fresh.Tokens.Expiry.IsZero() {
		left := max(0, int64(fresh.Tokens.Expiry.Sub(s.now())/time.Second))
		out.ExpiresIn = &left
	}
	return out, nil
}

// checkExchange is what can be said without looking at the session.
func checkExchange(form url.Values, client Client) *tokenError {
	audience := form.Get("audience")
	switch {
	case form.Get("grant_type") == "":
		return invalid("grant_type is missing")
	case form.Get("grant_type") != grantExchange:
		return &tokenError{status: http.StatusBadRequest, Code: "unsupported_grant_type"}
	case len(client.Exchange) == 0:
		return &tokenError{status: http.StatusBadRequest, Code: "unauthorized_client", Description: "this client may have no access tokens"}
	case form.Get("subject_token") == "":
		return invalid("subject_token is missing")
	case form.Get("subject_token_type") != typeSession:
		return invalid("subject_token_type must be " + typeSession)
	case form.Has("actor_token") || form.Has("actor_token_type"):
		return invalid("an actor token is not supported")
	case form.Has("requested_token_type") && form.Get("requested_token_type") != typeAccessToken:
		return invalid("requested_token_type must be " + typeAccessToken)
	case form.Has("resource"):
		return &tokenError{status: http.StatusBadRequest, Code: "invalid_target", Description: "name the provider as the audience"}
	case audience == "":
		return invalid("audience is missing: the provider's name")
	case !slices.Contains(client.Exchange, audience): // whether there is such a provider is not said
		return &tokenError{status: http.StatusBadRequest, Code: "invalid_target", Description: "this client may not have access tokens of that audience"}
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

func deadSubject() *tokenError {
	e := invalid("the subject token is no live session")
	e.BFFError = codeNotSignedIn
	return e
}

func deadConnection() *tokenError {
	return &tokenError{status: http.StatusBadRequest, Code: "invalid_grant", Description: "the provider ended this grant; the account must be linked again", BFFError: codeNeedsReauth}
}

// exchangeError is the broker's error in RFC 6749's words.
func (s *Server) exchangeError(ctx context.Context, session *vault.Session, err error) *tokenError {
	var oe *oauth.Error
	if !errors.As(err, &oe) {
		return s.storeError(err)
	}
	switch oe.Kind {
	case oauth.KindReauth:
		return deadConnection()
	case oauth.KindStore:
		return s.storeError(vault.ErrUnavailable)
	case oauth.KindUnavailable:
		return &tokenError{status: http.StatusServiceUnavailable, Code: "temporarily_unavailable", Description: "the provider does not answer",
			BFFError: codeProviderUnavailable, retry: max(oe.RetryAfter, time.Second)}
	case oauth.KindMisconfigured:
		return &tokenError{status: http.StatusInternalServerError, Code: "server_error", Description: "the provider refuses bff itself", BFFError: codeProviderMisconfigured}
	case oauth.KindGone:
		switch _, err := s.cfg.Vault.LoadTicket(ctx, session.Ticket()); {
		case err == nil:
			return &tokenError{status: http.StatusBadRequest, Code: "invalid_target", Description: "the session has no such connection", BFFError: codeNotConnected}
		case errors.Is(err, vault.ErrNotFound):
			return deadSubject()
		default:
			return s.storeError(err)
		}
	}
	return s.storeError(err)
}
