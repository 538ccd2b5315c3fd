package api

import (
	"errors"
	"net/http"

	"bff/internal/vault"
)

// verify is forward-auth: a front proxy passes a browser's Cookie on and asks whether somebody is signed in. 204 with BFF-User and BFF-Session, or 401; 503 when
// the store is down, so that a front proxy never mistakes an outage for a sign-out. The method is the caller's, and the address may go on below /verify:
// Envoy passes both on. Nothing but the cookie counts. It slides the session, as a call to bff itself would.
func (s *Server) verify(a *ask) {
	h := a.w.Header()
	h.Set("Vary", "Cookie")
	// Two session cookies are no session here: nginx takes any status but 2xx, 401 and 403 for a failure of its own.
	if len(a.r.CookiesNamed(s.cfg.Cookie)) != 1 {
		writeProblem(a.w, a.r, newProblem(codeNotSignedIn))
		return
	}
	session, err := s.cfg.Vault.Load(a.r)
	switch {
	case err == nil:
		s.touch(session)
		h.Set("BFF-User", session.User.ID)
		h.Set("BFF-Session", session.ID)
		a.w.WriteHeader(http.StatusNoContent)
	case errors.Is(err, vault.ErrNotFound):
		writeProblem(a.w, a.r, newProblem(codeNotSignedIn))
	default:
		if p := s.problemOf(err); p != nil {
			writeProblem(a.w, a.r, p)
		}
	}
}
