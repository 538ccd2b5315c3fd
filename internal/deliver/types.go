package deliver

import (
	"slices"
	"strings"
)

// Matches reports whether a line of `types` is for a type of event.
func Matches(pattern, eventType string) bool {
	group, any := strings.CutSuffix(pattern, ".*")
	return pattern == eventType || pattern == "*" ||
		any && strings.HasPrefix(eventType, group+".") && !strings.Contains(group, ".")
}

// Wants returns whether a program with these lines takes a type of event: all of them where there is no line.
func Wants(patterns []string) func(eventType string) bool {
	return func(eventType string) bool {
		return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p string) bool { return Matches(p, eventType) })
	}
}
