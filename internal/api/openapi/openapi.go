package openapi

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"bff/internal/api/route"
)

//go:embed openapi.yaml
var text []byte

// An Operation is one route of the description.
type Operation struct {
	Method, Path string // Method is route.Any for a route of every method
	Tag, Summary string
	Answers      []string // "200 what it means", in order
}

// A pathItem is what the description has below one path. What else stands there (parameters) is not read.
type pathItem struct {
	Get, Post, Patch, Delete *operation
}

type operation struct {
	Tags      []string
	Summary   string
	Any       bool `yaml:"x-any-method"`
	Responses map[string]struct{ Description string }
}

// Operations returns every route, by path and method.
func Operations() ([]Operation, error) {
	var doc struct{ Paths map[string]pathItem }
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("read the description: %w", err)
	}
	var all []Operation
	for path, item := range doc.Paths {
		for method, op := range map[string]*operation{"GET": item.Get, "POST": item.Post, "PATCH": item.Patch,
			"DELETE": item.Delete} {
			if op == nil {
				continue
			}
			o := Operation{Method: method, Path: path, Tag: op.Tags[0], Summary: op.Summary}
			if op.Any {
				o.Method = route.Any
			}
			for status, r := range op.Responses {
				o.Answers = append(o.Answers, status+" "+r.Description)
			}
			slices.Sort(o.Answers)
			all = append(all, o)
		}
	}
	slices.SortFunc(all, func(a, b Operation) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method))
	})
	return all, nil
}

// JSON returns the description as JSON.
func JSON() ([]byte, error) {
	var doc any
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("read the description: %w", err)
	}
	return json.MarshalIndent(doc, "", "  ")
}

// Serve answers with the description.
func Serve(c *route.Call) error {
	doc, err := JSON()
	if err != nil {
		return err
	}
	return c.Document(doc)
}

// Markdown returns docs/routes.md.
func Markdown() (string, error) {
	all, err := Operations()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("# Routes\n\nMade from `openapi.yaml`, which `GET /openapi.json` on the admin listener serves too.\n")
	for _, part := range []struct{ tag, title string }{
		{"browser", "For browsers, on `listen`"}, {"provider", "For providers, on `listen`"},
		{"admin", "For services, probes and front proxies, on `admin`"},
	} {
		fmt.Fprintf(&b, "\n## %s\n\n| route | does | answers |\n| --- | --- | --- |\n", part.title)
		for _, o := range all {
			if o.Tag != part.tag {
				continue
			}
			method := o.Method
			if method == route.Any {
				method = "ANY"
			}
			fmt.Fprintf(&b, "| `%s %s` | %s | %s |\n", method, o.Path, o.Summary, strings.Join(o.Answers, "<br>"))
		}
	}
	b.WriteString("\nBelow each api's `path`, every method and path of its `allow` is carried to the upstream.\n")
	return b.String(), nil
}
