package e2e_test

import (
	"fmt"
	"strings"
)

// examplesAt are the bodies that stand at a media type.
func (p *replay) examplesAt(media any) map[string]any {
	out := map[string]any{}
	o, _ := media.(map[string]any)
	if v, ok := o["example"]; ok {
		out["example"] = v
	}
	named, _ := o["examples"].(map[string]any)
	for name := range named {
		out[name] = p.dig(named, name, "value")
	}
	return out
}

// likeness is what an example and an answer must have in common: the code of an error, whether somebody is signed in,
// whether a token has scopes, or else nothing but the schema.
func likeness(v any) string {
	o, _ := v.(map[string]any)
	return fmt.Sprint(o["code"], o["error"], o["authenticated"], o["active"], o["access_token"] != nil && o["scope"] != nil)
}

// everyExample fails for each example of an operation that no request was, and that no answer was like. Those of one
// status must differ in what likeness looks at: else one answer would stand for both.
func (p *replay) everyExample(operation string, described any) {
	p.t.Helper()
	bodies := map[string]any{operation + " request": p.dig(described, "requestBody", "content")}
	responses, _ := p.dig(described, "responses").(map[string]any)
	for status := range responses {
		if what := operation + " " + status; p.seen[what] {
			bodies[what] = p.dig(responses, status, "content")
		}
	}
	for what, content := range bodies {
		kinds, _ := content.(map[string]any)
		for _, media := range kinds {
			alike := map[string]string{}
			for name, example := range p.examplesAt(media) {
				if _, other := elsewhere()[what+" "+name]; p.examples[what+" "+name] == other {
					p.t.Errorf("%s: nothing was like the example %s", what, name)
				}
				if other := alike[likeness(example)]; other != "" && !strings.HasSuffix(what, " request") {
					p.t.Errorf("%s: the examples %s and %s cannot be distinguished", what, name, other)
				}
				alike[likeness(example)] = name
			}
		}
	}
}
