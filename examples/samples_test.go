package examples_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// What a sample may use without saying where it is from.
var imports = map[string]string{
	"errors": "errors", "fmt": "fmt", "http": "net/http", "io": "io", "log": "log", "os": "os",
	"standardwebhooks": "github.com/standard-webhooks/standard-webhooks/libraries/go",
	"whois":            "example.com/basket/whois",
}

var (
	goSample = regexp.MustCompile("(?ms)^```go\n(.*?)^```$")
	wholeGo  = regexp.MustCompile(`(?m)^package \w+$`)
)

// The Go of the documents compiles, from the very pages. Whole files are those of the examples: see
// TestThePagesShowTheFiles.
func TestTheGoOfThePagesCompiles(t *testing.T) {
	root := filepath.Join(here(t), "..")
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, page := range append(pages, filepath.Join(root, "README.md")) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, sample := range goSample.FindAllStringSubmatch(string(text), -1) {
			name := filepath.Base(page)
			if wholeGo.MatchString(sample[1]) {
				if name != "backends-go.md" {
					t.Errorf("%s shows a whole file that nothing compares", name)
				}
				continue
			}
			n++
			t.Run(fmt.Sprint(name, "/", n), func(t *testing.T) { compiles(t, root, sample[1]) })
		}
	}
	if n < 2 {
		t.Errorf("only %d samples were found", n)
	}
}

// compiles builds a sample as the body of a function, in the module that has what it uses.
func compiles(t *testing.T, root, sample string) {
	t.Helper()
	module := root
	if strings.Contains(sample, "whois.") {
		module = filepath.Join(root, "examples", "services", "go")
	}
	var b strings.Builder
	b.WriteString("package main\n\n")
	for name, path := range imports {
		if regexp.MustCompile(`\b` + name + `\.[A-Z]`).MatchString(sample) {
			fmt.Fprintf(&b, "import %s %q\n", name, path)
		}
	}
	fmt.Fprintf(&b, "\nfunc main() {\n%s}\n", sample)
	dir := t.TempDir()
	file, overlay := filepath.Join(dir, "main.go"), filepath.Join(dir, "overlay.json")
	at := filepath.Join(module, "sampleofapage", "main.go") // is not there: the overlay puts it there
	replace, err := json.Marshal(map[string]any{"Replace": map[string]string{at: file}})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{file: b.String(), overlay: string(replace)} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "build", "-overlay", overlay, "-o", filepath.Join(dir, "sample"), "./sampleofapage")
	cmd.Dir, cmd.WaitDelay = module, time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s\n%s", err, out, b.String())
	}
}
