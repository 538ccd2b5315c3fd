package openapi_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"bff/internal/api/openapi"
)

// The description is one that generators and editors take: what it refers to exists, what it names is named once, every
// part of a path in braces is a parameter, and nothing stands where OpenAPI 3.1 has no place for it.
func TestTheDescriptionIsSound(t *testing.T) {
	text, err := openapi.JSON()
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range lint(t, text) {
		t.Error(wrong)
	}
}

// The check finds what it is for.
func TestTheCheckOfTheDescriptionFindsMistakes(t *testing.T) {
	text, err := openapi.JSON()
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"a reference to nothing":    {`#/components/schemas/Problem"`, `#/components/schemas/Problems"`},
		"an operation named twice":  {`"operationId": "getBffLogin"`, `"operationId": "getBffSession"`},
		"a tag that is not listed":  {`"browser"`, `"browsers"`},
		"an unknown scheme":         {`"cookie": []`, `"cookies": []`},
		"a parameter too few":       {`"name": "provider"`, `"name": "supplier"`},
		"a status that is none":     {`"302": {`, `"32": {`},
		"a key that is not OpenAPI": {`"summary": "A page to choose`, `"sumary": "A page to choose`},
	} {
		broken := strings.Replace(string(text), change[0], change[1], 1)
		if broken == string(text) {
			t.Fatalf("%s: the description has no %s", name, change[0])
		}
		if len(lint(t, []byte(broken))) == 0 {
			t.Errorf("%s is not found", name)
		}
	}
}

type object = map[string]any

// keysOf are the keys that an object of OpenAPI 3.1 may have, beside those that begin with "x-".
func keysOf(kind string) []string {
	return map[string][]string{
		"document": {"openapi", "info", "servers", "tags", "paths", "components", "security", "externalDocs", "jsonSchemaDialect", "webhooks"},
		"path": {"summary", "description", "parameters", "servers", "get", "put", "post", "delete", "options", "head", "patch",
			"trace"},
		"operation": {"tags", "summary", "description", "operationId", "parameters", "requestBody", "responses", "callbacks",
			"deprecated", "security", "servers", "externalDocs"},
		"parameter": {"name", "in", "description", "required", "deprecated", "schema", "style", "explode", "example", "examples"},
		"response":  {"description", "headers", "content", "links"},
	}[kind]
}

var (
	braces = regexp.MustCompile(`\{([^}]+)\}`)
	status = regexp.MustCompile(`^[1-5](\d\d|XX)$|^default$`)
)

// A linter collects what is wrong.
type linter struct {
	doc        object
	operations map[string]bool
	wrong      []string
}

func lint(t *testing.T, text []byte) []string {
	t.Helper()
	l := &linter{operations: map[string]bool{}}
	if err := json.Unmarshal(text, &l.doc); err != nil {
		t.Fatal(err)
	}
	l.known("the document", "document", l.doc)
	l.references(l.doc)
	paths, _ := l.doc["paths"].(object)
	for path, v := range paths {
		item, _ := v.(object)
		l.known(path, "path", item)
		for method, v := range item {
			if o, ok := v.(object); ok {
				l.operation(strings.ToUpper(method)+" "+path, path, o, append(l.parameters(path, item), l.parameters(path, o)...))
			}
		}
	}
	return l.wrong
}

func (l *linter) say(where, format string, args ...any) {
	l.wrong = append(l.wrong, where+": "+fmt.Sprintf(format, args...))
}

func (l *linter) known(where, kind string, o object) {
	for key := range o {
		if !strings.HasPrefix(key, "x-") && !slices.Contains(keysOf(kind), key) {
			l.say(where, "%s is no key of a %s", key, kind)
		}
	}
}

// references follows every $ref.
func (l *linter) references(v any) {
	switch v := v.(type) {
	case object:
		if ref, ok := v["$ref"].(string); ok {
			var at any = l.doc
			for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
				o, _ := at.(object)
				at = o[part]
			}
			if at == nil {
				l.say(ref, "refers to nothing")
			}
		}
		for _, below := range v {
			l.references(below)
		}
	case []any:
		for _, below := range v {
			l.references(below)
		}
	}
}

// parameters are the names of the parameters in the path.
func (l *linter) parameters(where string, o object) (names []string) {
	all, _ := o["parameters"].([]any)
	for _, v := range all {
		p, _ := v.(object)
		l.known(where, "parameter", p)
		name, _ := p["name"].(string)
		if p["schema"] == nil || name == "" || p["in"] == "path" && p["required"] != true {
			l.say(where, "the parameter %q needs a name, a schema, and in a path `required: true`", name)
		}
		if p["in"] == "path" {
			names = append(names, name)
		}
	}
	return names
}

func (l *linter) operation(where, path string, o object, parameters []string) {
	l.known(where, "operation", o)
	id, _ := o["operationId"].(string)
	if id == "" || l.operations[id] {
		l.say(where, "operationId %q is empty or there twice", id)
	}
	l.operations[id] = true
	var wanted []string
	for _, m := range braces.FindAllStringSubmatch(path, -1) {
		wanted = append(wanted, m[1])
	}
	slices.Sort(wanted)
	slices.Sort(parameters)
	if !slices.Equal(wanted, parameters) {
		l.say(where, "its path has the parameters %q, it declares %q", wanted, parameters)
	}
	tags, _ := o["tags"].([]any)
	for _, tag := range tags {
		listed, _ := l.doc["tags"].([]any)
		if !slices.ContainsFunc(listed, func(v any) bool { o, _ := v.(object); return o["name"] == tag }) {
			l.say(where, "the tag %v is not listed", tag)
		}
	}
	components, _ := l.doc["components"].(object)
	schemes, _ := components["securitySchemes"].(object)
	security, _ := o["security"].([]any)
	for _, v := range security {
		one, _ := v.(object)
		for name := range one {
			if schemes[name] == nil {
				l.say(where, "there is no security scheme %s", name)
			}
		}
	}
	responses, _ := o["responses"].(object)
	for code, v := range responses {
		r, _ := v.(object)
		l.known(where, "response", r)
		if !status.MatchString(code) || r["description"] == nil {
			l.say(where, "the answer %s is no status, or says nothing", code)
		}
	}
	if len(responses) == 0 {
		l.say(where, "it has no answers")
	}
}
