package app

import (
	"context"
	"log/slog"
	"strings"

	"bff/internal/config"
	"bff/internal/explain"
	"bff/internal/vault"
)

// Explain says what is known of an id, or of the users with an e-mail, from the store of a configuration. It needs no
// running instance.
func Explain(ctx context.Context, cfg *config.Config, log *slog.Logger, id string) ([]explain.Story, error) {
	s := &cfg.Session
	v, err := vault.Open(vault.Config{Store: s.Store.Reveal(), Keys: s.Keys, Prefix: s.Prefix, Cookie: cfg.SessionCookie(),
		Secure: cfg.Secure(), Idle: s.Idle, Lifetime: s.Lifetime, Log: log})
	if err != nil {
		return nil, err
	}
	stories, err := explained(ctx, v, id)
	if closed := v.Close(); err == nil {
		err = closed
	}
	return stories, err
}

// maxNamesakes bounds how many users with one e-mail are explained.
const maxNamesakes = 20

func explained(ctx context.Context, v *vault.Vault, id string) (all []explain.Story, err error) {
	ids := []string{id}
	if strings.Contains(id, "@") {
		found, _, err := v.Users.List(ctx, vault.UserQuery{Email: id, Limit: maxNamesakes})
		if err != nil {
			return nil, err
		}
		ids = nil
		for i := range found {
			ids = append(ids, found[i].ID)
		}
	}
	for _, id := range ids {
		story, err := explain.Tell(ctx, v.Explanations, id)
		if err != nil {
			return nil, err
		}
		all = append(all, story)
	}
	return all, nil
}
