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
