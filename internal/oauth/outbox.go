package oauth

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"bff/internal/oauth/client"
	"bff/internal/oauth/refresh"
	"bff/internal/vault"
)

const (
	outboxEvery = 2 * time.Second // how often another instance's, or a failed one, is looked for
	outboxUsers = 16
	outboxLease = time.Minute
	orphanTries = 6
	orphanFirst = 250 * time.Millisecond
	orphanMax   = 5 * time.Second
)

// An Outbox revokes at providers what was unlinked, and grants whose connection ended while they were being fetched.
// What was unlinked waits in the store, where the work of all instances is shared out. It is safe for concurrent use.
type Outbox struct {
	known
	cfg        Config
	held       func(vault.Connection) vault.Connection // c with tokens that the store has not taken yet
	background *background
	nudge      chan struct{}
}

// Run works on the outbox until ctx ends: what was unlinked is revoked at its provider until that confirms, or is
// known not to.
func (o *Outbox) Run(ctx context.Context) {
	for {
		o.workOutbox(ctx)
		select {
		case <-ctx.Done():
			return
		case <-o.nudge:
		case <-time.After(outboxEvery + refresh.Jitter(outboxEvery/2)):
		}
	}
}

// Nudge says that something new is in the outbox.
func (o *Outbox) Nudge() {
	select {
	case o.nudge <- struct{}{}:
	default: // it is going to be looked at anyway
	}
}

// workOutbox does what is due, a few at once so that one slow provider does not hold up the others.
func (o *Outbox) workOutbox(ctx context.Context) {
	for ctx.Err() == nil {
		jobs, err := o.cfg.Vault.Outbox.Due(ctx, outboxUsers, outboxLease)
		if len(jobs) == 0 || err != nil && len(jobs) == 0 {
			return
		}
		var group sync.WaitGroup
		for _, j := range jobs {
			o.background.Begin()
			group.Go(func() {
				defer o.background.End()
				o.workJob(ctx, j)
			})
		}
		group.Wait()
	}
}

// workJob makes one attempt. What the store does not take comes again with the next lease: revoking twice is fine.
func (o *Outbox) workJob(ctx context.Context, j vault.Job) {
	result, wait := o.revoke(ctx, j.Payload)
	name := providerOf(j.Payload)
	if o.providers[name] == nil {
		name = "other"
	}
	age := o.cfg.Now().Sub(j.Created)
	switch {
	case ctx.Err() != nil:
		return
	case result == client.Revoked:
		o.cfg.revoked(ctx, name)
	case result == client.Impossible, result == client.Refused && j.Attempts+1 >= revocationRefused, age > revocationLimit:
		o.cfg.OnRevocation(name, "given_up")
		o.cfg.Log.Warn("a revocation was given up", "provider", name)
	default:
		o.cfg.OnRevocation(name, "retried")
		wait = max(wait, refresh.Backoff(j.Attempts, revocationFirst, revocationMax))
		_ = o.cfg.Vault.Outbox.Retry(ctx, j, o.cfg.Now().Add(wait))
		return
	}
	_ = o.cfg.Vault.Outbox.Done(ctx, j)
}

// orphaned deals with tokens whose connection ended while they were being fetched. What was unlinked is revoked: the
// outbox knows an older token only. A session that merely ended leaves its grant alone.
func (o *Outbox) orphaned(c vault.Connection) {
	payload := o.Revocation(c)
	if payload == nil {
		return
	}
	o.background.Go(func() {
		for n := range orphanTries {
			result, wait := o.revoke(o.background.ctx, payload)
			if result == client.Revoked {
				o.cfg.revoked(o.background.ctx, c.Provider)
				return
			}
			if result == client.Impossible {
				return
			}
			select {
			case <-o.background.ctx.Done():
				return
			case <-time.After(max(wait, refresh.Backoff(n, orphanFirst, orphanMax))):
			}
		}
		o.cfg.OnRevocation(c.Provider, "given_up")
		o.cfg.Log.Warn("a revocation was given up", "provider", c.Provider)
	})
}

func providerOf(payload []byte) string {
	var rec revocationRecord
	_ = json.Unmarshal(payload, &rec)
	return rec.Provider
}

const (
	revocationLimit   = 4 * 24 * time.Hour // then a provider that never confirmed is given up
	revocationRefused = 8                  // attempts at one that answers, but not with success
	revocationFirst   = 2 * time.Second
	revocationMax     = time.Hour
)

// revocationRecord is what waits in the outbox, sealed by the vault. Names of one letter: it is stored.
type revocationRecord struct {
	Provider string `json:"p"`
	Token    string `json:"t"`
	Hint     string `json:"h"` // token_type_hint
	Access   string `json:"a,omitempty"`
	Subject  string `json:"s,omitempty"` // of the account

	Values map[string]string `json:"v,omitempty"` // of the connection: they say where its provider is
}
