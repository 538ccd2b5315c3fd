package signin

import (
	"log/slog"
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
	cfg      Config
	starts   *addressLimiter
	offered  *offered
	values   *values
	typed    *typedForm
	attempts *attempts
	crossing *crossing
	accounts *accounts
	ends     *ends
}

// New makes a Flow.
func New(cfg Config) *Flow {
	f := &Flow{cfg: cfg, starts: newAddressLimiter(cfg.PerMinute, cfg.Now)}
	f.offered = &offered{broker: cfg.Broker, names: cfg.Providers, linkOnly: cfg.LinkOnly}
	f.values = &values{broker: cfg.Broker, offered: f.offered}
	f.typed = &typedForm{values: f.values}
	f.attempts = &attempts{vault: cfg.Vault, now: cfg.Now}
	f.crossing = &crossing{attempts: f.attempts, fronts: cfg.Fronts}
	f.accounts = &accounts{vault: cfg.Vault, users: cfg.Users, offered: f.offered, metrics: cfg.Metrics}
	f.ends = &ends{attempts: f.attempts, crossing: f.crossing, metrics: cfg.Metrics, log: cfg.Log}
	return f
}
