package signin

import (
	"log/slog"
	"slices"
	"time"

	"bff/internal/api/metrics"
	"bff/internal/api/route"
	"bff/internal/oauth"
	"bff/internal/users"
	"bff/internal/vault"
)

// Config is what a Flow needs.
type Config struct {
	Fronts    *route.Fronts // required
	SSO       bool          // who is signed in on the first front is signed in on the others without the provider
	Vault     *vault.Vault  // required
	Broker    *oauth.Broker // required
	Providers []string      // names of the configured providers
	LinkOnly  []string      // those of them whose accounts are linked only
	Users     *users.Policy // required: who may sign in, and with which rights
	PerMinute int           // attempts per client address and minute
	Peers     route.Peers
	Metrics   *metrics.Metrics
	Now       func() time.Time
	Log       *slog.Logger
}

// A Flow takes people to providers and back. It is safe for concurrent use.
type Flow struct {
	cfg    Config
	starts *addressLimiter
}

// New makes a Flow.
func New(cfg Config) *Flow {
	return &Flow{cfg: cfg, starts: newAddressLimiter(cfg.PerMinute, cfg.Now)}
}

// linkedOnly says whether accounts of a provider sign nobody in.
func (f *Flow) linkedOnly(provider string) bool {
	return slices.Contains(f.cfg.LinkOnly, provider) || f.cfg.Broker.Typed(provider)
}

// known says whether a provider has accounts of people.
func (f *Flow) known(provider string) bool {
	return slices.Contains(f.cfg.Providers, provider) && !f.cfg.Broker.Operated(provider)
}
