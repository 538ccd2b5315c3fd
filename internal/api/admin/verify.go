package admin

import (
	"errors"
	"net/http"

	"bff/internal/api/problem"
	"bff/internal/api/route"
	"bff/internal/vault"
)

// verify is forward-auth: a front proxy passes a browser's Cookie on and asks whether somebody is signed in. 204 with
// BFF-User and BFF-Session, or 401; 503 when the store is down, so that a front proxy never mistakes an outage for a
// sign-out. The method is the caller's, and the address may go on below /verify: Envoy passes both on. Nothing but
// the cookie counts. It slides the session, as a call to bff itself would.
func (a *Admin) verify(c *route.Call) error {
	// Two session cookies are no session here: nginx takes any status but 2xx, 401 and 403 for a failure of its own.
	if len(c.R.CookiesNamed(a.cfg.Cookie)) != 1 {
		return problem.New(problem.NotSignedIn)
	}
	session, err := a.cfg.Vault.Load(c.R)
	if errors.Is(err, vault.ErrNotFound) {
		return problem.New(problem.NotSignedIn)
	}
	if err != nil {
		return err
	}
	a.cfg.Touch(session)
	c.W.Header().Set("BFF-User", session.User.ID)
	c.W.Header().Set("BFF-Session", session.ID)
	return c.Empty(http.StatusNoContent)
}
