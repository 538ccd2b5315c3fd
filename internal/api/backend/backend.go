package backend

import (
	"errors"
	"net/http"
	"slices"

	"bff/internal/api/problem"
	"bff/internal/api/route"
	"bff/internal/assertion"
	"bff/internal/vault"
)

// Claims are what an assertion for audience says of a session. The caller has just loaded the session, so the rights
// are those of now.
func Claims(issuer, audience string, s *vault.Session) assertion.Claims {
	u := &s.User
	return assertion.Claims{
		Issuer: issuer, Subject: u.ID, Audience: audience, SessionID: s.ID, Rights: u.Rights, Email: u.Email,
		EmailVerified: u.Email != "" &&
			u.EmailVerified, Name: u.Name, AppID: u.AppID, AuthTime: s.AuthAt.Unix(), Provider: u.Provider,
	}
}

// Require refuses a session whose user lacks one of the rights. Without a session there are no rights.
func Require(s *vault.Session, rights []string) error {
	if len(rights) == 0 {
		return nil
	}
	if s == nil {
		return problem.New(problem.NotSignedIn)
	}
	var missing []string
	for _, r := range rights {
		if !slices.Contains(s.User.Rights, r) {
			missing = append(missing, r)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	p := problem.New(problem.NotPermitted)
	p.MissingRights = missing
	return p
}

// Keys answers with the JWK Set of signer. Caches may keep it for five minutes: the signer reckons with that.
func Keys(signer *assertion.Signer) func(*route.Call) error {
	return func(c *route.Call) error {
		set, err := signer.JWKS(c.Ctx())
		if err != nil {
			return errors.Join(vault.ErrUnavailable, err)
		}
		c.W.Header().Set("Cache-Control", "public, max-age=300")
		c.W.Header().Set("X-Content-Type-Options", "nosniff")
		return c.Document(set)
	}
}

// names of the headers, each of which is set or taken away.
const (
	headerUser    = "BFF-User"
	headerSession = "BFF-Session"
	headerEmail   = "BFF-Email"
	headerName    = "BFF-Name"
	headerRights  = "BFF-Rights"
	headerAppID   = "BFF-App-Id"
)

// SetHeaders says in headers who is asking.
func SetHeaders(h http.Header, s *vault.Session, rights string) {
	u := &s.User
	h.Set(headerUser, u.ID)
	h.Set(headerSession, s.ID)
	if u.EmailVerified {
		setText(h, headerEmail, u.Email)
	}
	setText(h, headerName, u.Name)
	if rights != "" {
		h.Set(headerRights, rights)
	}
	setText(h, headerAppID, u.AppID)
}
