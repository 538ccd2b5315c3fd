package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"bff/internal/oauth"
	"bff/internal/proxy"
	"bff/internal/vault"
)

// A problem is every answer that is not what was asked for (RFC 9457). Its texts are constants; nothing of a request is in them.
type problem struct {
	Type          string          `json:"type"`
	Title         string          `json:"title"`
	Status        int             `json:"status"`
	Code          code            `json:"code"`
	Detail        string          `json:"detail,omitempty"`
	Provider      string          `json:"provider,omitempty"`
	Connection    string          `json:"connection,omitempty"`
	MissingScopes []string        `json:"missing_scopes,omitempty"`
	RetryAfter    int             `json:"retry_after,omitempty"` // seconds
	Fix           *fix            `json:"fix,omitempty"`
	Upstream      json.RawMessage `json:"upstream,omitempty"` // what an api said of missing scopes, when it is JSON

	allow string // of 405
}

// A fix is where a person mends it.
type fix struct {
	Kind string `json:"kind"` // login or connect
	URL  string `json:"url"`
}

func (p *problem) Error() string { return string(p.Code) }

type code string

const (
	codeNotSignedIn           code = "not_signed_in"
	codeCSRFRejected          code = "csrf_rejected"
	codeNotConnected          code = "not_connected"
	codeNeedsReauth           code = "needs_reauth"
	codeMissingScopes         code = "missing_scopes"
	codeRouteNotAllowed       code = "route_not_allowed"
	codeBadRequest            code = "bad_request"
	codeNotFound              code = "not_found"
	codeMethodNotAllowed      code = "method_not_allowed"
	codeBodyTooLarge          code = "body_too_large"
	codeRateLimited           code = "rate_limited"
	codeStoreUnavailable      code = "store_unavailable"
	codeProviderUnavailable   code = "provider_unavailable"
	codeProviderMisconfigured code = "provider_misconfigured"
	codeUpstreamFailed        code = "upstream_failed"
	codeUpstreamTimeout       code = "upstream_timeout"
	codeInternal              code = "internal"

	// On the way back from a provider only.
	codeAccessDenied code = "access_denied"
	codeLoginExpired code = "login_expired"
	codeLoginFailed  code = "login_failed"
	codeWrongAccount code = "wrong_account"
)

// meanings is the one table from code to answer.
var meanings = map[code]struct {
	status        int
	title, detail string
}{
	codeNotSignedIn:           {401, "Not signed in", "There is no session, or it ended. Sign in."},
	codeCSRFRejected:          {403, "Cross-site request refused", "This must come from the application's own origin, or from a client that sends the header X-CSRF: 1."},
	codeNotConnected:          {403, "No such connection", "No account of this provider is linked to the session under that name. Link one."},
	codeNeedsReauth:           {403, "The connection must be renewed", "The provider ended this grant. Link the account again."},
	codeMissingScopes:         {403, "More permissions are needed", "The connection does not have all the scopes this needs. Ask for them."},
	codeRouteNotAllowed:       {403, "Route not allowed", "This method and path are not on the api's allow-list."},
	codeBadRequest:            {400, "Bad request", "The request can be read in more than one way, or a parameter is malformed."},
	codeNotFound:              {404, "Not found", "There is nothing at this address."},
	codeMethodNotAllowed:      {405, "Method not allowed", "The address exists, for other methods."},
	codeBodyTooLarge:          {413, "Body too large", "The body is larger than this route takes."},
	codeRateLimited:           {429, "Too many requests", "Wait for the given time, then try again."},
	codeStoreUnavailable:      {503, "Session store unavailable", "The session store does not answer at the moment. Nobody was signed out; try again."},
	codeProviderUnavailable:   {503, "Provider unavailable", "The provider does not answer at the moment, and the access token had to be renewed. Nobody was signed out; try again."},
	codeProviderMisconfigured: {500, "Provider refuses this application", "The provider refuses the application itself. The operator must mend its client id, secret or registration."},
	codeUpstreamFailed:        {502, "Upstream failed", "The api could not be reached, or broke off."},
	codeUpstreamTimeout:       {504, "Upstream timeout", "The api did not answer in time."},
	codeInternal:              {500, "Internal error", "Something went wrong here. The log has more."},
	codeAccessDenied:          {403, "Access denied", "The sign-in was declined."},
	codeLoginExpired:          {400, "Sign-in expired", "This sign-in is unknown, was used, or took too long. Start again."},
	codeLoginFailed:           {400, "Sign-in failed", "The provider's answer could not be trusted."},
	codeWrongAccount:          {403, "Another account", "Another account was chosen than the one to be renewed."},
}

func newProblem(c code) *problem {
	m := meanings[c]
	return &problem{Type: "urn:bff:error:" + string(c), Title: m.title, Status: m.status, Code: c, Detail: m.detail}
}

// because gives a more exact detail. It must be a constant text.
func (p *problem) because(detail string) *problem {
	p.Detail = detail
	return p
}

