package admin

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"bff/internal/api/metrics"
	"bff/internal/api/route"
	"bff/internal/assertion"
	"bff/internal/audit"
	"bff/internal/oauth"
	"bff/internal/vault"
)

// Config is what an Admin needs.
type Config struct {
	Fronts    *route.Fronts     // required: the issuers of assertions and introspection, and their cookies
	Vault     *vault.Vault      // required
	Broker    *oauth.Broker     // required
	Signer    *assertion.Signer // required
	Providers []string          // with whom people sign in
	Clients   []route.Client    // services that may ask
	Peers     route.Peers       // whose X-Forwarded-For and X-Forwarded-Uri are believed
	Draining  <-chan struct{}   // closed when the instance stops
	Audit     audit.Recorder    // required
	Metrics   *metrics.Metrics
	Touch     func(*vault.Session) // slides a session behind the caller's back
	Now       func() time.Time
	Log       *slog.Logger
}

// An Admin answers the admin listener. It is safe for concurrent use.
type Admin struct {
	cfg     Config
	clients *clientBook
}

func healthy(c *route.Call) error { return c.Text(http.StatusOK, "ok") }

func (a *Admin) scrape(c *route.Call) error {
	a.cfg.Metrics.Scrape(c.W, c.R)
	return nil
}

// ready says whether the instance can serve: the store answers, and nobody asked it to stop.
func (a *Admin) ready(c *route.Call) error {
	select {
	case <-a.cfg.Draining:
		return c.Text(http.StatusServiceUnavailable, "draining")
	default:
	}
	ctx, cancel := context.WithTimeout(c.Ctx(), time.Second)
	defer cancel()
	if err := a.cfg.Vault.Serves(ctx); err != nil {
		return c.Text(http.StatusServiceUnavailable, "the store does not answer, or refuses reads or writes")
	}
	return c.Text(http.StatusOK, "ok")
}
