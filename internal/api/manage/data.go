package manage

import (
	"context"

	"bff/internal/api/document"
	"bff/internal/api/problem"
	"bff/internal/api/route"
)

// data answers with the store that where finds, of the client itself or, to read only, of the one that ?of= names.
func (m *Manager) data(where func(c *route.Call, owner string) document.Store,
	do func(document.Store, *route.Call) error) func(*route.Call) error {
	return func(c *route.Call) error {
		q, err := query(c.R, "of")
		if err != nil {
			return err
		}
		owner := c.Client.Name
		if of := q.Get("of"); of != "" && of != owner {
			if c.R.Method == "PATCH" {
				return problem.New(problem.BadRequest).Because("A client changes its own data only.")
			}
			other, ok := m.clients[of]
			if !ok {
				return problem.New(problem.NotFound).Because("There is no client of that name.")
			}
			if !other.Shared {
				return problem.New(problem.NotPermitted).Because(
					"That client does not share its data; the operator allows it with `data: shared` of that client.")
			}
			owner = of
		}
		return do(where(c, owner), c)
	}
}

func (m *Manager) userData(c *route.Call, owner string) document.Store {
	id, v := c.R.PathValue("id"), m.cfg.Vault
	return document.Store{
		Get: func(ctx context.Context) ([]byte, string, error) { return v.Documents.UserData(ctx, id, owner) },
		Set: func(ctx context.Context, doc []byte, version string) (string, error) {
			return v.Documents.SetUserData(ctx, id, owner, doc, version)
		},
		Gone: noUser,
	}
}

func (m *Manager) sessionData(c *route.Call, owner string) document.Store {
	id, v := c.R.PathValue("id"), m.cfg.Vault
	return document.Store{
		Get: func(ctx context.Context) ([]byte, string, error) { return v.Documents.SessionData(ctx, id, owner) },
		Set: func(ctx context.Context, doc []byte, version string) (string, error) {
			return v.Documents.SetSessionData(ctx, id, owner, doc, version)
		},
		Gone: noSession,
	}
}
