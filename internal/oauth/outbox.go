package oauth

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"bff/internal/audit"
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

// Run works on the outbox until ctx ends: what was unlinked is revoked at its provider until that confirms, or is
// known not to.
func (b *Broker) Run(ctx context.Context) {
	for {
		b.workOutbox(ctx)
		select {
		case <-ctx.Done():
			return
		case <-b.nudge:
		case <-time.After(outboxEvery + refresh.Jitter(outboxEvery/2)):
		}
	}
}

// Nudge says that something new is in the outbox.
func (b *Broker) Nudge() {
	select {
	case b.nudge <- struct{}{}:
	default: // it is going to be looked at anyway
	}
}

// workOutbox does what is due, a few at once so that one slow provider does not hold up the others.
func (b *Broker) workOutbox(ctx context.Context) {
	for ctx.Err() == nil {
		jobs, err := b.vault.DueJobs(ctx, outboxUsers, outboxLease)
		if len(jobs) == 0 || err != nil && len(jobs) == 0 {
			return
		}
		var group sync.WaitGroup
		for _, j := range jobs {
			b.background.Begin()
			group.Go(func() {
				defer b.background.End()
				b.workJob(ctx, j)
			})
		}
		group.Wait()
	}
}

// workJob makes one attempt. What the store does not take comes again with the next lease: revoking twice is fine.
func (b *Broker) workJob(ctx context.Context, j vault.Job) {
	result, wait := b.revoke(ctx, j.Payload)
	name := providerOf(j.Payload)
	if b.providers[name] == nil {
		name = "other"
	}
	age := b.cfg.Now().Sub(j.Created)
	switch {
	case ctx.Err() != nil:
		return
	case result == client.Revoked:
		b.cfg.revoked(ctx, name)
	case result == client.Impossible, result == client.Refused && j.Attempts+1 >= revocationRefused, age > revocationLimit:
		b.cfg.OnRevocation(name, "given_up")
		b.cfg.Log.Warn("a revocation was given up", "provider", name)
	default:
		b.cfg.OnRevocation(name, "retried")
		wait = max(wait, refresh.Backoff(j.Attempts, revocationFirst, revocationMax))
		_ = b.vault.JobRetry(ctx, j, b.cfg.Now().Add(wait))
		return
	}
	_ = b.vault.JobDone(ctx, j)
}

// orphaned deals with tokens whose connection ended while they were being fetched. What was unlinked is revoked: the
// outbox knows an older token only. A session that merely ended leaves its grant alone.
func (b *Broker) orphaned(c vault.Connection) {
	payload := b.Revocation(c)
	if payload == nil {
		return
	}
	b.background.Go(func() {
		for n := range orphanTries {
			result, wait := b.revoke(b.base, payload)
			if result == client.Revoked {
				b.cfg.revoked(b.base, c.Provider)
				return
			}
			if result == client.Impossible {
				return
			}
			select {
			case <-b.base.Done():
				return
			case <-time.After(max(wait, refresh.Backoff(n, orphanFirst, orphanMax))):
			}
		}
		b.cfg.OnRevocation(c.Provider, "given_up")
		b.cfg.Log.Warn("a revocation was given up", "provider", c.Provider)
	})
}

// revoked records that the provider said that a grant is no more.
func (c *Config) revoked(ctx context.Context, provider string) {
	c.OnRevocation(provider, "revoked")
	c.Audit.Record(ctx, audit.Event{Kind: audit.GrantRevoked, At: c.Now(), Provider: provider,
		Actor: audit.Actor{Kind: audit.ByProvider, Name: provider}})
}

func providerOf(payload []byte) string {
	var rec revocationRecord
	_ = json.Unmarshal(payload, &rec)
	return rec.Provider
}
