package proxy

import (
	"net/url"
	"strings"
)

// overridesMethod reports whether a query names another method than the request's for an upstream that obeys it. Names
// are read as the loosest reader reads them: pairs end at ";" too, a name ends at NUL or "[", is decoded twice, and
// what is no letter is nothing.
func overridesMethod(method, query string) bool {
	if len(query) < len("verb") {
		return false
	}
	for pair := range strings.FieldsFuncSeq(query, func(c rune) bool { return c == '&' || c == ';' }) {
		name, value, _ := strings.Cut(pair, "=")
		if len(name) > 512 || !mayOverride(name) {
			continue
		}
		if namesMethod(name) && anotherMethod(method, value, isDedicated(name)) {
			return true
		}
	}
	return false
}

// mayOverride is a quick look at a name as it came: most have none of the letters that matter.
func mayOverride(name string) bool {
	return len(name) >= len("verb") && (strings.Contains(name, "%") || strings.ContainsAny(name, "mM") &&
		strings.ContainsAny(name, "hH") || strings.ContainsAny(name, "vV"))
}

// letters returns the letters of a name in lower case, decoded twice, up to what ends a name for some readers.
func letters(name string) string {
	for range 2 {
		if decoded, err := url.QueryUnescape(name); err == nil {
			name = decoded
		}
	}
	if i := strings.IndexAny(name, "\x00["); i > 0 {
		name = name[:i]
	}
	return strings.Map(func(c rune) rune {
		switch {
		case 'a' <= c && c <= 'z':
			return c
		case 'A' <= c && c <= 'Z':
			return c | 0x20
		}
		return -1
	}, name)
}

// namesMethod reports whether a name is made of the words in which frameworks speak of a request's method.
func namesMethod(name string) bool {
	found := false
	for rest := letters(name); rest != ""; {
		word := ""
		for _, w := range [...]string{"method", "verb", "override", "https", "http", "request", "tunneled", "tunnel",
			"real",
			"original", "x"} {
			if strings.HasPrefix(rest, w) {
				word = w
				break
			}
		}
		if word == "" {
			return false
		}
		found = found || word == "method" || word == "verb" || word == "override"
		rest = rest[len(word):]
	}
	return found
}

// isDedicated reports whether a name has no other meaning than to name a method. "method" and "verb" have.
func isDedicated(name string) bool {
	switch letters(name) {
	case "method", "verb", "override", "request":
		return strings.ContainsAny(name, "_$")
	}
	return true
}

// anotherMethod reports whether a value names a method that is not the request's. A dedicated name has no other values.
func anotherMethod(method, value string, dedicated bool) bool {
	for range 2 {
		if decoded, err := url.QueryUnescape(value); err == nil {
			value = decoded
		}
	}
	value, _, _ = strings.Cut(value, "\x00")
	value = strings.ToUpper(strings.Trim(strings.TrimSpace(value), `"'`))
	if value == method || value == "" {
		return false
	}
	if dedicated {
		return true
	}
	switch value {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PURGE", "COPY", "MOVE",
		"LOCK",
		"UNLOCK", "MKCOL", "PROPFIND", "PROPPATCH":
		return true
	}
	return false
}
