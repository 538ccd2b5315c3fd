package oauth

import (
	"context"

	"bff/internal/oauth/client"
)

// CheckEndpoint is what every address of a metadata document passes. An issuer that is not on loopback cannot be
// played here, so it is tested by itself.
func CheckEndpoint(address, issuer string) error { return client.CheckEndpoint(address, issuer) }

// Idle waits until nothing goes on in the background, or ctx ends.
func (b *Broker) Idle(ctx context.Context) error { return b.background.Wait(ctx) }