func (p *problem) after(d time.Duration) *problem {
	p.RetryAfter = max(1, int(math.Ceil(d.Seconds())))
	return p
}

// problemOf is the one place where an error becomes an answer. nil means that nobody is there to read one.
func (s *Server) problemOf(err error) *problem {
	var p *problem
	var oe *oauth.Error
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &oe):
		return s.providerProblem(oe)
	case errors.Is(err, vault.ErrUnavailable):
		return newProblem(codeStoreUnavailable).after(time.Second)
	case errors.Is(err, context.Canceled):
		return nil
	case errors.Is(err, vault.ErrFull):
		return newProblem(codeBadRequest).because("The session has as many linked accounts as it can have. Unlink one.")
	case errors.As(err, &tooLarge), errors.Is(err, proxy.ErrBodyTooLarge):
		return newProblem(codeBodyTooLarge)
	case errors.Is(err, proxy.ErrBadPath):
		return newProblem(codeBadRequest).because("The path can be read in more than one way.")
	case errors.Is(err, proxy.ErrNotAllowed):
		return newProblem(codeRouteNotAllowed)
	case errors.Is(err, proxy.ErrBadBody):
		return newProblem(codeBadRequest).because("The body is malformed, or broke off.")
	case errors.Is(err, proxy.ErrEnded):
		return newProblem(codeNotSignedIn)
	case errors.Is(err, proxy.ErrUpstreamTimeout):
		return newProblem(codeUpstreamTimeout)
	case errors.Is(err, proxy.ErrUpstreamFailed):
		return newProblem(codeUpstreamFailed)
	}
	s.cfg.Log.Error("unexpected error", "error", err)
	return newProblem(codeInternal)
}

func (s *Server) providerProblem(e *oauth.Error) *problem {
	var p *problem
	switch e.Kind {
	case oauth.KindUnavailable:
		p = newProblem(codeProviderUnavailable).after(max(e.RetryAfter, time.Second))
	case oauth.KindMisconfigured:
		p = newProblem(codeProviderMisconfigured)
	case oauth.KindReauth:
		p = newProblem(codeNeedsReauth)
	case oauth.KindStore:
		p = newProblem(codeStoreUnavailable).after(time.Second)
	case oauth.KindGone:
		p = newProblem(codeNotConnected)
	case oauth.KindUnknown:
		p = newProblem(codeNotFound).because("No provider of that name is configured.")
	case oauth.KindDenied:
		p = newProblem(codeAccessDenied)
	default:
		p = newProblem(codeLoginFailed)
	}
	if e.Kind != oauth.KindUnknown && s.providers[e.Provider].Name != "" {
		p.Provider = e.Provider
	}
	return p
}

// fixLogin says where to go.
func fixLogin(provider string) *fix {
	return &fix{Kind: "login", URL: "/bff/login/" + url.PathEscape(provider)}
}

// fixConnect takes further parameters in pairs; those without a value are left out.
func fixConnect(provider, connection string, scopes []string, more ...string) *fix {
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
	return &fix{Kind: "connect", URL: u}
}

// writeProblem answers with p: as a page where a person is looking, as a problem document everywhere else.
func writeProblem(w http.ResponseWriter, r *http.Request, p *problem) {
	h := w.Header()
	h.Set("BFF-Error", string(p.Code))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	addVary(h, "Cookie")
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	if p.allow != "" {
		h.Set("Allow", p.allow)
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Cookie realm="bff"`)
	}
	var body []byte
	if wantsPage(r) {
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		body = problemPage(p)
	} else {
		h.Set("Content-Type", "application/problem+json")
		body, _ = json.Marshal(p) // plain fields: it cannot fail
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(p.Status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}

// wantsPage says whether a person looks at the answer: a top-level navigation that takes HTML. A script always gets the document.
func wantsPage(r *http.Request) bool {
	return r.Header.Get("Sec-Fetch-Mode") == "navigate" && strings.Contains(r.Header.Get("Accept"), "text/html")
}

func problemPage(p *problem) []byte {
	action := `<a href="/">Back to the application</a>`
	if p.Fix != nil {
		word := map[string]string{"login": "Sign in", "connect": "Link the account"}[p.Fix.Kind]
		action = fmt.Sprintf(`<a href="%s">%s</a> · `, html.EscapeString(p.Fix.URL), word) + action
	}
	return fmt.Appendf(nil, `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">`+
		`<title>%s</title><link rel="stylesheet" href="/bff/account/tokens.css"><link rel="stylesheet" href="/bff/account/theme.css"><main class="problem"><h1>%s</h1><p>%s</p><p>%s</p><p><small>%s</small></p></main></html>`,
		html.EscapeString(p.Title), html.EscapeString(p.Title), html.EscapeString(p.Detail), action, html.EscapeString(string(p.Code)))
}

// addVary adds a field name to Vary once.
func addVary(h http.Header, name string) {
	for _, line := range h["Vary"] {
		for _, v := range strings.Split(line, ",") {
			if strings.EqualFold(strings.TrimSpace(v), name) {
				return
			}
		}
	}
	h.Add("Vary", name)
}
