package config

import (
	"fmt"
	"regexp"
	"strings"
)

var (
	listItem = regexp.MustCompile(`^(- +)(.*)$`)
	opensKey = regexp.MustCompile(`^[^\s#'"{\[][^#'"]*:\s*(#.*)?$`)
	valueKey = regexp.MustCompile(`^[^\s#'"{\[][^:#'"]*:\s+\S`)
)

// misplaced finds the first line of a block-style file whose indentation fits none of the lines above it, and what to
// do. ok is false when there is none, or when text over several lines makes it unsafe to say.
func misplaced(lines []string) (at Position, what string, ok bool) {
	levels := []int{0} // columns at which keys of open mappings, and items of open lists, begin
	first, opened := true, false
	for i, line := range lines {
		text := strings.TrimLeft(line, " ")
		indent := len(line) - len(text)
		if text = strings.TrimRight(text, " "); text == "" || text[0] == '#' {
			continue
		}
		if spansLines(text) {
			return Position{}, "", false
		}
		if first {
			levels, first = []int{indent}, false
		}
		top := levels[len(levels)-1]
		switch {
		case indent > top && opened:
			levels = append(levels, indent)
		case indent > top:
			return Position{
					i + 1,
					indent + 1,
				}, fmt.Sprintf(
					"the line is indented deeper than the one above it, which has its value already; "+
						"indent it with %s",
					spaces(top),
				), true
		default:
			for len(levels) > 0 && levels[len(levels)-1] > indent {
				levels = levels[:len(levels)-1]
			}
			if len(levels) == 0 || levels[len(levels)-1] != indent {
				return Position{
						i + 1,
						indent + 1,
					}, "the line lines up with nothing above it; keys of one mapping, and items of one list, " +
						"begin in one column", true
			}
		}
		for m := listItem.FindStringSubmatch(text); m != nil; m = listItem.FindStringSubmatch(text) {
			indent, text = indent+len(m[1]), m[2]
			if opensKey.MatchString(text) || valueKey.MatchString(text) {
				levels = append(levels, indent)
			}
		}
		opened = opensKey.MatchString(text) || text == "-"
	}
	return Position{}, "", false
}

func spaces(n int) string {
	switch n {
	case 0:
		return "no space"
	case 1:
		return "1 space"
	}
	return fmt.Sprintf("%d spaces", n)
}

// spansLines says whether a line begins a value that goes on below it: a block of text, or a bracket or quote without
// its end.
func spansLines(text string) bool {
	if at := strings.Index(text, " #"); at >= 0 {
		text = strings.TrimRight(text[:at], " ")
	}
	for _, end := range []string{"|", ">", "|-", ">-", "|+", ">+"} {
		if strings.HasSuffix(text, ": "+end) || strings.HasSuffix(text, "- "+end) {
			return true
		}
	}
	return strings.Count(text, "{") != strings.Count(text, "}") || strings.Count(text, "[") != strings.Count(text, "]") ||
		strings.Count(text, `"`)%2 != 0 || strings.Count(text, "'")%2 != 0
}
