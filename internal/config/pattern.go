package config

import "strings"

// plainPattern puts what net/http says of a pattern into an operator's words. Anything else stays as it is.
func plainPattern(text string) string {
	for said, meant := range map[string]string{
		"invalid method": "a pattern has one method: write one item for each, as in `- GET /x` and `- POST /x`",
		"unclean path": "no request has a path with `//`, `/./` or `/../` when the list is asked: write it " +
			"without",
		"duplicate wildcard name": "two wildcards have one name: write one for each, as in `/{a}/{b}`",
		"bad wildcard": "a wildcard is a whole segment with a name of letters and digits: write `{id}`, or " +
			"`{rest...}` at the end",
		"empty wildcard":      "a wildcard has no name: write `{id}`, or `{rest...}` at the end",
		"wildcard not at end": "a wildcard for all the rest is not at the end: write `{id}` for one segment",
		"{$} not at end":      "`{$}` marks the end and stands before it: remove what follows",
	} {
		if strings.HasPrefix(text, "parsing ") && strings.Contains(text, said) {
			return meant
		}
	}
	return text
}
