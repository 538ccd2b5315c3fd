package simulate

import (
	"slices"
	"strings"
	"time"
)

// runTimeout bounds one scenario.
const runTimeout = 60 * time.Second

// A scenario is something that happens between people, bff and a provider. It went well when what happened is what was
// expected, to the letter.
type scenario struct {
	name, expected string
	run            func(*trial) string
	refused        func(*trial) bool // whether nobody listens at the provider now
	other          bool              // the operator configured another credential than the stand-in knows
	fact           bool              // it shows whether the file says what the provider is
	core           bool              // recorded answers decide it most of all
	shows          []string          // the beginnings of those keys that it, most of all, shows to be wrong
}

// first sorts scenarios so that those which show most of a key come first.
func first(all []scenario, key string) []scenario {
	rank := func(sc scenario) int {
		if slices.ContainsFunc(sc.shows, func(of string) bool { return strings.HasPrefix(key, of) }) {
			return 0
		}
		return 1
	}
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b scenario) int { return rank(a) - rank(b) })
	return all
}
