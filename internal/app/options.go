package app

import (
	"io"
	"log/slog"
	"net/http"
	"time"

	"bff/internal/config"
)

// Options are what an Instance is given beside its configuration.
type Options struct {
	Log      *slog.Logger   // required
	Level    *slog.LevelVar // of Log, which a reload may set; nil: it cannot
	Version  string         // of the binary, for the metrics
	Frontend http.Handler   // nil: the configuration's

	// Frontends are those of further fronts, by origin; of one that is not in it, the configuration's.
	Frontends map[string]http.Handler
	// AnyLoopback makes a loopback Host that is no front's one of the first front's: for developing.
	AnyLoopback bool

	// Authority is the client of the ACME authority; nil: one that trusts the roots of this machine.
	Authority *http.Client

	// Network carries what goes to providers and upstreams, in a trial where nothing leaves the process; nil: the network.
	Network http.RoundTripper

	// Now is the time of day; nil: time.Now, which deadlines and measurements always have.
	Now func() time.Time

	// Trial is for a command that serves nobody: the store is asked nothing before somebody wants to know.
	Trial bool

	// Reload reads the configuration again: it returns it, or a report of its mistakes. nil: it cannot be read again.
	Reload func() (*config.Config, string)

	// Record has what happens recorded: in the audit log and for explanations, as the configuration says. Stderr is where
	// `log.audit: stderr` goes.
	Record bool
	Stderr io.Writer
	// HandOver is for a command: what it does is written by a running instance, which has the audit log open.
	HandOver bool
	// Env is the environment, where the standard variables of OpenTelemetry count. nil: there is no telemetry.
	Env func(string) string
}
