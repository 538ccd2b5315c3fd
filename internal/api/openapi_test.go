package api_test

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bff/internal/api/admin"
	managing "bff/internal/api/manage"
	"bff/internal/api/openapi"
)

var update = flag.Bool("update", false, "write docs/routes.md anew")

// The description has every route of both tables, and no other.
func TestTheDescriptionHasEveryRoute(t *testing.T) {
	w := newWorld(t)
	have := w.server.Paths()
	for _, row := range append(admin.New(admin.Config{}).Rows(), managing.New(managing.Config{}).Rows()...) {
		if row.Path != "/verify/" { // /verify followed by the path of the request that is asked about
			have = append(have, row.Method+" "+row.Path)
		}
	}
	all, err := openapi.Operations()
	if err != nil {
		t.Fatal(err)
	}
	var described []string
	for _, o := range all {
		described = append(described, o.Method+" "+o.Path)
		if o.Summary == "" || len(o.Answers) == 0 {
			t.Errorf("%s %s is not described", o.Method, o.Path)
		}
	}
	slices.Sort(have)
	slices.Sort(described)
	if !slices.Equal(have, described) {
		t.Errorf("the tables have\n%s\nthe description\n%s", strings.Join(have, "\n"), strings.Join(described, "\n"))
	}
}

// Each address for browsers and providers stands on a page for people too, beside the list of all routes.
func TestEachAddressStandsOnAPageForPeople(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(pages) < 20 {
		t.Fatal(len(pages), err)
	}
	var all strings.Builder
	for _, page := range append(pages, "../../README.md") {
		if filepath.Base(page) == "routes.md" {
			continue
		}
		b, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	inside := []string{"/bff/front/begin", "/bff/front/arrive", "/bff/continue"} // bff's own redirects lead there
	for _, row := range newWorld(t).server.Paths() {
		_, path, _ := strings.Cut(row, " ")
		path, _, _ = strings.Cut(path, "/{")
		if !strings.Contains(all.String(), path) && !slices.Contains(inside, path) {
			t.Errorf("no page names %s", path)
		}
	}
}

// The admin listener serves the description, and docs/routes.md is made of it (-update writes it).
func TestTheDescriptionIsServedAndDocumented(t *testing.T) {
	w := newWorld(t)
	doc := object(t, ask(t, w, "GET", "/openapi.json", ""))
	if doc["openapi"] != "3.1.0" || len(doc["paths"].(map[string]any)) < 30 {
		t.Errorf("it is served as %v", doc["openapi"])
	}
	want, err := openapi.Markdown()
	if err != nil {
		t.Fatal(err)
	}
	const file = "../../docs/routes.md"
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != want {
		t.Errorf("docs/routes.md is not what openapi.yaml says: go test ./internal/api -run Description -update")
	}
}
