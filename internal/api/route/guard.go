package route

import (
	"net/http"
	"net/url"
	"strings"

	"bff/internal/api/answer"
)

// SignInURL is where a person signs in, and comes back to a path of this origin: the provider's sign-in where there
// is one, and else the page to choose one.
func SignInURL(providers []string, returnTo string) string {
	u := "/bff/login"
	if len(providers) == 1 {
		u += "/" + url.PathEscape(providers[0])
	}
	return u + "?return_to=" + url.QueryEscape(returnTo)
}

// SignInFailed is what a person reads who comes back from a sign-in that failed, where bff would send anybody else to
// sign in: she is not sent round by herself.
const SignInFailed = "The sign-in came to nothing. Try again."

// CameBackFailed reports whether an address of this origin is one to which a sign-in that failed has led.
func CameBackFailed(address string) bool {
	_, query, _ := strings.Cut(address, "?")
	query, _, _ = strings.Cut(query, "#")
	for pair := range strings.SplitSeq(query, "&") {
		if strings.HasPrefix(pair, "bff_error=") {
			return true
		}
	}
	return false
}

// toSignIn is the answer to a navigation without a session, at a row with SignIn.
type toSignIn struct{ url string }

func (toSignIn) Error() string { return "sent to sign in" }

// Respond implements [Responder].
func (t toSignIn) Respond(c *Call) error {
	h := c.W.Header()
	h.Set("Cache-Control", "no-store")
	answer.AddVary(h, "Cookie")
	return c.Redirect(t.url, http.StatusFound)
}

// LooksAtPages reports whether r is a person's navigation, of which the answer is shown: what a browser says it is,
// and, where it says nothing, a GET that takes HTML.
func LooksAtPages(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || !isNavigation(r) {
		return false
	}
	return r.Header.Get("Sec-Fetch-Mode") == "navigate" || strings.Contains(r.Header.Get("Accept"), "text/html")
}

// isVisit reports whether r is a GET navigation, of a page or of a frame: what a browser calls one, and, where it
// says nothing, a GET that takes HTML.
func isVisit(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || len(r.Header["Upgrade"]) > 0 {
		return false
	}
	if mode := r.Header["Sec-Fetch-Mode"]; len(mode) > 0 {
		return len(mode) == 1 && mode[0] == "navigate"
	}
	return len(r.Header["Sec-Fetch-Site"]) == 0 && len(r.Header["Origin"]) == 0 &&
		strings.Contains(r.Header.Get("Accept"), "text/html")
}

// Changes reports whether a request that a front proxy asks about may change something. method is what the front
// proxy says of it, beside the question's own method: the stricter one counts. A WebSocket is a GET that changes
// something.
func Changes(r *http.Request, forwarded []string) bool {
	h := r.Header
	for _, name := range [...]string{"Upgrade", "Sec-Websocket-Key", "Sec-Websocket-Version"} {
		if len(h[name]) > 0 {
			return true
		}
	}
	if h.Get("Sec-Fetch-Mode") == "websocket" || len(forwarded) > 1 {
		return true
	}
	for _, method := range append([]string{r.Method}, forwarded...) {
		switch method {
		case http.MethodGet, http.MethodHead, http.MethodOptions:
		default:
			return true
		}
	}
	return false
}

// Sent reports whether a request that a front proxy asks about, and that changes something, comes from this front or
// from an origin that may call it: the rules of crosssite.go.
func (f *Front) Sent(r *http.Request) bool {
	changing := r.WithContext(r.Context())
	changing.Method = http.MethodPost
	return f.sent(changing, false)
}
