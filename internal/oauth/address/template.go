package address

import (
	"slices"
	"strings"
)

// maxName is how long the name of a value may be.
const maxName = 32

// IsName reports whether a value can have that name: a letter, then letters, digits and "_".
func IsName(s string) bool {
	if s == "" || len(s) > maxName || !letter(s[0]) {
		return false
	}
	for i := range len(s) {
		if !letter(s[i]) && (s[i] < '0' || s[i] > '9') && s[i] != '_' {
			return false
		}
	}
	return true
}

func letter(b byte) bool { return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' }

// Reserved reports whether a name in braces means something else than a value, in one place or another.
func Reserved(name string) bool {
	return slices.Contains([]string{"tid", "client_id", "client_secret", "redirect_uri", "token", "access_token",
		"refresh_token", "installation", "subject", "state", "code"}, name)
}

// A part is a text, or the place of a value.
type part struct{ text, name string }

// split takes a template apart. Braces around anything but a name that is not reserved are text.
func split(template string) (parts []part) {
	text := ""
	for template != "" {
		open := strings.IndexByte(template, '{')
		if open < 0 {
			break
		}
		end := strings.IndexByte(template[open:], '}')
		if end < 0 {
			break
		}
		name := template[open+1 : open+end]
		if !IsName(name) || Reserved(name) {
			text += template[:open+1]
			template = template[open+1:]
			continue
		}
		if text += template[:open]; text != "" {
			parts = append(parts, part{text: text})
		}
		parts, text, template = append(parts, part{name: name}), "", template[open+end+1:]
	}
	if text += template; text != "" {
		parts = append(parts, part{text: text})
	}
	return parts
}

// Names lists the values that a template has places for, each once.
func Names(template string) (names []string) {
	for _, p := range split(template) {
		if p.name != "" && !slices.Contains(names, p.name) {
			names = append(names, p.name)
		}
	}
	return names
}

// Text fills a template that is no address: a header or a parameter, which whoever sends it encodes. A place
// without a value stays as it is.
func Text(template string, values map[string]string) string {
	if !strings.Contains(template, "{") {
		return template
	}
	var out strings.Builder
	for _, p := range split(template) {
		switch value, ok := values[p.name]; {
		case p.name == "":
			out.WriteString(p.text)
		case ok:
			out.WriteString(value)
		default:
			out.WriteString("{" + p.name + "}")
		}
	}
	return out.String()
}

// Filled reports whether every place of a template has a value.
func Filled(template string, values map[string]string) bool {
	return !slices.ContainsFunc(Names(template), func(name string) bool { return values[name] == "" })
}
