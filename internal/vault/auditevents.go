package vault

import (
	"context"
	"encoding/json"
	"time"

	"bff/internal/audit"
	"bff/internal/vault/seal"
	"bff/internal/vault/store"
)

// What a command does at the store is recorded by whoever writes the audit log: a running instance. So the command
// leaves its events in the store, sealed under the ring:
//
//	<prefix>:y   list   events that no instance has taken yet, the oldest in front

// handedLife and maxHanded bound what waits for an instance.
const (
	handedLife = 30 * 24 * time.Hour
	maxHanded  = 10_000
)

func handedBinding() seal.Binding { return seal.Binding{Kind: "handed", Owner: "audit"} }

// AuditEvents keeps events for another process.
type AuditEvents struct{ *core }

// HandOver leaves an event for the audit log of whichever instance takes it.
func (c *AuditEvents) HandOver(ctx context.Context, e audit.Event) error {
	entry, err := json.Marshal(e)
	if err != nil {
		return err
	}
	_, err = c.db.Run(ctx, store.Call{Script: "append", Keys: store.Keys{"list": c.db.Global("y")},
		Args: store.Args{"entry": c.ring().Seal(handedBinding(), entry), "most": maxHanded, "ttl": millisOf(handedLife)}})
	return err
}

// Handed takes the events that were left: nobody else is given them. One that does not open is left out.
func (c *AuditEvents) Handed(ctx context.Context) ([]audit.Event, error) {
	values, err := c.db.RunList(ctx, store.Call{Script: "drain", Keys: store.Keys{"list": c.db.Global("y")}})
	var all []audit.Event
	for _, value := range values {
		var e audit.Event
		plain, opened := c.ring().Open(handedBinding(), []byte(value))
		if opened == nil && json.Unmarshal(plain, &e) == nil {
			all = append(all, e)
		}
	}
	return all, err
}
