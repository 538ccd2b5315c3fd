package app

import "bff/internal/config"

// Unwired returns the keys that a configuration sets and that nothing in this version reads. Whoever wires one takes
// its line out.
func Unwired(c *config.Config) (keys []string) {
	if len(c.Fronts) > 0 {
		keys = append(keys, "fronts")
	}
	return keys
}
