package vault

import (
	"context"
	"time"

	"bff/internal/vault/seal"
	"bff/internal/vault/store"
)

// A ClaimState is how an id stands that is accepted once.
type ClaimState int

// The states of a claim. An id that nobody has claimed has none.
const (
	ClaimHeld ClaimState = iota + 1 // by the caller: do the work, then call Done
	ClaimBusy                       // by somebody else, for at most claimLease: nothing is known yet
	ClaimDone                       // its work was done
)

// claimLease is how long a claim outlives a holder that died.
const claimLease = 10 * time.Second

// A Claimed is an id that the caller has claimed.
type Claimed struct {
	c          *core
	key, owner string
}

// Claim claims an id that is accepted once, such as a token's jti. Until Done the id is not spent: when the holder
// dies, or gives up by Release, it can be claimed again. An error claims nothing that outlives claimLease.
func (v *Attempts) Claim(ctx context.Context, kind, id string) (*Claimed, ClaimState, error) {
	c := &Claimed{c: v.core, key: v.onceKey(kind, id), owner: "c." + seal.Nonce()}
	n, err := v.db.Run(ctx, store.Call{Script: "claim_once", Keys: store.Keys{"key": c.key},
		Args: store.Args{"owner": c.owner, "lease": millisOf(claimLease)}})
	if err != nil {
		return nil, 0, err
	}
	if state := ClaimState(n); state != ClaimHeld {
		return nil, state, nil
	}
	return c, ClaimHeld, nil
}

// Done says that the work was done: for keep, the id is not accepted again. ErrNotFound where somebody else claimed it
// since, who does the work again.
func (c *Claimed) Done(ctx context.Context, keep time.Duration) error {
	ctx, cancel := detached(ctx)
	defer cancel()
	_, err := c.c.db.RunDurably(ctx, store.Call{Script: "claim_done", Keys: store.Keys{"key": c.key},
		Args: store.Args{"owner": c.owner, "keep": millisOf(keep)}})
	return err
}

// Release gives the id back: its work was not done.
func (c *Claimed) Release(ctx context.Context) error {
	ctx, cancel := detached(ctx)
	defer cancel()
	_, err := c.c.db.Run(ctx, store.Call{Script: "release", Keys: store.Keys{"lock": c.key},
		Args: store.Args{"owner": c.owner, "channel": "", "message": ""}})
	return err
}

func (c *core) onceKey(kind, id string) string {
	return c.db.Global("x:" + seal.Encode(seal.Digest("bff once v1", kind, id)[:16]))
}
