package simulate_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"bff/internal/oauth/providers"
	"bff/internal/simulate"
)

// answersOf reads the recorded answers of a built-in provider: written down from its documentation, and not made of its
// file.
func answersOf(t *testing.T, path string) (providers.Config, *simulate.Answers) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	answers, err := simulate.ParseAnswers(data)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	name := strings.TrimSuffix(filepath.Base(path), ".yaml")
	p, ok := providers.Builtin(name)
	if !ok {
		t.Fatalf("there is no provider %s", name)
	}
	return p, answers
}

// Built-in providers whose answers have a shape of their own are played by answers that do not come from their files,
// through the whole product: who it is, a refresh, and a grant that is dead in the provider's own words while a second
// person is served.
func TestBuiltinProvidersByTheirOwnAnswers(t *testing.T) {
	t.Parallel()
	paths, _ := filepath.Glob("testdata/answers/*.yaml")
	if len(paths) < 50 {
		t.Fatalf("only %d", len(paths))
	}
	source := regexp.MustCompile(`https://.*, (as known|read) 2026-\d\d`)
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".yaml"), func(t *testing.T) {
			t.Parallel()
			p, answers := answersOf(t, path)
			if !source.MatchString(answers.Source) {
				t.Errorf("its source is %q", answers.Source)
			}
			var out bytes.Buffer
			if err := simulate.Run(t.Context(), p, simulate.Options{File: p.Name, Answers: answers, Core: true, Trust: true}, &out); err != nil {
				t.Errorf("%v\n%s", err, out.String())
			}
		})
	}
}

// The other built-in providers, whose answers nobody wrote down, are played in the shapes and words of their files,
// through the whole product and as above. Nothing shows here that the files are right.
func TestBuiltinProvidersByTheirFiles(t *testing.T) {
	t.Parallel()
	for _, name := range providers.Builtins() {
		if _, err := os.Stat("testdata/answers/" + name + ".yaml"); err == nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, _ := providers.Builtin(name)
			var out bytes.Buffer
			if err := simulate.Run(t.Context(), p, simulate.Options{File: name, Core: true, Trust: true}, &out); err != nil {
				t.Errorf("%v\n%s", err, out.String())
			}
		})
	}
}
