package provider

import "time"

// Values of Habits.RefreshTokens.
const (
	RefreshOnConsent  = "consent"        // Google: only with access_type=offline, and only when the consent page was shown
	RefreshOnScope    = "offline_access" // only when that scope was granted
	RefreshAlways     = "always"
	RefreshNever      = "never"
	ShapeArray        = "array"      // of Habits.ScopeShape
	ShapeComma        = "comma"      // of Habits.ScopeShape
	ShapeAbsent       = "absent"     // of Habits.ScopeShape and Habits.ExpiresIn
	ShapeString       = "string"     // of Habits.ExpiresIn: "29"
	ShapeFloat        = "float"      // of Habits.ExpiresIn: 29.0
	ShapeExpiresAt    = "expires_at" // of Habits.ExpiresIn: seconds of Unix time in a field of that name
	AnswerForm        = "form"       // of Habits.Answer: application/x-www-form-urlencoded unless the request accepts JSON
	AnswerText        = "text"       // of Habits.Answer: JSON sent as text/plain
	PKCERequired      = "required"
	PKCERejected      = "rejected" // a request with code_challenge is refused
	ErrorObject       = "object"   // of Habits.Errors: {"error": {"message": …}}
	ErrorOK           = "ok"       // of Habits.Errors: 200 {"ok": false, "error": …}
	ErrorMessage      = "message"  // of Habits.Errors: {"status": 400, "message": …}
	ErrorWith200      = "200"      // of Habits.Errors: RFC 6749's fields, with status 200
	RevokeTakesFamily = "family"   // RFC 7009: what came from the same sign-in
	RevokeTakesGrant  = "grant"    // Google: everything this person ever granted this client
)

// Habits are what kind of provider the demo plays. The zero value is a plain OpenID Provider that keeps to the
// specifications.
type Habits struct {
	Title string // on the pages; "Demo"

	RefreshTokens   string        // when a refresh token is issued; RefreshAlways when empty
	Rotate          bool          // a refresh brings a new refresh token and ends the old one
	OldRefreshLives bool          // … or leaves it alive (Microsoft)
	ReuseLeeway     time.Duration // for this long a rotated token may be used again (Atlassian, Auth0)
	ReuseSpares     bool          // reuse is refused, but kills nothing
	RefreshLifetime time.Duration // sent as refresh_token_expires_in; 0: for ever
	OldAccessDies   bool          // a refresh ends the access tokens before it (GitHub Apps)
	MaxRefresh      int           // live refresh tokens of a person; the oldest is dropped silently. 0: no limit
	RevokeTakes     string        // RevokeTakesFamily when empty
	NoRevocation    bool          // there is no such endpoint

	AnyScope        bool              // scopes have no meaning: any is granted, any opens the APIs
	ScopeNames      map[string]string // asked name -> the name it is answered by
	ScopeSeparator  string            // of the request; " "
	ScopeShape      string            // of the answer; a string with spaces when empty
	Granular        bool              // single scopes can be unticked
	IncludeGranted  bool              // include_granted_scopes is understood
	PKCE            string            // PKCERequired, PKCERejected; optional when empty
	NoIss           bool              // no iss in the callback
	NoDiscovery     bool              // no metadata document
	NoIDToken       bool              // plain OAuth 2.0: no ID token, no discovery of OpenID
	NoSessionID     bool              // no sid claim
	IDTokenAlways   bool              // a refresh brings an ID token too
	SubjectField    string            // of userinfo; "sub"
	SubjectNumber   bool              // userinfo gives it as a JSON number
	ExpiresIn       string            // a JSON number when empty
	Answer          string            // application/json when empty
	Errors          string            // RFC 6749 section 5.2 when empty
	TokenType       string            // "Bearer"
	JSONBody        bool              // the token endpoint takes JSON, not a form (Notion)
	ClientAuth      string            // "client_secret_basic" or "client_secret_post": the other is refused
	SeparateRefresh bool              // refreshes go to /token/refresh (Figma)
	FormPost        bool              // the way back is always a POST (Apple)
	Extra           map[string]any    // further fields of a token answer
	AccessBytes     int               // random bytes in an access token; 160
}

// Google are the habits of Google, with one difference: refresh tokens rotate, and reuse is detected. Google's do not
// rotate; a client that survives this survives Google.
func Google() Habits {
	return Habits{
		Title: "Demo", RefreshTokens: RefreshOnConsent, Rotate: true, MaxRefresh: 100, RevokeTakes: RevokeTakesGrant,
		ScopeNames: map[string]string{"email": ScopeEmail, "profile": ScopeProfile},
		Granular:   true, IncludeGranted: true, PKCE: PKCERequired, IDTokenAlways: true,
	}
}
