package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"bff/internal/api/document"
	"bff/internal/api/problem"
	"bff/internal/api/route"
	"bff/internal/vault"
)

// freshSignIn is how long ago a person must have signed in to erase the account.
const freshSignIn = 5 * time.Minute

// The shapes of the export. They are built from public fields alone.
type (
	exportJSON struct {
		User        exportUserJSON             `json:"user"`
		Identities  []exportIdentityJSON       `json:"identities"`
		Connections []connectionJSON           `json:"connections"`
		Sessions    []deviceJSON               `json:"sessions"`
		Preferences json.RawMessage            `json:"preferences"`
		Uses        []useJSON                  `json:"uses"`           // by services while nobody was there, newest first
		Data        map[string]json.RawMessage `json:"data"`           // of services beside the user, by service
		Hook        json.RawMessage            `json:"hook,omitempty"` // what the application said of the user
	}
	exportUserJSON struct {
		*userJSON
		LastSeenAt time.Time `json:"last_seen_at"`
	}
	exportIdentityJSON struct {
		Provider string    `json:"provider"`
		Title    string    `json:"title"`
		Issuer   string    `json:"issuer,omitempty"`
		Subject  string    `json:"subject"`
		Email    string    `json:"email,omitempty"`
		Name     string    `json:"name,omitempty"`
		SignIn   bool      `json:"sign_in"`
		AddedAt  time.Time `json:"added_at"`
		Rights   []string  `json:"rights"`
	}
	useJSON struct {
		Client     string    `json:"client"`
		Provider   string    `json:"provider"`
		Connection string    `json:"connection"`
		Reason     string    `json:"reason"`
		At         time.Time `json:"at"`
	}
)

// export answers all that bff holds about the person who asks, but for what signs anybody in anywhere.
func (a *account) export(c *route.Call) error {
	rec, err := a.vault.Users.Get(c.Ctx(), c.Session.User.ID)
	if err != nil && !errors.Is(err, vault.ErrNotFound) { // not found: a session of before there were users
		return err
	}
	out := exportJSON{User: exportUserJSON{theUser(&c.Session.User), seconds(rec.LastSeenAt)},
		Identities: a.identitiesJSON(c.Session, &rec), Connections: a.connectionsJSON(c.Session), Uses: usesJSON(rec.Uses)}
	if out.Preferences, _, err = a.vault.Sessions.Preferences(c.Ctx(), c.Session); err != nil {
		return err
	}
	if out.Sessions, err = a.devices(c); err != nil {
		return err
	}
	if out.Data, err = a.dataOf(c.Ctx(), rec.ID); err != nil {
		return err
	}
	if len(rec.HookData) > 0 {
		out.Hook = rec.HookData
	}
	c.W.Header().Set("Content-Disposition", `attachment; filename="account.json"`)
	return c.JSON(http.StatusOK, out)
}

func (a *account) identitiesJSON(s *vault.Session, rec *vault.UserRecord) []exportIdentityJSON {
	out := []exportIdentityJSON{}
	for _, i := range rec.Identities {
		j := exportIdentityJSON{Provider: i.Provider, Title: a.title(i.Provider), Issuer: i.Issuer, Subject: i.Subject,
			AddedAt: seconds(i.LinkedAt), Rights: append([]string{}, rec.Rights[vault.RightsOf(i.Provider, i.Subject)]...)}
		for k := range s.Connections {
			if of := &s.Connections[k]; of.Provider == i.Provider && of.Account.Subject == i.Subject {
				j.Email, j.Name = of.Account.Email, of.Account.Name
			}
		}
		j.SignIn = a.offered(i.Provider)
		out = append(out, j)
	}
	return out
}

func usesJSON(uses []vault.Use) []useJSON {
	out := []useJSON{}
	for k := len(uses) - 1; k >= 0; k-- {
		u := uses[k]
		out = append(out, useJSON{u.Client, u.Provider, u.Connection, u.Reason, seconds(u.At)})
	}
	return out
}

// dataOf is what services keep beside the user.
func (a *account) dataOf(ctx context.Context, user string) (map[string]json.RawMessage, error) {
	out := map[string]json.RawMessage{}
	for _, client := range a.clients {
		if !client.Data || user == "" {
			continue
		}
		doc, version, err := a.vault.Documents.UserData(ctx, user, client.Name)
		if err != nil && !errors.Is(err, vault.ErrNotFound) {
			return nil, err
		}
		if version != "" && err == nil {
			out[client.Name] = doc
		}
	}
	return out, nil
}

// erase deletes the person who asks, who must have signed in just now: a browser that somebody left open is not enough.
func (a *account) erase(c *route.Call) error {
	if age := a.now().Sub(c.Session.AuthAt); age > freshSignIn || age < -freshSignIn {
		p := problem.New(problem.NotSignedIn).
			Because("Sign in again: erasing an account asks for a sign-in of the last five minutes.")
		p.Provider = c.Session.User.Provider
		p.Fix = &problem.Fix{Kind: "login", URL: "/bff/login/" + url.PathEscape(c.Session.User.Provider) +
			"?prompt=login&return_to=" + url.QueryEscape("/bff/account?erase=1")}
		return p
	}
	user := c.Session.User.ID
	_, err := a.vault.Users.Erase(c.Ctx(), user, a.broker.Outbox.Revocation)
	if err != nil && !errors.Is(err, vault.ErrNotFound) {
		return err
	}
	a.broker.Outbox.Nudge()
	a.vault.Sessions.ClearCookie(c.W, c.Front.Vault())
	return c.Empty(http.StatusNoContent)
}

// visibleUser encodes what a browser may see of the user.
func (a *account) visibleUser(s *vault.Session) []byte {
	b, _ := json.Marshal(theUser(&s.User)) // plain fields: it cannot fail
	return b
}

// preferencesTag is the entity tag of the user's preferences.
func (a *account) preferencesTag(ctx context.Context, s *vault.Session) (string, error) {
	_, version, err := a.vault.Sessions.Preferences(ctx, s)
	return document.ETag(version), err
}
