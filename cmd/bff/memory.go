package main

import (
	"math"
	"runtime"
	"runtime/debug"
)

// roomForGarbage makes the collector wait until there is some. A proxy's heap is so small that it would run every few hundred calls, for a tenth of the
// processor's time; memory that nobody touches counts as heap, and takes no room. A memory limit (GOMEMLIMIT) is the operator's word, and GOGC too:
// then there is none. It is held until release is called.
func roomForGarbage(env func(string) string) (release func()) {
	if debug.SetMemoryLimit(-1) != math.MaxInt64 || env("GOGC") != "" {
		return func() {}
	}
	untouched := make([]byte, 16<<20)
	return func() { runtime.KeepAlive(untouched) }
}
