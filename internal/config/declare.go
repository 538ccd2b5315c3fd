package config

import (
	"maps"
	"slices"
	"strings"
	"time"

	"bff/internal/secret"
)

// A field declares one key of the configuration, once. Reading, the defaults, the JSON Schema, the tables of
// docs/configuration.md and what `bff init` prints all come from it.
type field struct {
	name    string
	about   string // one or two sentences, in Markdown
	def     string // the default, as YAML: it is read where the key is absent
	absent  string // in words what holds where the key is absent and no value says it
	example string // a value, as YAML
	missing string // what to write, where the key must be there; "" where it may be absent

	read   func(value)
	schema schema
	below  []field        // of a mapping with fixed keys
	entry  func() []field // of a mapping whose keys are names, or a list of mappings: the keys of one of them
}

// A schema is a JSON Schema (2020-12) of a value.
type schema map[string]any

// applyDefaults reads the default of each field, at any depth of fixed keys.
func applyDefaults(fields []field) {
	for _, f := range fields {
		switch {
		case f.below != nil:
			applyDefaults(f.below)
		case f.def != "":
			f.read(literal(f.name, f.def))
		}
	}
}

// literal is a value that the program wrote itself. It has a source of its own, so that nothing of it shows in a
// report.
func literal(name, text string) value {
	src, top := parse("default of "+name, []byte("{"+name+": "+text+"}"))
	if top == nil {
		panic("config: the default of " + name + " is no YAML: " + src.report())
	}
	v := newReader(src, func(string) string { return "" }, "", map[string]Position{}).top(top)
	m, ok := asMapping(v.node)
	if !ok {
		panic("config: the default of " + name + " is no value")
	}
	return v.r.value(m.Values[0].Value, Position{}, name)
}

// by is a field that a function of its own reads.
func (f field) by(s schema, read func(value)) field {
	f.schema, f.read = s, read
	return f
}

func (f field) duration(to *time.Duration, least, most time.Duration) field {
	return f.by(schema{"type": "string", "pattern": `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`},
		func(v value) { set(to)(v.duration(least, most)) })
}

func (f field) flag(to *bool) field {
	return f.by(schema{"type": "boolean"}, func(v value) { set(to)(v.flag()) })
}

func (f field) number(to *int, least, most int) field {
	return f.by(
		schema{"type": "integer", "minimum": least, "maximum": most},
		func(v value) { set(to)(v.number(least, most)) },
	)
}

func (f field) word(to *string, words ...string) field {
	return f.by(schema{"type": "string", "enum": words}, func(v value) { set(to)(v.one(words...)) })
}

// text is a value that holds no secret. want says what to write.
func (f field) text(to *string, want string) field {
	return f.by(textSchema(), func(v value) { set(to)(v.text(want)) })
}

// texts is a list of them.
func (f field) texts(to *[]string, want string) field {
	return f.by(listSchema(textSchema()), func(v value) { *to = v.texts(want) })
}

func (f field) secret(to *secret.Text, variable, path string) field {
	return f.by(secretSchema(), func(v value) { set(to)(readSecret(v, variable, path)) })
}

// object is a mapping with fixed keys. want says what to write below it; then, which may be nil, gets what was there.
func (f field) object(want string, below []field, then func(v value, there map[string]value)) field {
	f.below = below
	return f.by(nil, func(v value) {
		if there := v.object(want, below...); there != nil && then != nil {
			then(v, there)
		}
	})
}

func textSchema() schema { return schema{"type": "string"} }

func secretSchema() schema {
	return schema{"type": "string", "pattern": `^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$`}
}

func urlSchema() schema { return schema{"type": "string", "pattern": `^https?://`} }

// templateSchema is an address that may begin with a value.
func templateSchema() schema { return schema{"type": "string", "pattern": `^https?://|^\{[A-Za-z]`} }

func listSchema(of schema) schema { return schema{"type": "array", "items": of} }

func mapSchema(of schema) schema { return schema{"type": "object", "additionalProperties": of} }

// typeWord names the type of a field's value in the documentation.
func (f field) typeWord() string {
	switch {
	case f.entry != nil && f.schema["type"] == "array":
		return "list of mappings"
	case f.entry != nil:
		return "mapping by name"
	case f.below != nil:
		return "mapping"
	}
	return f.schema.typeWord()
}

func (s schema) typeWord() string {
	pattern, _ := s["pattern"].(string)
	switch s["type"] {
	case "boolean":
		return "true or false"
	case "integer", "number":
		return "number"
	case "array":
		of, _ := s["items"].(schema)
		return "list of " + strings.TrimSuffix(of.typeWord(), "s") + "s"
	case "object":
		return "mapping"
	}
	switch {
	case s["enum"] != nil:
		return "word"
	case strings.HasPrefix(pattern, "^(env:"):
		return "secret"
	case strings.HasPrefix(pattern, "^https?"):
		return "URL"
	case strings.Contains(pattern, "ns|us"):
		return "duration"
	}
	return "text"
}

// names returns the names of fields.
func names(fields []field) []string {
	all := make([]string, len(fields))
	for i, f := range fields {
		all[i] = f.name
	}
	return all
}

// sortedKeys returns the keys of a map in their order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// withBelow documents the keys below a field that reads them by itself.
func (f field) withBelow(below []field) field {
	f.below = below
	return f
}

// set stores what a reader read, when it is good.
func set[T any](to *T) func(T, bool) {
	return func(v T, ok bool) {
		if ok {
			*to = v
		}
	}
}
