package vault

import (
	"context"
	"time"

	"bff/internal/vault/seal"
	"bff/internal/vault/store"
)

// Explanations keeps what happened to an id, for a while: lists of entries, sealed under the ring, below the keyed
// hash of the id. What it holds is lost with its time, and by a store that has no room; nothing depends on it.
type Explanations struct{ c *core }

func explanationBinding(id string) seal.Binding {
	return seal.Binding{Kind: "explanation", Owner: seal.Encode(seal.Digest("bff explanation v1", id)[:16])}
}

// Append adds an entry to the lists of the ids, keeps the last most of each, and has them live for ttl from now.
func (e Explanations) Append(ctx context.Context, ids []string, entry []byte, most int, ttl time.Duration) error {
	for _, id := range ids {
		_, err := e.c.db.Run(ctx, store.Call{Script: "append", Keys: store.Keys{"list": e.c.ringKeys("e:", id)[0]},
			Args: store.Args{"entry": e.c.ring().Seal(explanationBinding(id), entry), "most": most, "ttl": millisOf(ttl)}})
		if err != nil {
			return err
		}
	}
	return nil
}

// Read returns the entries of an id, the oldest first. An unknown id has none; what does not open is left out.
func (e Explanations) Read(ctx context.Context, id string) ([][]byte, error) {
	var out [][]byte
	keys := e.c.ringKeys("e:", id)
	for i := len(keys) - 1; i >= 0; i-- { // the oldest key of the ring first
		values, err := e.c.db.List(ctx, keys[i])
		if err != nil {
			return nil, err
		}
		for _, value := range values {
			if entry, err := e.c.ring().Open(explanationBinding(id), []byte(value)); err == nil {
				out = append(out, entry)
			}
		}
	}
	return out, nil
}
