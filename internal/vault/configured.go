package vault

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"bff/internal/vault/seal"
)

// What an instance was configured with when one last started or read its configuration again, so that the next one can
// say what changed:
//
//	<prefix>:g   string   digests by name, sealed under the ring

const configuredLife = 400 * 24 * time.Hour

func configuredBinding() seal.Binding { return seal.Binding{Kind: "configured", Owner: "instance"} }

// SwapConfigured keeps the digests of a configuration, and returns those that were kept, nil where there are none that
// this ring opens.
func (v *Vault) SwapConfigured(ctx context.Context, now map[string]string) (before map[string]string, err error) {
	key := v.db.Global("g")
	value, err := v.db.Get(ctx, key)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	if plain, opened := v.ring().Open(configuredBinding(), []byte(value)); err == nil && opened == nil {
		_ = json.Unmarshal(plain, &before) // else: written by another version
	}
	plain, err := json.Marshal(now)
	if err != nil {
		return nil, err
	}
	return before, v.db.Set(ctx, key, v.ring().Seal(configuredBinding(), plain), configuredLife)
}
