package manage

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"bff/internal/api/document"
	"bff/internal/api/problem"
	"bff/internal/api/route"
	"bff/internal/users"
	"bff/internal/vault"
)

// The shapes of the answers. They are built from public fields alone.
type (
	userJSON struct {
		ID            string              `json:"id"`
		AppID         string              `json:"app_id,omitempty"`
		Provider      string              `json:"provider"`
		Subject       string              `json:"subject"`
		Name          string              `json:"name,omitempty"`
		Email         string              `json:"email,omitempty"`
		EmailVerified bool                `json:"email_verified"`
		Picture       string              `json:"picture,omitempty"`
		CreatedAt     time.Time           `json:"created_at"`
		LastSeenAt    time.Time           `json:"last_seen_at"`
		Rights        []string            `json:"rights"`           // of all sources
		Sources       map[string][]string `json:"rights_by_source"` // admin, hook, accounts
		Identities    []identityJSON      `json:"identities"`       // with which the user may sign in
		Data          json.RawMessage     `json:"data,omitempty"`   // the hook's, of one user only
	}
	identityJSON struct {
		Provider string    `json:"provider"`
		Issuer   string    `json:"issuer,omitempty"`
		Subject  string    `json:"subject"`
		LinkedAt time.Time `json:"linked_at"`
		Rights   []string  `json:"rights"` // what a session signed in with it has of rules and claims
	}
	sessionJSON struct {
		ID         string    `json:"id"`
		Device     string    `json:"device"`
		CreatedAt  time.Time `json:"created_at"`
		LastSeenAt time.Time `json:"last_seen_at"`
		Front      string    `json:"front,omitempty"` // its origin, where there are several
	}
	connectionJSON struct {
		ID          string      `json:"id"`
		Provider    string      `json:"provider"`
		Account     accountJSON `json:"account"`
		Status      string      `json:"status"`
		Reason      string      `json:"reason,omitempty"`
		Scopes      []string    `json:"scopes"`
		ConnectedAt time.Time   `json:"connected_at"`
	}
	accountJSON struct {
		Subject string `json:"subject"`
		Email   string `json:"email,omitempty"`
		Name    string `json:"name,omitempty"`
	}
)

func seconds(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

func list(rights []string) []string { return append([]string{}, rights...) }

// UserJSON is a user as operators see one, without the hook's data.
func UserJSON(u vault.UserRecord) any { return view(u) }

func view(u vault.UserRecord) userJSON {
	out := userJSON{ID: u.ID, AppID: u.AppID, Provider: u.Provider, Subject: u.Subject, Name: u.Profile.Name,
		Email: u.Profile.Email, EmailVerified: u.Profile.EmailVerified, Picture: u.Profile.Picture,
		CreatedAt: seconds(u.CreatedAt), LastSeenAt: seconds(u.LastSeenAt), Rights: list(u.AllRights()),
		Sources:    map[string][]string{"admin": list(u.Rights[vault.RightsAdmin]), "hook": list(u.Rights[vault.RightsHook])},
		Identities: []identityJSON{}}
	var accounts [][]string
	for _, i := range u.Identities {
		rights := u.Rights[vault.RightsOf(i.Provider, i.Subject)]
		accounts = append(accounts, rights)
		out.Identities = append(out.Identities, identityJSON{Provider: i.Provider, Issuer: i.Issuer, Subject: i.Subject,
			LinkedAt: seconds(i.LinkedAt), Rights: list(rights)})
	}
	out.Sources["accounts"] = users.Union(accounts...)
	return out
}

const (
	pageSize = 50
	maxPage  = 200
)

// listUsers answers a page of users, in the order of their ids.
func (m *Manager) listUsers(c *route.Call) error {
	q, err := query(c.R, "email", "limit", "after")
	if err != nil {
		return err
	}
	limit := pageSize
	if text := q.Get("limit"); text != "" {
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > maxPage {
			return problem.New(problem.BadRequest).Because("limit is a number from 1 to 200.")
		}
	}
	page, next, err := m.cfg.Vault.Users.List(
		c.Ctx(),
		vault.UserQuery{Email: q.Get("email"), After: q.Get("after"), Limit: limit},
	)
	if err != nil {
		return err
	}
	out := struct {
		Users []userJSON `json:"users"`
		Next  *string    `json:"next"`
	}{Users: []userJSON{}}
	for _, u := range page {
		out.Users = append(out.Users, view(u))
	}
	if next != "" {
		out.Next = &next
	}
	return c.JSON(http.StatusOK, out)
}

// query reads parameters that may come once.
func query(r *http.Request, known ...string) (url.Values, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, problem.New(problem.BadRequest).Because("The query is malformed.")
	}
	for name, values := range q {
		if !slices.Contains(known, name) {
			return nil, problem.New(problem.BadRequest).Because("There is no such parameter here.")
		}
		if len(values) > 1 {
			return nil, problem.New(problem.BadRequest).Because("A parameter is repeated.")
		}
	}
	return q, nil
}

// getUser answers one user, with the hook's data.
func (m *Manager) getUser(c *route.Call) error {
	u, err := m.cfg.Vault.Users.Get(c.Ctx(), c.R.PathValue("id"))
	if err != nil {
		return unless(err, noUser)
	}
	out := view(u)
	if len(u.HookData) > 0 {
		out.Data = u.HookData
	}
	return c.JSON(http.StatusOK, out)
}

