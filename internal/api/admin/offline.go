package admin

import (
	"errors"
	"strings"

	"bff/internal/api/route"
	"bff/internal/vault"
)

const maxReason = 200

// offline gives a service the access token of a connection that a user keeps, with nobody present. The service says
// why; that is written to the audit log and, as the last use, beside the user, before the token leaves.
func (a *Admin) offline(c *route.Call, given *handedOut) (*exchanged, *route.OAuthError) {
	reason := strings.TrimSpace(c.Form.Get("reason"))
	unprintable := func(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' }
	switch {
	case reason == "":
		return nil, route.Invalid("reason is missing: what the token is for, in words that the user will read")
	case len(reason) > maxReason || strings.ContainsFunc(reason, unprintable):
		return nil, route.Invalid("reason must be one line of at most 200 bytes")
	}
	user := c.Form.Get("subject_token")
	if len(user) > 64 || !strings.HasPrefix(user, "u_") || strings.ContainsFunc(user, outsideID) {
		return nil, route.Invalid("the subject token is no user's id")
	}
	given.User, given.Reason = user, reason
	kept, err := a.cfg.Vault.Connections.Kept(c.Ctx(), user)
	if err != nil {
		return nil, a.storeError(c.Ctx(), err)
	}
	if len(kept) == 0 {
		return nil, noConnection()
	}
	out, e := a.tokenOf(c, kept, given, noConnection)
	if e != nil {
		return nil, e
	}
	use := vault.Use{Client: c.Client.Name, Provider: given.Provider, Connection: given.Connection, Reason: reason,
		At: a.cfg.Now()}
	switch err := a.cfg.Vault.Users.NoteUse(c.Ctx(), user, use); {
	case errors.Is(err, vault.ErrNotFound): // erased meanwhile
		return nil, noConnection()
	case err != nil:
		return nil, a.storeError(c.Ctx(), err)
	}
	return out, nil
}

// outsideID is for characters that no id has.
func outsideID(r rune) bool {
	return r != '_' && r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
}
