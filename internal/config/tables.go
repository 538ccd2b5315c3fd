package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// tableMark is where a table of docs/configuration.md begins, and what it has: `<!-- keys: session -->`, or, for some
// of the keys of a section, `<!-- keys: providers: client_id, scopes -->` and `<!-- keys: providers: other -->` for
// those of no table before.
var tableMark = regexp.MustCompile(`(?m)^<!-- keys: ([a-z_.]+)(?:: ([a-z_, ]+))? -->$`)

const tableEnd = "<!-- end of keys -->"

// WriteTables returns a document with the tables of keys that belong between its marks, and the sections that it has.
func WriteTables(document string) (string, []string, error) {
	sections := sections()
	shown := map[string][]string{}
	var b strings.Builder
	for {
		m := tableMark.FindStringSubmatchIndex(document)
		if m == nil {
			b.WriteString(document)
			return b.String(), sortedKeys(shown), checkShown(sections, shown)
		}
		section := document[m[2]:m[3]]
		fields, ok := sections[section]
		end := strings.Index(document[m[1]:], tableEnd)
		if !ok || end < 0 {
			return "", nil, fmt.Errorf("a table of the document has no section %s, or no end", section)
		}
		if m[4] >= 0 {
			fields = chosen(fields, document[m[4]:m[5]], shown[section])
		}
		shown[section] = append(shown[section], names(fields)...)
		b.WriteString(document[:m[1]] + "\n\n" + table(fields) + "\n" + tableEnd)
		document = document[m[1]+end+len(tableEnd):]
	}
}

// chosen are the fields of one table of several.
func chosen(fields []field, which string, before []string) (some []field) {
	wanted := strings.Split(which, ", ")
	for _, f := range fields {
		if which == "other" && !slices.Contains(before, f.name) || slices.Contains(wanted, f.name) {
			some = append(some, f)
		}
	}
	return some
}

// checkShown reports a section or a key that no table has.
func checkShown(sections map[string][]field, shown map[string][]string) error {
	for _, name := range sortedKeys(sections) {
		for _, f := range sections[name] {
			if !slices.Contains(shown[name], f.name) {
				return fmt.Errorf("no table has the key %s of %s", f.name, name)
			}
		}
	}
	return nil
}

// sections are all mappings of the configuration by their path; "top" is the file itself.
func sections() map[string][]field {
	all := map[string][]field{}
	var walk func(path string, fields []field)
	walk = func(path string, fields []field) {
		all[path] = fields
		for _, f := range fields {
			below := f.below
			if f.entry != nil {
				below = f.entry()
			}
			if below != nil && !(path == "fronts" && f.name == "frontend") { // as in frontend
				walk(strings.TrimPrefix(path+"."+f.name, "top."), below)
			}
		}
	}
	walk("top", (&Config{}).fields())
	return all
}

// table is a Markdown table of fields.
func table(fields []field) string {
	var b strings.Builder
	b.WriteString("| key | type | default | |\n| --- | --- | --- | --- |\n")
	for _, f := range fields {
		text := f.about
		if f.example != "" {
			text += " Example: " + code(f.example)
		}
		fmt.Fprintf(
			&b,
			"| `%s` | %s | %s | %s |\n",
			f.name,
			f.typeWord(),
			f.defaultText(),
			strings.ReplaceAll(text, "|", "\\|"),
		)
	}
	return b.String()
}

// defaultText is what the documentation says of a field that is absent.
func (f field) defaultText() string {
	switch {
	case f.def != "":
		return code(f.def)
	case f.missing != "":
		return "required"
	}
	return f.absent
}

// code is a piece of text as Markdown's code.
func code(text string) string {
	if strings.Contains(text, "`") {
		return "`` " + text + " ``"
	}
	return "`" + text + "`"
}