// setRights sets the administrator's own list. It answers when no instance answers any more from before.
func (m *Manager) setRights(c *route.Call) error {
	rights, err := readRights(c.R)
	if err != nil {
		return err
	}
	id := c.R.PathValue("id")
	u, err := m.cfg.Vault.Users.Update(c.Ctx(), id, func(u *vault.UserRecord) error {
		if u.Rights == nil {
			u.Rights = map[string][]string{}
		}
		u.Rights[vault.RightsAdmin] = rights
		return nil
	})
	if err != nil {
		return unless(err, noUser)
	}
	return c.JSON(http.StatusOK, view(u))
}

// readRights reads {"rights": […]} and nothing else.
func readRights(r *http.Request) ([]string, error) {
	raw, err := document.ReadObject(r)
	if err != nil {
		return nil, err
	}
	var body map[string]any
	if json.Unmarshal(raw, &body) != nil {
		return nil, problem.New(problem.BadRequest).Because("The body is not JSON.")
	}
	names, ok := body["rights"].([]any)
	if !ok || len(body) != 1 || len(names) > users.MaxRights {
		return nil, problem.New(problem.BadRequest).Because(`The body is {"rights": […]}, a list of at most 1024 names.`)
	}
	var rights []string
	for _, name := range names {
		text, ok := name.(string)
		if !ok || users.CheckRight(text) != nil {
			return nil, problem.New(problem.BadRequest).
				Because("A right is a string of 1 to 256 visible bytes, without space around it.")
		}
		rights = append(rights, text)
	}
	return users.Union(rights), nil
}

func (m *Manager) listSessions(c *route.Call) error {
	id := c.R.PathValue("id")
	if _, err := m.cfg.Vault.Users.Get(c.Ctx(), id); err != nil {
		return unless(err, noUser)
	}
	all, err := m.cfg.Vault.Index.SessionsOf(c.Ctx(), id)
	if err != nil && !errors.Is(err, vault.ErrNotFound) {
		return err
	}
	out := []sessionJSON{}
	for _, s := range all {
		out = append(
			out,
			sessionJSON{ID: s.ID, Device: s.Device, CreatedAt: seconds(s.CreatedAt), LastSeenAt: seconds(s.SeenAt),
				Front: m.cfg.Fronts.Shown(s.Front)},
		)
	}
	return c.JSON(http.StatusOK, map[string]any{"sessions": out})
}

// listConnections answers those that the user keeps. Those of a session are opened by its cookie alone.
func (m *Manager) listConnections(c *route.Call) error {
	id := c.R.PathValue("id")
	if _, err := m.cfg.Vault.Users.Get(c.Ctx(), id); err != nil {
		return unless(err, noUser)
	}
	kept, err := m.cfg.Vault.Connections.Kept(c.Ctx(), id)
	if err != nil && !errors.Is(err, vault.ErrNotFound) {
		return err
	}
	out := []connectionJSON{}
	for _, k := range kept {
		out = append(out, connectionJSON{ID: k.ID, Provider: k.Provider, Status: k.Status, Reason: k.Reason,
			Account: accountJSON{Subject: k.Account.Subject, Email: k.Account.Email, Name: k.Account.Name},
			Scopes:  list(k.Scopes), ConnectedAt: seconds(k.ConnectedAt)})
	}
	return c.JSON(http.StatusOK, map[string]any{"connections": out})
}

// A Receipt says what an erasing deleted, and which revocations still wait for their provider.
type Receipt struct {
	Issuer       string    `json:"iss"`
	IssuedAt     int64     `json:"iat"`
	Subject      string    `json:"sub"`
	RegisteredAt time.Time `json:"registered_at"`
	Deleted      Deleted   `json:"deleted"`
	Waiting      []string  `json:"waiting"` // providers that have not confirmed a revocation
}

// Deleted counts what is gone.
type Deleted struct {
	Users       int `json:"users"`
	Sessions    int `json:"sessions"`
	Connections int `json:"connections"`
}

// NewReceipt is the receipt of an erasing.
func NewReceipt(origin, user string, e vault.Erased, at time.Time) Receipt {
	return Receipt{Issuer: origin, IssuedAt: at.Unix(), Subject: user, RegisteredAt: seconds(e.CreatedAt),
		Deleted: Deleted{Users: 1, Sessions: e.Sessions, Connections: e.Connections}, Waiting: list(e.Waiting)}
}

// ReceiptType is the `typ` of a receipt's header.
const ReceiptType = "bff-erase+jwt"

// erase deletes a user. Asked for again after it was broken off, it goes on where it stopped.
func (m *Manager) erase(c *route.Call) error {
	id := c.R.PathValue("id")
	if !strings.HasPrefix(id, "u_") {
		return noUser()
	}
	erased, err := m.cfg.Vault.Users.Erase(c.Ctx(), id, m.cfg.Broker.Outbox.Revocation)
	if err != nil {
		return unless(err, noUser)
	}
	m.cfg.Broker.Outbox.Nudge()
	receipt, err := m.cfg.Signer.Sign(c.Ctx(), ReceiptType, NewReceipt(m.cfg.Origin, id, erased, m.cfg.Now()))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]string{"receipt": receipt})
}
