package api

import (
	"context"

	"bff/internal/api/document"
	"bff/internal/api/route"
)

// preferences is where the user's own JSON object is.
func (a *account) preferences(c *route.Call) document.Store {
	return document.Store{
		Get: func(ctx context.Context) ([]byte, string, error) { return a.vault.Sessions.Preferences(ctx, c.Session) },
		Set: func(ctx context.Context, doc []byte, version string) (string, error) {
			return a.vault.Sessions.SetPreferences(ctx, c.Session, doc, version)
		},
		Gone: func() error { return c.NotSignedIn(a.providers) },
	}
}

// getPreferences answers the user's own JSON object, "{}" before the first write.
func (a *account) getPreferences(c *route.Call) error { return a.preferences(c).Answer(c) }

// patchPreferences merges a patch into it and answers what is stored now.
func (a *account) patchPreferences(c *route.Call) error {
	if err := a.preferences(c).Patch(c); err != nil {
		return err
	}
	return nil
}
