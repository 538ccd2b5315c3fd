package problem

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"bff/internal/oauth"
	"bff/internal/proxy"
	"bff/internal/users"
	"bff/internal/vault"
)

// Of is the one place where an error becomes an answer. nil means that nobody is there to read one. What is not known
// here is Internal, and the caller logs it.
func Of(err error) *Problem {
	var p *Problem
	var oe *oauth.Error
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &oe):
		return ofProvider(oe)
	case errors.Is(err, users.ErrNotAllowed):
		return New(NotAllowed)
	case errors.Is(err, users.ErrHookFailed):
		return New(HookFailed)
	case errors.Is(err, vault.ErrUnavailable):
		return New(StoreUnavailable).After(time.Second)
	case errors.Is(err, context.Canceled):
		return nil
	case errors.Is(err, vault.ErrFull):
		return New(BadRequest).Because("The session has as many linked accounts as it can have. Unlink one.")
	case errors.As(err, &tooLarge), errors.Is(err, proxy.ErrBodyTooLarge):
		return New(BodyTooLarge)
	case errors.Is(err, proxy.ErrBadPath):
		return New(BadRequest).Because("The path can be read in more than one way.")
	case errors.Is(err, proxy.ErrNotAllowed):
		return New(RouteNotAllowed)
	case errors.Is(err, proxy.ErrBadBody):
		return New(BadRequest).Because("The body is malformed, or broke off.")
	case errors.Is(err, proxy.ErrEnded):
		return New(NotSignedIn)
	case errors.Is(err, proxy.ErrUpstreamTimeout):
		return New(UpstreamTimeout)
	case errors.Is(err, proxy.ErrUpstreamFailed):
		return New(UpstreamFailed)
	}
	return New(Internal)
}

func ofProvider(e *oauth.Error) *Problem {
	var p *Problem
	switch e.Kind {
	case oauth.KindUnavailable:
		p = New(ProviderUnavailable).After(max(e.RetryAfter, time.Second))
	case oauth.KindMisconfigured:
		p = New(ProviderMisconfigured)
	case oauth.KindReauth:
		p = New(NeedsReauth)
	case oauth.KindStore:
		p = New(StoreUnavailable).After(time.Second)
	case oauth.KindGone:
		p = New(NotConnected)
	case oauth.KindUnknown:
		return UnknownProvider()
	case oauth.KindDenied:
		p = New(AccessDenied)
	default:
		p = New(LoginFailed)
	}
	p.Provider = e.Provider
	return p
}

// UnknownProvider is the answer to an address that names a provider which is not configured.
func UnknownProvider() *Problem {
	return New(NotFound).Because("No provider of that name is configured.")
}

// FixLogin leads to a sign-in.
func FixLogin(provider string) *Fix {
	return &Fix{Kind: "login", URL: "/bff/login/" + url.PathEscape(provider)}
}

// FixConnect leads to the linking of an account. It takes further parameters in pairs; those without a value are left
// out.
func FixConnect(provider, connection string, scopes []string, more ...string) *Fix {
	q := url.Values{}
	more = append(more, "connection", connection, "scopes", strings.Join(scopes, " "))
	for i := 0; i < len(more); i += 2 {
		if more[i+1] != "" {
			q.Set(more[i], more[i+1])
		}
	}
	u := "/bff/connect/" + url.PathEscape(provider)
	if len(q) > 0 {
		u += "?" + strings.ReplaceAll(q.Encode(), "+", "%20")
	}
	return &Fix{Kind: "connect", URL: u}
}
