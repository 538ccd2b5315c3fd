package app

import (
	"math"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

// gcPercent lets more garbage gather than the default of 100: the heap of a proxy is so small that the collector
// would run every few hundred calls, for a tenth of the processor's time.
const gcPercent = 400

// cgroupLimit is the file with the memory that the container of this process may use, or "max".
const cgroupLimit = "/sys/fs/cgroup/memory.max"

// TuneCollector sets how much garbage may gather, and, in a container with a memory limit, the heap at which the
// collector runs all the same. Where the operator set GOGC or GOMEMLIMIT, nothing changes.
func TuneCollector(env func(string) string) {
	if env("GOGC") != "" || env("GOMEMLIMIT") != "" || debug.SetMemoryLimit(-1) != math.MaxInt64 {
		return
	}
	debug.SetGCPercent(gcPercent)
	text, err := os.ReadFile(cgroupLimit)
	if err != nil {
		return // no container
	}
	if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && n > 0 {
		debug.SetMemoryLimit(n / 4 * 3)
	}
}
