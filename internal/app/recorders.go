package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"bff/internal/audit"
	"bff/internal/config"
	"bff/internal/explain"
	"bff/internal/vault"
)

// recorders are the readers of what happens in one generation: the audit log of the process, and explanations.
type recorders struct {
	vault  *vault.Vault
	hand   bool            // leave what is audited for a running instance
	log    *audit.Log      // nil: none
	keeper *explain.Keeper // nil: none
}

// newAuditLog opens what `log.audit` names, nil for none.
func newAuditLog(to string, stderr io.Writer, log *slog.Logger, lost func()) (*audit.Log, error) {
	how := audit.LogConfig{Failed: func(e audit.Event, err error) {
		lost()
		log.Error("the audit log cannot be written, and lacks an event", "event", string(e.Kind), "request", e.Request,
			"user", e.User, "error", err)
	}}
	path, isFile := strings.CutPrefix(to, "file:")
	switch {
	case to == "":
		return nil, nil
	case !isFile:
		return audit.NewLog(stderr, how), nil
	}
	l, err := audit.OpenLog(path, how)
	if err != nil {
		return nil, fmt.Errorf("log.audit: %w", err)
	}
	return l, nil
}

func (in *Instance) newRecorders(g *generation) *recorders {
	r := &recorders{vault: g.vault, log: in.audit, hand: in.options.HandOver && g.cfg.Log.Audit != ""}
	if in.options.Record && g.cfg.Explain > 0 {
		r.keeper = explain.NewKeeper(g.vault.Explanations, g.cfg.Explain, in.log)
	}
	return r
}

// Record implements [audit.Recorder] for the vault, which may outlive the generation that made it: what happens is
// recorded as the current one says.
func (in *Instance) Record(ctx context.Context, e audit.Event) {
	if g := in.now(); g != nil {
		g.events.Record(ctx, e)
	}
}

// Record implements [audit.Recorder].
func (r *recorders) Record(ctx context.Context, e audit.Event) {
	if r.log != nil {
		r.log.Record(ctx, e)
	}
	if r.keeper != nil {
		r.keeper.Record(ctx, e)
	}
	if r.hand && audit.Audited(e.Kind) && e.Kind != audit.ConfigurationRead {
		_ = r.vault.AuditEvents.HandOver(context.WithoutCancel(ctx), e) // what was done stands
	}
}

// handedEvery is how often events of commands are looked for.
const handedEvery = 5 * time.Second

// takeHanded writes what commands did into the audit log. They have kept it for explanations themselves.
func (r *recorders) takeHanded(ctx context.Context) {
	for r.log != nil {
		all, _ := r.vault.AuditEvents.Handed(ctx) // the store is away: later
		for i := range all {
			r.log.Record(ctx, all[i])
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(handedEvery):
		}
	}
}

// close writes what waits for explanations.
func (r *recorders) close() {
	if r.keeper != nil {
		r.keeper.Close()
	}
}

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
