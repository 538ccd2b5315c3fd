package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"bff/internal/api"
	"bff/internal/assertion"
	"bff/internal/config"
	"bff/internal/oauth"
	"bff/internal/users"
	"bff/internal/vault"
	"bff/internal/webhook"
)

// A generation is what one reading of the configuration made: everything between the listeners and the store. Towards
// another generation of the same process it is what another instance is: nothing but the store is shared.
type generation struct {
	cfg    *config.Config
	vault  *vault.Vault
	broker *oauth.Broker
	signer *assertion.Signer
	server *api.Server
	policy *users.Policy
	sender *webhook.Sender // of the hook and of events
	log    *slog.Logger
	events *recorders

	stop    context.CancelFunc // of its workers
	workers sync.WaitGroup
	calls   sync.WaitGroup // handlers that run; none is added once another generation has taken over
}

// close releases everything below the listeners, in the order in which nothing is lost. No handler may run any more.
// The vault is closed only where own is true: another generation may use it.
func (g *generation) close(ctx context.Context, own bool) error {
	drained := g.broker.Drain(ctx)
	g.server.Close()
	g.signer.Close()
	g.stop()
	g.workers.Wait()
	g.events.close()
	if own {
		if err := g.vault.Close(); err != nil {
			return fmt.Errorf("close the store: %w", err)
		}
	}
	if drained != nil {
		return errUnfinished
	}
	return nil
}

// errUnfinished says that refreshes were still running when there was no more time.
var errUnfinished = errors.New("refreshes were still running at the end of the shutdown timeout")
