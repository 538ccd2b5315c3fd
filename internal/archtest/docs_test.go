package archtest_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"bff/internal/archtest"
)

// A document that names a test, a fuzz target, a benchmark or a file of this repository names one that exists.
func TestDocumentsNameWhatExists(t *testing.T) {
	sources, err := archtest.Read(root)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`)
	for _, s := range sources {
		for _, m := range function.FindAllStringSubmatch(s.Text, -1) {
			known[m[1]] = true
		}
	}
	named := regexp.MustCompile("`((?:Test|Fuzz|Benchmark)[A-Z]\\w+)`")
	file := regexp.MustCompile("`((?:cmd|internal|web|docs|examples)/[a-z0-9_/.-]+)`")
	tests := 0
	for _, document := range documents(t) {
		text, err := os.ReadFile(filepath.Join(root, document))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range named.FindAllStringSubmatch(string(text), -1) {
			if tests++; !known[m[1]] {
				t.Errorf("%s names %s, which does not exist", document, m[1])
			}
		}
		for _, m := range file.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], "acme") { // the example that CONTRIBUTING.md works through
				continue
			}
			if _, err := os.Stat(filepath.Join(root, m[1])); err != nil {
				t.Errorf("%s names %s, which does not exist", document, m[1])
			}
		}
	}
	if tests < 20 {
		t.Errorf("only %d tests are named: the documents were not read", tests)
	}
}

func documents(t *testing.T) (all []string) {
	t.Helper()
	for _, dir := range []string{".", "docs"} {
		found, err := fs.Glob(os.DirFS(filepath.Join(root, dir)), "*.md")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			all = append(all, filepath.Join(dir, f))
		}
	}
	return all
}
