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

// ErrOtherKeys says that no key of the ring opens what an instance wrote before: nor will it open anybody's session.
var ErrOtherKeys = errors.New("no key of the ring opens what was written before")

// otherKeys is what a look at the store says of such a ring.
const otherKeys = "holds what no key of `session.keys` opens: with these keys everybody who is signed in is signed out; " +
	"put the key that was there before behind the new one"

// readConfigured returns the digests that were kept, nil where there are none. Errors: [ErrOtherKeys], those of the
// store.
func (v *Vault) readConfigured(ctx context.Context) (digests map[string]string, err error) {
	value, err := v.db.Get(ctx, v.db.Global("g"))
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	plain, err := v.ring().Open(configuredBinding(), []byte(value))
	if err != nil {
		return nil, ErrOtherKeys
	}
	_ = json.Unmarshal(plain, &digests) // else: written by another version
	return digests, nil
}

// SwapConfigured keeps the digests of a configuration, and returns those that were kept, nil where there are none that
// this ring opens; then, with [ErrOtherKeys], the new ones are kept all the same.
func (v *Vault) SwapConfigured(ctx context.Context, now map[string]string) (before map[string]string, err error) {
	before, err = v.readConfigured(ctx)
	if err != nil && !errors.Is(err, ErrOtherKeys) {
		return nil, err
	}
	plain, failed := json.Marshal(now)
	if failed == nil {
		failed = v.db.Set(ctx, v.db.Global("g"), v.ring().Seal(configuredBinding(), plain), configuredLife)
	}
	return before, errors.Join(err, failed)
}
