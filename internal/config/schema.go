package config

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/goccy/go-yaml"
)

// Schema returns the JSON Schema (2020-12) of a configuration file. It knows types, names and words; what must hold
// between values, only Read knows.
func Schema() []byte {
	return printed(objectSchema((&Config{}).fields()), "urn:bff:config", "bff.yaml")
}

// ProviderSchema returns the JSON Schema (2020-12) of a provider file.
func ProviderSchema() []byte {
	p := new(Provider)
	fields := p.dataFields(false)
	for i := range fields {
		fields[i].def = "" // a file that is silent leaves it to bff.yaml
	}
	return printed(objectSchema(fields), "urn:bff:provider", "a provider file of bff")
}

func printed(top schema, id, title string) []byte {
	top["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	top["$id"] = id
	top["title"] = title
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(top); err != nil {
		panic("config: the schema is no JSON: " + err.Error())
	}
	return b.Bytes()
}

// objectSchema is the schema of a mapping with fixed keys.
func objectSchema(fields []field) schema {
	properties := map[string]schema{}
	var required []string
	for _, f := range fields {
		properties[f.name] = f.jsonSchema()
		if f.missing != "" {
			required = append(required, f.name)
		}
	}
	s := schema{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

// jsonSchema is the schema of a field's value, with what is said of it.
func (f field) jsonSchema() schema {
	s := schema{}
	switch {
	case f.entry != nil && f.schema["type"] == "array":
		s = listSchema(objectSchema(f.entry()))
	case f.entry != nil:
		s = schema{
			"type":                 "object",
			"additionalProperties": objectSchema(f.entry()),
			"propertyNames":        schema{"pattern": nameable.String()},
		}
	case f.below != nil:
		s = objectSchema(f.below)
	default:
		for k, v := range f.schema {
			s[k] = v
		}
	}
	s["description"] = f.about
	if f.def != "" {
		s["default"] = plain(f.name, f.def)
	}
	if f.example != "" {
		s["examples"] = []any{plain(f.name, f.example)}
	}
	return s
}

// plain is the value of a piece of YAML that the program wrote itself.
func plain(name, text string) (v any) {
	if text == "memory:" {
		return text
	}
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		panic(fmt.Sprintf("config: what is declared of %s is no YAML: %v", name, err))
	}
	return v
}
