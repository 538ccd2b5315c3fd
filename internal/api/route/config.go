package route

import (
	"log/slog"
	"net/http"

	"bff/internal/api/metrics"
	"bff/internal/audit"
	"bff/internal/telemetry"
	"bff/internal/vault"
)

// Config is what a Listener needs.
type Config struct {
	Rows []Row
	// Mounts finds rows that are looked for first; nil: there are none. Without a front it finds those of a host that
	// is no front's.
	Mounts    func(*http.Request, *Front) *Row
	Rest      map[*Front]*Row   // everything that no row is for; none: 404
	Fronts    *Fronts           // nil on the admin listener
	Vault     *vault.Vault      // of rows that want a session
	Providers []string          // with whom people sign in
	Client    func(*Call) error // authenticates the caller of a ClientForm or ClientBasic row and sets it; nil: there are none
	Peers     Peers
	Metrics   *metrics.Metrics
	Audit     audit.Recorder       // records what was refused and why
	Traces    *telemetry.Telemetry // records requests; nil: none
	AccessLog bool                 // a line at level info for every request
	Log       *slog.Logger
}
