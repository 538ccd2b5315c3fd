package problem

import (
	"encoding/json"
	"errors"
	"math"
	"time"
)

// A Code names one kind of problem. The set is closed: each is in [meanings].
type Code string

// The codes, as clients see them.
const (
	NotSignedIn           Code = "not_signed_in"
	CSRFRejected          Code = "csrf_rejected"
	NotConnected          Code = "not_connected"
	NeedsReauth           Code = "needs_reauth"
	MissingScopes         Code = "missing_scopes"
	RouteNotAllowed       Code = "route_not_allowed"
	NotPermitted          Code = "not_permitted"
	BadRequest            Code = "bad_request"
	NotFound              Code = "not_found"
	MethodNotAllowed      Code = "method_not_allowed"
	Misdirected           Code = "misdirected"
	BodyTooLarge          Code = "body_too_large"
	RateLimited           Code = "rate_limited"
	StoreUnavailable      Code = "store_unavailable"
	ProviderUnavailable   Code = "provider_unavailable"
	ProviderMisconfigured Code = "provider_misconfigured"
	UpstreamFailed        Code = "upstream_failed"
	UpstreamTimeout       Code = "upstream_timeout"
	Internal              Code = "internal"
	Conflict              Code = "conflict"

	// On the way back from a provider only.
	AccessDenied Code = "access_denied"
	LoginExpired Code = "login_expired"
	LoginFailed  Code = "login_failed"
	WrongAccount Code = "wrong_account"
	NotAllowed   Code = "not_allowed"
	HookFailed   Code = "hook_failed"
)

// A meaning is what a code says by default.
type meaning struct {
	status        int
	title, detail string
}

// meanings is the one table from code to answer.
var meanings = map[Code]meaning{
	NotSignedIn: {401, "Not signed in",
		"There is no session, or it ended. Sign in."},
	CSRFRejected: {403, "Cross-site request refused",
		"This must come from the application's own origin, or from a client that sends the header X-CSRF: 1."},
	NotConnected: {403, "No such connection",
		"No account of this provider is linked to the session under that name. Link one."},
	NeedsReauth: {403, "The connection must be renewed",
		"The provider ended this grant. Link the account again."},
	MissingScopes: {403, "More permissions are needed",
		"The connection does not have all the scopes this needs. Ask for them."},
	RouteNotAllowed: {403, "Route not allowed",
		"This method and path are not on the api's allow-list."},
	NotPermitted: {403, "Not permitted",
		"This needs a right that the user does not have. Whoever runs the application can give it."},
	BadRequest: {400, "Bad request",
		"The request can be read in more than one way, or a parameter is malformed."},
	NotFound: {404, "Not found",
		"There is nothing at this address."},
	Misdirected: {421, "No front of this application",
		"The application is not at this host. It is at the origins of its configuration, port included."},
	MethodNotAllowed: {405, "Method not allowed",
		"The address exists, for other methods."},
	BodyTooLarge: {413, "Body too large",
		"The body is larger than this route takes."},
	RateLimited: {429, "Too many requests",
		"Wait for the given time, then try again."},
	StoreUnavailable: {503, "Session store unavailable",
		"The session store does not answer at the moment. Nobody was signed out; try again."},
	ProviderUnavailable: {503, "Provider unavailable",
		"The provider does not answer at the moment, and the access token had to be renewed. Nobody was signed out; try again."},
	ProviderMisconfigured: {500, "Provider refuses this application",
		"The provider refuses the application itself. The operator must correct its client id, secret or registration."},
	UpstreamFailed: {502, "Upstream failed",
		"The api could not be reached, or broke off."},
	UpstreamTimeout: {504, "Upstream timeout",
		"The api did not answer in time."},
	Internal: {500, "Internal error",
		"Something went wrong here. The log has more."},
	Conflict: {412, "Changed meanwhile",
		"It was changed since it was read. Read it again, then repeat the change."},
	AccessDenied: {403, "Access denied",
		"The sign-in was declined."},
	LoginExpired: {400, "Sign-in expired",
		"This sign-in is unknown, was used, or took too long. Start again."},
	LoginFailed: {400, "Sign-in failed",
		"The provider's answer could not be trusted."},
	WrongAccount: {403, "Another account",
		"Another account was chosen than the one to be renewed."},
	NotAllowed: {403, "Not allowed",
		"This account may not sign in here. Choose another one, or ask whoever runs the application."},
	HookFailed: {503, "Sign-in failed",
		"The application did not answer at the sign-in. Nothing is lost; try again."},
}

// Codes returns every code.
func Codes() []Code {
	all := make([]Code, 0, len(meanings))
	for c := range meanings {
		all = append(all, c)
	}
	return all
}

// A Problem is one such answer, and the error that a handler returns instead of an answer.
type Problem struct {
	Type          string          `json:"type"`
	Title         string          `json:"title"`
	Status        int             `json:"status"`
	Code          Code            `json:"code"`
	Detail        string          `json:"detail,omitempty"`
	Provider      string          `json:"provider,omitempty"`
	Connection    string          `json:"connection,omitempty"`
	MissingScopes []string        `json:"missing_scopes,omitempty"`
	MissingRights []string        `json:"missing_rights,omitempty"`
	RetryAfter    int             `json:"retry_after,omitempty"` // seconds
	Fix           *Fix            `json:"fix,omitempty"`
	Upstream      json.RawMessage `json:"upstream,omitempty"` // what an api said of missing scopes, when it is JSON
	RequestID     string          `json:"request_id,omitempty"`

	Allow string `json:"-"` // of 405: the methods that there are
}

// A Fix is where a person can put it right.
type Fix struct {
	Kind string `json:"kind"` // login or connect
	URL  string `json:"url"`
}

// New makes the problem of a code with its default texts.
func New(c Code) *Problem {
	m := meanings[c]
	return &Problem{Type: "urn:bff:error:" + string(c), Title: m.title, Status: m.status, Code: c, Detail: m.detail}
}

func (p *Problem) Error() string { return string(p.Code) }

// Because gives a more exact detail. It must be a constant text.
func (p *Problem) Because(detail string) *Problem {
	p.Detail = detail
	return p
}

// After says when to try again, at least a second from now.
func (p *Problem) After(d time.Duration) *Problem {
	p.RetryAfter = max(1, int(math.Ceil(d.Seconds())))
	return p
}

// Is reports whether err is a problem of that code.
func Is(err error, c Code) bool {
	var p *Problem
	return errors.As(err, &p) && p.Code == c
}
