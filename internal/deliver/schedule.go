package deliver

import "time"

// GiveUp is how old an event is when it is tried no more.
const GiveUp = 72 * time.Hour

// longestWait is between two attempts, at most.
const longestWait = time.Hour

// Wait is how long an event waits after so many attempts, the first being 1. A program may ask for more (Retry-After),
// but not at the first time, and not for more than an hour.
func Wait(attempts int, asked time.Duration) time.Duration {
	steps := [...]time.Duration{
		3 * time.Second,
		15 * time.Second,
		time.Minute,
		5 * time.Minute,
		15 * time.Minute,
		30 * time.Minute,
	}
	switch {
	case attempts <= 1:
		return steps[0]
	case attempts > len(steps):
		return longestWait
	}
	return min(max(steps[attempts-1], asked), longestWait)
}
