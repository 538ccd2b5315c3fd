package api

import (
	"errors"
	"net/http"
	"time"

	"bff/internal/api/problem"
	"bff/internal/api/route"
	"bff/internal/api/signin"
	"bff/internal/vault"
)

// A deviceJSON is one of a user's sessions as the others may see it.
type deviceJSON struct {
	ID         string    `json:"id"`
	Device     string    `json:"device"`
	CreatedAt  time.Time `json:"created_at"`
	LastSeenAt time.Time `json:"last_seen_at"`
	Current    bool      `json:"current"`
	Front      string    `json:"front,omitempty"` // its origin, where there are several
}

// listSessions lists this user's live sessions, the one seen last in front.
func (a *account) listSessions(c *route.Call) error {
	list, err := a.devices(c)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]any{"sessions": list})
}

func (a *account) devices(c *route.Call) ([]deviceJSON, error) {
	infos, err := a.vault.Index.Sessions(c.Ctx(), c.Session)
	if err != nil {
		return nil, err
	}
	list := make([]deviceJSON, len(infos))
	for i, in := range infos {
		list[i] = deviceJSON{ID: in.ID, Device: in.Device, CreatedAt: seconds(in.CreatedAt),
			LastSeenAt: seconds(in.SeenAt), Current: in.Current, Front: a.fronts.Shown(in.Front)}
	}
	return list, nil
}

// endSession ends one of the user's sessions. The one that asks is a logout.
func (a *account) endSession(c *route.Call) error {
	id := c.R.PathValue("id")
	if id == c.Session.ID {
		if err := a.vault.Sessions.End(c.Ctx(), c.Session, "logout"); err != nil {
			return err
		}
		a.vault.Sessions.ClearCookie(c.W, c.Front.Vault())
		signin.LoggedOut(c)
		return c.Empty(http.StatusNoContent)
	}
	err := a.vault.Index.EndOne(c.Ctx(), c.Session, id, "ended_elsewhere")
	if errors.Is(err, vault.ErrNotFound) {
		return a.endedBefore(c, id)
	}
	if err != nil {
		return err
	}
	if err := a.vault.Attempts.NoteEnded(c.Ctx(), c.Session, id); err != nil {
		return err
	}
	return c.Empty(http.StatusNoContent)
}

// endedBefore answers for a session that is not there: one that this user ended lately is 204 again, since the first
// answer may have been lost.
func (a *account) endedBefore(c *route.Call, id string) error {
	ended, err := a.vault.Attempts.EndedLately(c.Ctx(), c.Session, id)
	if err != nil {
		return err
	}
	if ended {
		if _, err = a.vault.Sessions.LoadTicket(c.Ctx(), c.Session.Ticket()); errors.Is(err, vault.ErrNotFound) {
			return c.NotSignedIn(a.providers)
		} else if err != nil {
			return err
		}
		return c.Empty(http.StatusNoContent)
	}
	return goneFor(a.vault, a.providers, c, problem.New(problem.NotFound).Because("The user has no such session."))
}

// endOtherSessions ends all of the user's sessions but this one.
func (a *account) endOtherSessions(c *route.Call) error {
	if err := a.vault.Index.EndOthers(c.Ctx(), c.Session, "ended_elsewhere"); err != nil {
		return err
	}
	return c.Empty(http.StatusNoContent)
}
