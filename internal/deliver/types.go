package deliver

import (
	"fmt"
	"slices"
	"strings"
)

// Types returns every type of event there is.
func Types() []string {
	return []string{"user.created", "user.changed", "user.erased", "session.created", "session.ended",
		"connection.linked", "connection.changed", "connection.removed"}
}

// CheckType says what is wrong with a line of `types`, nil when nothing is: a type, or the part before its dot and
// ".*".
func CheckType(pattern string) error {
	if slices.ContainsFunc(Types(), func(t string) bool { return Matches(pattern, t) }) {
		return nil
	}
	return fmt.Errorf("there is no such type of event; write one of %s, or user.*, session.*, connection.*, *",
		strings.Join(Types(), ", "))
}

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
