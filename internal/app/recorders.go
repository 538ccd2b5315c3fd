package app

import (
	"context"
	"time"

	"bff/internal/audit"
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
