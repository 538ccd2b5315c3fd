package proxy

import (
	"mime"
	"net/http"
	"strings"
)

// varies reports whether an answer says that it depends on a request's field.
func varies(h http.Header, field string) bool {
	for _, line := range h["Vary"] {
		for name := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(name), field) {
				return true
			}
		}
	}
	return false
}

// contentType returns the media type of an answer in lower case, and the one way to write it with its parameters. Both
// are empty when the field can be read as more than one type: browsers take the last of a list.
func contentType(h http.Header) (kind, value string) {
	lines := h["Content-Type"]
	if len(lines) != 1 || strings.ContainsAny(lines[0], ",\\\x00") {
		return "", ""
	}
	if !strings.Contains(lines[0], ";") && plainType(lines[0]) {
		return strings.ToLower(lines[0]), lines[0]
	}
	kind, params, err := mime.ParseMediaType(lines[0])
	if err != nil || !plainType(kind) {
		return "", ""
	}
	if value = mime.FormatMediaType(kind, params); value == "" || strings.Contains(value, ",") {
		return kind, kind
	}
	return kind, value
}

// plainType reports whether s is two names with a slash between them.
func plainType(s string) bool {
	slash := strings.IndexByte(s, '/')
	if slash <= 0 || slash == len(s)-1 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !('a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || i == slash || strings.IndexByte("!#$&-^_.+",
			c) >= 0) {
			return false
		}
	}
	return true
}

// splitList splits a comma-separated list, minding quoted strings (RFC 9110 section 5.6).
func splitList(s string) []string {
	var out []string
	start, quoted := 0, false
	add := func(end int) {
		if v := strings.TrimSpace(s[start:end]); v != "" {
			out = append(out, v)
		}
		start = end + 1
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			add(i)
		}
	}
	add(len(s))
	return out
}
