package app_test

import (
	"runtime/debug"
	"testing"

	"bff/internal/app"
)

// More garbage may gather than by default, unless the operator set GOGC or GOMEMLIMIT.
func TestTuneCollectorLeavesTheOperatorsSettings(t *testing.T) {
	before, limit := debug.SetGCPercent(77), debug.SetMemoryLimit(-1)
	defer func() {
		debug.SetGCPercent(before)
		debug.SetMemoryLimit(limit)
	}()
	for _, row := range []struct {
		name, variable string
		changes        bool
	}{
		{"nothing is set", "", true},
		{"GOGC is set", "GOGC", false},
		{"GOMEMLIMIT is set", "GOMEMLIMIT", false},
	} {
		debug.SetGCPercent(77)
		debug.SetMemoryLimit(limit)
		app.TuneCollector(func(name string) string {
			if name == row.variable {
				return "50"
			}
			return ""
		})
		if got := debug.SetGCPercent(77); (got != 77) != row.changes {
			t.Errorf("%s: the percentage becomes %d", row.name, got)
		}
	}
}
